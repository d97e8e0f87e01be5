"""The datatype tables. In: a resource type read by `json_transform`; out: SQL, a row an element.

Every element of a datatype, wherever it stands, is a row of that datatype's table, with its path:
"a code without a system" is one query over one table, not one a field.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from uptake import r4
from uptake.resources.view.shape import Shape, Tree, from_tree, is_deferred

SKIPPED = frozenset({"Extension", "Meta", "Narrative", "Reference", "Resource"})
"""Not walked into: extensions below the root, administrative metadata, what a reference repeats."""

_TABLED = frozenset(["CodeableConcept", "Coding", "Identifier", "Period", "Quantity"])

Fields: TypeAlias = Mapping[str, frozenset[str]]
"""JSON fields of a resource type, each with the fields directly inside it: those a load has."""


@dataclass(frozen=True, slots=True)
class Table:
    """A datatype table: which FHIR types are its rows, what it reads of them, its columns."""

    name: str
    types: frozenset[str]
    reads: tuple[str, ...]
    """Paths of JSON names below an element; empty for a primitive."""
    columns: str
    """SQL of the columns after rid, path and expression; `v` is the element."""
    told_elsewhere: bool = False
    """True: leave out what stands inside an element of another table, which has it as a column."""


def _types(names: str) -> frozenset[str]:
    return frozenset(names.split())


TABLES = {
    table.name: table
    for table in (
        Table(
            "coding",
            _types("Coding"),
            ("system", "version", "code", "display"),
            "concept, v.system as system, v.version as version, v.code as code, "
            "v.display as display",
        ),
        Table(
            "concept",
            _types("CodeableConcept"),
            ("text", "coding.code", "coding.system"),
            "v.text as text, coalesce(len(v.coding), 0) as codings",
        ),
        Table(
            "sent_reference",
            _types("Reference"),
            ("reference", "identifier.value"),
            "v.reference as reference, v.identifier is not null as has_identifier",
        ),
        Table("sent_moment", _types("date dateTime instant"), (), "datatype, v as text"),
        Table(
            "sent_period",
            _types("Period"),
            ("start", "end"),
            'v."start" as start_text, v."end" as end_text',
        ),
        Table(
            "quantity",
            _types("Age Count Distance Duration Quantity"),
            ("value", "comparator", "unit", "system", "code"),
            "v.value as value, v.comparator as comparator, v.unit as unit, "
            "v.system as system, v.code as code",
        ),
        Table(
            "identifier",
            _types("Identifier"),
            ("use", "type.coding.code", "system", "value"),
            "v.use as use, v.type.coding[1].code as type, v.system as system, v.value as value",
        ),
        Table(
            "dosage",
            _types("Dosage"),
            (
                "text",
                "doseAndRate.doseQuantity.value",
                "doseAndRate.doseQuantity.unit",
                "doseAndRate.doseQuantity.code",
                "doseAndRate.doseRange.low.value",
                "doseAndRate.doseRange.low.unit",
                "doseAndRate.doseRange.low.code",
                "doseAndRate.doseRange.high.unit",
                "doseAndRate.doseRange.high.code",
                "doseAndRate.rateQuantity.value",
                "doseAndRate.rateRange.low.value",
                "doseAndRate.rateRatio.numerator.value",
                "route.text",
                "route.coding.code",
                "timing.code.text",
                "timing.code.coding.code",
                "timing.repeat.frequency",
                "timing.repeat.period",
                "timing.repeat.when",
                "timing.repeat.dayOfWeek",
                "timing.repeat.timeOfDay",
                "timing.repeat.count",
                "timing.event",
                "asNeededBoolean",
                "asNeededCodeableConcept.text",
                "asNeededCodeableConcept.coding.code",
            ),
            "v.text as text, "
            "len(list_filter(v.doseAndRate, lambda d: d.doseQuantity.value is not null "
            "or d.doseRange is not null or d.rateQuantity is not null or d.rateRange is not null "
            "or d.rateRatio is not null)) > 0 is true as has_dose, "
            "len(list_filter(v.doseAndRate, lambda d: coalesce(d.doseQuantity.unit, "
            "d.doseQuantity.code, d.doseRange.low.unit, d.doseRange.low.code, "
            "d.doseRange.high.unit, d.doseRange.high.code) is not null)) > 0 is true as has_unit, "
            "len(list_filter(v.doseAndRate, lambda d: d.rateQuantity is not null "
            "or d.rateRange is not null or d.rateRatio is not null)) > 0 is true as has_rate, "
            "(v.route.text is not null or len(v.route.coding) > 0) is true as has_route, "
            "(v.timing.code.text is not null or len(v.timing.code.coding) > 0 "
            "or v.timing.repeat.frequency is not null or v.timing.repeat.period is not null "
            "or v.timing.repeat.count is not null or len(v.timing.repeat.when) > 0 "
            "or len(v.timing.repeat.dayOfWeek) > 0 or len(v.timing.repeat.timeOfDay) > 0 "
            "or len(v.timing.event) > 0) is true as has_timing, "
            "(v.asNeededBoolean or v.asNeededCodeableConcept.text is not null "
            "or len(v.asNeededCodeableConcept.coding) > 0) is true as as_needed",
        ),
        Table("text", _types("string markdown"), (), "v as value", told_elsewhere=True),
    )
}


SENT = {"reference": "sent_reference", "moment": "sent_moment", "period": "sent_period"}
"""Tables that are made from what was sent, when every type is read."""


def tables_for(wanted: frozenset[str]) -> frozenset[str]:
    """Return the tables to fill for those wanted; references and moments are always needed."""
    named = {SENT.get(name, name) for name in wanted}
    return frozenset(named & TABLES.keys()) | {"sent_reference", "sent_moment"}


@dataclass(frozen=True, slots=True)
class Step:
    """One JSON property on the way to an element."""

    json_name: str
    element: str
    many: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a datatype stands within a resource type."""

    resource: str
    steps: tuple[Step, ...]
    type: str
    within: bool = False
    """True inside a Coding, a Quantity or another datatype that has a table of its own."""

    @property
    def path(self) -> str:
        """The FHIRPath without indexes: `Observation.component.value`."""
        return ".".join((self.resource, *(s.element for s in self.steps)))


