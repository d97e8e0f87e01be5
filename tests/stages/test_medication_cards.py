"""What is said of medications: at a call and after a run alike, with what can be accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from drug_cases import NDC, Resource, compare, dispensed, drug, listed, patient, sig

from uptake.delivery.cards import Place, actionable, build_card
from uptake.delivery.cases import Case, Facts, Got, Item, Judged
from uptake.delivery.services import medication_orders, medications, services
from uptake.engine.duckdb import brief_database, quoted

if TYPE_CHECKING:
    from uptake.reconciliation.shown import Difference

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
LISINOPRIL = drug("lisinopril 10 MG Oral Tablet", "314076")
LISINOPRIL_20 = drug("lisinopril 20 MG Oral Tablet", "314077")
WARFARIN = drug("warfarin sodium 5 MG Oral Tablet", "855332")
ATORVASTATIN = drug("atorvastatin 20 MG Oral Tablet", "617310")
SIMVASTATIN = drug("simvastatin 20 MG Oral Tablet", "312961")
AMOXICILLIN = drug("amoxicillin 250 MG Oral Capsule", "308182")
SLOW = drug("24 HR metoprolol succinate 50 MG Extended Release Oral Tablet", "866436")
FAST = drug("metoprolol tartrate 50 MG Oral Tablet", "866514")
SCT = "http://snomed.info/sct"


@dataclass(frozen=True)
class Run:
    """What a run knows of one patient."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    doubt: str = ""
    another: str = ""
    as_of: str = "2026-11-01"

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        """Return the rows of a table."""
        return self.tables.get(table, ())


def run_of(folder: Path, ehr: list[Resource], pharmacy: list[Resource]) -> Run:
    """Return what a run over two feeds knows of patient p."""
    compare(folder, ehr=[patient(), *ehr], pharmacy=[patient(), *pharmacy])
    tables = {}
    with brief_database() as db:
        for name in ("medication_difference", "medication_entry", "allergy_entry"):
            path = folder / "run" / f"{name}.parquet"
            columns = [r[0] for r in db.rows(f"describe from {quoted(str(path))}")]
            rows = db.rows(f"select * from {quoted(str(path))} where patient_id = 'p'")
            tables[name] = [dict(zip(columns, row, strict=True)) for row in rows]
    return Run(tables)


def facts_of(ehr: list[Resource]) -> dict[str, Facts]:
    """Return the chart as the EHR sends it along."""

    def of(*types: str) -> Facts:
        found = tuple(r for r in ehr if r["resourceType"] in types)
        return Facts(found, Got.GIVEN if found else Got.NONE)

    return {
        medications.REQUESTS.key: of("MedicationRequest", "Medication"),
        medications.STATEMENTS.key: of("MedicationStatement"),
        medications.ALLERGIES.key: of("AllergyIntolerance"),
    }


def case_of(run: Run, ehr: list[Resource] | None = None, **more: Any) -> Case:
    facts = facts_of(ehr) if ehr is not None else {}
    fields = {"hook": "patient-view", "patient": "p", "user": "Practitioner/1", "encounter": "",
              "now": NOW, "facts": facts, "known": run}  # fmt: skip
    return Case(**(fields | more))


def allergy(name: str, code: str = "1", identity: str = "al", **more: Any) -> Resource:
    coding = [{"system": SCT, "code": code, "display": name}] if code else []
    return {
        "resourceType": "AllergyIntolerance", "id": identity, "recordedDate": "2020-02-03",
        "patient": {"reference": "Patient/p"}, "code": {"text": name, "coding": coding},
        "clinicalStatus": {"coding": [{"code": "active"}]}, **more,
    }  # fmt: skip


def statement(concept: Resource, identity: str = "s1", **more: Any) -> Resource:
    return {
        "resourceType": "MedicationStatement", "id": identity, "status": "active",
        "subject": {"reference": "Patient/p"}, "dateAsserted": "2026-04-01",
        "medicationCodeableConcept": concept, **more,
    }  # fmt: skip


