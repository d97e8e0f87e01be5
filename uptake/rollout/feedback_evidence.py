"""What a run says of a report. In: a run's files; out: the causes of a resource, and what is left.

A cause is a check, a feed and a fix_key; everybody with the same cause is helped by the same fix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import Database, brief_database, quoted
from uptake.errors import SourceError
from uptake.rollout.feedback_queue import Cause

_ABOUT = re.compile(r"([^|]+)\|([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})")
_BEGAN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

Patient = tuple[str, str]
"""A feed, and the patient's id in it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """The resource a report is about."""

    feed: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder, with what its summary says."""

    folder: Path
    id: str
    verdicts: dict[str, str]
    """Check to verdict."""
    resources: dict[str, dict[str, int]]
    """Feed to resource type to how many."""

    @property
    def began(self) -> datetime | None:
        """Return when it began; None when its id does not say."""
        match = _BEGAN.match(self.id)
        return datetime.fromisoformat(match[0]) if match else None


def resource_of(about: str) -> Resource | None:
    """Return the resource that `feed|Type/id` names; None when it names none."""
    match = _ABOUT.fullmatch(about)
    return Resource(match[1], match[2], match[3]) if match else None


def read_run(folder: Path) -> Run:
    """Return a run; raises SourceError where there is none."""
    path = folder / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: no run can be read here; run `uptake assess`") from error
    verdicts = {c["code"]: c["verdict"] for c in summary["checks"]}
    return Run(folder.resolve(), summary["run"], verdicts, summary["resources"])


def causes(run: Run, resource: Resource) -> tuple[tuple[Cause, ...], frozenset[Patient]]:
    """Return what the checks find on a resource, and the patients with any of these causes."""
    with _findings(run) as db:
        rows = db.rows(
            """
            select f."check", f.fix_key, count(distinct f.patient_id)
            from finding f
            where exists (
              select 1 from finding m
              where m.feed = $feed and m.resource_type = $type and m.resource_id = $id
                and m."check" = f."check" and m.fix_key = f.fix_key)
              and f.feed = $feed
            group by all order by all
            """,
            _named(resource),
        )
        patients = db.rows(
            """
            select distinct f.feed, f.patient_id
            from finding f
            join finding m on m."check" = f."check" and m.fix_key = f.fix_key and m.feed = f.feed
            where m.feed = $feed and m.resource_type = $type and m.resource_id = $id
              and f.patient_id is not null
            """,
            _named(resource),
        )
    found = tuple(Cause(check, key, run.id, count) for check, key, count in rows)
    return found, frozenset((feed, patient) for feed, patient in patients)


def left(run: Run, resource: Resource, cause: Cause, patients: Collection[Patient]) -> int:
    """Return how many findings of a cause a run still has on the patients.

    A finding that was of the cause counts whatever its fix_key is now (a code that was only
    renamed), and so does any finding of the check on the reported resource.
    """
    with _findings(run) as db:
        db.run("create table affected (feed varchar, patient_id varchar)")
        db.insert("affected", ["feed", "patient_id"], sorted(patients))
        before = run.folder.parent / cause.run.replace(":", "") / "findings.parquet"
        _make_view(db, "earlier", before if before.is_file() else None, run)
        (count,) = db.row(
            """
            select count(distinct fingerprint) from finding f
            where f."check" = $check and f.feed = $feed and (
              (f.resource_type = $type and f.resource_id = $id)
              or (
                (not exists (select 1 from affected)
                  or exists (select 1 from affected a where a.patient_id = f.patient_id))
                and (f.fix_key = $key or exists (
                  select 1 from earlier e where e.fingerprint = f.fingerprint
                    and e."check" = $check and e.feed = $feed and e.fix_key = $key))))
            """,
            _named(resource) | {"check": cause.check, "key": cause.fix_key},
        )
    return int(count)


def absent(run: Run, patients: Collection[Patient]) -> int | None:
    """Return how many of the patients are not in a run's data; None when the run does not say."""
    import pyarrow.parquet as pq

    path = run.folder / "person_key.parquet"
    if not path.is_file():
        return None
    keys = pq.read_table(path, columns=["feed", "kind", "value"]).to_pylist()
    there = {(k["feed"], k["value"]) for k in keys if k["kind"] == "id"}
    return len(set(patients) - there)


def _named(resource: Resource) -> dict[str, object]:
    return {"feed": resource.feed, "type": resource.type, "id": resource.id}


@contextmanager
def _findings(run: Run) -> Iterator[Database]:
    path = run.folder / "findings.parquet"
    if not path.is_file():
        raise SourceError(f"{path}: no such file; run `uptake assess`")
    with brief_database("1GB") as db:
        _make_view(db, "finding", path, run)
        yield db


def _make_view(db: Database, name: str, path: Path | None, run: Run) -> None:
    """Make a view of a run's findings; an empty one without a path."""
    there = path or run.folder / "findings.parquet"
    db.run(
        f'create view {name} as select fingerprint, "check", feed, resource_type, resource_id, '
        f"patient_id, coalesce(fix_key, '') as fix_key from read_parquet({quoted(str(there))})"
        + ("" if path else " where false")
    )
