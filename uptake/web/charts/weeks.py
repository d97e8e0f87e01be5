"""Charts by week. In: weeks with their value, and limits; out: Drawings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from uptake.adoption.spc import Cause, Chart, Kind, Point
from uptake.report.figures import clean, threshold
from uptake.web.charts.drawing import BLUE, GREY, INK, ORANGE, WIDTH, Drawing, draw, told

_HEIGHT, _RIGHT, _BOTTOM, _LEFT = 220, 132, 40, 56
_DAY = 86_400_000
_WEEKS_SHOWN = 7
_NOTE = 15
"""How far a word is from the run of points that it names."""
_DARK = "#565c65"
_LINE = 15
"""The least distance of two labels beside the plot."""
_MARKS = {
    Kind.COMMON: ("circle", GREY, 42),
    Kind.IMPROVEMENT: ("square", BLUE, 74),
    Kind.CONCERN: ("diamond", ORANGE, 100),
    Kind.HIGH: ("triangle-up", INK, 80),
    Kind.LOW: ("triangle-down", INK, 80),
}
_WORDS = {
    Kind.IMPROVEMENT: "better",
    Kind.CONCERN: "worse",
    Kind.HIGH: "unusually high",
    Kind.LOW: "unusually low",
}
_DOWN = frozenset({Cause.BELOW, Cause.FALLING, Cause.NEAR_LOWER, Cause.LOW})


@dataclass(frozen=True, slots=True)
class WeekPoint:
    """One week: its value, what it was counted from, and what its control chart says of it."""

    week: date
    """The day it begins."""
    value: float | None
    """In the chart's unit; of the unit `%` a share, 0 to 1. None: it cannot be told, a gap."""
    numerator: int | None = None
    denominator: int | None = None
    point: Point | None = None


def controlled(weeks: Iterable[WeekPoint], chart: Chart) -> tuple[WeekPoint, ...]:
    """Return the weeks with the points of the chart that was made of their values."""
    points = iter(chart.points)
    return tuple(w if w.value is None else replace(w, point=next(points)) for w in weeks)


def control_chart(
    rows: Sequence[WeekPoint],
    *,
    title: str,
    unit: str,
    target: float | None,
    go_live: date | None,
    sentence: str,
) -> Drawing:
    """Return a control chart of weeks in time order, each with its `point`.

    A band shows where chance alone puts a week; a week that is a special cause has another shape,
    and each run of them is named. The target is in the unit of the values.
    """
    frame = _Frame(unit, target, go_live)
    columns = (*_columns(rows, frame), "Mean", "Limits", "What it says")
    table = tuple((*_cells(row, rows, frame), *_judged(row.point, frame)) for row in rows)
    return Drawing(_draw(rows, title, sentence, frame), sentence, columns, table)


def weekly(
    rows: Sequence[WeekPoint],
    *,
    title: str,
    unit: str,
    target: float | None,
    go_live: date | None,
    sentence: str,
) -> Drawing:
    """Return a line of weeks in time order against its target; limits are not drawn."""
    frame = _Frame(unit, target, go_live)
    table = tuple(_cells(row, rows, frame) for row in rows)
    bare = [replace(row, point=None) for row in rows]
    return Drawing(_draw(bare, title, sentence, frame), sentence, _columns(rows, frame), table)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What the weeks are drawn against."""

    unit: str
    target: float | None
    go_live: date | None

    def drawn(self, value: float) -> float:
        """Return a value as the axis has it: no share leaves 0 to 100, as some limits would."""
        return 100 * min(max(value, 0), 1) if self.unit == "%" else value

    def told(self, value: float, bound: float | None = None) -> str:
        """Return a value in words, on the true side of the bound."""
        return told(value, self.unit, bound)


@dataclass(frozen=True, slots=True)
class _Scale:
    """The vertical axis: values to units of the drawing, from the top, and back."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        return _HEIGHT * (self.high - value) / (self.high - self.low)

    def value(self, place: float) -> float:
        return self.high - place / _HEIGHT * (self.high - self.low)


