"""Charters that begin themselves. In: definitions, measures by week; out: drafts for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import mean
from typing import TYPE_CHECKING

from uptake.adoption.series import LAST, say
from uptake.rollout.charter import draft_charter

if TYPE_CHECKING:
    from uptake.adoption.series import Series
    from uptake.model import Measure, UseCase
    from uptake.state.database import State

AUTHOR = "uptake"
"""Who writes a draft."""


def draft_charters(
    state: State, use_cases: Iterable[UseCase], measures: Iterable[Measure], at: datetime
) -> None:
    """Draft the charter of each use case from its definition; a baseline takes a run."""
    known = [*measures]
    for case in use_cases:
        draft_charter(state, case, known, None, AUTHOR, at)


def baseline(outcome: Series | None) -> str | None:
    """Return where an outcome stood before go-live, or stands now; None where no data tell it."""
    if outcome is None or not outcome.weeks:
        return None
    if outcome.baseline is not None:
        weeks = outcome.before
        span = "week" if weeks == 1 else f"{weeks} weeks"
        return f"{say(outcome.baseline, outcome.measure)} in the {span} before go-live"
    last = outcome.weeks[-LAST:]
    end = last[-1].begins + timedelta(days=6)
    span = "week" if len(last) == 1 else f"{len(last)} weeks"
    return f"{say(mean(w.value for w in last), outcome.measure)} in the {span} to {end}"
