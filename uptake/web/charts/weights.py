"""What speaks for and against, as a waterfall. In: weights in words; out: a Drawing."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from uptake.report.figures import clean
from uptake.web.charts.drawing import BLUE, INK, ORANGE, Drawing, draw

_ROW = 30
_LEFT, _RIGHT = 264, 84
_LABEL_LINE = 34
"""Letters of a line of what was found."""
_LEAST_ROOM = 2.0
"""Units of weight left and right of the line of even odds."""


@dataclass(frozen=True, slots=True)
class Weight:
    """One thing that was found, and how much it weighs; none weighs 0."""

    found: str
    weight: float
    told: str
    """What the weight means, in words."""


def waterfall(weights: Sequence[Weight], *, title: str, sentence: str, outcome: str) -> Drawing:
    """Return a bar a weight, each from where those before it end, and one for the sum.

    What weighs nothing is in the table only. `outcome` says what the sum means.
    """
    total = sum(w.weight for w in weights)
    rows = tuple((_begun(w.found), _signed(w.weight), w.told) for w in weights)
    rows += (("All together", _signed(total), outcome),)
    drawn = [w for w in weights if w.weight]
    left = len(weights) - len(drawn)
    weigh = "weighs" if left == 1 else "weigh"
    note = f"{left} more could not be compared and {weigh} nothing." if left else ""
    bars, at = [], 0.0
    for place, weight in enumerate(drawn):
        colour = BLUE if weight.weight > 0 else ORANGE
        bars.append(_bar(place, weight.found, at, at + weight.weight, colour))
        at += weight.weight
    bars.append(_bar(len(drawn), "all together", 0.0, total, INK))
    ends = [0.0, *(bar["end"] for bar in bars)]
    svg = draw(
        "weights",
        title=title,
        sentence=sentence,
        box=(_ROW * len(bars), 32, _RIGHT, 10, _LEFT),
        sets={"levels": bars},
        params={"low": min(*ends, -_LEAST_ROOM), "high": max(*ends, _LEAST_ROOM)},
    )
    return Drawing(svg, sentence, ("What was found", "Weight", "What it means"), rows, note)


def _bar(row: int, found: str, start: float, end: float, colour: str) -> dict[str, Any]:
    lines = textwrap.wrap(_begun(found), _LABEL_LINE, max_lines=2, placeholder=" …")
    place = _ROW * row + _ROW / 2
    return {
        "place": place,
        "label": lines,
        "label_place": place - 7 * (len(lines) - 1),
        "start": start,
        "end": end,
        "colour": colour,
        "told": _signed(end - start),
    }


def _begun(text: str) -> str:
    """Return a text as a line begins."""
    text = clean(text)
    return text[:1].upper() + text[1:]


def _signed(weight: float) -> str:
    """Return a weight with its sign, a true minus: what is for or against is not told by colour."""
    return f"{weight:+.1f}".replace("-", "−")
