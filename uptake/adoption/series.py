"""Measures by week. In: a run's measure rows, the day of go-live; out: series, and if it helped.

A week is Monday to Sunday, UTC; a week that is not over is left out. Limits come from the weeks
before go-live and are held against those after: chance moves every number, a special cause is what
chance does not explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, timedelta
from statistics import mean
from typing import TYPE_CHECKING

from uptake.adoption.spc import POINTS_NEEDED, Chart, Kind, xmr
from uptake.adoption.stages import BETTER, untold
from uptake.model import Stage, StageResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.adoption.reach import Reach
    from uptake.model import Measure

WEEKS_BEFORE = 6
"""Fewer weeks before go-live are no baseline."""
SHOWN = 26
"""So many weeks before go-live, or of now, are looked at; all weeks after it are."""
LAST = 4
"""The number of now is the mean of so many weeks."""

_NUMBER = {
    "share": "100.0 * count(*) filter (counts) / nullif(count(counts), 0)",
    "count": "case when count(counts) > 0 then count(*) filter (counts) end",
    "median": "median(value)",
    "mean": "avg(value)",
}


@dataclass(frozen=True, slots=True)
class Week:
    """A measure's number of one week, and how many rows it is made of."""

    begins: date
    value: float
    rows: int


@dataclass(frozen=True, slots=True)
class Series:
    """A measure by week, judged against its baseline."""

    measure: Measure
    weeks: tuple[Week, ...]
    before: int
    """Weeks before go-live."""
    chart: Chart | None
    """None: too few weeks."""
    target: float | None
    undecided: int
    """Rows that cannot be judged."""
    behind: int = 0
    """Whole weeks since the newest one."""

    @property
    def baseline(self) -> float | None:
        """Return the mean of the weeks before go-live."""
        return mean(w.value for w in self.weeks[: self.before]) if self.before else None

    @property
    def now(self) -> float | None:
        """Return the mean of the last weeks, at most all those after go-live."""
        after = self.weeks[self.before :][-LAST:]
        return mean(w.value for w in after) if after else None

    def changed(self, kind: Kind) -> bool:
        """Return whether chance does not explain that the last weeks are better, or worse.

        A point of that kind is among them, and their mean is on that side of the baseline.
        """
        if self.chart is None or self.now is None or self.baseline is None:
            return False
        after = self.chart.points[self.before :][-LAST:]
        lower = self.now < self.baseline
        wanted = lower == ((self.measure.better == "lower") == (kind is Kind.IMPROVEMENT))
        return wanted and self.now != self.baseline and kind in {p.kind for p in after}


def series(
    reach: Reach, measure: Measure, go_live: date | None, target: float | None = None
) -> Series:
    """Return a measure by week; `target` is the charter's, in the measure's unit."""
    rows = reach.db.rows(
        f"""
        select date_trunc('week', at_time)::date, {_NUMBER[measure.statistic]}::double,
          count(*) filter (counts is not null or value is not null)
        from measure_row where measure = ? group by 1 order by 1
        """,
        [measure.code],
    )
    over = (reach.now + timedelta(seconds=1)).astimezone(UTC).date()
    weeks = tuple(
        Week(begins, value, n)
        for begins, value, n in rows
        if value is not None and begins + timedelta(days=7) <= over
    )
    if go_live:
        weeks = tuple(w for w in weeks if w.begins >= go_live - timedelta(weeks=SHOWN))
    else:
        weeks = weeks[-SHOWN:]
    before = sum(1 for w in weeks if go_live and w.begins + timedelta(days=7) <= go_live)
    aim = measure.target if target is None else target
    undecided = reach.db.row(
        "select count(*) from measure_row where measure = ? and counts is null and value is null",
        [measure.code],
    )[0]
    behind = (over - weeks[-1].begins).days // 7 - 1 if weeks else 0
    chart = _chart(weeks, before, measure, aim)
    return Series(measure, weeks, before, chart, aim, undecided, behind)


def _chart(weeks: Sequence[Week], before: int, measure: Measure, aim: float | None) -> Chart | None:
    if len(weeks) < 2:
        return None
    fixed = before if before >= WEEKS_BEFORE else None
    return xmr([w.value for w in weeks], fix_after=fixed, better=measure.better, target=aim)