LABEL = {"system": NDC, "code": "50090-0347-01", "display": "PINK PILL"}
HOME = [
    listed(LISINOPRIL, "c1", dosageInstruction=sig("Take 1 tablet daily")),
    listed(FAST, "c2"),
    listed(ATORVASTATIN, "c3", "2024-01-01"),
    listed(drug("the white one"), "c4"),
    listed({"text": "PINK PILL", "coding": [LABEL]}, "c5"),
    listed(WARFARIN, "c6", status="stopped"),
    listed(drug("digoxin 0.125 MG Oral Tablet", "197604"), "c7", status="draft"),
    listed(SLOW, "c8", category=[{"coding": [{"code": "inpatient"}]}]),
    statement(AMOXICILLIN),
    statement(drug("metformin 500 MG Oral Tablet", "860975"), "s2", status="completed"),
    allergy("Penicillin"),
    allergy("Latex", "2", "al2", verificationStatus={"coding": [{"code": "refuted"}]}),
]
FILLED = [
    dispensed(LISINOPRIL, "d1", dosageInstruction=sig("Take 2 tablets daily")),
    dispensed(LISINOPRIL_20, "d0", "2026-01-01"),
    dispensed(SLOW, "d2"),
    dispensed(SIMVASTATIN, "d3"),
    dispensed(WARFARIN, "d4"),
    dispensed({**FAST, "coding": [*FAST["coding"], LABEL]}, "d5", "2026-09-01"),
    dispensed(drug("digoxin 0.125 MG Oral Tablet", "197604"), "d6"),
    dispensed(drug("METFORMIN HCL"), "d7"),
    dispensed(drug("levothyroxine sodium 0.05 MG Oral Tablet", "966224"), "d8"),
    listed(drug("allopurinol 100 MG Oral Tablet", "197319"), "o1", "2026-09-01", intent="proposal"),
    listed(drug("furosemide 20 MG Oral Tablet", "310429"), "o2", "2020-01-01"),
    listed(AMOXICILLIN, "o3", "2026-10-15", status="stopped"),
    allergy("Ibuprofen", "", "al3"),
]


def told(found: Sequence[Difference]) -> list[str]:
    """Return what differences say, without what only names their authors."""
    sides = ("feed", "type", "id", "text", "sig", "day")
    return sorted(
        repr([one.kind, one.severity, one.ingredient, one.untold,
              *([getattr(side, name) for name in sides] if side else None
                for side in (one.chart, one.outside, one.other))])
        for one in found
    )  # fmt: skip


def test_a_call_and_a_run_say_the_same_of_the_same_lists(tmp_path: Path) -> None:
    run = run_of(tmp_path, HOME, FILLED)
    at_call = medications.compare(case_of(run, HOME))
    after_run = medications.compare(case_of(run))
    assert (at_call.now, after_run.now) == (True, False)
    assert told(at_call.differences) == told(after_run.differences)
    kinds = {one.kind for one in at_call.differences}
    assert kinds >= {"dose", "omission", "stopped", "draft", "stale", "unmapped", "allergy", "form"}


def test_a_call_sees_what_the_chart_has_now(tmp_path: Path) -> None:
    run = run_of(tmp_path, [listed(LISINOPRIL)], [dispensed(LISINOPRIL), dispensed(WARFARIN, "d2")])
    now = [listed(LISINOPRIL), statement(WARFARIN)]
    assert medications.judge(case_of(run, now)) is None
    old = medications.judge(case_of(run))
    assert old
    assert [item.kind for item in old.items] == ["omission"]
    assert old.notes == (
        "Compared as of 2026-11-01; what was written later is not in it.",
        "Interactions are not checked.",
    )


@pytest.mark.parametrize("got", [Got.FAILED, Got.ABSENT])
def test_without_the_charts_prescriptions_the_run_is_believed(tmp_path: Path, got: Got) -> None:
    run = run_of(tmp_path, [listed(LISINOPRIL)], [dispensed(LISINOPRIL)])
    facts = facts_of([]) | {medications.REQUESTS.key: Facts((), got)}
    assert medications.judge(case_of(run, [], facts=facts)) is None
    part = facts_of([]) | {medications.REQUESTS.key: Facts((), Got.GIVEN, whole=False)}
    assert not medications.compare(case_of(run, facts=part)).now


def test_what_could_not_be_read_is_said(tmp_path: Path) -> None:
    run = run_of(tmp_path, [listed(LISINOPRIL)], [dispensed(WARFARIN)])
    facts = facts_of([listed(LISINOPRIL)])
    facts[medications.STATEMENTS.key] = Facts((), Got.FAILED)
    facts[medications.ALLERGIES.key] = Facts()
    judged = medications.judge(case_of(run, facts=facts))
    assert judged
    assert judged.notes == (
        "The outside's list is as of 2026-11-01.",
        "The chart's reported medications could not be read; look there too.",
        "The chart's allergies could not be read: no drug was compared with them.",
        "Interactions are not checked.",
    )


