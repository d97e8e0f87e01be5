"""Which checks can go, and their files. In: the catalogue; out: FHIR resources in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.disk import write_whole
from uptake.engine.tokens import tables_of
from uptake.errors import StorageError
from uptake.findings.sql_on_fhir.libraries import sql_query, sql_view
from uptake.findings.sql_on_fhir.tables import derived_tables, values
from uptake.findings.sql_on_fhir.views import COLUMNS, Json, datatype_views, raw_views, url

if TYPE_CHECKING:
    from uptake.definitions.reference import ReferenceTable
    from uptake.model import Check

READ_BY_QUERIES = frozenset({"run", "resource_meta"})
"""Tables of a query that no check names: "now" is a parameter, errors are left out of its rows."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: each resource by the name of its file."""

    resources: Mapping[str, Json]
    left_out: Mapping[str, str]
    """Check code to why it is not there."""

    def count(self, kind: str) -> int:
        """Return how many files begin so: `check`, `table` or `view`."""
        return sum(name.startswith(f"{kind}-") for name in self.resources)


def export(
    checks: Mapping[str, Check],
    reference: Mapping[str, ReferenceTable],
    folder: Path,
    progress: Callable[[str], None] = lambda _: None,
) -> Exported:
    """Write every check that needs no stage of Uptake, and all that it reads; return what it was.

    What SQL alone cannot say (check digits, linked persons, terminology) stays here. Raises
    StorageError when the folder cannot be written.
    """
    made = collect(checks, reference)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    for name, resource in made.resources.items():
        progress(name)
        text = json.dumps(resource, ensure_ascii=False, indent=2)
        write_whole(folder / f"{name}.json", f"{text}\n".encode())
    return made


def collect(checks: Mapping[str, Check], reference: Mapping[str, ReferenceTable]) -> Exported:
    """Return the resources of an export."""
    tables = {**derived_tables(), **{name: values(t) for name, t in reference.items()}}
    views = raw_views()
    for table in COLUMNS:
        views |= datatype_views(table)
    left_out: dict[str, str] = {}
    queries: dict[str, Json] = {}
    needed: set[str] = set()
    for code, check in checks.items():
        reads = tables_of(check.query)
        if reason := _reason(check, reads, tables):
            left_out[code] = reason
            continue
        used = reads | {"resource_meta"}
        queries[f"check-{code}"] = sql_query(check, _places(used, views))
        needed |= used - {"run"}
    read = _closure(needed, tables)
    libraries = {
        f"table-{name.replace('_', '-')}": sql_view(
            name, tables[name], _places(_reads(name, tables), views)
        )
        for name in sorted(read & tables.keys())
    }
    kept = {f"view-{n.replace('_', '-')}": v for n, v in views.items() if n in read}
    return Exported({**queries, **libraries, **kept}, left_out)


def _reason(check: Check, reads: frozenset[str], tables: Mapping[str, str]) -> str:
    if not check.query:
        return str(check.options.get("unavailable", "it has no query yet"))
    missing = sorted(reads - tables.keys() - READ_BY_QUERIES)
    return f"it reads what Uptake works out: {', '.join(missing)}" if missing else ""


def _reads(name: str, tables: Mapping[str, str]) -> frozenset[str]:
    return tables_of(tables[name])


def _closure(names: set[str], tables: Mapping[str, str]) -> set[str]:
    """Return the tables and views that are read, directly or not."""
    found: set[str] = set()
    left = set(names)
    while left:
        name = left.pop()
        found.add(name)
        if name in tables:
            left |= _reads(name, tables) - found
    return found


def _places(reads: frozenset[str] | set[str], views: Mapping[str, Json]) -> dict[str, str]:
    """Return each table that is read with the canonical URL of what gives it."""
    return {name: url("view" if name in views else "table", name) for name in reads}
