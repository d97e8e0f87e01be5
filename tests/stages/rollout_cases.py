"""What the tests of rollout share: a small use case, its measure, a charter that can be signed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from uptake.model import Measure, Requirement, UseCase
from uptake.rollout.charter import write_criterion, write_item
from uptake.rollout.signing import Known
from uptake.state.database import State, open_state

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
OWNER = "Dr Ada Bell"


@contextmanager
def state_in(folder: Path) -> Iterator[State]:
    """Give a new state in a folder."""
    state = open_state(f"sqlite:///{folder / 'state.db'}")
    try:
        yield state
    finally:
        state.close()


def later(hours: int) -> datetime:
    """Return an instant after NOW."""
    return NOW + timedelta(hours=hours)


def requirement(code: str) -> Requirement:
    return Requirement(code, f"The {code}", ("Observation",), (), "latest", 0.9)


def use_case(*codes: str) -> UseCase:
    return UseCase(
        code="gap-closure",
        title="Gap closure",
        unit="patients",
        threshold=0.9,
        unknown_limit=0.1,
        problem="Gaps are called open\nalthough the care was given.",
        population="",
        population_text="",
        requirements=tuple(requirement(c) for c in codes or ("hba1c", "systolic")),
        path=Path(),
    )


def measure(code: str, role: str, *, better: str = "lower", unit: str = "days") -> Measure:
    return Measure(
        code=code,
        title=code.replace("-", " ").capitalize(),
        use_case="gap-closure",
        role=role,
        statistic="median",
        unit=unit,
        better=better,
        target=None,
        means="",
        query="",
        path=Path(),
    )


MEASURES = (measure("days-to-closure", "outcome"), measure("repeat-tests", "guardrail", unit="%"))
KNOWN = Known(("COD-01", "CTX-01"), ("hba1c", "systolic"), MEASURES)


def write_charter(state: State, *left_out: str, **changes: str) -> None:
    """Write a charter that its owner can sign, but for the changes."""
    texts = {
        "problem": "Gaps stay open.",
        "owner": OWNER,
        "owner_role": "attending physician",
        "measure": "days-to-closure",
        "baseline": "31 days",
        "target": "at most 14 days",
        "guardrails": "repeat-tests",
    }
    for name, text in (texts | changes).items():
        if name not in left_out:
            write_item(state, "gap-closure", name, text, "Sam Ortiz", NOW)
    bound = (("check", "COD-01"), ("requirement", "hba1c"), ("practice", "A week on ward 3"))
    for position, one in enumerate(bound, 1):
        words = ("a patient with diabetes", "the visit begins", "the gap is shown")
        write_criterion(state, "gap-closure", position, words, one, "Sam Ortiz", NOW)