def test_uncertain_identity_is_withheld_and_counted() -> None:
    judged = medications.judge(case_of(Run(doubt="two in one"), []))
    assert judged
    (item,) = judged.items
    assert (item.kind, item.withheld) == ("wrong-patient", "two in one")
    assert not judged.panel


class TestSuggestions:
    def one(self, folder: Path, ehr: list[Resource], pharmacy: list[Resource]) -> Item:
        judged = medications.judge(case_of(run_of(folder, ehr, pharmacy), ehr))
        assert judged
        (item,) = judged.items
        return item

    def test_an_omission_is_added_word_for_word(self, tmp_path: Path) -> None:
        shop = {"actor": {"display": "Corner Pharmacy"}}
        fill = dispensed(WARFARIN, performer=[shop], dosageInstruction=sig("Take 1 tablet at 5 pm"))
        item = self.one(tmp_path, [listed(LISINOPRIL)], [dispensed(LISINOPRIL, "d0"), fill])
        assert (item.kind, item.severity, item.about) == (
            "omission", "warning", ("MedicationDispense/d1",),
        )  # fmt: skip
        (suggestion,) = item.suggestions
        (act,) = suggestion.acts
        assert (act.type, suggestion.recommended) == ("create", False)
        assert "check it with the patient" in act.description
        assert act.resource == {
            "resourceType": "MedicationStatement", "status": "active",
            "category": {"coding": [{"system": medications.CATEGORY, "code": "community"}]},
            "medicationCodeableConcept": WARFARIN, "subject": {"reference": "Patient/p"},
            "dateAsserted": "2026-11-01T09:30:00+00:00",
            "informationSource": {"type": "Organization", "display": "Corner Pharmacy"},
            "derivedFrom": [{"type": "MedicationDispense",
                             "display": "MedicationDispense of 2026-10-01, pharmacy"}],
            "dosage": [{"text": "Take 1 tablet at 5 pm"}],
        }  # fmt: skip

    def test_what_was_stopped_elsewhere_is_stopped_with_its_version(self, tmp_path: Path) -> None:
        mine = listed(LISINOPRIL, meta={"versionId": "7"}, note=[{"text": "x"}])
        over = listed(LISINOPRIL, "o1", "2026-10-01", status="stopped")
        item = self.one(tmp_path, [mine], [over])
        assert item.text == "lisinopril 10 MG Oral Tablet, stopped in an outside source, active " \
            "in the other"  # fmt: skip
        ((act,),) = (s.acts for s in item.suggestions)
        why = {"text": "Stopped in pharmacy on 2026-10-01"}
        assert (act.type, act.resource) == (
            "update", {**mine, "status": "stopped", "statusReason": why},
        )  # fmt: skip

    def test_a_feed_is_called_as_clinicians_call_it(self, tmp_path: Path) -> None:
        mine = listed(LISINOPRIL)
        over = listed(LISINOPRIL, "o1", "2026-10-01", status="stopped")
        run = run_of(tmp_path, [mine], [over])
        called = replace(case_of(run, [mine]), titles={"pharmacy": "Corner Pharmacy"})
        judged = medications.judge(called)
        assert judged
        (act,) = judged.items[0].suggestions[0].acts
        assert act.description.endswith("stopped in Corner Pharmacy on 2026-10-01")
        assert act.resource
        assert act.resource["statusReason"] == {"text": "Stopped in Corner Pharmacy on 2026-10-01"}

    def test_a_dose_is_never_suggested(self, tmp_path: Path) -> None:
        mine = listed(LISINOPRIL, dosageInstruction=sig("Take 1 tablet daily"))
        fill = dispensed(LISINOPRIL, dosageInstruction=sig("Take 2 tablets daily"))
        item = self.one(tmp_path, [mine], [fill])
        assert (item.kind, item.suggestions) == ("dose", ())
        assert [said.value for said in item.context] == [
            "“Take 2 tablets daily”, dispensed",
            "the chart has lisinopril 10 MG Oral Tablet, “Take 1 tablet daily”, prescribed",
        ]

    def test_what_the_run_alone_says_is_added_too(self, tmp_path: Path) -> None:
        run = run_of(tmp_path, [listed(LISINOPRIL)], [dispensed(WARFARIN)])
        judged = medications.judge(case_of(run))
        assert judged
        (act,) = judged.items[0].suggestions[0].acts
        assert act.resource
        assert act.resource["medicationCodeableConcept"] == WARFARIN


