"""From a specification to SVG. In: a Vega-Lite file, data sets, parameters; out: a Drawing."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import vl_convert
from markupsafe import Markup

from uptake.report.figures import clean, percent

INK, BLUE, ORANGE, RED, GREY = "#1b1b1b", "#005ea2", "#c05600", "#b50909", "#71767a"
"""USWDS colours with a contrast of 4.5 or more on white; nothing is said by colour alone."""
WIDTH = 640
_HERE = Path(__file__).parent
_SVG = "http://www.w3.org/2000/svg"
_ELEMENTS = frozenset({"svg", "g", "path", "line", "rect", "text", "tspan"})
_ATTRIBUTES = re.compile(
    r"d|[xy][12]?|d[xy]|width|height|transform|viewBox|text-anchor|opacity"
    r"|(?:fill|stroke|font)(?:-[a-z]+)?"
)
_LONG = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
_TITLE_LINE = 74
"""Characters of a title that fit in 640 units."""
_TITLE_HEIGHT = 19


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, the sentence it bears out, and its table: who cannot see it loses nothing."""

    svg: Markup
    """Inline SVG that shrinks with its box; empty where there is nothing to draw."""
    sentence: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """What is to be known before it is relied on; empty: nothing."""


def told(value: float, unit: str, bound: float | None = None) -> str:
    """Return a value in words: a share as `61 %`, on the true side of the bound; else a number."""
    if unit == "%":
        # What was written as 0.9 is compared as 9/10, not as the nearest binary number.
        return percent(Fraction(min(max(value, 0), 1)).limit_denominator(10**6), bound)
    decimals = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def draw(
    name: str,
    *,
    title: str,
    sentence: str,
    box: tuple[float, float, float, float, float],
    sets: Mapping[str, Sequence[Mapping[str, Any]]],
    params: Mapping[str, Any],
) -> Markup:
    """Return the specification `name` with these rows as SVG, labelled with the sentence.

    `box` is the plot's height, then the space above, right, below and left of it; the whole is
    640 wide.
    """
    height, top, right, bottom, left = box
    lines = textwrap.wrap(clean(title), _TITLE_LINE, max_lines=2, placeholder=" …")
    top += _TITLE_HEIGHT * len(lines)
    given = {"title": lines, "left": left, "top": top, **params}
    spec = _template(name) | {
        "width": WIDTH - left - right,
        "height": height,
        "padding": {"left": left, "right": right, "top": top, "bottom": bottom},
        "datasets": sets,
        "params": [{"name": key, "value": value} for key, value in given.items()],
    }
    return _labelled(_render(json.dumps(spec, ensure_ascii=False, sort_keys=True)), sentence)


@cache
def _template(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads((_HERE / f"{name}.vl.json").read_text("utf-8"))
    spec["config"] = json.loads((_HERE / "style.json").read_text("utf-8"))
    return spec


# A page has at most a dozen charts of 5 to 15 KB; they change with a run or an event.
@lru_cache(maxsize=256)
def _render(spec: str) -> str:
    """Return the SVG of a specification without anything but shapes and words."""
    # No base address is allowed: a specification loads nothing from anywhere.
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    root = ET.fromstring(svg)  # noqa: S314 - written by the renderer just now, not by a user
    _plain(root)
    # The box decides the width: a fixed one would be cut off in a narrow panel.
    root.attrib = {"class": "drawing", "viewBox": root.attrib["viewBox"], "width": "100%"}
    return ET.tostring(root, encoding="unicode")


def _plain(element: ET.Element) -> None:
    """Keep shapes and words; drop what is unseen, and roles that would be read out one by one."""
    element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
    if element.tag not in _ELEMENTS:
        raise ValueError(f"a chart has a <{element.tag}>; it may have {sorted(_ELEMENTS)}")
    element.attrib = {
        key: _LONG.sub(lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), value)
        for key, value in element.attrib.items()
        if _ATTRIBUTES.fullmatch(key)
    }
    for child in list(element):
        if child.get("display") == "none" or child.get("opacity") == "0":
            element.remove(child)
            continue
        _plain(child)
        if _empty(child):
            element.remove(child)


def _empty(element: ET.Element) -> bool:
    if element.tag == "path":
        return element.get("d", "") in {"", "M0,0h0v0h0Z"}
    return element.tag == "g" and not len(element)


def _labelled(svg: str, sentence: str) -> Markup:
    """Return the SVG as one image whose text alternative is the sentence."""
    label = Markup('<svg xmlns="{}" role="img" aria-label="{}"').format(_SVG, sentence)
    # The rest was serialised by ElementTree from the allowed elements and attributes alone.
    return label + Markup(svg.removeprefix("<svg"))  # noqa: S704
