"""A load made of small feeds, and what a check that ships says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from uptake.definitions.checks import read_check
from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.load import prepare, tables_needed
from uptake.model import Feed
from uptake.resources.store import Store, load

Resource = dict[str, Any]
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"


class Load:
    """Feeds in a folder; close it when done."""

    def __init__(self, folder: Path, roles: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.roles = roles or {}
        self.feeds: list[Feed] = []
        self.db = Database(threads=1, memory="500MB", spill=folder / "spill")

    def put(self, feed: str, file: str, *records: Resource | str) -> None:
        """Write a file of a feed: NDJSON, or one document where the name ends in `.json`."""
        path = self.folder / "in" / feed
        if not path.exists():
            path.mkdir(parents=True)
            self.feeds.append(Feed(feed, path, self.roles.get(feed, "")))
        lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
        (path / file).write_text("\n".join(lines), "utf-8")

    def store(self) -> Store:
        return load(files_of(self.feeds), self.folder / "store", 1, lambda _: None)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Make the tables that a query reads, and return its rows."""
        prepare(self.db, self.store(), self.feeds, AS_OF, tables_needed([query]))
        return self.db.rows(query)

    def make(self, *tables: str) -> None:
        """Make tables, and those that they are made from."""
        wanted = tables_needed([f"select 1 from {table}" for table in tables])
        prepare(self.db, self.store(), self.feeds, AS_OF, wanted)

    def says(self, code: str) -> list[dict[str, Any]]:
        """Return the rows of a check that ships."""
        check = read_check(Path(str(resources.files("uptake"))) / f"content/checks/{code}.md")
        rows = self.rows(check.query)
        columns = [c[0] for c in self.db.rows(f"describe {check.query}")]
        return [dict(zip(columns, row, strict=True)) for row in rows]


def patient(identity: str, number: str = "17", **more: Any) -> Resource:
    """Return a Patient with a medical record number."""
    kind = {"coding": [{"code": "MR"}]}
    return {
        "resourceType": "Patient", "id": identity, "birthDate": "1950-01-01",
        "identifier": [{"type": kind, "system": "http://hospital.example/mrn", "value": number}],
        **more,
    }  # fmt: skip


def concept(system: str, code: str, display: str | None = None) -> Resource:
    """Return a concept with one coding."""
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def problem(identity: str, of: str, code: Resource, status: str = "active") -> Resource:
    """Return a Condition of a problem list."""
    return {
        "resourceType": "Condition", "id": identity, "subject": {"reference": f"Patient/{of}"},
        "clinicalStatus": {"coding": [{"code": status}]}, "code": code,
    }  # fmt: skip


def bundle(kind: str, *entries: Resource, **more: Any) -> Resource:
    """Return a Bundle."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries), **more}


def links(**urls: str) -> Sequence[Resource]:
    """Return the links of a Bundle by their relation."""
    return [{"relation": name, "url": url} for name, url in urls.items()]
