"""The shapes of a load. In: resources as sent; out: which of few shapes each of them has.

A shape is the set of a resource's reduced fields. Most fields stand in many resources to the letter
(a code, a category), so they are parsed and reduced once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from uptake.conformance.fit import candidates
from uptake.conformance.reduction import Reducer

if TYPE_CHECKING:
    from uptake.conformance.definitions import Definitions

MOST_TEXTS = 50_000
"""Distinct texts of one field kept in memory; beyond it they are forgotten and reduced anew."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder(order="sorted").encode


class TypeShapes:
    """The shapes of one resource type."""

    def __init__(self, resource_type: str, definitions: Definitions) -> None:
        profiles = definitions.profiles(resource_type)
        self.type = resource_type
        self.reducer = Reducer(resource_type, definitions, profiles)
        self.candidates = candidates(resource_type, definitions)
        self.values: list[tuple[str, Any]] = []
        """By their number: a field's name in JSON and its value, reduced."""
        self.shapes: dict[tuple[int, ...], int] = {}
        """By the numbers of its fields: the number of a shape."""
        self._by_text: dict[str, dict[bytes, int]] = {}
        self._by_value: dict[tuple[str, str | bytes], int] = {}

    def fields_of(self, text: bytes) -> tuple[int, ...]:
        """Return the numbers of a resource's fields."""
        found = []
        for name, raw in _fields(text).items():
            known = self._by_text.get(name)
            if known is None:
                known = self._by_text[name] = {}
            part = bytes(raw)
            number = known.get(part)
            if number is None:
                if len(known) >= MOST_TEXTS:
                    known.clear()
                number = known[part] = self._number(name, part)
            found.append(number)
        found.sort()
        return tuple(found)

    def _number(self, name: str, part: bytes) -> int:
        value = self.type if name == "resourceType" else self.reducer.field(name, _read(part))
        key = (name, value if isinstance(value, str) else _write(value))
        number = self._by_value.get(key)
        if number is None:
            number = self._by_value[key] = len(self.values)
            self.values.append((name, value))
        return number

    def resource(self, fields: Iterable[int]) -> dict[str, Any]:
        """Return the resource that stands for all of a shape."""
        return dict(self.values[number] for number in fields)


class Shapes:
    """The shapes of a load, numbered through all types."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.types: dict[str, TypeShapes] = {}
        self._count = 0

    def shape_of(self, resource_type: str, text: bytes) -> int:
        """Return the number of a resource's shape."""
        shapes = self.types.get(resource_type)
        if shapes is None:
            shapes = self.types[resource_type] = TypeShapes(resource_type, self.definitions)
        fields = shapes.fields_of(text)
        number = shapes.shapes.get(fields)
        if number is None:
            number = shapes.shapes[fields] = self._count
            self._count += 1
        return number

    def __iter__(self) -> Iterator[tuple[TypeShapes, tuple[int, ...], int]]:
        """Yield every shape: its type's shapes, its fields, its number."""
        for shapes in self.types.values():
            for fields, number in shapes.shapes.items():
                yield shapes, fields, number


def elements_of(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the parts of a resource by element: `_birthDate` belongs to `birthDate`."""
    found: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        name = names.get(key.removeprefix("_"))
        if name is not None:
            found.setdefault(name, {})[key] = value
    return found