def shape_for(resource_type: str, fields: Fields, tables: frozenset[str]) -> Shape | None:
    """Return what these tables read of a resource type, of the fields met; None: nothing."""
    tree: Tree = {}
    for place, table in _needed(resource_type, fields, tables):
        _grow(tree, place.steps, table)
    return from_tree(resource_type, tree) if tree else None


def _grow(tree: Tree, steps: tuple[Step, ...], table: Table) -> None:
    """Add the JSON names that a table reads below the steps to the tree."""
    for step in steps:
        tree = tree.setdefault(step.json_name, {})
    for path in table.reads:
        leaf = tree
        for name in path.split("."):
            leaf = leaf.setdefault(name, {})


def selects(resource_type: str, fields: Fields, table_name: str, source: str) -> Iterator[str]:
    """Yield one SELECT a place over `source` (columns rid and r) for one datatype table."""
    for place, table in _needed(resource_type, fields, frozenset({table_name})):
        yield _select(place, table, source)


def _needed(
    resource_type: str, fields: Fields, tables: frozenset[str]
) -> Iterator[tuple[Place, Table]]:
    wanted = [TABLES[name] for name in sorted(tables)]
    for place in places(resource_type):
        first, *rest = place.steps
        if first.json_name in fields and (not rest or rest[0].json_name in fields[first.json_name]):
            for table in wanted:
                if place.type in table.types and not (place.within and table.told_elsewhere):
                    yield place, table


def all_fields(type_name: str) -> Fields:
    """Return every field of a type with every field inside it."""
    return {
        f.json_name: frozenset(inner.json_name for inner in r4.node(f.type).fields)
        for f in r4.node(type_name).fields
    }


@functools.cache
def places(resource_type: str) -> tuple[Place, ...]:
    """Return every place of every datatype in a resource type, or in `Extension`'s value."""
    found: list[Place] = []
    for field in r4.node(resource_type).fields:
        if _is_read(field):
            step = Step(field.json_name, field.element, field.many)
            found += _places_at(resource_type, (step,), field.type)
    return tuple(found)


def _is_read(field: r4.Field) -> bool:
    """Tell whether a field may hold rows: ids name elements, they say nothing of the patient."""
    return field.json_name != "id" and (field.type not in SKIPPED or field.type == "Reference")


def _places_at(
    resource: str, steps: tuple[Step, ...], type_name: str, *, within: bool = False
) -> Iterator[Place]:
    yield Place(resource, steps, type_name, within)
    if type_name in SKIPPED:
        return
    within = within or type_name in _TABLED
    for field in r4.node(type_name).fields:
        if is_deferred(type_name, field) or not _is_read(field):
            continue
        step = Step(field.json_name, field.element, field.many)
        yield from _places_at(resource, (*steps, step), field.type, within=within)


def _select(place: Place, table: Table, source: str) -> str:
    """Return the SELECT of one place: each array on the way is unnested, its index kept.

    Rows of extensions carry where they stand (`base`, `base_path`); a resource stands at its type.
    """
    within = place.resource == "Extension"
    value, relation, indexes = "r", source, 0
    carried = ", base, base_path" if within else ""
    base, text = ("base || ", "'") if within else ("", f"'{place.resource}")
    concept = "null"
    for step in place.steps:
        value = f'{value}."{step.json_name}"'
        if step.element == "coding" and step is place.steps[-1]:
            concept = f"{base}{text}'"
        text += f".{step.element}"
        if not step.many:
            continue
        relation = (
            f"(select rid{carried}, unnest({value}) as e{indexes}, "
            f"generate_subscripts({value}, 1) - 1 as i{indexes} from {relation})"
        )
        carried += f", i{indexes}"
        value, text = f"e{indexes}", f"{text}[' || i{indexes} || ']"
        indexes += 1
    steps = ".".join(s.element for s in place.steps)
    path = f"base_path || '.{steps}'" if within else f"'{place.path}'"
    columns = table.columns.replace("concept,", f"{concept} as concept,").replace(
        "datatype,", f"'{place.type}' as datatype,"
    )
    return (
        f"select rid, {path} as path, {base}{text}' as expression, {columns} "
        f"from (select rid{carried}, {value} as v from {relation}) where v is not null"
    )
