"""The geometry of the page's drawings. In: results; out: percentages and points, never markup.

Coordinates come from `Figures.value`: a drawing tells no more than the text beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.report.figures import SMALL, threshold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from uptake.model import Fitness, Stratum
    from uptake.report.figures import Figures

STEPS_DRAWN = 8
"""Steps of a fix plan that are drawn; the table beside the drawing has all."""
MONTHS_NEEDED = 4
"""A trend is drawn from this many months on."""
_LEVELS = 12
_STEP = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a bar, in percent of its width."""

    kind: str
    """`fit`, `unfit`, `unknown`, `gain` or `clear` (no defect left, still not known)."""
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """A bar of the waterfall with the words above it."""

    label: str
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Where a use case starts, what each step adds, where it ends, and the target."""

    rows: tuple[Row, ...]
    target: float
    clears: bool
    """True when some row shows units without a defect that are still not known."""


SHORT = 2.0
"""How far, in hundredths of the width, a coarse bar ends before a line it does not reach."""


@dataclass(frozen=True, slots=True)
class Trend:
    """A sparkline: points in a box of `width` by 24, and the months it spans."""

    points: str
    width: int
    first: str
    last: str
    highest: str


def drawable(fitness: Fitness, figures: Figures) -> bool:
    """Returns false when the population is none, or too small for a shared drawing."""
    return fitness.population >= (SMALL if figures.hides else 1)


def bar(fitness: Fitness, figures: Figures) -> tuple[Segment, ...]:
    """Returns the fit, unfit and unknown parts side by side."""
    parts = {"fit": fitness.fit, "unfit": fitness.unfit, "unknown": fitness.unknown}
    values = {kind: figures.value(n) for kind, n in parts.items()}
    whole, segments, x = sum(values.values()) or 1, [], 0.0
    for kind, value in values.items():
        if value:
            segments.append(Segment(kind, round(x, 1), round(100 * value / whole, 1)))
        x += 100 * value / whole
    return tuple(segments)


def waterfall(fitness: Fitness, figures: Figures) -> Waterfall:
    """Returns the fix plan of one use case as rows of bars."""
    whole = max(figures.value(fitness.population), 1)

    target = 100 * fitness.use_case.threshold
    needed = fitness.use_case.threshold * fitness.population

    def at(n: int) -> float:
        """Returns where a bar ends: on its side of the target, as the words beside it say."""
        end = min(100 * figures.value(n) / whole, 100)
        if not figures.rounds or n == 0:
            return round(end, 1)
        end = min(end, target - SHORT) if n < needed else max(end, target)
        return round(min(end, 100 - SHORT) if n < fitness.population else 100, 1)

    def told(n: int) -> str:
        return figures.share(n, fitness.population, fitness.use_case.threshold)

    def span(kind: str, start: float, end: float) -> tuple[Segment, ...]:
        return (Segment(kind, start, round(end - start, 1)),) if end > start else ()

    rows, before = [Row(f"Now: {told(fitness.fit)}", span("fit", 0, at(fitness.fit)))], fitness.fit
    drawn = fitness.fix_plan[:STEPS_DRAWN]
    for number, step in enumerate(drawn, 1):
        gain = span("gain", at(before), at(step.reaches))
        left = span("clear", at(step.reaches), at(step.clears))
        label = f"Step {number}: {told(step.reaches)}"
        if step.clears > step.reaches:
            label += f"; no defect left: {figures.share(step.clears, fitness.population)}"
        rows.append(Row(label, (*gain, *left)))
        before = step.reaches
    last = fitness.fix_plan[-1].reaches
    more = f" (with {len(fitness.fix_plan) - len(drawn)} more steps)" if last != before else ""
    rows.append(Row(f"Reached{more}: {told(last)}", span("fit", 0, at(last))))
    clears = any(s.kind == "clear" for row in rows for s in row.segments)
    return Waterfall(tuple(rows), round(100 * fitness.use_case.threshold, 1), clears)


def target_label(fitness: Fitness) -> str:
    """Returns the words beside the target line."""
    return f"target {threshold(fitness.use_case.threshold)}"


def trend(strata: Sequence[Stratum], figures: Figures) -> Trend | None:
    """Returns the share of violations by month in twelve levels; None under four months.

    Months with one violation each, of a hidden total, could be counted: then None as well.
    """
    months: dict[str, list[int]] = {}
    for stratum in strata:
        if stratum.month and stratum.denominator:
            sums = months.setdefault(stratum.month, [0, 0])
            sums[0] += stratum.numerator
            sums[1] += stratum.denominator
    hidden = figures.hides and sum(bad for bad, _ in months.values()) < SMALL
    if hidden or len(months) < MONTHS_NEEDED:
        return None
    shares = {m: figures.value(bad) / figures.value(whole) for m, (bad, whole) in months.items()}
    shares = {month: min(shares[month], 1.0) for month in sorted(shares)}
    top = max(shares.values()) or 1
    points = " ".join(
        f"{2 + _STEP * i},{22 - round(_LEVELS * share / top) * 20 // _LEVELS}"
        for i, share in enumerate(shares.values())
    )
    highest = max(shares, key=lambda month: (shares[month], month))
    return Trend(points, 4 + _STEP * (len(shares) - 1), min(shares), max(shares), highest)


def level(failed: int, judged: int) -> int:
    """Returns 0 (none fails) to 3 (half or more fail): how dark a cell of the scorecard is."""
    share: float = failed / judged if judged else 0
    return 0 if not failed else 1 if share < 0.2 else 2 if share < 0.5 else 3


def totals(strata: Sequence[Stratum]) -> Mapping[str, tuple[int, int, int]]:
    """Returns feed to numerator, denominator and not judged, over types and months."""
    sums: dict[str, list[int]] = {}
    for s in strata:
        feed = sums.setdefault(s.feed, [0, 0, 0])
        feed[0] += s.numerator
        feed[1] += s.denominator
        feed[2] += s.not_judged
    return {feed: (n, d, u) for feed, (n, d, u) in sorted(sums.items())}
