"""A situation by hand for the tests of the chain: charter, map, summary, what became of it all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from reached import CASE, NOW, PORTAL, SURFACES, event, opportunity, person, reach
from rollout_cases import KNOWN, OWNER, later, requirement

from uptake.model import Check, Measure, Severity, UseCase
from uptake.rollout.charter import write_criterion, write_item
from uptake.rollout.signing import sign
from uptake.rollout.situation import Definitions, Situation
from uptake.rollout.workflow import Step, place, save_map
from uptake.state.database import State, open_state

LIVE = date(2026, 6, 29)
MANY = range(1, 41)
AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
USE_CASE = UseCase(
    CASE, "Care", "patients", 0.9, 0.1, "Gaps stay open.", "", "",
    (requirement("hba1c"), requirement("systolic")), Path(),
    opportunity="select 1", moment="visits", acted="select 1",
)  # fmt: skip
MEASURES = {
    code: Measure(code, title, CASE, role, "median", unit, "lower", None, "", "", Path())
    for code, title, role, unit in (
        ("days-to-closure", "Days to closure", "outcome", "days"),
        ("repeat-tests", "Repeat tests", "guardrail", "%"),
    )
}


def check(code: str, title: str, task: str = "") -> Check:
    return Check(
        code, title, "coding", "conformance", Severity.HIGH, "defect", "resource", (), 0.02, task,
        "", "", "For the sender: send it well.", "", (), Path(),
    )  # fmt: skip


CHECKS = {
    "COD-01": check("COD-01", "codes of its own only", "Map {n:local code} of {feed}"),
    "TIM-03": check("TIM-03", "times without a zone"),
}
FIT = {
    "code": CASE, "population": 100, "fit": 95, "unfit": 5, "unknown": 0, "not_applicable": 3,
    "verdict": "fit", "reason": "", "requirements": [], "fix_plan": [],
}  # fmt: skip


def step(*fixes: tuple[str, str, str], gain: int = 40, reaches: int = 90) -> dict[str, Any]:
    named = [{"check": c, "feed": f, "fix_key": k} for c, f, k in fixes]
    return {"fixes": named, "task": "Map 2 local codes of lab", "gain": gain, "reaches": reaches,
            "clears": reaches}  # fmt: skip


def summary(as_of: str = "2026-10-31", **told: Any) -> dict[str, Any]:
    """Return what a run said of the use case."""
    return {"run": "r", "as_of": as_of, "use_cases": [FIT | told], "checks": []}


def signed(state: State, target: str = "at most 14 days") -> None:
    """Write a charter and have its owner sign it."""
    texts = {
        "problem": "Gaps stay open.", "owner": OWNER, "owner_role": "attending physician",
        "measure": "days-to-closure", "baseline": "31 days", "target": target,
        "guardrails": "repeat-tests",
    }  # fmt: skip
    for name, text in texts.items():
        write_item(state, CASE, name, text, "Sam", AT)
    bound = (("check", "COD-01"), ("requirement", "hba1c"), ("practice", "A week on ward 3"))
    for position, one in enumerate(bound, 1):
        words = ("a patient", "the visit begins", "the gap is shown")
        write_criterion(state, CASE, position, words, one, "Sam", AT)
    sign(state, CASE, OWNER, "physician", AT, KNOWN)


def placed(state: State) -> None:
    """Save maps that a nurse observed, with a step for each requirement."""
    steps = (Step("Nurse", "opens the visit"),)
    for kind in ("current", "design"):
        save_map(state, CASE, kind, date(2026, 5, 4), "Noor", "RN", steps, "Sam", AT, ())
    for code in ("hba1c", "systolic"):
        place(state, USE_CASE, code, 1, "Sam", later(1))


def served(late: Sequence[int] = (), surface: str = PORTAL) -> list[dict[str, Any]]:
    return [event(n, "served", 300 if n in late else 0, surface=surface) for n in MANY]


def viewed(*numbers: int, action: str = "viewed", **told: Any) -> list[dict[str, Any]]:
    """Return that person `pr-n` saw it for patient n."""
    return [event(n, action, 5, practitioner=f"pr-{n}", **told) for n in numbers]


def opportunities(acted: Sequence[int] = (), **told: Any) -> list[dict[str, Any]]:
    return [opportunity(n, acted=n in acted, **told) for n in MANY]


def weeks(code: str, before: float, after: float) -> list[dict[str, Any]]:
    """Return a row a week: ten before go-live, eighteen after it, up to now."""
    first = datetime(2026, 4, 22, 12)  # noqa: DTZ001 -- as a table has it
    values = [(before if n < 10 else after) + n % 2 for n in range(28)]
    return [
        {"measure": code, "unit": f"{code} {n}", "at_time": first + timedelta(weeks=n), "value": v}
        for n, v in enumerate(values)
    ]


@contextmanager
def situation(
    folder: Path,
    events: Sequence[Mapping[str, Any]] = (),
    *,
    told: Mapping[str, Any] | None = None,
    held: Sequence[Mapping[str, Any]] | None = None,
    people: Sequence[Any] | None = None,
    live: date | None = LIVE,
    run: bool = True,
    ready: bool = True,
    **more: Any,
) -> Iterator[Situation]:
    """Give a situation; `ready`: its charter is signed and its map is drawn."""
    state = open_state(f"sqlite:///{folder / 'state.db'}")
    if ready:
        signed(state)
        placed(state)
    some = opportunities() if held is None else held
    staff = [person(f"pr-{n}") for n in MANY] if people is None else people
    found = reach(folder, some, events, staff, **more) if run else None
    definitions = Definitions(CHECKS, {CASE: USE_CASE}, MEASURES, SURFACES)
    days = {CASE: live} if live else {}
    whole = summary() if told is None else told
    one = Situation(definitions, state, whole, found, found.access if found else None, days, NOW)
    try:
        yield one
    finally:
        one.close()
        state.close()


def renamed(**told: Any) -> UseCase:
    return replace(USE_CASE, **told)
