"""Elements as FHIRPath sees them. In: JSON of a type; out: its children with their types."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from uptake import r4


class Unsupported(Exception):  # noqa: N818 -- a verdict on a rule: it is listed, not raised further
    """A rule cannot be judged here; the message says why."""


class Item(NamedTuple):
    """An element: its JSON, its FHIR type, and of a primitive what is beside it (`_birthDate`)."""

    value: Any
    type: str
    beside: Any = None


Items: TypeAlias = "list[Item]"


@dataclass(slots=True)
class Environment:
    """What an expression may look at besides the element at hand."""

    resource: Item
    root: Item
    context: Items = field(default_factory=list)


Evaluation: TypeAlias = "Callable[[Environment, Items], Items]"

SYSTEM = {bool: "boolean", int: "integer", float: "decimal", str: "string"}


def system(value: bool | float | str, type_name: str = "") -> Item:
    """Return a value of FHIRPath's own."""
    return Item(value, type_name or SYSTEM[type(value)])


TRUE, FALSE = [system(True)], [system(False)]


def boolean(value: bool | None) -> Items:
    """Return a truth as a collection: unknown is empty."""
    return [] if value is None else TRUE if value else FALSE


def truth(items: Items) -> bool | None:
    """Return a collection as a truth: empty is unknown, a single element of another type is true.

    Raises Unsupported for several elements, where FHIRPath has an error.
    """
    if not items:
        return None
    if len(items) > 1:
        raise Unsupported("several elements where one truth belongs")
    value = items[0].value
    return value if isinstance(value, bool) else True


def children(item: Item, name: str) -> Iterator[Item]:
    """Yield the children of a name; a choice by its FHIRPath name (`value`)."""
    if item.beside is not None and name in ("extension", "id"):
        yield from _values(item.beside, name, "Extension" if name == "extension" else "string")
    if not isinstance(item.value, dict):
        return
    if name == "resourceType":
        return
    for field_ in _fields(item, name):
        yield from _values(item.value, field_.json_name, field_.type)


def all_children(item: Item) -> Iterator[Item]:
    """Yield every child, as `children()` does."""
    if item.beside is not None:
        yield from children(Item(None, "Element", item.beside), "extension")
    if isinstance(item.value, dict):
        for field_ in _node_fields(type_of(item)):
            yield from _values(item.value, field_.json_name, field_.type)


def type_of(item: Item) -> str:
    """Return the type of an element; a resource says its own."""
    if item.type in ("Resource", "DomainResource") and isinstance(item.value, dict):
        return str(item.value.get("resourceType", item.type))
    return item.type


def _fields(item: Item, name: str) -> tuple[r4.Field, ...]:
    try:
        return fields_of(type_of(item), name)
    except KeyError:
        return ()


@functools.cache
def fields_of(node: str, element: str) -> tuple[r4.Field, ...]:
    """Return the JSON fields of an element at a place of R4: of a choice one a type."""
    return tuple(f for f in names_at(node).values() if f.element == element)


@functools.cache
def names_at(node: str) -> dict[str, r4.Field]:
    """Return the fields at a place of R4 by their name in JSON."""
    found = {field.json_name: field for field in r4.node(node).fields}
    if r4.node(node).kind == "resource":  # R4's snapshots say `string`; Resource.id is an id
        found["id"] = replace(found["id"], type="id")
    return found


def _node_fields(type_name: str) -> tuple[r4.Field, ...]:
    try:
        return r4.node(type_name).fields
    except KeyError:
        return ()


def _values(value: dict[str, Any], name: str, type_name: str) -> Iterator[Item]:
    """Yield what stands at a name and beside it; null and empty things are absent."""
    found, beside = value.get(name), value.get(f"_{name}")
    if isinstance(found, list) or isinstance(beside, list):
        items = found if isinstance(found, list) else []
        more = beside if isinstance(beside, list) else []
        for place in range(max(len(items), len(more))):
            one = items[place] if place < len(items) else None
            other = more[place] if place < len(more) else None
            if is_present(one) or is_present(other):
                yield Item(one, type_name, other)
    elif is_present(found) or is_present(beside):
        yield Item(found, type_name, beside)


def is_present(value: Any) -> bool:
    """Tell whether there is anything: null, "", {} and [] are nothing."""
    return value is not None and value != "" and value != {} and value != []