def test_the_summary_has_our_words_only_and_is_short(tmp_path: Path) -> None:
    judged = medications.judge(case_of(run_of(tmp_path, HOME, FILLED), HOME))
    assert judged
    assert judged.summary.startswith("Outside medications and the chart: 1 with an allergy")
    assert ", and more" in judged.summary
    assert len(judged.summary) < 140
    assert "MG" not in judged.summary
    order = {"warning": 0, "info": 1}
    assert [i.severity for i in judged.items] == sorted(
        (i.severity for i in judged.items), key=order.__getitem__
    )
    assert not [i for i in actionable(judged.items) if i.withheld]
    rest = medications.rest_of(case_of(run_of(tmp_path / "b", HOME, FILLED), HOME))
    assert {i.kind for i in rest} >= {"stale", "unmapped"}


class TestOrders:
    def sign(
        self, *drafts: Resource, ehr: Any = (), run: Run | None = None, **more: Any
    ) -> Judged | None:
        case = case_of(run or Run(), list(ehr), hook="order-sign", drafts=drafts, **more)
        return medication_orders.judge(case)

    def order(self, concept: Resource, identity: str = "new", **more: Any) -> Resource:
        return listed(concept, identity, "2026-11-01", status="draft", **more)

    def kinds(self, judged: Judged | None) -> list[str]:
        return [f"{item.kind} {item.severity}" for item in judged.items] if judged else []

    @pytest.mark.parametrize(
        ("name", "code", "found"),
        [
            ("Allergy to amoxicillin", "1", ["allergy critical"]),
            ("Allergy to penicillin", "1", ["allergy warning"]),
            ("amoxicillin", "", ["allergy warning"]),
            ("Allergy to nut", "1", []),
        ],
    )
    def test_allergies(self, name: str, code: str, found: list[str]) -> None:
        judged = self.sign(self.order(AMOXICILLIN), ehr=[allergy(name, code)])
        assert self.kinds(judged) == found

    def test_an_undated_allergy_is_shown(self) -> None:
        undated = allergy("Allergy to amoxicillin")
        del undated["recordedDate"]
        judged = self.sign(self.order(AMOXICILLIN), ehr=[undated])
        assert judged
        assert not [item for item in actionable(judged.items) if item.withheld]
        assert judged.items[0].about == ("MedicationRequest/new",)

    def test_a_text_may_meet_an_allergy(self) -> None:
        judged = self.sign(self.order(drug("AMOXICILLIN 500 CAP")), ehr=[allergy("amoxicillin")])
        assert self.kinds(judged) == ["allergy warning"]
        assert judged
        assert "1 order has no code that could be compared." in judged.notes

    def test_duplicates_in_the_chart_and_outside(self, tmp_path: Path) -> None:
        run = run_of(tmp_path, [], [dispensed(SIMVASTATIN)])
        assert self.kinds(self.sign(self.order(LISINOPRIL_20), ehr=[listed(LISINOPRIL)])) == [
            "duplicate warning"
        ]
        assert self.kinds(self.sign(self.order(SIMVASTATIN), run=run)) == ["duplicate warning"]
        assert self.kinds(self.sign(self.order(ATORVASTATIN), run=run)) == ["duplicate-class info"]
        assert self.sign(self.order(LISINOPRIL), run=run) is None

    def test_high_alert_drugs_of_one_class(self) -> None:
        apixaban = drug("apixaban 5 MG Oral Tablet", "1364445")
        judged = self.sign(self.order(apixaban), ehr=[listed(WARFARIN)])
        assert self.kinds(judged) == ["duplicate-class warning"]

    def test_what_it_replaces_and_itself_are_no_duplicates(self) -> None:
        prior = {"reference": "https://ehr.example/MedicationRequest/c1"}
        home = [listed(LISINOPRIL)]
        assert self.sign(self.order(LISINOPRIL_20, priorPrescription=prior), ehr=home) is None
        assert self.sign(self.order(LISINOPRIL, "c1"), ehr=home) is None

    def test_two_orders_of_one_drug_are_told_once(self) -> None:
        two = (self.order(SLOW, "a"), self.order(FAST, "b"))
        judged = self.sign(*two)
        assert judged
        assert [(item.kind, item.about) for item in judged.items] == [
            ("duplicate", ("MedicationRequest/b",))
        ]

    def test_one_item_of_a_kind_and_an_order(self) -> None:
        ehr = [listed(LISINOPRIL), statement(LISINOPRIL_20), allergy("lisinopril")]
        judged = self.sign(self.order(LISINOPRIL), ehr=ehr)
        assert self.kinds(judged) == ["allergy critical", "duplicate warning"]
        assert judged
        assert len(judged.items[1].context) == 3

    @pytest.mark.parametrize("facts", [Facts(), Facts((), Got.FAILED),
                                       Facts((), Got.GIVEN, whole=False)])  # fmt: skip
    def test_allergies_that_could_not_be_read_are_counted(self, facts: Facts) -> None:
        told = facts_of([listed(LISINOPRIL)]) | {medications.ALLERGIES.key: facts}
        silent = self.sign(self.order(WARFARIN), facts=told)
        assert silent
        assert [item.withheld for item in actionable(silent.items)] == [
            "allergies could not be read"
        ]
        assert build_card(silent, "x", Place("https://u.example"), NOW) is None
        judged = self.sign(self.order(LISINOPRIL_20), facts=told)
        assert self.kinds(judged) == ["duplicate warning", "unread info"]
        assert judged
        note = "The chart's allergies could not be read: no order was compared with them."
        assert note in judged.notes
        card = build_card(judged, "x", Place("https://u.example"), NOW)
        assert card
        assert "no order was compared with them" in card.body["detail"]
        assert "Not shown" not in card.body["detail"], "nothing is hidden; it was not looked for"

    def test_each_list_that_could_not_be_read_is_counted_once(self) -> None:
        judged = self.sign(self.order(WARFARIN, "a"), self.order(AMOXICILLIN, "b"), facts={})
        assert judged
        assert [item.withheld for item in actionable(judged.items)] == [
            "allergies could not be read", "prescriptions could not be read",
            "reported medications could not be read",
        ]  # fmt: skip
        assert self.sign(facts={}) is None, "there is no drug to sign"

    def test_nothing_to_sign(self) -> None:
        assert self.sign(ehr=[listed(LISINOPRIL)]) is None
        other = {"resourceType": "ServiceRequest", "id": "x", "status": "draft"}
        assert self.sign(other) is None

    def test_uncertain_identity_is_said(self) -> None:
        judged = self.sign(
            self.order(AMOXICILLIN),
            ehr=[allergy("amoxicillin")],
            run=Run(doubt="two in one", another="a twin"),
        )
        assert judged
        assert judged.notes[-2:] == (
            "Outside records are left out: two in one.", "Not all may be here: a twin.",
        )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"medicationCodeableConcept": None},
        {"medicationCodeableConcept": {"coding": [None, {}, {"system": "x"}]}},
        {"medicationCodeableConcept": {"text": 7}},
        {"medicationReference": {"reference": "Medication/none"}, "medicationCodeableConcept": {}},
        {"dosageInstruction": "daily"},
        {"dosageInstruction": [None, 3]},
        {"authoredOn": "2026-13-45"},
        {"authoredOn": 5},
        {"status": None},
        {"status": "entered-in-error"},
        {"requester": "Dr. X"},
        {"category": "inpatient"},
        {"contained": [None, {"id": 4}]},
    ],
)
def test_resources_that_are_odd(tmp_path: Path, wrong: Resource) -> None:
    run = run_of(tmp_path, [listed(LISINOPRIL)], [dispensed(LISINOPRIL), dispensed(WARFARIN, "d2")])
    odd = {**listed(WARFARIN, "odd"), **wrong}
    judged = medications.judge(case_of(run, [listed(LISINOPRIL), odd]))
    kinds = {item.kind for item in judged.items} if judged else set()
    assert kinds <= {"omission", "draft"}
    medication_orders.judge(case_of(run, [], drafts=(odd,)))
    assert json.dumps(odd)


def test_services_say_what_they_do_not_check() -> None:
    ours = [s for s in services().values() if s.use_case == "medication-reconciliation"]
    assert {s.hook for s in ours} >= {
        "patient-view", "encounter-start", "encounter-discharge", "order-sign",
    }  # fmt: skip
    for service in ours:
        assert "Interactions are not checked" in service.description
