"""Charts by group. In: groups with a number, or with parts; out: Drawings."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from markupsafe import Markup

from uptake.report.figures import clean, threshold
from uptake.web.charts.drawing import BLUE, GREY, INK, ORANGE, WIDTH, Drawing, draw, told

_ROW = 30
_LEFT, _RIGHT = 196, 150
_LABEL_LINE = 25
_PLOT = WIDTH - _LEFT - _RIGHT
_DRAWN = 20
"""Groups that are drawn; the table has all."""
_LETTER = 7.2
"""The width of a letter at 12 units, on the wide side: a word is never wider than its part."""
_PARTS = (BLUE, ORANGE, GREY, INK)


@dataclass(frozen=True, slots=True)
class Group:
    """One bar: a unit, a role, a feed."""

    label: str
    value: float | None
    """In the chart's unit; of the unit `%` a share, 0 to 1. None: it cannot be told."""
    numerator: int | None = None
    denominator: int | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """One bar of parts that make a whole, in the order of the parts' names."""

    label: str
    counts: tuple[int, ...]


def bars(
    rows: Sequence[Group],
    *,
    title: str,
    unit: str,
    target: float | None,
    sentence: str,
    by: str = "Group",
) -> Drawing:
    """Return a bar a group in the order given, with its number and its counts beside it.

    `by` heads the column of labels. At most 20 are drawn; the table has all of them.
    """
    counted = any(row.denominator is not None for row in rows)
    heading = "Share" if unit == "%" else unit[:1].upper() + unit[1:]
    columns = (by, *(("Count", "Of") if counted else ()), heading)
    table = tuple(
        (
            clean(row.label),
            *((_count(row.numerator), _count(row.denominator)) if counted else ()),
            _number(row, unit, target),
        )
        for row in rows
    )
    return Drawing(_bars(rows[:_DRAWN], title, unit, target, sentence), sentence, columns, table)


def stacked(
    rows: Sequence[Stack],
    parts: Sequence[str],
    *,
    title: str,
    unit: str,
    sentence: str,
    by: str = "Group",
) -> Drawing:
    """Return a bar a group, as long as every other, cut into its parts (two to four).

    Each part has its count in it where there is room; `unit` is what is counted, in the plural.
    Raises ValueError when a row has not one count a part.
    """
    if not 1 <= len(parts) <= len(_PARTS) or any(len(r.counts) != len(parts) for r in rows):
        raise ValueError(f"each row has a count for each of the parts, up to {len(_PARTS)}")
    columns = (by, *(part[:1].upper() + part[1:] for part in parts), "All")
    table = tuple(
        (clean(row.label), *(f"{n:,}" for n in row.counts), f"{sum(row.counts):,}") for row in rows
    )
    return Drawing(_stacked(rows[:_DRAWN], parts, title, unit, sentence), sentence, columns, table)


def _bars(
    rows: Sequence[Group], title: str, unit: str, target: float | None, sentence: str
) -> Markup:
    if not rows:
        return Markup("")
    most = 1.0 if unit == "%" else max([row.value or 0.0 for row in rows] + [target or 0.0]) or 1.0
    groups = [
        _row(i, row.label, _number(row, unit, target), _counts(row))
        | {"whole": most if unit == "%" and row.value is not None else 0}
        for i, row in enumerate(rows)
    ]
    segments = [
        {"place": g["place"], "start": 0, "end": row.value, "middle": 0, "text": "", "colour": BLUE}
        for g, row in zip(groups, rows, strict=True)
        if row.value is not None
    ]
    line = [] if target is None else [{"value": target, "text": _aim(target, unit)}]
    return _draw(groups, segments, line, [], title, sentence, most)


def _stacked(
    rows: Sequence[Stack], parts: Sequence[str], title: str, unit: str, sentence: str
) -> Markup:
    if not rows:
        return Markup("")
    groups: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    for i, row in enumerate(rows):
        whole = sum(row.counts)
        groups.append(_row(i, row.label, f"{whole:,} {unit}", ""))
        place = groups[-1]["place"]
        ends = list(accumulate(row.counts))
        for n, end, colour in zip(row.counts, ends, _PARTS, strict=False):
            if n:
                fits = _LETTER * len(f"{n:,}") + 10 <= _PLOT * n / whole
                start = end - n
                segments.append({"place": place, "start": start / whole, "end": end / whole,
                                 "middle": (start + end) / 2 / whole, "colour": colour,
                                 "text": f"{n:,}" if fits else ""})  # fmt: skip
    return _draw(groups, segments, [], _key(parts), title, sentence, 1.0)


def _draw(
    groups: Sequence[dict[str, Any]],
    segments: Sequence[dict[str, Any]],
    target: Sequence[dict[str, Any]],
    key: Sequence[dict[str, Any]],
    title: str,
    sentence: str,
    most: float,
) -> Markup:
    return draw(
        "bars",
        title=title,
        sentence=sentence,
        box=(_ROW * len(groups), 32 if target or key else 10, _RIGHT, 10, _LEFT),
        sets={"groups": groups, "segments": segments, "target": target, "key": key},
        params={
            "most": most,
            "bar": 22 if key else 16,
            "seam": 2 if key else 0,
        },
    )


def _key(parts: Sequence[str]) -> list[dict[str, Any]]:
    """Return the names of the parts over the bars, in the order of the parts."""
    widths = [_LETTER * len(part) + 34 for part in parts]
    starts = [0.0, *accumulate(widths)]
    return [
        {"x": 6 + start, "text": clean(part), "colour": colour}
        for part, start, colour in zip(parts, starts, _PARTS, strict=False)
    ]


def _row(i: int, label: str, told: str, counts: str) -> dict[str, Any]:
    """Return the words of a bar and where it is; its label has at most two lines."""
    # Fonts differ from machine to machine, so a label's width is counted in letters.
    lines = textwrap.wrap(clean(label), _LABEL_LINE, max_lines=2, placeholder=" …")
    place = _ROW * i + _ROW / 2
    return {
        "place": place,
        "label": lines,
        "label_place": place - 7 * (len(lines) - 1),
        "told": told,
        "counts": counts,
        "zero": 0,
        "whole": 0,
    }


def _number(row: Group, unit: str, target: float | None) -> str:
    return "cannot tell" if row.value is None else told(row.value, unit, target)


def _aim(target: float, unit: str) -> str:
    return f"target {threshold(target) if unit == '%' else told(target, unit)}"


def _counts(row: Group) -> str:
    """Return what a number was counted from, as it stands beside a bar."""
    if row.value is None or row.numerator is None or row.denominator is None:
        return ""
    return f"{row.numerator:,} of {row.denominator:,}"


def _count(n: int | None) -> str:
    return "–" if n is None else f"{n:,}"
