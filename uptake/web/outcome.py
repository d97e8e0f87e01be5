"""Charts of measures. In: the measures of a use case by week; out: control charts, or lines."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from uptake.rollout.chain import measured
from uptake.web.charts import WeekPoint, control_chart, controlled, weekly

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from uptake.adoption.series import Series
    from uptake.adoption.spc import Chart
    from uptake.model import UseCase
    from uptake.rollout.situation import Situation
    from uptake.web.charts import Drawing

PERCENT = 100
"""A measure has a share in percent, a chart from 0 to 1."""


def measures(situation: Situation, case: UseCase) -> tuple[Drawing, ...]:
    """Return the charts of a use case: the outcome first, then its guardrails."""
    found = measured(situation, case)
    outcome = (found.outcome,) if found.outcome else ()
    return draw(situation, case, (*outcome, *found.guardrails))


def workflow(situation: Situation, case: UseCase) -> tuple[Drawing, ...]:
    """Return the charts of how long the work takes, where a measure says it."""
    return draw(situation, case, measured(situation, case).workflow)


def draw(situation: Situation, case: UseCase, found: Iterable[Series]) -> tuple[Drawing, ...]:
    """Return a chart a measure that has a week."""
    live = situation.go_live.get(case.code)
    return tuple(_chart(one, live) for one in found if one.weeks)


def _chart(found: Series, go_live: date | None) -> Drawing:
    measure = found.measure
    scale = PERCENT if measure.unit == "%" else 1
    weeks = [WeekPoint(w.begins, w.value / scale) for w in found.weeks]
    target = None if found.target is None else found.target / scale
    sentence = measure.means.split("\n\n")[0] or measure.title
    if found.chart is None:
        return weekly(
            weeks, title=measure.title, unit=measure.unit, target=target, go_live=go_live,
            sentence=sentence,
        )  # fmt: skip
    drawn = control_chart(
        controlled(weeks, _scaled(found.chart, scale)), title=measure.title, unit=measure.unit,
        target=target, go_live=go_live, sentence=sentence,
    )  # fmt: skip
    untold = f"{found.undecided:,} more cannot be judged." if found.undecided else ""
    return replace(drawn, note=f"{untold} {found.chart.warning}".strip())


def _scaled(chart: Chart, scale: int) -> Chart:
    """Return a chart whose values and limits are in the unit that is drawn."""

    def drawn(value: float | None) -> float | None:
        return None if value is None else value / scale

    return replace(
        chart,
        points=tuple(
            replace(
                point, value=point.value / scale, mean=point.mean / scale,
                lower=drawn(point.lower), upper=drawn(point.upper),
            )
            for point in chart.points
        ),
    )  # fmt: skip
