"""Which texts are UCUM. In: a code; out: whether the case-sensitive grammar of UCUM 2.2 gives it.

The grammar (https://ucum.org/ucum#section-Syntax-Rules) is a dozen rules over 300 units, so it is
read here. The package ucumvert reads it too and agrees on all but one of 17,000 codes, UCUM's table
of examples and their one-character changes, but costs 0.4 s to import (it brings pint and lark) and
0.5 ms a code, where this takes a few microseconds.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources

_TOKEN = re.compile(
    r"(?P<annotation>\{[!-z|~]*\})"
    r"|(?P<mark>[./()])"
    r"|(?P<unit>(?:[^\s./(){}\[\]]|\[[^\s\[\]{}]*\])+)"
)
"""A bracketed part may hold what is an operator outside: `[m/s2/Hz^(1/2)]`, `B[10.nV]`."""

_LONGEST = 200
"""Every example is shorter by far; a bound keeps nested brackets off the interpreter's stack."""

_EXPONENT = re.compile(r"[+-]?[1-9][0-9]*\Z")
_FACTOR = re.compile(r"[1-9][0-9]*\Z")


@functools.cache
def _simple_units() -> frozenset[str]:
    """Return every unit, and every unit that takes a prefix with every prefix: about 2,700."""
    path = resources.files("uptake") / "content" / "terminology" / "ucum.json"
    table = json.loads(path.read_text("utf-8"))
    prefixed = {prefix + unit for prefix in table["prefixes"] for unit in table["metric"]}
    return frozenset(prefixed.union(table["metric"], table["other"]))


@functools.lru_cache(maxsize=10_000)
def is_ucum(code: str) -> bool:
    """Return whether a code is UCUM: `mg/dL`, `10*3/uL`, `[iU]/L`, `{INR}`, `1`, `/min`.

    The readings that the published rules leave open, as UCUM's own examples have them: a number may
    carry an annotation (`100/{cells}`), so may a bracket (`(8.h){shift}`). A number takes no
    exponent: `10*3` is a thousand, `10+3` is not UCUM. Spaces and what is not ASCII never are.
    """
    tokens = tokens_of(code) if len(code) <= _LONGEST else []
    return bool(tokens) and _main_term(tokens, 0) == len(tokens)


def tokens_of(code: str) -> list[tuple[str, str]]:
    """Return (kind, text) pairs; none if some character fits nowhere."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(code):
        match = _TOKEN.match(code, at)
        if match is None:
            return []
        kind = match.lastgroup or ""
        tokens.append((match.group() if kind == "mark" else kind, match.group()))
        at = match.end()
    return tokens


def _main_term(tokens: list[tuple[str, str]], at: int) -> int:
    """Return where a term ends that may begin with a solidus; -1 if there is none."""
    if at < len(tokens) and tokens[at][0] == "/":
        at += 1
    at = _component(tokens, at)
    while 0 <= at < len(tokens) and tokens[at][0] in "./":
        at = _component(tokens, at + 1)
    return at


def _component(tokens: list[tuple[str, str]], at: int) -> int:
    """Return where a unit, number, bracket or annotation ends; -1 if there is none."""
    if at >= len(tokens):
        return -1
    kind, text = tokens[at]
    if kind == "annotation":
        return at + 1
    if kind == "(":
        at = _main_term(tokens, at + 1)
        if not 0 <= at < len(tokens) or tokens[at][0] != ")":
            return -1
    elif kind != "unit" or not _is_simple(text):
        return -1
    at += 1
    return at + 1 if at < len(tokens) and tokens[at][0] == "annotation" else at


def _is_simple(text: str) -> bool:
    """Return whether a text is a number, or a unit with or without prefix and exponent."""
    units = _simple_units()
    if text in units or _FACTOR.match(text):
        return True
    exponent = re.search(r"[+-]?[0-9]+\Z", text)
    return (
        exponent is not None
        and _EXPONENT.match(exponent.group()) is not None
        and text[: exponent.start()] in units
    )
