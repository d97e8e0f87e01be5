"""Flat tables. In: ViewDefinitions; out: SQL that gives one row a resource.

A view's columns are first read as text (`raw_observation`). When every type is read, dates become
five columns each and references become rids: both are worked out once for the whole load.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from uptake import r4
from uptake.resources import references
from uptake.resources.view.compile import CompiledView, compile_view

MOMENTS = frozenset({"date", "dateTime", "instant"})
SQL_TYPES = {"boolean": "boolean", "decimal": "double", "integer": "bigint"}
REFERENCE_COLUMN = re.compile(r"^(?P<element>.+)\.getReferenceKey\(\w*\)$")
CODE_COLUMN = re.compile(r"^(?P<coding>.+)\.code$")
PARTS = {"date": "date", "precision": "varchar", "offset": "bigint"}
"""What is known of a date-time beside its instant and its text."""


@dataclass(frozen=True, slots=True)
class FlatView:
    """A ViewDefinition as a flat table: rid, plain columns, moments, references to rids."""

    name: str
    resource: str
    compiled: CompiledView
    references: Mapping[str, str]
    """Column to the path of the reference: `encounter_rid` to `Observation.encounter`."""
    codings: Mapping[str, str]
    """Column of a code, with its system beside, to the expression of the coding it is read from:
    `code` to `Observation.code.coding[0]`."""

    def raw(self, source: str) -> str:
        """Return the SELECT of what the resource itself says; `source` has rid and the struct r."""
        columns = "".join(f", {self._raw_column(c.name, c.type)}" for c in self.compiled.columns)
        return f"select rid{columns} from ({self.compiled.select(source, ('rid',))})"

    def _raw_column(self, name: str, fhir_type: str | None) -> str:
        return f'cast("{name}" as {SQL_TYPES.get(fhir_type or "", "varchar")}) as "{name}"'

    def final(self) -> str:
        """Return the SELECT of the table from `raw_…` and what was worked out for all."""
        columns, joins = ["t.rid"], []
        for number, column in enumerate(self.compiled.columns):
            name = column.name
            if column.type not in MOMENTS:
                columns.append(f't."{name}"')
                continue
            at = f"m{number}"
            columns.append(f't."{name}" as {name}_text, {at}.at_time as {name}')
            columns += [f"{at}.at_{part} as {name}_{part}" for part in PARTS]
            joins.append(f'left join moment_text {at} on {at}.text = t."{name}"')
        if self.resource == "Patient":
            columns.append("t.rid as patient_rid")
        paths = self.reference_paths
        columns += [f"x.{name}" for name in paths]
        if paths:
            chosen = ", ".join(
                f"max(target_rid) filter (path = '{path}') as {name}"
                for name, path in paths.items()
            )
            listed = ", ".join(f"'{path}'" for path in paths.values())
            joins.append(
                f"left join (select rid, {chosen} from reference where path in ({listed}) "
                "group by rid) x on x.rid = t.rid"
            )
        return (
            f"select {', '.join(columns)}, e.entered_in_error from raw_{self.name} t "
            f"join resource_meta e on e.rid = t.rid {' '.join(joins)}"
        )

    def empty(self) -> str:
        """Return the column list of the table for a load without such resources."""
        columns = ["rid bigint", *self._empty_columns()]
        columns += [f"{name} bigint" for name in self.reference_paths]
        if self.resource == "Patient":
            columns.append("patient_rid bigint")
        return ", ".join([*columns, "entered_in_error boolean"])

    def _empty_columns(self) -> Iterator[str]:
        for column in self.compiled.columns:
            if column.type in MOMENTS:
                yield f"{column.name}_text varchar, {column.name} timestamp"
                yield from (f"{column.name}_{part} {kind}" for part, kind in PARTS.items())
            else:
                yield f'"{column.name}" {SQL_TYPES.get(column.type or "", "varchar")}'

    @property
    def reference_paths(self) -> dict[str, str]:
        """Every column that is a rid, the patient's included, and its reference's path."""
        subject = subject_path(self.resource)
        return {**self.references, **({"patient_rid": subject} if subject else {})}


def read_view(text: str) -> FlatView:
    """Return the flat table of a ViewDefinition given as JSON text."""
    view = json.loads(text)
    columns = view["select"][0]["column"]
    found = {c["name"]: REFERENCE_COLUMN.match(c["path"]) for c in columns}
    paths = {
        name: f"{view['resource']}.{re.sub(r'[.](first|ofType)[(][A-Za-z]*[)]', '', m['element'])}"
        for name, m in found.items()
        if m
    }
    plain = {**view, "select": [{"column": [c for c in columns if c["name"] not in paths]}]}
    return FlatView(view["name"], view["resource"], compile_view(plain), paths, _codings(view))


def _codings(view: Mapping[str, Any]) -> dict[str, str]:
    paths = {c["name"]: c["path"] for c in view["select"][0]["column"]}
    found = {n: CODE_COLUMN.match(p) for n, p in paths.items() if f"{n}_system" in paths}
    typeless = {n: re.sub(r"[.]ofType[(]\w+[)]", "", m["coding"]) for n, m in found.items() if m}
    return {n: f"{view['resource']}.{p.replace('.first()', '[0]')}" for n, p in typeless.items()}


_FOLDER = resources.files("uptake") / "content" / "views"


@functools.cache
def view_names() -> frozenset[str]:
    """Return the names of the flat tables that ship."""
    names = (path.name for path in _FOLDER.iterdir())
    return frozenset(name.removesuffix(".json") for name in names if name.endswith(".json"))


@functools.cache
def shipped_view(name: str) -> FlatView:
    """Return a flat table of `content/views` by its name."""
    return read_view((_FOLDER / f"{name}.json").read_text("utf-8"))


@functools.cache
def event_sql() -> str:
    """Return the statement that makes `event` from the flat tables."""
    return (_FOLDER / "event.sql").read_text("utf-8")


def subject_path(resource_type: str) -> str | None:
    """Return the path of the reference to the patient: `Observation.subject`; None if none."""
    node = r4.node(resource_type)
    for name in references.SUBJECTS:
        field = node.field(name)
        if field and not field.many and field.type == "Reference":
            return f"{resource_type}.{name}"
    return None