def _draw(rows: Sequence[WeekPoint], title: str, sentence: str, frame: _Frame) -> Markup:
    if not rows:
        return Markup("")
    plain = all(row.point is None for row in rows)
    scale = _scale(rows, frame, plain)
    times = [milliseconds(row.week) for row in rows]
    # One week alone has no width; a week on either side gives it some.
    only = 7 * _DAY if len(rows) == 1 else 0
    shown = times[:: ceil(len(times) / _WEEKS_SHOWN)]
    points = _points(rows, times, frame, plain)
    target = [] if frame.target is None else [{"value": frame.drawn(frame.target)}]
    unit = [] if frame.unit == "%" else [{"text": clean(frame.unit)}]
    live = _go_live(times, frame)
    return draw(
        "weeks",
        title=title,
        sentence=sentence,
        box=(_HEIGHT, 36 if live or unit else 18, _RIGHT, _BOTTOM, _LEFT),
        sets={
            "points": points,
            "notes": _notes(rows, points, scale),
            "labels": _labels(rows, frame, scale),
            "target": target,
            "unit": unit,
            "go_live": live,
        },
        params={
            "first": times[0] - only,
            "last": times[-1] + only,
            "low": scale.low,
            "high": scale.high,
            "ticks": scale.ticks,
            "weeks": shown,
            "years": _new_years(shown),
            "suffix": " %" if frame.unit == "%" else "",
            "line_colour": BLUE if plain else GREY,
            "line_width": 2 if plain else 1.25,
        },
    )


def _points(
    rows: Sequence[WeekPoint], times: Sequence[int], frame: _Frame, plain: bool
) -> list[dict[str, Any]]:
    """Return a row a week: what is drawn of it, and which segment of limits it is in."""
    found: list[dict[str, Any]] = []
    segment, before = 0, None
    for row, time in zip(rows, times, strict=True):
        kind = row.point.kind if row.point else Kind.COMMON
        shape, colour, size = ("circle", BLUE, 46) if plain else _MARKS[kind]
        drawn: dict[str, Any] = {"week": time, "shape": shape, "colour": colour, "size": size}
        drawn["value"] = None if row.value is None else frame.drawn(row.value)
        if row.point:
            limits = (row.point.mean, row.point.lower, row.point.upper)
            segment += before not in (None, limits)
            before = limits
            for name, line in zip(("mean", "lower", "upper"), limits, strict=True):
                drawn[name] = None if line is None else frame.drawn(line)
        found.append(drawn | {"segment": segment})
    return found


def _notes(
    rows: Sequence[WeekPoint], points: Sequence[Mapping[str, Any]], scale: _Scale
) -> list[dict[str, Any]]:
    """Return a word a run of special causes, above it or below it, where it has room."""
    found: list[dict[str, Any]] = []
    week = (points[-1]["week"] - points[0]["week"]) or 1
    judged = [(r.point, p) for r, p in zip(rows, points, strict=True) if r.point]
    for kind, group in groupby(judged, key=lambda pair: pair[0].kind):
        if kind is Kind.COMMON:
            continue
        run = list(group)
        down = run[0][0].special_cause in _DOWN
        places = [scale.place(p["value"]) for _, p in run]
        place = max(places) + _NOTE if down else min(places) - _NOTE
        if not 0 < place < _HEIGHT:
            place = min(places) - _NOTE if down else max(places) + _NOTE
        middle = (run[0][1]["week"] + run[-1][1]["week"]) / 2
        width = WIDTH - _LEFT - _RIGHT
        if any(
            abs(n["week"] - middle) / week * width < 90 and abs(n["place"] - place) < _LINE
            for n in found
        ):
            continue
        found.append({"week": middle, "place": place, "value": scale.value(place),
                      "text": _WORDS[kind], "colour": _MARKS[kind][1]})  # fmt: skip
    return found


def _labels(rows: Sequence[WeekPoint], frame: _Frame, scale: _Scale) -> list[dict[str, Any]]:
    """Return the words beside the plot, moved apart where lines are close."""
    lines: list[tuple[float, str, str]] = []
    if frame.target is not None:
        lines.append((frame.target, f"target {_aim(frame)}", INK))
    last = next((row.point for row in reversed(rows) if row.point), None)
    if last:
        named = ((last.upper, "upper limit"), (last.mean, "mean"), (last.lower, "lower limit"))
        lines += [(v, f"{name} {frame.told(v)}", _DARK) for v, name in named if v is not None]
    elif rows[-1].value is not None:
        lines.append((rows[-1].value, f"latest {frame.told(rows[-1].value, frame.target)}", BLUE))
    placed = [(scale.place(frame.drawn(v)), text, colour) for v, text, colour in lines]
    wanted = sorted(placed, key=lambda line: line[0])  # of equal lines the upper limit is on top
    places = spread([place for place, *_ in wanted], _LINE, _HEIGHT)
    return [
        {"value": scale.value(place), "text": text, "colour": colour}
        for place, (_, text, colour) in zip(places, wanted, strict=True)
    ]


