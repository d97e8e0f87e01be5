"""The figures of prior authorization by payer's line. In: authorizations; out: shares and times.

Those that CMS-0057-F makes payers publish (42 CFR 422.122(c) and its twins), as far as a provider's
records tell them, and the provider's own: from signature to answer, and to the service. Drugs are
left out. Small counts are not shown.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uptake.authorization.decisions import FINAL, GRANTED, Outcome
from uptake.authorization.settings import settings

if TYPE_CHECKING:
    from uptake.authorization.tracker import Authorization

NOBODY = "payer not told by a file"
HOUR = timedelta(hours=1)
SPEEDS = ("standard", "expedited")
DECISION, CYCLE, WAIT = ("T3", "T6"), ("T0", "T6"), ("T0", "T7")
_SPANS = (DECISION, CYCLE, WAIT)


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one line."""

    line: str
    name: str
    value: float | None
    """A share of 1, or hours; None: too few, or it cannot be told."""
    unit: str
    """`share` or `hours`."""
    of: int
    """Of how many; 0 where even that is not shown."""
    why: str = ""
    """Why there is no value."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of one request; no more of it is kept."""

    line: str
    speed: str
    first: Outcome | None
    """The first final answer: what came of an appeal is another figure."""
    at_once: bool | None
    """The first answer was final; None: there is no answer."""
    granted_later: bool
    in_time: bool | None
    hours: Mapping[tuple[str, str], float]
    """Between two clocks."""


def line_of(one: Authorization) -> str:
    """Return the payer and its line of business."""
    payer = one.need.payer
    if payer is None:
        return NOBODY
    return f"{payer.name}: {payer.line}" if payer.line else payer.name


def counted(one: Authorization, now: datetime) -> Counted | None:
    """Return what is counted of an authorization, None where nobody asked, or of a drug."""
    if not one.claims or one.is_drug:
        return None
    spans = {pair: one.elapsed(*pair) for pair in _SPANS}
    return Counted(
        line_of(one),
        one.speed,
        next((d.outcome for d in reversed(one.decisions) if d.outcome in FINAL), None),
        one.decisions[-1].outcome in FINAL if one.decisions else None,
        one.granted_after_denial,
        one.in_time(now),
        # what ends before it begins is no time
        {
            pair: span / HOUR
            for pair, span in spans.items()
            if span is not None and span >= timedelta()
        },
    )


def figures(requests: Iterable[Counted]) -> tuple[Figure, ...]:
    """Return every figure of every line, in the order of the rule."""
    lines: dict[str, list[Counted]] = defaultdict(list)
    for one in requests:
        lines[one.line].append(one)
    return tuple(figure for line in sorted(lines) for figure in _of_line(line, lines[line]))


def _of_line(line: str, asked: Sequence[Counted]) -> Iterable[Figure]:
    for speed in SPEEDS:
        decided = [one for one in asked if one.speed == speed and one.first]
        yield _share(line, f"{speed}: approved", [one.first in GRANTED for one in decided])
        yield _share(line, f"{speed}: denied", [one.first is Outcome.DENIED for one in decided])
    answered = [one.at_once for one in asked if one.at_once is not None]
    yield _share(line, "final at the first answer", answered)
    denied = [one for one in asked if one.first is Outcome.DENIED]
    yield _share(line, "denied: approved later", [one.granted_later for one in denied])
    why = "no element says that a payer extended the time"
    yield Figure(line, "approved after an extension", None, "share", 0, why)
    for speed in SPEEDS:
        times = _times(asked, DECISION, speed)
        yield _time(line, f"{speed}: request to decision, mean", times, statistics.fmean)
        yield _time(line, f"{speed}: request to decision, median", times, statistics.median)
    kept = [one.in_time for one in asked if one.in_time is not None]
    yield _share(line, "decided in the time that binds", kept)
    for name, span in (("signature to decision", CYCLE), ("signature to service", WAIT)):
        times = _times(asked, span)
        yield _time(line, f"{name}, median", times, statistics.median)
        yield _time(line, f"{name}, of nine in ten", times, ninth_tenth)


def _times(asked: Iterable[Counted], span: tuple[str, str], speed: str = "") -> list[float]:
    """Return the hours between two clocks."""
    return [one.hours[span] for one in asked if span in one.hours and speed in ("", one.speed)]


def ninth_tenth(times: Sequence[float]) -> float:
    """Return the 90th percentile: the smallest time that nine in ten do not exceed."""
    return sorted(times)[-(-len(times) * 9 // 10) - 1]


def _share(line: str, name: str, told: Sequence[bool]) -> Figure:
    yes, fewest = sum(told), settings().fewest
    if not told:
        return Figure(line, name, None, "share", 0, "there are none to count")
    # a share of so few, or so few on either side of it, would tell of single patients
    if len(told) < fewest or 0 < yes < fewest or 0 < len(told) - yes < fewest:
        return Figure(line, name, None, "share", 0, f"fewer than {fewest}")
    return Figure(line, name, yes / len(told), "share", len(told))


def _time(
    line: str, name: str, times: Sequence[float], over: Callable[[Sequence[float]], float]
) -> Figure:
    if len(times) < settings().fewest:
        why = f"fewer than {settings().fewest}" if times else "there are none to count"
        return Figure(line, name, None, "hours", 0, why)
    return Figure(line, name, over(times), "hours", len(times))
