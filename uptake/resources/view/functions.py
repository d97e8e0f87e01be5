"""The FHIRPath functions without criteria. In: a value and the call; out: the value it gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from uptake import r4
from uptake.resources.view.fhirpath import Call, Expression, Literal, Member
from uptake.resources.view.moments import MOMENTS, boundary
from uptake.resources.view.shape import is_primitive, sql_type
from uptake.resources.view.value import (
    Notes,
    Value,
    clean,
    each,
    fail,
    let,
    navigate,
    one,
    quote,
    refuse_choice,
    step,
)

BASES = {
    "code": "string", "id": "string", "markdown": "string",
    "url": "uri", "canonical": "uri", "uuid": "uri", "oid": "uri",
    "positiveInt": "integer", "unsignedInt": "integer",
    "Age": "Quantity", "Count": "Quantity", "Distance": "Quantity", "Duration": "Quantity",
}  # fmt: skip
"""The types that R4 derives from others: https://hl7.org/fhir/R4/datatypes.html"""

_KEY = "[A-Z][a-z][A-Za-z]+"
_ID = "[A-Za-z0-9.-]{1,64}"


def call(value: Value, function: Call, notes: Notes) -> Value:
    """Return what a function gives; raises DefinitionError if it is none of ours."""
    found = FUNCTIONS.get(function.function)
    if found is None:
        raise fail(f"`{function.function}()` is not in the subset of ViewDefinitions")
    return found(value, function, notes)


def exists(value: Value, notes: Notes) -> str:
    """Return SQL that is true where there is an element, false where there is none."""
    if value.choice:
        base = replace(value, choice=())
        return "(" + " OR ".join(exists(step(base, f, notes), notes) for f in value.choice) + ")"
    if value.type is None:
        return "FALSE"
    if not value.many:
        return f"({value.sql} IS NOT NULL)"
    return f"(coalesce(len({clean(value, notes)}), 0) > 0)"


def truth(value: Value, what: str, notes: Notes) -> str:
    """Return SQL of a boolean; raises DefinitionError if the value is of another type."""
    refuse_choice(value)
    if value.type is None:
        return "CAST(NULL AS BOOLEAN)"
    if value.type != "boolean":
        raise fail(f"{what} is {value.type}, where a boolean belongs")
    return one(value, what, notes).sql


def _exists(value: Value, function: Call, notes: Notes) -> Value:
    _arguments(function, 0, 0)
    return Value(exists(value, notes), "boolean")


def _empty(value: Value, function: Call, notes: Notes) -> Value:
    _arguments(function, 0, 0)
    return Value(f"(NOT {exists(value, notes)})", "boolean")


def _not(value: Value, function: Call, notes: Notes) -> Value:
    _arguments(function, 0, 0)
    return Value(f"(NOT {truth(value, f'`{function.source}`', notes)})", "boolean")


def _first(value: Value, function: Call, notes: Notes) -> Value:
    _arguments(function, 0, 0)
    refuse_choice(value)
    if not value.many:
        return value
    return replace(value, sql=f"{clean(value, notes)}[1]", many=False, sparse=False, parent=None)


def _of_type(value: Value, function: Call, notes: Notes) -> Value:
    wanted = _type_name(_arguments(function, 1, 1)[0])
    if value.choice:
        found = next((f for f in value.choice if f.type == wanted), None)
        if found is None:
            types = ", ".join(sorted(f.type for f in value.choice))
            element = value.choice[0].element
            raise fail(f"`{element}` is never of type {wanted}; it is one of {types}")
        return step(replace(value, choice=()), found, notes)
    if value.type is None or wanted in (value.type, BASES.get(value.type)):
        return value
    raise fail(f"`{function.source or '$this'}` is {value.type} and never {wanted}")


