"""Make a load ready for queries. In: feeds and a raw store; out: a database with every table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from uptake.conformance import tables as conformance
from uptake.conformance.packages import Profiles
from uptake.definitions.reference import shipped_reference_tables
from uptake.engine.duckdb import in_utc
from uptake.engine.tokens import tables_of
from uptake.findings import families, patterns
from uptake.findings.knowledge import SHIPPED, Knowledge
from uptake.identity import linkage, normal, overlays, persons, survivors
from uptake.identity.demographics import read_demographics
from uptake.reconciliation import ingredients, lists, medications
from uptake.reconciliation.conflicts import batch as conflicts
from uptake.resources import bundles, collisions, moments
from uptake.resources.flat import event_sql
from uptake.resources.tables import build_tables
from uptake.terminology.statuses import build_statuses

if TYPE_CHECKING:
    from uptake.definitions.reference import ReferenceTable
    from uptake.engine.duckdb import Database
    from uptake.identity.decisions import Decided
    from uptake.model import CodeMapping, Feed, UseCase
    from uptake.resources.store import Store


@dataclass(frozen=True, slots=True)
class Load:
    """What the stages' tables are made from, beside the tables that are there."""

    db: Database
    store: Store
    as_of: datetime
    wanted: frozenset[str]
    knowledge: Knowledge
    use_cases: Iterable[UseCase] | None
    """None: those that ship."""
    decided: Sequence[Decided]
    """What reviewers decided of pairs of Patients."""


@dataclass(frozen=True, slots=True)
class StageTables:
    """Tables that a stage makes when one of them is wanted."""

    names: frozenset[str]
    reads: frozenset[str]
    """The tables they are made from."""
    build: Callable[[Load], object]


def _statuses(names: str, *reads: str) -> StageTables:
    """Return tables of what terminology says."""
    made = frozenset(names.split())
    return StageTables(
        made,
        frozenset(reads),
        lambda load: build_statuses(load.db, load.wanted & made, load.knowledge.terminology),
    )


def _pattern(name: str) -> StageTables:
    """Return a table of what only many values together show."""
    return StageTables(
        frozenset({name}), patterns.TABLES[name].reads, lambda load: patterns.build(load.db, name)
    )


STAGES = (
    _statuses("code_status code_validity display_status terminology_coverage", "coding"),
    _statuses("identifier_status", "identifier"),
    _statuses("unit_status", "quantity"),
    _statuses("system_status", "coding", "quantity"),
    StageTables(
        bundles.NAMES, frozenset(), lambda load: bundles.build_bundles(load.db, load.store)
    ),
    StageTables(
        frozenset({"sent_again"}), frozenset(), lambda load: collisions.build_sent_again(load.db)
    ),
    StageTables(
        frozenset({"person"}),
        persons.TABLES,
        lambda load: persons.build_persons(load.db, load.decided),
    ),
    StageTables(frozenset({"sent_patient"}), frozenset(), lambda load: read_demographics(load.db)),
    StageTables(
        frozenset({"person_record", "patient_link", "patient_cluster"}),
        normal.REFERENCE | {"sent_patient"},
        lambda load: linkage.link(load.db, load.decided),
    ),
    StageTables(
        frozenset({persons.COUNTED}),
        frozenset({"person", "patient_cluster"}),
        lambda load: persons.build_counted_persons(load.db, load.decided),
    ),
    StageTables(
        frozenset({"patient_overlay"}),
        overlays.READS,
        lambda load: overlays.build_overlays(load.db),
    ),
    StageTables(
        frozenset({"linked_record"}),
        survivors.LINK_READS,
        lambda load: survivors.build_links(load.db),
    ),
    StageTables(
        frozenset({"patient_survivor"}),
        survivors.READS,
        lambda load: survivors.build_survivors(load.db),
    ),
    StageTables(
        frozenset({"medication_ingredient"}),
        ingredients.READS,
        lambda load: ingredients.build_ingredients(load.db),
    ),
    StageTables(
        medications.MADE,
        medications.READS | {"person"},
        lambda load: medications.build_differences(load.db, load.as_of),
    ),
    StageTables(
        frozenset({"list_verdict"}),
        conflicts.READS_LISTS,
        lambda load: conflicts.build_list_verdicts(load.db),
    ),
    StageTables(
        frozenset({"conflict"}),
        conflicts.READS,
        lambda load: conflicts.build_conflicts(load.db),
    ),
    StageTables(
        frozenset({"list_difference"}),
        lists.READS,
        lambda load: lists.build_list_differences(load.db),
    ),
    StageTables(
        conformance.NAMES,
        frozenset(),
        lambda load: conformance.build_conformance(load.db, load.knowledge.profiles or Profiles()),
    ),
    *(_pattern(name) for name in patterns.TABLES),
    StageTables(
        families.NAMES,
        frozenset(),
        lambda load: families.build_families(load.db, load.use_cases),
    ),
)
"""In the order in which they are made: a table stands behind those that it is made from."""


def tables_needed(queries: Iterable[str]) -> frozenset[str]:
    """Return the tables that the queries read, and those that these are made from."""
    wanted: set[str] = set()
    for query in queries:
        wanted |= tables_of(query)
    for stage in reversed(STAGES):
        if wanted & stage.names:
            wanted |= stage.reads
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
    knowledge: Knowledge = SHIPPED,
    use_cases: Iterable[UseCase] | None = None,
    decided: Sequence[Decided] = (),
) -> None:
    """Make the wanted tables; `progress` hears each resource type before it is read.

    Where a mapping was approved, the tables hold the standard code beside the local one. Without
    `use_cases` those that ship name the codes that are looked for.
    """
    db.run(moments.MACROS)
    db.run(
        "create table run as select ?::timestamp as as_of, ?::date as as_of_date",
        [in_utc(as_of), as_of.date()],
    )
    _build_reference(db, knowledge.reference, wanted)
    build_tables(db, store, feeds, wanted, progress, mappings)
    load = Load(db, store, as_of, wanted, knowledge, use_cases, decided)
    for stage in STAGES:
        if wanted & stage.names:
            stage.build(load)


def _build_reference(
    db: Database, tables: Mapping[str, ReferenceTable] | None, wanted: frozenset[str]
) -> None:
    """Make the wanted reference tables."""
    known = shipped_reference_tables() if tables is None else tables
    for name in sorted(wanted & known.keys()):
        table = known[name]
        columns = ", ".join(f"{column} {kind}" for column, kind in table.columns.items())
        db.run(f"create table {name} ({columns})")
        db.insert(name, tuple(table.columns), table.rows)
