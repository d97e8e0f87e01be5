"""R4 types as msgspec Structs: JSON types and arrays, nothing else. In: a type; out: a decoder.

A record that decodes can be read by the typed tables without loss; what its values mean is the
business of checks. Fields that R4 does not declare are passed over here.
"""

from __future__ import annotations

import functools
import keyword
import sys
from types import ModuleType
from typing import Any

import msgspec

from uptake import r4

PRIMITIVES = {
    "boolean": "bool",
    "decimal": "float",
    "integer": "int",
    "positiveInt": "int",
    "unsignedInt": "int",
}

_STRUCTS = ModuleType("uptake.resources._r4_structs")
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
    for field in r4.node(type_name).fields:
        hint = _hint(field.type)
        if hint == _name(field.type):
            needed.append(field.type)
        if field.many:
            hint = f"list[{hint} | None]"
        name = field.json_name
        if keyword.iskeyword(name):
            names[name + "_"] = name
            name += "_"
        fields.append((name, f"{hint} | None", None))
    struct = msgspec.defstruct(
        _name(type_name),
        fields,  # type: ignore[arg-type]  # hints by name are resolved when the decoder is built
        module=_STRUCTS.__name__,
        kw_only=True,
        gc=False,
        rename=names or None,
    )
    setattr(_STRUCTS, _name(type_name), struct)
    return needed


def _hint(type_name: str) -> str:
    kind = r4.node(type_name).kind
    if kind == "primitive-type":
        return PRIMITIVES.get(type_name, "str")
    return "dict" if kind in ("abstract", "resource") else _name(type_name)


def _name(type_name: str) -> str:
    return "R4_" + type_name.replace(".", "_")