def say(value: float, measure: Measure) -> str:
    """Return a number with its unit: `4.5 days`, `62 %`, `1.4 %`."""
    digits = 0 if abs(value) >= (10 if measure.unit == "%" else 100) or value == 0 else 1
    return f"{value:,.{digits}f} {measure.unit}"


def improved(outcome: Series | None, guardrails: Sequence[Series]) -> StageResult:
    """Return the outcome against its baseline, with its guardrails.

    It is met when the last weeks are better than the baseline beyond chance, the target (if there
    is one) is reached, and no guardrail has grown worse beyond chance. Of 13 weeks on it is told;
    limits that rest on fewer weeks before go-live carry the chart's warning.
    """
    if outcome is None:
        return untold(Stage.IMPROVED, "no outcome is defined for this use case")
    title = outcome.measure.title
    aim = _aim(outcome)
    if fault := _why_untold(outcome):
        return StageResult(
            Stage.IMPROVED, "cannot tell", outcome.target or 0.0, f"Cannot tell: {fault}.",
            aim=aim, reason=fault,
        )  # fmt: skip
    assert outcome.now is not None and outcome.baseline is not None  # noqa: S101, PT018 -- _why_untold
    number, baseline = say(outcome.now, outcome.measure), say(outcome.baseline, outcome.measure)
    better, reached = outcome.changed(Kind.IMPROVEMENT), _reached(outcome)
    beyond = [g for g in guardrails if over(g)]
    worse = [g for g in guardrails if g not in beyond and g.changed(Kind.CONCERN)]
    parts = [f"{title}: {number} in the last {LAST} weeks, {baseline} before go-live"]
    if not better:
        parts.append("the change is within what chance explains")
    elif not reached:
        parts.append("better, and not yet at its target")
    parts += [_over_sentence(g) for g in beyond]
    parts += [f"a guardrail grew worse: {g.measure.title}" for g in worse]
    worse += beyond
    open_ = [g for g in guardrails if g not in worse and _why_untold(g)]
    if better and reached and not worse and len(open_) < len(guardrails):
        names = ", ".join(g.measure.title for g in guardrails if g not in open_)
        parts.append(f"no guardrail grew worse ({names})")
    parts += [f"a guardrail cannot be told: {g.measure.title}" for g in open_]
    return StageResult(
        Stage.IMPROVED,
        "met" if better and reached and not worse else "under",
        outcome.target or 0.0,
        f"{'; '.join(parts)}.",
        number=number,
        aim=aim,
    )


def over(guardrail: Series) -> bool:
    """Tell whether a guardrail with a limit is beyond it: that needs no baseline."""
    after = len(guardrail.weeks) - guardrail.before
    return after >= LAST and not _reached(guardrail)


def _over_sentence(guardrail: Series) -> str:
    now = say(guardrail.now or 0.0, guardrail.measure)
    return f"a guardrail is beyond its limit: {guardrail.measure.title}: {now}, {_aim(guardrail)}"


def _aim(outcome: Series) -> str:
    if outcome.target is None:
        return BETTER
    side = "at most" if outcome.measure.better == "lower" else "at least"
    return f"{side} {outcome.target:g} {outcome.measure.unit}"


def _reached(outcome: Series) -> bool:
    if outcome.target is None or outcome.now is None:
        return True
    if outcome.measure.better == "lower":
        return outcome.now <= outcome.target
    return outcome.now >= outcome.target


def _why_untold(outcome: Series) -> str:
    """Return why nothing can be said of the outcome; empty when something can."""
    title = outcome.measure.title.lower()
    if not outcome.weeks and outcome.undecided:
        return f"no source says of any of {outcome.undecided:,} whether it was so ({title})"
    if not outcome.weeks:
        return f"no row of the data tells {title}"
    if len(outcome.weeks) < POINTS_NEEDED:
        return f"{len(outcome.weeks)} weeks of {title}, and {POINTS_NEEDED} are needed"
    if outcome.before < WEEKS_BEFORE:
        return f"{outcome.before} weeks before go-live, and {WEEKS_BEFORE} are needed as a baseline"
    if len(outcome.weeks) - outcome.before < LAST:
        return f"under {LAST} weeks since go-live"
    if outcome.behind > LAST:
        return f"the newest week of {title} is that of {outcome.weeks[-1].begins}"
    return ""
