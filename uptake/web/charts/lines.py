"""Shares over time, a line a group. In: each group's shares by day; out: a Drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from textwrap import shorten

from markupsafe import Markup

from uptake.report.figures import clean, threshold
from uptake.web.charts.drawing import BLUE, GREY, INK, ORANGE, RED, WIDTH, Drawing, draw, told
from uptake.web.charts.weeks import milliseconds, spread

_HEIGHT, _RIGHT, _BOTTOM, _LEFT = 180, 170, 28, 56
_LINE = 15
_DAY = 86_400_000
_DAY_WIDTH = 84
"""Room of a day's name under the axis."""
_LOOKS = ((BLUE, "circle"), (ORANGE, "diamond"), (INK, "square"), (RED, "triangle-up"),
          (GREY, "triangle-down"))  # fmt: skip
"""Colour and shape of each line: nothing is said by colour alone. More lines are not drawn."""
_LABEL = 24
"""Letters of a group's name beside the plot."""


@dataclass(frozen=True, slots=True)
class Dot:
    """One day or month of a group: its share, and what it was counted from."""

    on: date
    numerator: int
    denominator: int

    @property
    def share(self) -> float:
        """Return the share, 0 to 1; the denominator is never 0."""
        return self.numerator / self.denominator


def lines(
    groups: Mapping[str, Sequence[Dot]],
    *,
    title: str,
    bound: float | None,
    sentence: str,
    layout: str = "%Y-%m",
    by: str = "Feed",
) -> Drawing:
    """Return a line a group, days in order; the table has those too that are not drawn.

    Drawn are the groups with most found; of those without any, one if there is no other.

    `bound` is the share that is allowed; `layout` is how a day is written (strftime).
    """
    rows = tuple(
        (clean(name), dot.on.strftime(layout), f"{dot.numerator:,}", f"{dot.denominator:,}",
         told(dot.share, "%", bound))
        for name, dots in groups.items() for dot in dots
    )  # fmt: skip
    columns = (by, "When", "Found", "Of", "Share")
    if not rows:
        return Drawing(Markup(""), sentence, columns, rows)
    ranked = sorted(groups.items(), key=lambda g: (-sum(d.numerator for d in g[1]), g[0]))
    told_of = [g for g in ranked if any(dot.numerator for dot in g[1])] or ranked[:1]
    drawn = told_of[: len(_LOOKS)]
    left = len(groups) - len(drawn)
    note = f"{left} more in the table." if left else ""
    return Drawing(_draw(drawn, title, bound, sentence, layout), sentence, columns, rows, note)


def _draw(
    groups: Sequence[tuple[str, Sequence[Dot]]],
    title: str,
    bound: float | None,
    sentence: str,
    layout: str,
) -> Markup:
    shares = [100 * dot.share for _, dots in groups for dot in dots]
    high = _top(max([*shares, 100 * (bound or 0) if (bound or 0) < 1 else 0]))
    times = sorted({milliseconds(dot.on) for _, dots in groups for dot in dots})
    only = 7 * _DAY if len(times) == 1 else 0
    dots = [
        {"on": milliseconds(dot.on), "value": 100 * dot.share, "group": name, "colour": colour,
         "shape": shape}
        for (name, found), (colour, shape) in zip(groups, _LOOKS, strict=False) for dot in found
    ]  # fmt: skip
    limit = [] if bound is None or bound >= 1 else [{"value": 100 * bound}]
    allowed = f"; the dashed line is what is allowed, {threshold(bound)}" if bound and limit else ""
    return draw(
        "lines",
        title=title + allowed,
        sentence=sentence,
        box=(_HEIGHT, 18, _RIGHT, _BOTTOM, _LEFT),
        sets={"dots": dots, "labels": _labels(groups, high), "limit": limit},
        params={
            "first": times[0] - only,
            "last": times[-1] + only,
            "high": high,
            "ticks": [0, high / 2, high],
            "shown": _apart(times),
            "layout": layout,
        },
    )


def _labels(groups: Sequence[tuple[str, Sequence[Dot]]], high: float) -> list[dict[str, object]]:
    """Return each group's name at the end of its line, none upon another."""
    ends = sorted(
        (_HEIGHT * (high - 100 * found[-1].share) / high, name, colour)
        for (name, found), (colour, _) in zip(groups, _LOOKS, strict=False)
    )
    places = spread([place for place, *_ in ends], _LINE, _HEIGHT)
    return [
        {"value": high - place / _HEIGHT * high, "colour": colour,
         "text": shorten(clean(name), _LABEL, placeholder="…") or clean(name)[:_LABEL]}
        for place, (_, name, colour) in zip(places, ends, strict=True)
    ]  # fmt: skip


def _apart(times: Sequence[int]) -> list[int]:
    """Return the times to write under the axis: the last, and before it those with room."""
    width = WIDTH - _LEFT - _RIGHT
    span = (times[-1] - times[0]) or 1
    shown = [times[-1]]
    for time in reversed(times):
        if (shown[0] - time) / span * width >= _DAY_WIDTH:
            shown.insert(0, time)
    return shown


def _top(share: float) -> float:
    """Return the end of the axis: a round share at or above the highest, in percent."""
    return float(next(top for top in (1, 2, 5, 10, 20, 40, 60, 80, 100) if top >= share))
