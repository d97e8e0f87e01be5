"""A card that was set aside is an answer to its items: which, for how long, and which never."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from uptake.delivery.answers import ANSWERED, answers_of, asked_of
from uptake.delivery.cards import LINES, REASONS, Place
from uptake.delivery.cases import Context, Item, Judged, Service
from uptake.delivery.feedback import take_feedback
from uptake.delivery.hooks import Desk, answer, read_call
from uptake.delivery.known import Nothing
from uptake.delivery.services import care_gaps, conflicts, deterioration, medications
from uptake.state.database import State, open_state
from uptake.state.schema import event_inbox, panel_answer

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
SYSTEM = "https://uptake.example/override-reason"
SEEN = Context(value="10 mg", source="pharmacy", at=NOW)
DRUG = Item("omission", "a drug", (SEEN,), "info", ("MedicationDispense/d1",))
MEDICATIONS = "medication-reconciliation"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.close()


def service(*items: Item, use_case: str = MEDICATIONS, **overrides: str) -> Service:
    judged = Judged("Something differs", items, overrides=overrides or medications.REASONS)
    return Service("try", "patient-view", "Try", "A service", use_case, (), lambda _: judged)


def ask(state: State, of: Service, *, days: float = 0, patient: str = "p") -> list[dict[str, Any]]:
    """Return the cards of a call so many days later."""
    context = {"patientId": patient, "userId": "Practitioner/pr-1"}
    body = {"hook": "patient-view", "hookInstance": "", "context": context}
    desk = Desk(state, lambda _: Nothing(), Place("https://uptake.example"),
                NOW + timedelta(days=days), 1e12)  # fmt: skip
    cards: list[dict[str, Any]] = answer(read_call(json.dumps(body).encode(), of), of, {}, at=desk)[
        "cards"
    ]
    return cards


def set_aside(state: State, of: Service, code: str = "already-known", **more: Any) -> None:
    """Ask for a card, and set it aside with a reason."""
    (card,) = ask(state, of)
    told = {
        "card": card["uuid"], "outcome": "overridden",
        "overrideReason": {"reason": {"code": code, "system": SYSTEM}},
    } | more  # fmt: skip
    for _ in range(2):  # clients send it twice
        take_feedback(state, of, json.dumps({"feedback": [told]}).encode(), NOW)


def kept(state: State) -> list[Any]:
    with state.read() as connection:
        return list(connection.execute(select(panel_answer)))


def test_its_items_are_not_told_again_for_as_long_as_is_said(state: State) -> None:
    of = service(DRUG)
    set_aside(state, of, userComment="she told me")
    (row,) = kept(state)
    assert (row.choice, row.by, row.patient, row.reason) == (
        "already-known", "pr-1", "p", "she told me",
    )  # fmt: skip
    assert ask(state, of, days=29) == []
    assert len(ask(state, of, days=30)) == 1
    with state.read() as connection:
        reasons = connection.scalars(
            select(event_inbox.c.reason).where(event_inbox.c.action == "withheld")
        ).all()
    assert reasons == [ANSWERED]
    assert len(ask(state, of, patient="q")) == 1, "another patient's"


@pytest.mark.parametrize(
    "changed",
    [
        {"context": (replace(SEEN, value="20 mg"),)},
        {"context": (replace(SEEN, at=NOW + timedelta(days=1)),)},
        {"context": (replace(SEEN, source="clinic"),)},
        {"context": (SEEN, SEEN)},
        {"severity": "warning"},
        {"about": ("MedicationDispense/d2",)},
        {"kind": "dose"},
    ],
)
def test_what_changed_since_is_told(state: State, changed: dict[str, Any]) -> None:
    set_aside(state, service(DRUG))
    assert len(ask(state, service(replace(DRUG, **changed)))) == 1


def test_the_time_that_passes_is_no_change(state: State) -> None:
    set_aside(state, service(DRUG))
    assert ask(state, service(replace(DRUG, text="a drug, due 20 minutes ago"))) == []


def test_the_critical_is_always_told(state: State) -> None:
    worst = replace(DRUG, kind="news2", severity="critical")
    of = service(DRUG, worst)
    set_aside(state, of)
    (card,) = ask(state, of)
    assert card["indicator"] == "critical"
    assert "1 \\(answered lately\\)" in card["detail"]


def test_what_had_no_line_on_the_card_is_told(state: State) -> None:
    many = [replace(DRUG, about=(f"MedicationDispense/{n}",)) for n in range(LINES + 1)]
    set_aside(state, service(*many))
    (card,) = ask(state, service(*many))
    assert card["detail"].count("a drug") == 1


@pytest.mark.parametrize(
    "more",
    [
        {"overrideReason": {"reason": {"code": "not-now", "system": SYSTEM}}},
        {"overrideReason": {"reason": {"code": "tolerated", "system": SYSTEM}}},
        {"overrideReason": {"reason": {"code": "already-known", "system": "https://ehr.example"}}},
        {"overrideReason": {"userComment": "already-known"}},
        {"overrideReason": None},
        {"outcome": "accepted"},
    ],
)
def test_what_answers_nothing(state: State, more: dict[str, Any]) -> None:
    of = service(DRUG)
    set_aside(state, of, **more)
    assert kept(state) == []
    assert len(ask(state, of)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"overrideReason": "already-known"},
        {"overrideReason": {"code": "already-known"}},
        {"overrideReason": None, "reason": "already-known"},
        {"overrideReason": None, "overrideReasons": [{"code": "x"}, {"code": "already-known"}]},
    ],
)
def test_every_shape_of_a_reason(state: State, more: dict[str, Any]) -> None:
    of = service(DRUG)
    set_aside(state, of, **more)
    assert ask(state, of) == []


def test_a_reason_that_names_a_gap_is_the_panels_answer_to_it(state: State) -> None:
    gaps = [
        Item(f"care-gap {rule}", rule, (SEEN,), "info", ("Patient/p",)) for rule in ("hba1c", "eye")
    ]
    of = service(*gaps, use_case=care_gaps.USE_CASE, **{"declined:eye": "Declined: Eye"})
    set_aside(state, of, "declined:eye")
    (card,) = ask(state, of)
    assert "hba1c" in card["detail"]
    assert "**eye" not in card["detail"]
    changed = [replace(gap, context=(replace(SEEN, value="other"),)) for gap in gaps]
    (card,) = ask(state, service(*changed, use_case=care_gaps.USE_CASE))
    assert "**eye" not in card["detail"], "an answer to a gap holds, as in the panel"
    (answered,) = answers_of(state, "p", care_gaps.USE_CASE).values()
    assert asked_of(care_gaps.USE_CASE).choice(answered.choice)


def test_the_newest_answer_counts(state: State) -> None:
    of = service(DRUG)
    set_aside(state, of)
    (row,) = kept(state)
    with state.write() as connection:
        later = {"choice": "unsure", "at": row.at + timedelta(hours=1), "sent": "s"}
        connection.execute(panel_answer.insert(), row._asdict() | later | {"id": None})
    assert len(ask(state, of, days=1)) == 1


def test_a_card_of_before_answers_nothing(state: State) -> None:
    from uptake.state.schema import card as card_table

    of = service(DRUG)
    (card,) = ask(state, of)
    with state.write() as connection:
        old = {"items": [{"kind": "omission", "about": []}], "overrides": medications.REASONS}
        connection.execute(card_table.update().values(shown=json.dumps(old)))
    told = {"card": card["uuid"], "outcome": "overridden", "overrideReason": "already-known"}
    assert take_feedback(state, of, json.dumps({"feedback": [told]}).encode(), NOW) == 1
    assert kept(state) == []


def test_the_reasons_that_answer_are_on_the_cards() -> None:
    text = (resources.files("uptake") / "content" / "panel.toml").read_text("utf-8")
    offered = {
        MEDICATIONS: medications.REASONS,
        conflicts.USE_CASE: conflicts.REASONS,
        "deterioration-alerts": deterioration.REASONS,
    }
    for use_case in tomllib.loads(text):
        for reason in asked_of(use_case).set_aside:
            words = offered.get(use_case, REASONS)[reason.code]
            assert reason.label.lower() == f"set aside: {words.lower()}"
