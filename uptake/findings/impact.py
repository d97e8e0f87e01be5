"""Which check breaks which use case. In: their elements; out: the join. Neither names the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uptake import r4
from uptake.definitions.elements import json_path

if TYPE_CHECKING:
    from uptake.model import Check, UseCase


def use_cases_of(check: Check, use_cases: Iterable[UseCase]) -> list[str]:
    """Return the codes of the use cases that need an element this check tests."""
    return sorted(
        u.code
        for u in use_cases
        if any(
            _touches(path, part.strip())
            for path in check.elements
            for r in u.requirements
            for e in r.elements
            for part in e.split("|")
        )
    )


def _touches(tested: str, needed: str) -> bool:
    """Tell whether a check's element is the needed one, part of it, or holds it."""
    first, _, rest = _plain(tested).partition(".")
    needed_type, _, needed_rest = _plain(needed).partition(".")
    if first in ("*", needed_type):
        return _overlaps(rest, needed_rest)
    if first in r4.resource_types():
        return False
    return any(f.type == first or _holds(f.type, first) for f in r4.fields_at(json_path(needed)))


def _holds(type_name: str, datatype: str) -> bool:
    return any(f.type == datatype for f in r4.node(type_name).fields)


def _plain(path: str) -> str:
    """Return the path without its types: `Observation.value.ofType(Quantity)` is the value."""
    return path.split(".ofType(")[0].replace("[x]", "")


def _overlaps(a: str, b: str) -> bool:
    return a == b or a.startswith(f"{b}.") or b.startswith(f"{a}.")
