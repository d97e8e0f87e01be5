"""Resources and a load of them, as the tests of conformance need them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.conformance.bindings import ValueSets
from uptake.conformance.packages import Profiles, read_definitions
from uptake.conformance.shapes import Shapes
from uptake.conformance.verdicts import Verdict, Verdicts
from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.knowledge import Knowledge
from uptake.findings.load import prepare
from uptake.model import Feed
from uptake.resources.store import load
from uptake.terminology.value_sets import expansion

if TYPE_CHECKING:
    from uptake.conformance.definitions import Definitions
    from uptake.conformance.issues import Issue

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
R4 = "http://hl7.org/fhir/StructureDefinition/"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"

Json = dict[str, Any]


def coded(system: str, code: str) -> Json:
    """A concept of one code."""
    return {"coding": [{"system": system, "code": code}]}


def laboratory(**more: Any) -> Json:
    """A laboratory result that keeps every rule of R4 and US Core."""
    return {
        "resourceType": "Observation",
        "id": "lab",
        "status": "final",
        "category": [coded(CATEGORY, "laboratory")],
        "code": coded("http://loinc.org", "2345-7"),
        "subject": {"reference": "Patient/1"},
        "effectiveDateTime": "2026-01-01",
        "valueString": "clear",
    } | more


def patient(**more: Any) -> Json:
    """A patient that keeps every rule of R4 and US Core."""
    return {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": "http://hospital.example.org", "value": "1"}],
        "name": [{"family": "Ray", "given": ["Ann"]}],
        "gender": "female",
    } | more


@cache
def definitions() -> Definitions:
    """What ships."""
    return read_definitions()


@cache
def value_sets() -> ValueSets:
    """What ships."""
    return ValueSets(expansion)


def verdicts(resource: Json, own: Definitions | None = None) -> list[Verdict]:
    """What R4, the claimed profiles and the best fit say of a resource, by its shape."""
    known = own or definitions()
    shapes = Shapes(known)
    shapes.shape_of(resource["resourceType"], json.dumps(resource).encode())
    judge = Verdicts(known, value_sets())
    return [v for kind, fields, _ in shapes for v in judge.on(kind, fields)]


def issues(resource: Json, severity: str = "error", own: Definitions | None = None) -> list[Issue]:
    """The issues of a severity, of whichever definition."""
    found = (i for v in verdicts(resource, own) for i in v.issues if i.severity == severity)
    return list(dict.fromkeys(found))


def told(resource: Json, severity: str = "error") -> list[tuple[str, str, str]]:
    """Kind, rule and place of each issue."""
    return [(i.kind, i.key, i.expression) for i in issues(resource, severity)]


@contextmanager
def loaded(
    folder: Path, resources: Iterable[Json], profiles: Profiles | None = None
) -> Iterator[Database]:
    """A load of one feed, `lab`, with the tables of conformance."""
    feed = folder / "lab"
    feed.mkdir()
    (feed / "all.ndjson").write_text("\n".join(map(json.dumps, resources)), "utf-8")
    feeds = [Feed("lab", feed)]
    store = load(files_of(feeds), folder / "store", threads=1, progress=lambda _: None)
    db = Database(1, "1GB", folder / "spill")
    try:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        judged_by = Knowledge(reference={}, profiles=profiles)
        prepare(db, store, feeds, now, frozenset({"conformance_issue"}), knowledge=judged_by)
        yield db
    finally:
        db.close()
