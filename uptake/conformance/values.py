"""What stands where in a resource. In: JSON and its place in R4; out: values with their paths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.conformance.elements import Item, fields_of, is_present, names_at
from uptake.conformance.issues import Issue

if TYPE_CHECKING:
    from uptake import r4
    from uptake.conformance.definitions import Element


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at one place of an element: its FHIRPath with indexes, its R4 type, its JSON."""

    at: str
    type: str
    value: Any
    beside: Any

    @property
    def item(self) -> Item:
        """The value as FHIRPath sees it."""
        return Item(self.value, self.type, self.beside)


def elements_at(resource: dict[str, Any], type_name: str) -> dict[str, list[str]]:
    """Return the elements of an object, each with its names in JSON."""
    known = names_at(type_name)
    found: dict[str, list[str]] = {}
    for key in resource:
        field = known.get(key.removeprefix("_"))
        if field is not None:
            found.setdefault(field.element, []).append(key)
    return found


def values_of(element: Element, owner: dict[str, Any], node: str, at: str) -> list[Value]:
    """Return what an object has of an element; `node` is the object's place in R4."""
    fields = fields_of(node, element.name)
    return [value for field in fields for value in _values(owner, field, at)]


def _values(owner: dict[str, Any], field: r4.Field, at: str) -> Iterator[Value]:
    """Yield what stands at a field; null and empty things do not."""
    found, beside = owner.get(field.json_name), owner.get(f"_{field.json_name}")
    place = f"{at}.{field.element}"
    if field.many:
        items = found if isinstance(found, list) else []
        more = beside if isinstance(beside, list) else []
        for number in range(max(len(items), len(more))):
            one = items[number] if number < len(items) else None
            other = more[number] if number < len(more) else None
            if is_present(one) or is_present(other):
                yield Value(f"{place}[{number}]", field.type, one, other)
    elif is_present(found) or is_present(beside):
        yield Value(place, field.type, found, beside)


def empty(owner: dict[str, Any], field: r4.Field, at: str, element: Element) -> Iterator[Issue]:
    """Yield what is there and says nothing: "", {}, [] and null (invariant ele-1)."""
    if field.json_name not in owner:
        return
    found = owner[field.json_name]
    if not is_present(found):
        yield Issue("format", f"{element.id} empty", "error", f"{at}.{field.element}")
    elif isinstance(found, list):
        for number, one in enumerate(found):
            if one is not None and not is_present(one):
                place = f"{at}.{field.element}[{number}]"
                yield Issue("format", f"{element.id} empty", "error", place)


def anchors(resource: dict[str, Any], at: str) -> Iterator[Issue]:
    """Yield the references to contained resources that are not there (invariant ref-1)."""
    contained = resource.get("contained")
    ids = (
        {c.get("id") for c in contained if isinstance(c, dict)}
        if isinstance(contained, list)
        else set()
    )
    waiting: list[tuple[str, Any]] = [(at, resource)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, list):
            waiting += [(f"{place}[{n}]", v) for n, v in enumerate(value)]
        elif isinstance(value, dict):
            text = value.get("reference")
            if (
                isinstance(text, str)
                and text.startswith("#")
                and len(text) > 1
                and text[1:] not in ids
            ):
                yield Issue("invariant", "ref-1", "error", place, text)
            waiting += [(f"{place}.{k}", v) for k, v in value.items() if isinstance(v, dict | list)]
