"""Signal or noise. In: numbers in time order; out: limits, and the points chance does not explain.

The XmR rules of NHS England's "Making Data Count", as its reference implementation reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from statistics import mean

POINTS_NEEDED = 13
"""Limits that rest on fewer points move with every new one: they carry a warning, no verdict."""
_FAR = 2.66
"""3 / 1.128 (d2 of two points): three standard deviations, from the mean moving range."""
_NEAR = 2 * _FAR / 3
_JUMP = 3.267
"""D4 of two points: a moving range of so many means is a jump, not variation (Nelson 1982)."""
_RUN = 7


class Cause(StrEnum):
    """Why chance alone is an unlikely reason; where two hold, the first in this order is named."""

    ABOVE = "above the upper limit"
    BELOW = "below the lower limit"
    RISING = "seven rising"
    FALLING = "seven falling"
    NEAR_UPPER = "two of three near the upper limit"
    NEAR_LOWER = "two of three near the lower limit"
    HIGH = "seven above the mean"
    LOW = "seven below the mean"
    COMMON = "common cause"


class Kind(StrEnum):
    """What a special cause means: better or worse; high or low where neither is better."""

    COMMON = "common cause"
    IMPROVEMENT = "improvement"
    CONCERN = "concern"
    HIGH = "high"
    LOW = "low"


_UPWARDS = frozenset({Cause.ABOVE, Cause.RISING, Cause.NEAR_UPPER, Cause.HIGH})


@dataclass(frozen=True, slots=True)
class Point:
    """One value, and the limits of its segment in the same unit."""

    value: float
    mean: float
    lower: float | None
    """None when the segment has no moving range: one point, or all were screened out."""
    upper: float | None
    special_cause: Cause
    kind: Kind


@dataclass(frozen=True, slots=True)
class Chart:
    """A series judged point by point, and against its target."""

    points: tuple[Point, ...]
    assurance: str
    """`pass`, `fail` or `inconsistent`: what the last limits promise of the target; else empty."""
    warning: str
    """Why the limits are not to be relied on yet; empty when they are."""

    @property
    def verdict(self) -> str:
        """Return the assurance; empty as well while there is a warning: it cannot be told."""
        return "" if self.warning else self.assurance


@dataclass(frozen=True, slots=True)
class _Limits:
    centre: float
    spread: float | None
    """The mean moving range."""

    def at(self, width: float) -> float | None:
        """Return the line that many moving ranges above the mean."""
        return None if self.spread is None else self.centre + width * self.spread

    def side(self, value: float) -> int:
        """Return 1 above the mean, -1 below it, 0 on it."""
        return (value > self.centre) - (value < self.centre)

    def beyond(self, value: float, width: float) -> bool:
        """Return true outside of the lines at that width on either side."""
        upper, lower = self.at(width), self.at(-width)
        return upper is not None and lower is not None and not lower <= value <= upper


def xmr(
    values: Sequence[float],
    *,
    rebase_at: Sequence[int] = (),
    fix_after: int | None = None,
    screen: bool = False,
    better: str = "",
    target: float | None = None,
) -> Chart:
    """Return the XmR chart of values in time order.

    `rebase_at` are positions, from 0, where new limits begin; with `fix_after` only so many first
    points of a segment set its limits; `screen` leaves jumps out of the moving range; `better` is
    `higher`, `lower` or empty. Raises ValueError for an argument that makes no chart.
    """
    _refuse(values, rebase_at, fix_after, better)
    if not values:
        return Chart((), "", "No points yet: there are no limits.")
    points: list[Point] = []
    bases: list[int] = []
    for start, end in pairwise(sorted({0, *rebase_at, len(values)})):
        segment = values[start:end]
        base = segment[:fix_after]
        bases.append(len(base))
        limits = _limits(base, screen)
        lower, upper = limits.at(-_FAR), limits.at(_FAR)
        for value, cause in zip(segment, _causes(segment, limits), strict=True):
            points.append(Point(value, limits.centre, lower, upper, cause, _kind(cause, better)))
    return Chart(tuple(points), _assurance(points[-1], better, target), _warning(bases))


def _refuse(
    values: Sequence[float], rebase_at: Sequence[int], fix_after: int | None, better: str
) -> None:
    """Raise ValueError for arguments that make no chart."""
    if not all(map(isfinite, values)):
        raise ValueError("a value is not a finite number; leave out what cannot be told")
    if any(not 0 <= at < len(values) for at in rebase_at):
        raise ValueError(f"rebase_at has a position outside of the {len(values)} values")
    if fix_after is not None and fix_after < 1:
        raise ValueError("fix_after is under 1; limits rest on at least one point")
    if better not in {"higher", "lower", ""}:
        raise ValueError(f"better is {better!r}; it is 'higher', 'lower' or empty")


def _limits(base: Sequence[float], screen: bool) -> _Limits:
    """Return mean and mean moving range of the points that set the limits."""
    ranges = [abs(b - a) for a, b in pairwise(base)]
    if screen and ranges:
        jump = _JUMP * float(mean(ranges))
        # Not `<=`: of a flat series the reference, too, leaves no range, and so no limits.
        ranges = [r for r in ranges if r < jump]
    # statistics.mean rounds once, at the end: a flat series lies on its mean, never beside it.
    return _Limits(float(mean(base)), float(mean(ranges)) if ranges else None)


def _causes(values: Sequence[float], limits: _Limits) -> list[Cause]:
    """Return the cause of each point of a segment, by the strongest rule that holds."""
    causes = [Cause.COMMON] * len(values)
    # From the weakest rule to the strongest: a later one overwrites.
    sides = [limits.side(value) for value in values]
    for at in _same(sides, _RUN):
        causes[at : at + _RUN] = [Cause.HIGH if sides[at] > 0 else Cause.LOW] * _RUN
    # The third point, too, is on that side of the mean; it is not marked unless it is near.
    near = [limits.beyond(v, _NEAR) and not limits.beyond(v, _FAR) for v in values]
    for at in _same(sides, 3):
        if sum(near[at : at + 3]) >= 2:
            for i in (i for i in range(at, at + 3) if near[i]):
                causes[i] = Cause.NEAR_UPPER if sides[i] > 0 else Cause.NEAR_LOWER
    # In time order: a point that ends one trend and begins another takes the later.
    steps = [(b > a) - (b < a) for a, b in pairwise(values)]
    for at in _same(steps, _RUN - 1):
        causes[at : at + _RUN] = [Cause.RISING if steps[at] > 0 else Cause.FALLING] * _RUN
    for i, value in enumerate(values):
        if limits.beyond(value, _FAR):
            causes[i] = Cause.ABOVE if sides[i] > 0 else Cause.BELOW
    return causes


def _same(signs: Sequence[int], size: int) -> list[int]:
    """Return where so many signs in a row begin that are all 1 or all -1."""
    starts = range(len(signs) - size + 1)
    return [at for at in starts if signs[at] and len(set(signs[at : at + size])) == 1]


def _kind(cause: Cause, better: str) -> Kind:
    """Return what the cause means; of a trend its direction counts, not its side of the mean."""
    if cause is Cause.COMMON:
        return Kind.COMMON
    up = cause in _UPWARDS
    if not better:
        return Kind.HIGH if up else Kind.LOW
    return Kind.IMPROVEMENT if up == (better == "higher") else Kind.CONCERN


def _assurance(last: Point, better: str, target: float | None) -> str:
    """Return whether the process, left as it is, always meets the target, never, or by chance."""
    if target is None or last.lower is None or last.upper is None:
        return ""
    if last.lower <= target <= last.upper:
        return "inconsistent"
    if not better:
        return ""
    return "pass" if (target < last.lower) == (better == "higher") else "fail"


def _warning(bases: Sequence[int]) -> str:
    """Return a sentence when the limits of a segment rest on too few points."""
    if bases[-1] < POINTS_NEEDED:
        points = "1 point" if bases[-1] == 1 else f"{bases[-1]} points"
        return f"The limits rest on {points}; from {POINTS_NEEDED} on they can be relied on."
    if min(bases) < POINTS_NEEDED:
        return (
            f"Earlier limits rest on as few as {min(bases)} of the {POINTS_NEEDED} points needed; "
            "do not compare across the step."
        )
    return ""
