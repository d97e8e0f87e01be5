"""CDS Hooks without HTTP: the card that is built, what is recorded, and feedback in every shape."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from drug_cases import SCRIPT, compare, dispensed, drug, listed, patient, sig
from markdown_it import MarkdownIt
from sqlalchemy import select

from uptake.definitions import read_surfaces
from uptake.delivery import services
from uptake.delivery.cards import REASONS, build_card, escaped
from uptake.delivery.differences import Difference, Differences, Side
from uptake.delivery.feedback import IN_OWN_WORDS, take_feedback
from uptake.delivery.hooks import Desk, HookError, answer, read_call
from uptake.delivery.panel import find_card, record_view
from uptake.project import Project
from uptake.state.database import State, open_state
from uptake.state.schema import card as card_table
from uptake.state.schema import event_inbox

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
SERVICE = services.SERVICES["outside-medications-patient-view"]
WARFARIN = drug("warfarin sodium 5 MG Oral Tablet", "855332")
LISINOPRIL = drug("lisinopril 10 MG Oral Tablet", "314076")
LISINOPRIL_20 = drug("lisinopril 20 MG Oral Tablet", "314077")
BASE = "https://uptake.example"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    compare(
        folder,
        ehr=[patient(), listed(LISINOPRIL), patient("q", "200"), patient("r", "300"),
             {**listed(LISINOPRIL, "c2"), "subject": {"reference": "Patient/q"}}],
        pharmacy=[patient(), dispensed(LISINOPRIL_20), dispensed(WARFARIN, "d2"),
                  patient("q", "200"),
                  {**dispensed(LISINOPRIL, "d3"), "subject": {"reference": "Patient/q"}}],
    )  # fmt: skip
    return folder / "run"


@pytest.fixture(scope="module")
def found(run: Path) -> Differences:
    return Differences(run)


def request(patient_id: str = "p", **more: Any) -> bytes:
    context = {"patientId": patient_id, "userId": "Practitioner/pr-1", "encounterId": "e1"}
    body = {"hook": "patient-view", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": context}  # fmt: skip
    return json.dumps(body | more).encode()


def ask(state: State, found: Differences | None, body: bytes, **more: Any) -> list[dict[str, Any]]:
    desk = Desk(state, found, BASE, NOW, **({"until": 1e12} | more))
    cards: list[dict[str, Any]] = answer(read_call(body, SERVICE), SERVICE, desk)["cards"]
    return cards


def events(state: State) -> list[Any]:
    with state.read() as connection:
        return list(connection.execute(select(event_inbox).order_by(event_inbox.c.seq)))


def side(text: str = "x", **more: Any) -> Side:
    fields = {"sig": "", "day": date(2026, 10, 1), "by": "", "feed": "f",
              "type": "MedicationDispense", "id": "1"}  # fmt: skip
    return Side(text, **(fields | more))


def omission(text: str = "x", severity: str = "medium", **more: Any) -> Difference:
    return Difference("x", "omission", severity, None, side(text, **more))


class TestCard:
    def test_what_it_says(self, state: State, found: Differences) -> None:
        (card,) = ask(state, found, request())
        assert card["summary"] == (
            "Outside medications and the chart: 1 not in it, 1 in another strength (warfarin)"
        )
        assert card["indicator"] == "warning"
        plain = re.sub(r"\\(?=[-().])", "", card["detail"])
        assert plain.split("\n") == [
            "- **warfarin sodium 5 MG Oral Tablet** is not in the chart: dispensed 2026-10-01 "
            "(pharmacy)",
            "- **lisinopril 20 MG Oral Tablet** dispensed 2026-10-01 (pharmacy); the chart has "
            "lisinopril 10 MG Oral Tablet, prescribed 2026-03-01 (ehr)",
            "",
            "Compared as of 2026-11-01; what was written later is not in it.",
        ]
        assert card["links"][0]["url"] == f"{BASE}/panel?card={card['uuid']}"
        assert UUID(card["uuid"]).version == 4

    def test_no_difference_no_card(self, state: State, found: Differences) -> None:
        assert ask(state, found, request("q")) == []
        assert (
            build_card([Difference("x", "addition", "high", side(), None)], "u", BASE, "") is None
        )
        assert build_card([], "u", BASE, "") is None

    def test_six_lines_and_the_rest_counted(self) -> None:
        card = build_card([omission(f"drug {n}") for n in range(9)], "u", BASE, "")
        assert card
        assert card.detail.count("\n- ") == 6
        assert card.detail.endswith("\n- and 3 more")
        assert card.indicator == "info"

    def test_the_summary_is_short_whatever_there_is(self) -> None:
        kinds = ("omission", "strength", "sig", "unmapped")
        names = ("cyclophosphamide", "mycophenolate", "hydromorphone", "chlorpropamide")
        many = [
            Difference(name, kind, "high", None, side(name))
            for kind in kinds for name in names for _ in range(250)
        ]  # fmt: skip
        card = build_card(many, "u", BASE, "2026-11-01")
        assert card
        assert len(card.summary) < 140

    def test_text_without_a_code_is_said_to_be_so(self) -> None:
        rows = [Difference("", "unmapped", "low", None, side("HCTZ 25")),
                Difference("", "unmapped", "low", side("Zestril"), None)]  # fmt: skip
        card = build_card(rows, "u", BASE, "")
        assert card
        assert "**HCTZ 25** has no code to compare" in card.detail
        assert "1 entry of the chart" in card.detail

    @pytest.mark.parametrize(
        "text",
        [
            SCRIPT, "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "![x](http://e.x/a)",
            "**bold** _it_ `code` ~~no~~", "# Head\n\n- item\n1. one", "a | b\n--|--\nc | d",
            "&lt;b&gt; &#60;script&#62;", "http://evil.example www.evil.example", "\\<b>", "```\nx",
            "<!-- -->", "a\u202eb\x00c\u2028d", "$x$ @team", "'\"", "==\n--\n***", "<a@b.example>",
        ],
    )  # fmt: skip
    def test_everything_from_data_is_text(self, text: str) -> None:
        rows = [omission(text, by=text, feed=text),
                Difference(text, "sig", "low", side(text, sig=text, by=text), side(text, sig=text)),
                Difference(text, "strength", "low", side(text), side(text)),
                Difference("", "unmapped", "low", None, side(text))]  # fmt: skip
        card = build_card(rows, "u", BASE, text)
        assert card
        assert not re.search(r"[<>]", card.detail)
        html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(
            card.detail
        )  # fmt: skip
        assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {"ul", "li", "strong", "p"}
        assert "://" not in html
        assert text not in card.summary

    def test_escaping_keeps_what_is_read(self) -> None:
        said = "5 MG/5 ML (a_b) & *c* <d> #1"
        html = MarkdownIt("commonmark").renderInline(escaped(said))
        assert html == "5 MG/5 ML (a_b) &amp; *c* &lt;d&gt; #1"
        assert escaped("x" * 200) == "x" * 79 + "…"


class TestCalls:
    def test_what_is_recorded(self, state: State, found: Differences) -> None:
        (card,) = ask(state, found, request())
        asked, served = events(state)
        assert (asked.action, served.action) == ("requested", "served")
        for event in (asked, served):
            assert (event.surface, event.use_case, event.practitioner, event.patient) == (
                "uptake-card", "medication-reconciliation", "pr-1", "p",
            )  # fmt: skip
            assert (event.encounter, event.at) == ("e1", NOW)
        assert (asked.card, served.card) == ("", card["uuid"])
        with state.read() as connection:
            row = connection.execute(select(card_table)).one()
        assert (row.uuid, row.service, row.patient) == (card["uuid"], SERVICE.id, "p")

    @pytest.mark.parametrize("who", ["nobody", "r", "' or 1=1 --", "💊" * 500, "../p"])
    def test_a_patient_nobody_knows(self, state: State, found: Differences, who: str) -> None:
        assert ask(state, found, request(who)) == []
        assert [e.action for e in events(state)] == ["requested"]

    def test_there_is_no_run(self, state: State, tmp_path: Path) -> None:
        assert ask(state, None, request()) == []
        assert ask(state, Differences(tmp_path), request()) == []

    def test_the_reference_of_a_patient_is_its_id(self, state: State, found: Differences) -> None:
        assert len(ask(state, found, request("Patient/p"))) == 1

    def test_a_role_is_no_practitioner(self, state: State, found: Differences) -> None:
        context = {"patientId": "p", "userId": "PractitionerRole/pr-1", "unheard": {"of": [1]}}
        ask(state, found, request(context=context))
        assert {e.practitioner for e in events(state)} == {"PractitionerRole/pr-1"}

    def test_two_people_under_one_id_get_nothing(self, state: State, tmp_path: Path) -> None:
        compare(
            tmp_path,
            roles={"ehr": "ehr", "west": "ehr", "pharmacy": "external"},
            ehr=[patient("p", "1")],
            west=[patient("p", "2")],
            pharmacy=[patient("a", "1"), patient("b", "2"),
                      {**dispensed(WARFARIN, "d1"), "subject": {"reference": "Patient/a"}},
                      {**dispensed(LISINOPRIL, "d2"), "subject": {"reference": "Patient/b"}}],
        )  # fmt: skip
        assert ask(state, Differences(tmp_path / "run"), request()) == []

    def test_another_record_of_the_same_person(self, state: State, tmp_path: Path) -> None:
        compare(
            tmp_path,
            ehr=[patient(), patient("twin")],
            pharmacy=[patient("x"), {**dispensed(WARFARIN), "subject": {"reference": "Patient/x"}}],
        )
        keys = tmp_path / "run" / "person_key.parquet"
        rows = "(0, 'ehr', 'id', 'twin'), (0, 'pharmacy', 'id', 'x'), (7, 'ehr', 'id', 'other')"
        duckdb.execute(
            f"copy (select (select min(person) from '{tmp_path}/run/medication_difference.parquet')"
            f" + n as person, feed, kind, '' as system, value from (values {rows}) "
            f"k(n, feed, kind, value)) to '{keys}' (format parquet)"
        )
        found = Differences(tmp_path / "run")
        assert len(ask(state, found, request("twin"))) == 1
        assert ask(state, found, request("x")) == []  # an id of the pharmacy is none of the EHR
        assert ask(state, found, request("other")) == []

    def test_a_caller_who_gave_up_is_served_nothing(self, state: State, found: Differences) -> None:
        assert ask(state, found, request(), until=1.0, clock=lambda: 2.0) == []
        assert [e.action for e in events(state)] == ["requested"]

    def test_no_two_cards_are_one(self, state: State, found: Differences) -> None:
        first, second = ask(state, found, request()), ask(state, found, request())
        assert first[0]["uuid"] != second[0]["uuid"]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "truncated"), (b"{", "truncated"), (b"[]", "array"), (b"\xff", ""),
            (b'{"hook": "\xff"}', "UTF-8"),
            (b"{}", "`hook`"), (request(context={}), "`patientId` - at `$.context`"),
            (request(context={"patientId": 7, "x": "Ada Okafor"}), "at `$.context.patientId`"),
            (request(context={"patientId": " "}), "context.patientId"),
            (request(hook="order-sign"), "patient-view"), (request(hook=None), "at `$.hook`"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_is_told_without_values(self, body: bytes, words: str) -> None:
        with pytest.raises(HookError) as refused:
            read_call(body, SERVICE)
        assert words in str(refused.value)
        assert "Okafor" not in str(refused.value)
        assert "order-sign" not in str(refused.value)


class TestFeedback:
    def served(self, state: State, found: Differences) -> str:
        (card,) = ask(state, found, request())
        return str(card["uuid"])

    def take(self, state: State, body: object) -> int:
        return take_feedback(state, SERVICE, json.dumps(body).encode(), NOW)

    def told(self, state: State) -> list[tuple[str, str, str]]:
        return [
            (e.action, e.reason, e.comment) for e in events(state)
            if e.action in ("accepted", "overridden")
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("more", "reason", "comment"),
        [
            ({}, "", ""),
            ({"overrideReason": {"reason": {"code": "already-known", "system": "s"}}},
             "Already known", ""),
            ({"overrideReason": {"reason": {"code": "x", "display": "Theirs"},
                                 "userComment": "see note"}}, "Theirs", "see note"),
            ({"overrideReason": {"code": "not-now"}}, "Not relevant now", ""),
            ({"overrideReason": {"userComment": SCRIPT}}, "", SCRIPT),
            ({"overrideReason": "already-known"}, "Already known", ""),
            ({"overrideReason": "Ada Okafor stopped it"}, IN_OWN_WORDS, "Ada Okafor stopped it"),
            ({"overrideReason": {"reason": "not-now"}}, "Not relevant now", ""),
            ({"overrideReasons": [{"code": "not-now"}]}, "Not relevant now", ""),
            ({"reason": "Already known", "userComment": "ok"}, "Already known", "ok"),
            ({"reason": {"code": "c9"}}, "c9", ""),
            ({"overrideReason": None, "userComment": None, "unheard": [{}]}, "", ""),
        ],
    )  # fmt: skip
    def test_every_shape_of_a_reason(
        self, state: State, found: Differences, more: Any, reason: str, comment: str
    ) -> None:
        card = self.served(state, found)
        outcome = {"card": card, "outcome": "overridden",
                   "outcomeTimestamp": "2026-11-01T09:29:00Z"} | more  # fmt: skip
        assert self.take(state, {"feedback": [outcome]}) == 1
        assert self.told(state) == [("overridden", reason, comment)]

    def test_many_cards_and_repeats(self, state: State, found: Differences) -> None:
        one, two = self.served(state, found), self.served(state, found)
        at = "2026-11-01T09:29:00Z"
        same = {"card": one, "outcome": "accepted", "outcomeTimestamp": at,
                "acceptedSuggestions": [{"id": "s"}]}  # fmt: skip
        body = {"feedback": [
            same, same, {"card": two, "outcome": "overridden", "outcomeTimestamp": at},
            {**same, "outcomeTimestamp": "2026-11-01T04:29:00-05:00"},  # the same instant
            {**same, "outcome": "overridden"},
        ]}  # fmt: skip
        assert self.take(state, body) == 3
        assert self.take(state, body) == 0
        assert len(self.told(state)) == 3

    def test_an_event_is_of_whom_the_card_was_shown_to(
        self, state: State, found: Differences
    ) -> None:
        card = self.served(state, found)
        at = "2026-11-01T09:00:00+00:00"
        outcome = {"card": card, "outcome": "accepted", "outcomeTimestamp": at}
        self.take(state, {"feedback": [outcome]})
        event = events(state)[-1]
        assert (event.practitioner, event.patient, event.encounter) == ("pr-1", "p", "e1")
        assert (event.card, event.at) == (card, datetime(2026, 11, 1, 9, tzinfo=UTC))

    @pytest.mark.parametrize(
        "at",
        [
            None,
            "",
            "soon",
            "2026-11-01T09:00:00",
            "2026-11-01T11:00:00Z",
            "0001-01-01T00:00:00+14:00",
        ],
    )
    def test_a_time_that_cannot_be_told_is_when_it_was_told(
        self, state: State, found: Differences, at: str | None
    ) -> None:
        body = {"feedback": {"card": self.served(state, found), "outcome": "accepted",
                             "outcomeTimestamp": at}}  # fmt: skip
        assert (self.take(state, body), self.take(state, body)) == (1, 0)
        assert events(state)[-1].at == NOW

    def test_unknown_cards_are_counted_without_naming_them(
        self, state: State, found: Differences, caplog: pytest.LogCaptureFixture
    ) -> None:
        card = self.served(state, found)
        body = [{"card": "Ada Okafor", "outcome": "accepted"}, {"card": card, "outcome": "ignored"},
                {"outcome": "accepted"}, 7, {"card": card, "outcome": "accepted"}]  # fmt: skip
        with caplog.at_level(logging.WARNING):
            assert self.take(state, body) == 1
        (line,) = caplog.messages
        assert "1 of unknown cards, 3 that cannot be read" in line
        assert "Okafor" not in line

    def test_a_card_of_another_service_is_unknown(self, state: State, found: Differences) -> None:
        other = services.SERVICES["outside-medications-encounter-start"]
        body = {"feedback": [{"card": self.served(state, found), "outcome": "accepted"}]}
        assert take_feedback(state, other, json.dumps(body).encode(), NOW) == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"7", b'"x"', b"{}", b'{"feedback": 7}', b'{"feedback": [7]}', b'{"\xff": 1}',
            b'{"feedback": [{"card": "\xff", "outcome": "accepted"}]}',
            b'{"feedback": [{"card": "a", "outcome": "x"}]}',
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_at_all(self, state: State, body: bytes) -> None:
        with pytest.raises(HookError):
            take_feedback(state, SERVICE, body, NOW)

    def test_nothing_to_tell(self, state: State) -> None:
        assert self.take(state, {"feedback": []}) == 0


class TestPanel:
    def test_a_card_opens_it_for_a_day(self, state: State, found: Differences) -> None:
        (card,) = ask(state, found, request())
        shown = find_card(state, card["uuid"], NOW + timedelta(hours=23))
        assert shown
        record_view(state, shown, NOW + timedelta(minutes=1))
        event = events(state)[-1]
        assert (event.action, event.surface, event.patient) == ("viewed", "uptake-panel", "p")
        assert find_card(state, card["uuid"], NOW + timedelta(hours=25)) is None
        assert find_card(state, "", NOW) is None


def test_our_surfaces_are_defined() -> None:
    found = read_surfaces(Project().content("surfaces"))
    for code, kind in (("uptake-card", "card"), ("uptake-panel", "panel")):
        assert (found[code].kind, dict(found[code].columns)) == (kind, {})
        assert found[code].use_cases == (services.MEDICATIONS,)


def test_reasons_read_as_people_write_them() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in REASONS)
    assert all(words[0].isupper() for words in REASONS.values())


def test_sig_is_shown_when_it_differs(state: State, tmp_path: Path) -> None:
    weekly, daily = sig("Take 1 tablet once a week"), sig("Take 1 tablet daily")
    methotrexate = drug("methotrexate 2.5 MG Oral Tablet", "105585")
    compare(
        tmp_path,
        ehr=[patient(), listed(methotrexate, dosageInstruction=weekly)],
        pharmacy=[patient(), dispensed(methotrexate, dosageInstruction=daily)],
    )
    (card,) = ask(state, Differences(tmp_path / "run"), request())
    assert "1 taken another way (methotrexate)" in card["summary"]
    assert "“Take 1 tablet daily”" in card["detail"]
    assert "the chart has “Take 1 tablet once a week”" in card["detail"]