def spread(wanted: Sequence[float], gap: float, end: float) -> list[float]:
    """Return ascending places at least `gap` apart, near those wanted, up to `end` if they fit."""
    found: list[float] = []
    for place in wanted:
        found.append(max(place, found[-1] + gap) if found else place)
    limit = max(end, gap * (len(found) - 1))
    for i in reversed(range(len(found))):
        found[i] = min(found[i], limit)
        limit = found[i] - gap
    return found


def _scale(rows: Sequence[WeekPoint], frame: _Frame, plain: bool) -> _Scale:
    """Return an axis with round ends: of shares without limits the whole, else what is needed."""
    if plain and frame.unit == "%":
        return _Scale(0, 100, (0, 25, 50, 75, 100))
    values = [row.value for row in rows if row.value is not None]
    values += [v for r in rows if r.point for v in (r.point.lower, r.point.upper) if v is not None]
    values += [] if frame.target is None else [frame.target]
    drawn = [frame.drawn(v) for v in values] or [0.0]
    least, most = min(drawn), max(drawn)
    if plain:
        least = min(least, 0.0)
    step = _step((most - least) or abs(most) or 1.0)
    low, high = floor(least / step) * step, ceil(most / step) * step
    if low == high:
        low, high = low - step, high + step
    low, high = _with_room(rows, frame, low, high, step)
    if frame.unit == "%":
        low, high = max(low, 0.0), min(high, 100.0)
    ticks = tuple(round(low + i * step, 9) for i in range(floor((high - low) / step + 1e-9) + 1))
    return _Scale(low, high, ticks)


def _with_room(
    rows: Sequence[WeekPoint], frame: _Frame, low: float, high: float, step: float
) -> tuple[float, float]:
    """Return the ends a step further out where the word of a special cause would have no room."""
    room = (high - low) * _NOTE * 1.5 / _HEIGHT
    special = [r.point for r in rows if r.point and r.point.kind is not Kind.COMMON]
    down = [frame.drawn(p.value) for p in special if p.special_cause in _DOWN]
    up = [frame.drawn(p.value) for p in special if p.special_cause not in _DOWN]
    return (
        low - step if down and min(down) - low < room else low,
        high + step if up and high - max(up) < room else high,
    )


def _step(width: float) -> float:
    """Return 1, 2 or 5 times a power of ten, so that a width has three to seven steps."""
    power: float = 10 ** floor(log10(width / 4))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= width / 5)


def _go_live(times: Sequence[int], frame: _Frame) -> list[dict[str, Any]]:
    """Return the rule of the go-live, if it is among the weeks, and its words."""
    if frame.go_live is None:
        return []
    time = milliseconds(frame.go_live)
    # Up to the end of the last week.
    if not times[0] <= time < times[-1] + 7 * _DAY:
        return []
    return [{"week": min(time, times[-1]), "text": f"go-live {_day(frame.go_live)}"}]


def _columns(rows: Sequence[WeekPoint], frame: _Frame) -> tuple[str, ...]:
    value = "Share" if frame.unit == "%" else frame.unit[:1].upper() + frame.unit[1:]
    return ("Week of", *(("Count", "Of") if _counted(rows) else ()), value)


def _cells(row: WeekPoint, rows: Sequence[WeekPoint], frame: _Frame) -> tuple[str, ...]:
    counts = (row.numerator, row.denominator) if _counted(rows) else ()
    value = "cannot tell" if row.value is None else frame.told(row.value, frame.target)
    return (row.week.isoformat(), *("–" if n is None else f"{n:,}" for n in counts), value)


def _judged(point: Point | None, frame: _Frame) -> tuple[str, str, str]:
    """Return a week's mean, limits and meaning, as its table says them."""
    if point is None:
        return "–", "–", "–"
    limits = "none"
    if point.lower is not None and point.upper is not None:
        limits = f"{frame.told(point.lower)} to {frame.told(point.upper)}"
    said = "within chance"
    if point.kind is not Kind.COMMON:
        said = f"{_WORDS[point.kind]}: {point.special_cause}"
    return frame.told(point.mean), limits, said


def _counted(rows: Sequence[WeekPoint]) -> bool:
    return any(row.denominator is not None for row in rows)


def _aim(frame: _Frame) -> str:
    target = frame.target or 0.0
    return threshold(target) if frame.unit == "%" else frame.told(target)


def milliseconds(day: date) -> int:
    """Return a civil day as the drawing's clock has it: midnight in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def _day(day: date) -> str:
    return f"{day:%b} {day.day}"


def _new_years(times: Sequence[int]) -> list[int]:
    """Return the weeks under which the year is written: the first one of each year."""
    years = [datetime.fromtimestamp(time / 1000, UTC).year for time in times]
    return [time for i, time in enumerate(times) if i == 0 or years[i] != years[i - 1]]
