"""In: two feeds. Out: what each finder says differs: ours, and two that many interfaces are."""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from benchmarks.medications.writing import TODAY
from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.load import prepare, tables_needed
from uptake.identity import persons
from uptake.model import Feed
from uptake.reconciliation import medications
from uptake.resources.store import load

if TYPE_CHECKING:
    from benchmarks.medications.products import Resource

AS_OF = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
SILENT = ("same",)


@dataclass(frozen=True)
class Said:
    """One difference: whose, which kind, and the ids of the records it is about."""

    person: int
    kind: str
    records: tuple[str, ...]


@dataclass(frozen=True)
class Costs:
    """What the run's stage cost, without the reading of files."""

    cpu: float
    rows: int
    entries: int


def ours(folder: Path, memory: str = "4GB") -> tuple[list[Said], Costs]:
    """Return what the run says, and what its stage cost."""
    feeds = [Feed("ehr", folder / "ehr", "ehr"), Feed("pharmacy", folder / "pharmacy", "external")]
    with tempfile.TemporaryDirectory() as spill:
        store = load(files_of(feeds), folder / "store", 2, lambda *_: None)
        db = Database(2, memory, Path(spill))
        try:
            names = sorted(medications.READS | persons.TABLES)
            prepare(db, store, feeds, AS_OF, tables_needed(f"select 1 from {n}" for n in names))
            persons.build_persons(db)
            begun = time.process_time()
            medications.build_differences(db, AS_OF)
            cpu = time.process_time() - begun
            rows = db.rows(
                "select patient_id, kind, chart_id, outside_id, other_id from medication_difference"
            )
            (entries,) = db.row("select count(*) from record where type like 'Medication%'")
        finally:
            db.close()
    found = [
        Said(int(patient[1:]), kind, tuple(i for i in ids if i))
        for patient, kind, *ids in rows
        if kind not in SILENT
    ]
    return found, Costs(cpu, len(rows), entries)


def by_text(folder: Path) -> list[Said]:
    """Return what comparing the names of drugs says."""
    return list(_naive(folder, _text))


def by_code(folder: Path) -> list[Said]:
    """Return what comparing codes says: two concepts are one where they share a code."""
    return list(_naive(folder, _codes))


def _text(resource: Resource) -> frozenset[str]:
    return frozenset([str(resource["medicationCodeableConcept"]["text"]).lower()])


def _codes(resource: Resource) -> frozenset[str]:
    codings = resource["medicationCodeableConcept"].get("coding", ())
    return frozenset(f"{c['system']}|{c['code']}" for c in codings) or _text(resource)


def _naive(folder: Path, of: Callable[[Resource], frozenset[str]]) -> Iterator[Said]:
    """Compare active entries name by name, and sigs as texts: a difference is of either kind."""
    lists: dict[int, dict[str, list[Resource]]] = defaultdict(lambda: {"ehr": [], "pharmacy": []})
    for feed in ("ehr", "pharmacy"):
        for resource in _read(folder / feed / "all.ndjson"):
            if resource.get("status") in ("active", "completed") and "subject" in resource:
                lists[int(resource["subject"]["reference"][9:])][feed].append(resource)
    for person, both in lists.items():
        chart, outside = both["ehr"], both["pharmacy"]
        for place, one in enumerate(chart):
            if twin := _met(one, chart[:place], of):
                yield Said(person, "duplicate", (one["id"], twin["id"]))
        for told in outside:
            mine = _met(told, chart, of)
            if mine is None:
                yield Said(person, "omission", (told["id"],))
            elif _sig(mine) and _sig(told) and _sig(mine) != _sig(told):
                yield Said(person, "sig", (told["id"], mine["id"]))
        alone = (mine for mine in chart if not _met(mine, outside, of))
        yield from (Said(person, "addition", (mine["id"],)) for mine in alone)


def _met(
    one: Resource, others: Iterable[Resource], of: Callable[[Resource], frozenset[str]]
) -> Resource | None:
    return next((other for other in others if of(one) & of(other)), None)


def _sig(resource: Resource) -> str:
    steps = resource.get("dosageInstruction") or resource.get("dosage") or [{}]
    return str(steps[0].get("text", "")).lower()


def _read(path: Path) -> Iterable[Resource]:
    with path.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)
