"""What a FHIRPath expression becomes: SQL with its FHIR type and cardinality. In: a value and the
name of an element; out: the value one step on.

Cardinality is known from R4, so a path through single elements is plain struct access and only
true collections become lists.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from uptake import r4
from uptake.errors import DefinitionError
from uptake.resources.view.shape import Tree, field_of, is_deferred, is_primitive, sql_type


@dataclass(frozen=True, slots=True)
class Value:
    """A DuckDB expression that yields an element, or the list of them."""

    sql: str
    type: str | None
    """The FHIR type; None where a path leads to an element that R4 lacks: always empty."""
    many: bool = False
    sparse: bool = False
    """True where the list may hold NULLs, which are no elements."""
    trees: tuple[Tree, ...] = ()
    """Where to note the fields taken from it."""
    json: bool = False
    """True where the SQL yields JSON, below an element that leads back to its own type."""
    choice: tuple[r4.Field, ...] = ()
    """For `value[x]` without `ofType`: the fields to choose from; the rest is its parent's."""
    parent: Value | None = None
    """For a primitive: what it was taken from, by the field of this name."""
    name: str = ""


@dataclass(slots=True)
class Notes:
    """What one view collects while it is compiled."""

    warnings: list[str] = field(default_factory=list)
    names: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def warn(self, what: str) -> None:
        """Note something once."""
        if what not in self.warnings:
            self.warnings.append(what)


@dataclass(frozen=True, slots=True)
class Context:
    """Where an expression is evaluated."""

    this: Value
    root: Value
    row_index: str
    constants: Mapping[str, Value]
    notes: Notes


NOTHING = Value("NULL", None)


def fail(what: str) -> DefinitionError:
    """Return the error of one fault; the caller adds where it is."""
    return DefinitionError([what])


def quote(text: str) -> str:
    """Return an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def variable(notes: Notes) -> str:
    """Return a new name for a lambda's parameter."""
    return f"x{next(notes.names)}"


def let(sql: str, body: Callable[[str], str], notes: Notes) -> str:
    """Return the body with the expression bound to a name, so that it is written only once."""
    if re.fullmatch(r"[\w.\[\]]+|'[^']*'", sql):
        return body(sql)
    name = variable(notes)
    return f"list_transform([{sql}], lambda {name}: {body(name)})[1]"


def each(value: Value, body: Callable[[str], str], notes: Notes) -> str:
    """Return the body applied to a value, or to each in its list (NULLs among the results)."""
    if not value.many:
        return body(value.sql)
    name = variable(notes)
    return f"list_transform({value.sql}, lambda {name}: {body(name)})"


def clean(value: Value, notes: Notes) -> str:
    """Return the list of a value that has one, without NULLs."""
    if not value.sparse:
        return value.sql
    name = variable(notes)
    return f"list_filter({value.sql}, lambda {name}: {name} IS NOT NULL)"


def as_list(value: Value, notes: Notes) -> str:
    """Return any value as a list: empty or NULL for no element."""
    refuse_choice(value)
    if value.type is None:
        return "CAST([] AS JSON[])"
    if value.many:
        return clean(value, notes)
    return f"(CASE WHEN {value.sql} IS NULL THEN [] ELSE [{value.sql}] END)"


def one(value: Value, what: str, notes: Notes) -> Value:
    """Return the single element; where there may be several, SQL that fails on the second."""
    refuse_choice(value)
    if not value.many:
        return value
    notes.warn(f"{what} takes a single value, and several would stop the query; add first()")
    message = quote(f"{what}: more than one value in a resource; add first()")
    sql = let(
        clean(value, notes),
        lambda name: f"(CASE WHEN len({name}) > 1 THEN error({message}) ELSE {name}[1] END)",
        notes,
    )
    return replace(value, sql=sql, many=False, sparse=False)


def refuse_choice(value: Value) -> None:
    """Raise where a choice element is used before its type is chosen."""
    if value.choice:
        element = value.choice[0].element
        types = ", ".join(sorted(f.type for f in value.choice))
        raise fail(f"`{element}` is of several types; add .ofType() with one of {types}")


def navigate(value: Value, name: str, notes: Notes) -> Value:
    """Return the element of this name; raises DefinitionError for a path that cannot be meant."""
    refuse_choice(value)
    if value.type is None:
        return value
    if is_primitive(value.type) and name in ("extension", "id"):
        return navigate(_beside(value, notes), name, notes)
    node = r4.node(value.type)
    found = node.of_element(name)
    if not found:
        chosen = node.field(name)
        if chosen is not None:
            raise fail(f"`{name}` is written {chosen.element}.ofType({chosen.type}) in FHIRPath")
        notes.warn(f"`{name}`: R4 has no such element in {value.type}; it is always empty")
        return NOTHING
    if found[0].json_name != name:
        return replace(value, choice=found)
    return step(value, found[0], notes)


def step(value: Value, field: r4.Field, notes: Notes) -> Value:
    """Return what a field of a value holds."""
    assert value.type is not None  # noqa: S101
    trees = tuple(tree.setdefault(field.json_name, {}) for tree in value.trees)
    deferred = is_deferred(value.type, field)
    primitive = is_primitive(field.type)
    sql = each(value, lambda x: _access(value, x, field), notes)
    if value.many and field.many:
        sql = f"flatten({sql})"
    return Value(
        sql,
        field.type,
        many=value.many or field.many,
        sparse=primitive if field.many else value.many,
        trees=() if deferred else trees,
        json=value.json or deferred,
        parent=replace(value, choice=()) if primitive else None,
        name=field.json_name,
    )


def _access(value: Value, x: str, field: r4.Field) -> str:
    if not value.json:
        return f"{x}.{field.json_name}"
    path = quote(f"$.{field.json_name}" + ("[*]" if field.many else ""))
    if is_primitive(field.type):
        cast = sql_type(field.type) + ("[]" if field.many else "")
        text = f"json_extract_string({x}, {path})"
        return text if cast.startswith("VARCHAR") else f"TRY_CAST({text} AS {cast})"
    extracted = f"json_extract({x}, {path})"
    return extracted if field.many else f"nullif({extracted}, 'null'::JSON)"


def _beside(value: Value, notes: Notes) -> Value:
    """Return the Element that holds a primitive's id and extensions: `_birthDate`."""
    parent = value.parent
    if parent is None or parent.type is None:
        raise fail("extensions of a primitive follow its name: `name.given.extension(…)`")
    field = field_of(parent.type, f"_{value.name}")
    return step(parent, field, notes) if field else NOTHING
