"""Fixed values, patterns and slices. In: a value and what is expected; out: whether it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uptake.conformance.definitions import Binding, Element, Expected
from uptake.conformance.elements import Item, Items, Unsupported, children

if TYPE_CHECKING:
    from uptake.conformance.bindings import ValueSets


def fits(value: Any, expected: Expected) -> bool:
    """Tell whether a value is the fixed one, or has at least what the pattern has."""
    if expected.kind == "fixed":
        return bool(value == expected.value)
    return _has(value, expected.value)


def _has(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            key in value and _has(value[key], inner) for key, inner in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(_has(item, wanted) for item in value) for wanted in pattern
        )
    return bool(value == pattern)


class Slices:
    """Tells to which slice of an element an item belongs."""

    def __init__(self, element: Element, value_sets: ValueSets) -> None:
        if element.slicing is None:
            raise Unsupported("slices without a discriminator")
        self.value_sets = value_sets
        self.closed = element.slicing.closed
        self.tests = {
            name: [self._test(inner, kind, path) for kind, path in element.slicing.discriminators]
            for name, inner in element.slices.items()
            if "/" not in name
        }

    def _test(self, inner: Element, kind: str, path: str) -> tuple[str, Any]:
        """Return where to look and what for; raises Unsupported, saying what is not known here."""
        if kind == "type" and path == "$this":
            return path, frozenset(t.code for t in inner.types)
        if "(" in path or kind not in ("value", "pattern", "exists"):
            raise Unsupported(f"slices told apart by {kind} of {path}")
        if kind == "exists":
            return path, inner.children[path].low > 0 if path in inner.children else None
        return path, _wanted(inner, path, self.value_sets)

    def slice_of(self, item: Item) -> str:
        """Return the name of the slice an item belongs to, empty for none."""
        for name, tests in self.tests.items():
            if tests and all(self._passes(item, path, wanted) for path, wanted in tests):
                return name
        return ""

    def _passes(self, item: Item, path: str, wanted: Any) -> bool:
        if isinstance(wanted, frozenset):
            return item.type in wanted
        found: Items = [item]
        for step in () if path == "$this" else path.split("."):
            found = [c for i in found for c in children(i, step)]
        if isinstance(wanted, bool):
            return bool(found) is wanted
        return any(self._is(i.value, wanted) for i in found)

    def _is(self, value: Any, wanted: Any) -> bool:
        if isinstance(wanted, Binding):
            return self.value_sets.holds(wanted, value) is True
        if isinstance(wanted, Expected):
            return fits(value, wanted)
        return all(
            any(self._is(found, inner) for found in _at(value, path)) for path, inner in wanted
        )


def _at(value: Any, path: str) -> list[Any]:
    """Return what stands at a path, by names in JSON."""
    found = [value]
    for step in path.split("."):
        below = [v[step] for v in found if isinstance(v, dict) and step in v]
        found = [w for v in below for w in (v if isinstance(v, list) else [v])]
    return found


def _wanted(inner: Element, path: str, value_sets: ValueSets) -> Any:
    """Return what a slice wants at a path: a value, a binding, or values of what is below it."""
    at = inner
    for step in () if path == "$this" else path.split("."):
        below = at.children.get(step)
        if below is None:
            return _within(at, step, inner, path)
        at = below
    if at.expected:
        return at.expected
    listed = at.binding and value_sets.get(at.binding.value_set)
    if at.binding and at.binding.strength == "required" and listed:
        return at.binding
    below_fixed = [
        (e.id.removeprefix(f"{at.id}."), e.expected)
        for e in at.walk()
        if e is not at and e.expected
    ]
    if below_fixed:
        return below_fixed
    raise Unsupported(f"slice {inner.id} says no value at {path} that can be listed here")


def _within(at: Element, step: str, inner: Element, path: str) -> Expected:
    """Return what an element's value or profile says of a child that its snapshot leaves out."""
    if step == "url" and at.types and at.types[0].profiles:
        return Expected("fixed", at.types[0].profiles[0])
    value = at.expected.value if at.expected else None
    found = _at(value, step)
    if not found:
        raise Unsupported(f"slice {inner.id} says no value at {path}")
    return Expected("pattern", found[0])
