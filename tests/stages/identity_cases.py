"""Patients for the tests of who is who, and the tables made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.load import prepare, tables_needed
from uptake.model import Feed
from uptake.resources.store import load

Resource = dict[str, Any]
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def patient(identity: str, **more: Any) -> Resource:
    """Return a Patient with these elements."""
    return {"resourceType": "Patient", "id": identity, **more}


def number(value: str, kind: str = "MR", system: str = "urn:mrn") -> Resource:
    """Return an Identifier; without a kind, without a type."""
    typed = {"type": {"coding": [{"code": kind}]}} if kind else {}
    return {**typed, "system": system, "value": value}


def link(identity: str, kind: str) -> Resource:
    """Return the element that links a Patient to another one."""
    return {"link": [{"other": {"reference": f"Patient/{identity}"}, "type": kind}]}


def fact(identity: str, subject: str, **more: Any) -> Resource:
    """Return an Observation about a Patient."""
    return {
        "resourceType": "Observation", "id": identity, "status": "final",
        "subject": {"reference": f"Patient/{subject}"}, "code": {"text": "Potassium"}, **more,
    }  # fmt: skip


@contextmanager
def tables(folder: Path, *wanted: str, **feeds: list[Resource]) -> Iterator[Database]:
    """Give a database with the wanted tables of these feeds."""
    sources = []
    for name, resources in feeds.items():
        (folder / name).mkdir(parents=True)
        lines = "\n".join(map(json.dumps, resources))
        (folder / name / "sent.ndjson").write_text(lines, "utf-8")
        sources.append(Feed(name, folder / name))
    db = Database(threads=1, memory="1GB", spill=folder / "spill")
    try:
        store = load(files_of(sources), folder / "store", threads=1, progress=lambda _: None)
        needed = tables_needed([f"select 1 from {name}" for name in wanted])
        prepare(db, store, sources, AS_OF, needed)
        yield db
    finally:
        db.close()
