"""Which must-support elements a resource carries. In: an element's JSON and a profile; out: ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from uptake.conformance.values import Value, values_of

if TYPE_CHECKING:
    from uptake.conformance.definitions import Definition, Element
    from uptake.conformance.judge import Judge


def supported(element: Element) -> list[str]:
    """Return the ids of the must-support elements at and below an element."""
    return [e.id for e in element.walk() if e.must_support]


def must_support(definition: Definition) -> list[str]:
    """Return the ids of the elements a profile says a system must support, in its order."""
    return supported(definition.root)


def populated(judge: Judge, name: str, part: dict[str, Any]) -> frozenset[str]:
    """Return the must-support elements that have a value within one element of the root."""
    child = judge.definition.root.children[name]
    kind = judge.definition.type
    return frozenset(_within(judge, child, values_of(child, part, kind, kind)))


def _within(judge: Judge, element: Element, values: list[Value]) -> Iterator[str]:
    """Yield the ids at and below an element that one of its values has."""
    said = [v for v in values if v.value is not None]
    if not said:
        return
    if element.must_support:
        yield element.id
    slices = judge.slices(element) if element.slices else None
    if slices is not None:
        for name, inner in element.slices.items():
            yield from _within(judge, inner, [v for v in said if slices.slice_of(v.item) == name])
    for child in element.children.values():
        below = [
            found
            for v in said
            if isinstance(v.value, dict)
            for found in values_of(child, v.value, v.type, v.at)
        ]
        yield from _within(judge, child, below)
