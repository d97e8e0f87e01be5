"""The FHIR R4 type graph. In: the derived artefact in `content/fhir`; out: types and their fields.

A node is a resource (`Observation`), a datatype (`Quantity`) or a backbone element
(`Observation.component`); a field leads from a node to the node of its type, so a path through
JSON is a walk. Choice elements are one field a type: `valueQuantity`, element `value`.
"""

from __future__ import annotations

import functools
import json
import lzma
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One JSON property of a type."""

    json_name: str
    """The name in JSON: `valueQuantity`."""
    element: str
    """The name in FHIRPath: `value`."""
    type: str
    """The node it leads to: `Quantity`, `string`, `Observation.component`."""
    many: bool
    """True where JSON has an array."""
    min: int
    """The base cardinality's lower bound."""
    targets: tuple[str, ...]
    """For references, the resource types allowed (`Resource` allows any)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A type: its kind and its fields in the order of the specification."""

    kind: str
    """`resource`, `complex-type`, `primitive-type`, `backbone` or `abstract`."""
    fields: tuple[Field, ...]

    def field(self, json_name: str) -> Field | None:
        """Return the field with this JSON name, or None."""
        return next((f for f in self.fields if f.json_name == json_name), None)

    def of_element(self, element: str) -> tuple[Field, ...]:
        """Return the fields of an element: one, or one a type of a choice; empty if unknown."""
        return tuple(f for f in self.fields if f.element == element)


@dataclass(frozen=True, slots=True)
class Release:
    """What another FHIR release declares and R4 does not."""

    resource_types: frozenset[str]
    fields: dict[str, frozenset[str]]


@functools.cache
def _artefact() -> dict[str, Any]:
    path = resources.files("uptake") / "content" / "fhir" / "r4.json.xz"
    loaded: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    return loaded


@functools.cache
def node(type_name: str) -> Node:
    """Return the node of a type; raises KeyError for a name that R4 does not have."""
    raw = _artefact()["types"][type_name]
    fields = (
        Field(json_name, element, type_, many, low, tuple(targets))
        for json_name, element, type_, many, low, targets in raw["fields"]
    )
    return Node(raw["kind"], tuple(fields))


@functools.cache
def resource_types() -> frozenset[str]:
    """Return the names of the R4 resources that can be instantiated."""
    return frozenset(t for t, n in _artefact()["types"].items() if n["kind"] == "resource")


@functools.cache
def r5_only() -> Release:
    """Return the resource types and top-level fields that R5 declares and R4 does not."""
    raw = _artefact()["r5"]
    return Release(
        frozenset(raw["types"]), {t: frozenset(fields) for t, fields in raw["fields"].items()}
    )


@functools.cache
def choices() -> frozenset[tuple[str, str]]:
    """Return every (element, JSON name) of a choice of types: (`value`, `valueQuantity`)."""
    fields = (f for raw in _artefact()["types"].values() for f in raw["fields"])
    return frozenset((element, name) for name, element, *_ in fields if element != name)


def fields_at(path: str) -> tuple[Field, ...]:
    """Return the fields an element path names: `Observation.value` gives one a type.

    The last step may be an element (`value`, `value[x]`) or a JSON name (`valueQuantity`); a step
    before it that is a choice is followed through all its types. Empty for a path R4 lacks.
    """
    first, *steps = path.replace("[x]", "").split(".")
    if not steps or first not in _artefact()["types"]:
        return ()
    nodes = [node(first)]
    found: tuple[Field, ...] = ()
    for step in steps:
        found = tuple(
            f for n in nodes for f in n.fields if f.element == step or f.json_name == step
        )
        nodes = [node(f.type) for f in found]
    return found
