"""Edges where a card could mislead: what is not sure is not said, and what is grave is not lost."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import duckdb
import pytest
from payer_cases import NOW as DAY
from payer_cases import PAS, PAYER, answer, claim, coverage, order, said
from usage_cases import new_state
from vital_cases import NOW, full_set, sign

from uptake.authorization.decisions import Outcome
from uptake.authorization.dossier import Dossier
from uptake.authorization.tracker import track
from uptake.delivery.answers import item_key
from uptake.delivery.cards import Place, actionable, build_card
from uptake.delivery.cases import Case, Context, Facts, Got, Item, Judged
from uptake.delivery.ehr import Ehr
from uptake.delivery.feedback import take_feedback
from uptake.delivery.hooks import HookError
from uptake.delivery.known import Delivery, Nothing
from uptake.delivery.reads import open_client
from uptake.delivery.services import authorization, deterioration, medications, services
from uptake.delivery.tokens import TokenError, Verifier, public_keys
from uptake.reconciliation.allergies import read_allergy
from uptake.reconciliation.sigs import read_dosages

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ILL = {"respiration": 25, "pulse": 120, "oxygen": 2}
"""Seven points."""


@dataclass(frozen=True)
class Run:
    """What a run knows of one patient."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    doubt: str = ""
    another: str = ""
    as_of: str = "2026-06-01"

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a table."""
        return self.tables.get(table, ())


class TestSigs:
    @pytest.mark.parametrize(
        "text",
        [
            "Take 1 tablet in the morning, 2 tablets at bedtime",
            "10 units at breakfast, 12 units at dinner",
            "Take 2 daily",
            "Take 2 a day",
            "Take 1 tablet bi-weekly",
            "Take 3 tablets daily in 3 divided doses",
        ],
    )
    def test_what_may_mean_two_things_has_no_rate(self, text: str) -> None:
        assert read_dosages([{"text": text}]).rate is None

    @pytest.mark.parametrize(
        ("text", "rate"),
        [
            ("Take 1 tablet 3x daily", 3), ("1 tablet 3x/day", 3), ("Take one daily", 1),
            ("Take 1 tablet five times daily", 5), ("take thrice daily", 3), ("take bid", 2),
            ("Take 1 tablet every night at bedtime", 1), ("once every other day", Fraction(1, 2)),
            ("4 tablets once a week", Fraction(1, 7)), ("Take 1 tab BID with breakfast", 2),
        ],
    )  # fmt: skip
    def test_how_often_is_written(self, text: str, rate: Fraction) -> None:
        assert read_dosages([{"text": text}]).rate == rate

    @pytest.mark.parametrize(
        ("repeat", "rate"),
        [
            ({"when": ["MORN", "EVE"]}, 2), ({"timeOfDay": ["08:00:00", "20:00:00"]}, 2),
            ({"when": ["MORN"], "frequency": 2}, 2), ({"when": ["MORN", "EVE"], "frequency": 2}, 2),
            ({"when": ["MORN", "EVE"], "frequency": 1}, None),
        ],
    )  # fmt: skip
    def test_named_times_count(self, repeat: dict[str, Any], rate: int | None) -> None:
        timing = {"repeat": {"period": 1, "periodUnit": "d"} | repeat}
        assert read_dosages([{"timing": timing}]).rate == rate


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("No known allergies except penicillin", {"penicillin"}),
        ("no known drug allergies; sulfa - hives", {"sulfonamide"}),
        ("NKDA", set()), ("No known allergies but no reactions noted", set()),
        ("No known allergy to penicillin", set()),
    ],
)  # fmt: skip
def test_an_allergy_behind_no_known_allergies(text: str, found: set[str]) -> None:
    one = read_allergy("chart", "ehr", "a", None, "", text, ())
    assert (one.groups, one.none_known) == (found, not found)


class TestVitalSigns:
    def case(self, *signs: dict[str, Any]) -> Judged | None:
        facts = {
            "patient": Facts(({"resourceType": "Patient", "birthDate": "1950-01-01"},), Got.GIVEN),
            "signs": Facts(signs, Got.GIVEN),
        }
        asked = Case("patient-view", "p", "", "", NOW, facts, Nothing())
        return deterioration.SERVICES[0].judge(asked)

    def test_a_lone_value_takes_no_score_away(self) -> None:
        found = self.case(*full_set("10:00", **ILL), sign("pulse", 80, at="11:30", id="lone"))
        assert found is not None
        assert found.summary.startswith("NEWS2 is 7 (high risk)")
        assert "Newer vital signs are too few for a score." in found.notes
        assert "A new set was due" in found.items[0].text

    def test_a_newer_whole_set_does(self) -> None:
        assert self.case(*full_set("10:00", **ILL), *full_set("11:30")) is None

    def test_measurements_without_an_id_are_several(self) -> None:
        signs = [{k: v for k, v in s.items() if k != "id"} for s in full_set("11:30", **ILL)]
        found = self.case(*signs)
        assert found is not None
        assert found.summary.startswith("NEWS2 is 7 (high risk)")


class TestCard:
    def item(self, n: int, severity: Any = "info", about: str = "") -> Item:
        said = Context(f"fact {n}", source="ehr", at=date(2026, 6, 1))
        return Item("allergy", f"item {n}", (said,), severity, (about or f"X/{n}",))

    def test_the_gravest_is_never_among_those_only_counted(self) -> None:
        items = [*(self.item(n) for n in range(8)), self.item(9, "critical")]
        card = build_card(Judged("Two", actionable(items)), "care", Place("https://u"), NOW)
        assert card is not None
        assert card.body["detail"].startswith("- **item 9**")
        assert "and 3 more" in card.body["detail"]

    def test_orders_without_an_id_are_not_one_order(self) -> None:
        both = [self.item(1, about="MedicationRequest/"), self.item(2, about="MedicationRequest/")]
        assert len(actionable(both)) == 2


def test_an_id_of_two_people_of_whom_one_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "delivery").mkdir()
    duckdb.execute(
        "copy (select 'p' as patient_id, 1 as person, 'a1c' as rule) "
        f"to '{tmp_path}/delivery/care_gap.parquet' (format parquet)"
    )
    duckdb.execute(
        "copy (select * from (values (1, 'west', 'id', 'p'), (2, 'ehr', 'id', 'p')) "
        "t(person, feed, kind, value)) "
        f"to '{tmp_path}/person_key.parquet' (format parquet)"
    )
    found = Delivery(tmp_path, ["ehr", "west"]).of_patient("p")
    assert found.doubt == "the id of this chart names two people"
    assert found.rows("care_gap") == ()


class TestAuthorization:
    def acts(
        self, draft: dict[str, Any], asked: Any, answered: Any, **more: Any
    ) -> tuple[Any, ...]:
        facts = {
            "coverages": Facts((coverage(), coverage("c2")), Got.GIVEN),
            "claims": Facts((asked,), Got.GIVEN), "answers": Facts((answered,), Got.GIVEN),
        }  # fmt: skip
        case = Case("order-sign", "p", "", "", more.get("now", DAY), facts, Nothing(), (draft,))
        found = authorization.judge(case, (PAYER,))
        return found.system_actions if found else ()

    def test_satisfied_is_written_only_where_nothing_differs(self) -> None:
        draft = said(order(status="draft"))
        yes = answer(claim(draft), "approves", "2026-06-04T09:00:00Z")
        assert self.acts(draft, claim(draft), yes)
        other = claim(draft, insurance=[{"coverage": {"reference": "Coverage/c2"}}])
        assert not self.acts(draft, other, yes)
        ended = datetime(2026, 10, 1, tzinfo=UTC)
        assert not self.acts(draft, claim(draft), yes, now=ended)
        no_insurance = {k: v for k, v in draft.items() if k != "insurance"}
        assert not self.acts(no_insurance, other, yes)

    @pytest.mark.parametrize(
        ("items", "outcomes"),
        [
            (("approves", "denies"), (Outcome.APPROVED, Outcome.DENIED)),
            (("approves",), (Outcome.APPROVED, Outcome.UNKNOWN)),
        ],
    )
    def test_each_order_has_the_answer_to_its_own_item(
        self, items: tuple[str, ...], outcomes: tuple[Outcome, ...]
    ) -> None:
        orders = [order("o1"), order("o2")]
        url = f"{PAS}/extension-requestedService"
        asked = claim(orders[0], item=[
            {"sequence": n, "productOrService": o["code"], "extension": [
                {"url": url, "valueReference": {"reference": f"ServiceRequest/{o['id']}"}}]}
            for n, o in enumerate(orders, 1)
        ])  # fmt: skip
        del asked["referral"]
        several = [answer(asked, how, "2026-06-04")["item"][0] for how in items]
        whole = answer(asked, "approves", "2026-06-04")
        whole["item"] = [{**one, "itemSequence": n} for n, one in enumerate(several, 1)]
        dossier = Dossier(claims=(asked,), responses=(whole,), payers=(PAYER,))
        found = [track(one, dossier, DAY).newest for one in orders]
        assert tuple(one.outcome for one in found if one) == outcomes

    def test_a_number_without_the_word_satisfies_nothing(self) -> None:
        faulty = said(order(), pa_needed="auth-needed", satisfied_pa_id="PA-1")
        dossier = Dossier(coverages=(coverage(),), payers=(PAYER,))
        assert track(faulty, dossier, DAY).status == "cannot tell"


DEEP = b"[" * 20_000 + b"]" * 20_000


def test_a_token_nested_too_deep_is_refused() -> None:
    parts = (b'{"alg":"ES384","x":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"iss":"i"}', b"x")
    text = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    verifier = Verifier([Ehr("e", issuer="i", jwks="https://i/jwks")], "https://u", open_client)
    with pytest.raises(TokenError):
        asyncio.run(verifier.verify(f"Bearer {text}", "/x"))


def test_a_key_of_an_unknown_curve_is_passed_over() -> None:
    curve = b'{"keys": [{"kty": "EC", "crv": "P-999", "x": "a", "y": "b"}]}'
    assert public_keys(curve) == {}


@pytest.mark.parametrize(
    "wrapped", [lambda deep: b'{"feedback":' + deep + b"}",
                lambda deep: b'{"feedback":[{"card":"c","outcome":"accepted","x":' + deep + b"}]}"],
)  # fmt: skip
def test_feedback_nested_too_deep_is_refused(
    tmp_path: Path, wrapped: Callable[[bytes], bytes]
) -> None:
    service = next(iter(services().values()))
    with pytest.raises(HookError):
        take_feedback(new_state(tmp_path), service, wrapped(DEEP), NOW)


class TestMedications:
    def dispensed(self, feed: str, name: str, code: str) -> dict[str, Any]:
        """Return an entry of a run; every pharmacy numbers its own from 1."""
        coding = {"system": RXNORM, "code": code, "display": name}
        return {
            "patient_feed": "ehr", "role": "outside", "feed": feed, "type": "MedicationDispense",
            "id": "1", "day": date(2026, 5, 1), "said_by": "", "status": "completed",
            "intent": None, "ended": None, "text": name, "codings": json.dumps([coding]),
            "dosage": None, "read_as": name, **coding,
        }  # fmt: skip

    def items(self, known: Any, statements: Facts) -> list[Item]:
        none = Facts((), Got.NONE)
        facts = {
            "medicationRequests": none, "medicationStatements": statements, "allergies": none
        }  # fmt: skip
        found = medications.judge(Case("patient-view", "p", "", "", NOW, facts, known))
        return list(actionable(found.items)) if found else []

    def test_two_pharmacies_may_have_one_id(self) -> None:
        both = [self.dispensed("east", "warfarin sodium 5 MG Oral Tablet", "855332"),
                self.dispensed("west", "lisinopril 10 MG Oral Tablet", "314076")]  # fmt: skip
        items = self.items(Run({"medication_entry": both}), Facts((), Got.NONE))
        assert [item.about for item in items] == [("MedicationDispense/1",)] * 2
        assert len({item_key(item) for item in items}) == 2

    def test_what_was_reported_is_not_missing_where_reports_cannot_be_read(self) -> None:
        name = "lisinopril 10 MG Oral Tablet"
        seen = {
            "chart_type": "MedicationStatement", "outside_feed": "west",
            "outside_type": "MedicationDispense", "outside_id": "1",
        }  # fmt: skip
        entry = [self.dispensed("west", name, "314076")]
        known = Run({"medication_entry": entry, "medication_difference": [seen]})
        assert self.items(known, Facts(got=Got.FAILED, whole=False)) == []
        assert [item.kind for item in self.items(known, Facts((), Got.NONE))] == ["omission"]
        unseen = Run({"medication_entry": entry})
        assert len(self.items(unseen, Facts(got=Got.FAILED, whole=False))) == 1

    def test_records_that_contradict_the_chart_on_who_it_is_are_withheld(self) -> None:
        entry = [self.dispensed("west", "lisinopril 10 MG Oral Tablet", "314076")]
        (item,) = self.items(Run({"medication_entry": entry}, "they differ"), Facts((), Got.NONE))
        assert (item.kind, item.withheld) == ("wrong-patient", "they differ")