def _join(value: Value, function: Call, notes: Notes) -> Value:
    arguments = _arguments(function, 0, 1)
    if arguments and not _is_string(arguments[0]):
        raise fail("join() takes a string")
    separator = str(getattr(arguments[0], "text", "")) if arguments else ""
    refuse_choice(value)
    if value.type is None or not value.many:
        return value
    if not is_primitive(value.type) or sql_type(value.type) != "VARCHAR":
        raise fail(f"join() takes strings, not {value.type}")
    joined = f"array_to_string({clean(value, notes)}, {quote(separator)})"
    # An empty list joins to '', and nothing joined is nothing.
    return Value(f"(CASE WHEN {exists(value, notes)} THEN {joined} END)", "string")


def _boundary(value: Value, function: Call, notes: Notes) -> Value:
    _arguments(function, 0, 0)
    what = f"{function.function}()"
    single = one(value, what, notes)
    kind = single.type
    if kind is None:
        return single
    if kind != "decimal" and kind not in MOMENTS:
        raise fail(f"{what} takes a decimal, a date or a time, not {kind}")
    low = function.function == "lowBoundary"

    def bounded(x: str) -> str:
        return f"(CASE WHEN {x} IS NOT NULL THEN {boundary(x, kind, low=low)} END)"

    return Value(let(single.sql, bounded, notes), kind)


def _resource_key(value: Value, function: Call, notes: Notes) -> Value:
    _arguments(function, 0, 0)
    if value.type not in r4.resource_types():
        raise fail(f"getResourceKey() is for resources, and this is {value.type}")
    key = navigate(value, "id", notes)
    return replace(key, sql=f"({quote(value.type + '/')} || {key.sql})", parent=None)


def _reference_key(value: Value, function: Call, notes: Notes) -> Value:
    arguments = _arguments(function, 0, 1)
    wanted = _type_name(arguments[0]) if arguments else None
    refuse_choice(value)
    if value.type is None:
        return value
    if value.type != "Reference":
        raise fail(f"getReferenceKey() is for references, and this is {value.type}")
    if wanted and wanted not in r4.resource_types():
        raise fail(f"getReferenceKey({wanted}): R4 has no such resource type")
    found = navigate(value, "reference", notes)
    sql = each(found, lambda x: let(x, lambda ref: _reference_sql(ref, wanted), notes), notes)
    return replace(found, sql=sql, parent=None, type="string")


def _reference_sql(ref: str, wanted: str | None) -> str:
    """Most references are relative; LIKE costs a fifth of a regular expression."""
    key = f"{wanted or _KEY}/{_ID}"
    anywhere = f"(?:^|/)({key})(?:/_history/{_ID})?$"
    slow = f"nullif(regexp_extract({ref}, '{anywhere}', 1), '')"
    kind = (
        f"{ref} LIKE '{wanted}/%'" if wanted else f"{ref} LIKE '%/%' AND {ref} BETWEEN 'A' AND '['"
    )
    rest = " AND ".join(f"{ref} NOT LIKE '%{mark}%'" for mark in ("/%/", ":", "?", "#"))
    return f"(CASE WHEN {kind} AND {rest} THEN {ref} ELSE {slow} END)"


def _arguments(function: Call, least: int, most: int) -> tuple[Expression, ...]:
    if not least <= len(function.arguments) <= most:
        takes = str(least) if least == most else f"{least} to {most}"
        raise fail(f"{function.function}() takes {takes} arguments, not {len(function.arguments)}")
    return function.arguments


def _type_name(argument: Expression) -> str:
    """Return the type that an argument names: `Quantity`, `FHIR.Quantity`."""
    if isinstance(argument, Member):
        system = argument.source
        if system is None or system in (Member(None, "FHIR"), Member(None, "System")):
            name = argument.name
            return name[0].lower() + name[1:] if system == Member(None, "System") else name
    raise fail(f"`{argument}` is not the name of a type")


def _is_string(argument: Expression) -> bool:
    return isinstance(argument, Literal) and argument.type == "string"


FUNCTIONS: dict[str, Callable[[Value, Call, Notes], Value]] = {
    "exists": _exists,
    "empty": _empty,
    "not": _not,
    "first": _first,
    "ofType": _of_type,
    "join": _join,
    "lowBoundary": _boundary,
    "highBoundary": _boundary,
    "getResourceKey": _resource_key,
    "getReferenceKey": _reference_key,
}
