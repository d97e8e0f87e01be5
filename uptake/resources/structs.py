"""R4 types as msgspec Structs: JSON types and arrays, nothing else. In: a type; out: a decoder.

A record that decodes can be read by the typed tables without loss; what its values mean is the
business of checks. Fields that R4 does not declare are passed over here.
"""

from __future__ import annotations

import functools
import keyword
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Annotated, Any

import msgspec

from uptake import r4

PRIMITIVES = {
    "boolean": "bool",
    "decimal": "float",
    "integer": "Integer",
    "positiveInt": "Integer",
    "unsignedInt": "Integer",
}
Integer = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What a BIGINT holds: a larger number would be read as none."""

_STRUCTS = ModuleType("uptake.resources._r4_structs")
_STRUCTS.Integer = Integer  # type: ignore[attr-defined]
sys.modules[_STRUCTS.__name__] = _STRUCTS
"""Types refer to each other by name (an Extension holds Extensions); names need a module."""


@functools.cache
def decoder(resource_type: str) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a resource type; decoding raises what msgspec raises."""
    todo = [resource_type]
    while todo:
        type_name = todo.pop()
        if not hasattr(_STRUCTS, _name(type_name)):
            todo += _define(type_name)
    return msgspec.json.Decoder(getattr(_STRUCTS, _name(resource_type)))


def _define(type_name: str) -> list[str]:
    """Define one Struct and return the types its fields name."""
    fields: list[tuple[str, str, None]] = []
    needed = []
    names = {}
    for json_name, field_type, many in _fields(type_name):
        hint = _hint(field_type)
        if hint == _name(field_type):
            needed.append(field_type)
        if many:
            hint = f"list[{hint} | None]"
        name = json_name
        if keyword.iskeyword(name) or name.startswith("_"):
            name = f"r4{name}" if name.startswith("_") else f"{name}_"
            names[name] = json_name
        fields.append((name, f"{hint} | None", None))
    struct = msgspec.defstruct(
        _name(type_name),
        fields,  # hints by name are resolved when the decoder is built
        module=_STRUCTS.__name__,
        kw_only=True,
        gc=False,
        rename=names or None,
    )
    setattr(_STRUCTS, _name(type_name), struct)
    return needed


def _fields(type_name: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the JSON name, type and plurality of each field, and of `_birthDate` and its like."""
    for field in r4.node(type_name).fields:
        yield field.json_name, field.type, field.many
        if r4.node(field.type).kind == "primitive-type":
            yield f"_{field.json_name}", "Element", field.many


def _hint(type_name: str) -> str:
    kind = r4.node(type_name).kind
    if kind == "primitive-type":
        return PRIMITIVES.get(type_name, "str")
    if kind in ("abstract", "resource") and type_name != "Element":
        return "dict"
    return _name(type_name)


def _name(type_name: str) -> str:
    return "R4_" + type_name.replace(".", "_")
