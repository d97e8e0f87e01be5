"""Make a load ready for queries. In: feeds and a raw store; out: a database with every table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from uptake.conformance import tables as conformance
from uptake.conformance.packages import Profiles
from uptake.definitions.reference import shipped_reference_tables
from uptake.engine.tokens import tables_of
from uptake.findings import families, patterns
from uptake.identity import persons
from uptake.reconciliation import ingredients, lists, medications
from uptake.resources import bundles, collisions, moments
from uptake.resources.flat import event_sql
from uptake.resources.tables import build_tables
from uptake.terminology.statuses import build_statuses

if TYPE_CHECKING:
    from uptake.definitions.reference import ReferenceTable
    from uptake.engine.duckdb import Database
    from uptake.model import CodeMapping, Feed, UseCase
    from uptake.resources.store import Store
    from uptake.terminology.sources import Terminology

RELATIONS = {
    "list_difference": lists.READS,
    "medication_difference": medications.READS | {"person"},
    "medication_ingredient": ingredients.READS,
    "person": persons.TABLES,
}
"""What is said of people and their lists, and the tables it is made from; what needs another
of these stands before it."""
STATUSES = {
    "code_status": {"coding"},
    "code_validity": {"coding"},
    "display_status": {"coding"},
    "terminology_coverage": {"coding"},
    "identifier_status": {"identifier"},
    "unit_status": {"quantity"},
    "system_status": {"coding", "quantity"},
}
"""What terminology says of, and the datatype tables it says it of."""


def tables_needed(queries: Iterable[str]) -> frozenset[str]:
    """Return the tables that the queries read, and those that these are made from."""
    wanted: set[str] = set()
    for query in queries:
        wanted |= tables_of(query)
    for name, sources in {**patterns.SOURCES, **RELATIONS, **STATUSES}.items():
        if name in wanted:
            wanted |= sources
    if "event" in wanted:
        wanted |= tables_of(event_sql())
    return frozenset(wanted)


def prepare(
    db: Database,
    store: Store,
    feeds: Sequence[Feed],
    as_of: datetime,
    wanted: frozenset[str],
    progress: Callable[[str], None] = lambda _: None,
    mappings: Sequence[CodeMapping] = (),
    reference: Mapping[str, ReferenceTable] | None = None,
    terminology: Terminology | None = None,
    profiles: Profiles | None = None,
    use_cases: Iterable[UseCase] | None = None,
) -> None:
    """Make the wanted tables; `progress` hears each resource type before it is read.

    Where a mapping was approved, the tables hold the standard code beside the local one. Without
    `reference` the reference tables are those that ship; without `terminology` so are the releases,
    without `profiles` the profiles, without `use_cases` the use cases.
    """
    db.run(moments.MACROS)
    instant = as_of.astimezone(UTC).replace(tzinfo=None)
    db.run(
        "create table run as select ?::timestamp as as_of, ?::date as as_of_date",
        [instant, as_of.date()],
    )
    _build_reference(db, shipped_reference_tables() if reference is None else reference, wanted)
    build_tables(db, store, feeds, wanted, progress, mappings)
    build_statuses(db, wanted, terminology)
    _build_relations(db, store, as_of, wanted)
    if wanted & conformance.NAMES:
        conformance.build_conformance(db, profiles or Profiles())
    patterns.build_patterns(db, wanted)
    if wanted & families.NAMES:
        families.build_families(db, use_cases)


def _build_relations(db: Database, store: Store, as_of: datetime, wanted: frozenset[str]) -> None:
    """Make what is said of Bundles, ids, people and their lists, as far as it is wanted."""
    if wanted & bundles.NAMES:
        bundles.build_bundles(db, store)
    if "sent_again" in wanted:
        collisions.build_sent_again(db)
    if "person" in wanted:
        persons.build_persons(db)
    if "medication_ingredient" in wanted:
        ingredients.build_ingredients(db)
    if "medication_difference" in wanted:
        medications.build_differences(db, as_of)
    if "list_difference" in wanted:
        lists.build_list_differences(db)


def _build_reference(
    db: Database, tables: Mapping[str, ReferenceTable], wanted: frozenset[str]
) -> None:
    """Make the wanted reference tables."""
    for name in sorted(wanted & tables.keys()):
        table = tables[name]
        columns = ", ".join(f"{column} {kind}" for column, kind in table.columns.items())
        db.run(f"create table {name} ({columns})")
        db.insert(name, tuple(table.columns), table.rows)
