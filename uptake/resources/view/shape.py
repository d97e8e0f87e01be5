"""The JSON fields that queries need. In: paths; out: the structure argument of `json_transform`.

One `json_transform` with every field is some ten times faster than a `json_extract` a field, so a
resource type is read once for all its consumers: their shapes are merged. A field has the same SQL
type in every shape, whoever asks, so SQL compiled against one shape holds for any shape over it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import TypeAlias

from uptake import r4
from uptake.errors import DefinitionError

Tree: TypeAlias = dict[str, "Tree"]
"""JSON names, each with the names below it."""
Spec: TypeAlias = "str | list[Spec] | dict[str, Spec]"

SQL_TYPES = {
    "boolean": "BOOLEAN",
    "decimal": "DOUBLE",
    "integer": "BIGINT",
    "positiveInt": "BIGINT",
    "unsignedInt": "BIGINT",
}
"""Primitives that are not text. Exact decimals stay in the raw store."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The fields needed of a type, as nested JSON names."""

    type: str
    fields: Mapping[str, Shape] = field(default_factory=dict)


def shape_of(type_name: str, paths: Iterable[str]) -> Shape:
    """Return the shape with these paths of JSON names: `code.coding.code`, `valueQuantity`.

    Raises DefinitionError naming every path that the type lacks.
    """
    tree: Tree = {}
    for path in paths:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return from_tree(type_name, tree)


def from_tree(type_name: str, tree: Tree) -> Shape:
    """Return the shape of nested JSON names; raises DefinitionError naming every unknown field."""
    fields = {}
    faults: list[str] = []
    for name in sorted(tree):
        found = field_of(type_name, name)
        if found is None:
            faults.append(f"{type_name}.{name}: R4 has no such field")
            continue
        try:
            fields[name] = from_tree(found.type, tree[name])
        except DefinitionError as error:
            faults += error.faults
    if faults:
        raise DefinitionError(faults)
    return Shape(type_name, fields)


def merge(*shapes: Shape) -> Shape:
    """Return the shape with the fields of all, which must be of one type."""
    return reduce(_merge_two, shapes)


def _merge_two(a: Shape, b: Shape) -> Shape:
    if a.type != b.type:
        raise ValueError(f"shapes of {a.type} and {b.type} cannot be merged")
    fields = dict(a.fields)
    for name, below in b.fields.items():
        fields[name] = _merge_two(fields[name], below) if name in fields else below
    return Shape(a.type, {name: fields[name] for name in sorted(fields)})


def transform_spec(shape: Shape) -> str:
    """Return the JSON structure that `json_transform(text, spec)` takes for this shape."""
    return json.dumps(_struct(shape), separators=(",", ":"))


def _struct(shape: Shape) -> Spec:
    spec: dict[str, Spec] = {}
    for name, below in shape.fields.items():
        found = field_of(shape.type, name)
        if found is None:
            raise ValueError(f"{shape.type}.{name} is no field of R4")
        one = _spec_of(shape.type, found, below)
        spec[name] = [one] if found.many else one
    # DuckDB takes no struct without fields; every element may have an id.
    return spec or {"id": "VARCHAR"}


def _spec_of(type_name: str, found: r4.Field, below: Shape) -> Spec:
    if is_deferred(type_name, found):
        return "JSON"
    return sql_type(found.type) if is_primitive(found.type) else _struct(below)


def field_of(type_name: str, json_name: str) -> r4.Field | None:
    """Return a field, also `_birthDate`: the id and extensions beside a primitive."""
    node = r4.node(type_name)
    found = node.field(json_name)
    if found is None and json_name.startswith("_"):
        beside = node.field(json_name[1:])
        if beside is not None and is_primitive(beside.type):
            return r4.Field(json_name, json_name, "Element", beside.many, 0, ())
    return found


def is_deferred(type_name: str, found: r4.Field) -> bool:
    """Tell whether a field leads back to its own type (`Questionnaire.item.item`).

    Such a field is left as JSON, since its depth is known only to the data.
    """
    return f"{type_name}.".startswith(f"{found.type}.")


def is_primitive(type_name: str) -> bool:
    """Tell whether a type is a single JSON value."""
    return r4.node(type_name).kind == "primitive-type"


def sql_type(type_name: str) -> str:
    """Return the SQL type of a primitive."""
    return SQL_TYPES.get(type_name, "VARCHAR")
