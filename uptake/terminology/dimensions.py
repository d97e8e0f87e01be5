"""What a unit measures. In: a UCUM code; out: its dimension in words, and its size.

`mg/dL` measures mass/volume, `/min` number/time, `[iU]/L` international units/volume. Units of one
dimension convert into each other by their sizes alone; from mass to amount it takes the molar mass
of what is measured, which is knowledge of tests and not of units.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from typing import Any

from uptake.terminology.ucum import is_ucum, tokens_of

Powers = dict[str, int]
"""Base dimension to exponent; a number has none."""

_EXPONENT = re.compile(r"(?P<unit>.*?[^0-9+-]|10\*|10\^)(?P<power>[+-]?[0-9]+)\Z")
_WORDS = {("length", 2): "area", ("length", 3): "volume"}


@dataclass(frozen=True, slots=True)
class Measure:
    """What a unit measures, and how much of it."""

    dimension: str
    """As in `mass/volume`; `number` when it has none."""
    size: Fraction
    """In base units of the dimension."""
    shifted: bool = False
    """True for a scale whose zero is elsewhere (Celsius): the size converts differences only."""


@dataclass(frozen=True, slots=True)
class _Units:
    prefixes: dict[str, Fraction]
    metric: frozenset[str]
    units: dict[str, dict[str, Any]]


@functools.cache
def _units() -> _Units:
    folder = resources.files("uptake") / "content" / "terminology"
    read = tomllib.loads((folder / "dimensions.toml").read_text("utf-8"))
    metric = json.loads((folder / "ucum.json").read_text("utf-8"))["metric"]
    prefixes = {prefix: Fraction(size) for prefix, size in read["prefixes"].items()}
    return _Units(prefixes, frozenset(metric), read["units"])


@functools.lru_cache(maxsize=10_000)
def measure(code: str) -> Measure | None:
    """Return what a UCUM code measures; None if it is no UCUM or has a unit that is not known here.

    Units are multiplied and divided from left to right; an annotation is the number one (UCUM 2.2,
    sections 6 to 12).
    """
    if not is_ucum(code):
        return None
    found = _term(tokens_of(code))
    if found is None:
        return None
    size, powers, shifted = found
    return Measure(_in_words(powers), size, shifted)


def _term(tokens: list[tuple[str, str]]) -> tuple[Fraction, Powers, bool] | None:
    """Return size and powers of a whole term, whose tokens it uses up to its end or `)`."""
    size, powers, shifted, sign = Fraction(1), Powers(), False, 1
    while tokens and tokens[0][0] != ")":
        kind, text = tokens.pop(0)
        if kind in ("/", "."):
            sign = -1 if kind == "/" else 1
            continue
        if kind == "annotation":
            continue
        if kind == "(":
            part = _term(tokens)
            tokens.pop(0)
        else:
            part = _simple(text)
        if part is None:
            return None
        size *= part[0] ** sign
        for base, power in part[1].items():
            powers[base] = powers.get(base, 0) + sign * power
        shifted = shifted or part[2]
    return size, {base: power for base, power in powers.items() if power}, shifted


def _simple(text: str) -> tuple[Fraction, Powers, bool] | None:
    """Return size and powers of a number, or of a unit with its prefix and exponent."""
    if text.isdecimal():
        return Fraction(text), {}, False
    raised = _EXPONENT.match(text)
    unit, power = (raised["unit"], int(raised["power"])) if raised else (text, 1)
    found = _unit(unit)
    if found is None:
        return None
    size, powers, shifted = found
    return size**power, {base: p * power for base, p in powers.items()}, shifted


def _unit(name: str) -> tuple[Fraction, Powers, bool] | None:
    known = _units()
    if name in known.units:
        own = dict(known.units[name])
        return Fraction(own.pop("factor")), own, bool(own.pop("shifted", False))
    for prefix, size in known.prefixes.items():
        rest = name.removeprefix(prefix)
        if rest != name and rest in known.metric and (found := _unit(rest)):
            return size * found[0], found[1], found[2]
    return None


def _in_words(powers: Powers) -> str:
    """Return `mass/volume` for mass 1, length -3."""
    above = sorted(_word(base, power) for base, power in powers.items() if power > 0)
    below = sorted(_word(base, -power) for base, power in powers.items() if power < 0)
    return "/".join([".".join(above) or "number", *below])


def _word(base: str, power: int) -> str:
    plain = base if power == 1 else f"{base}{power}"
    return _WORDS.get((base, power), plain)
