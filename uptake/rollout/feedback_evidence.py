"""What a run says of a report. In: a run's files; out: the causes of its resources, what is left.

A cause is a check, a feed and a fix_key; everybody with the same cause is helped by the same fix.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
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
    """A resource a report is about."""

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


def resources_of(about: str) -> tuple[Resource, ...]:
    """Return the resources that the lines of a report's `about` name, each once."""
    found = (resource_of(line) for line in about.split("\n"))
    return tuple(dict.fromkeys(resource for resource in found if resource))


def read_run(folder: Path) -> Run:
    """Return a run; raises SourceError where there is none."""
    path = folder / "summary.json"
    try:
        summary: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: no run can be read here; run `uptake assess`") from error
    verdicts = {c["code"]: c["verdict"] for c in summary["checks"]}
    return Run(folder.resolve(), summary["run"], verdicts, summary["resources"])


def causes(run: Run, resources: Sequence[Resource]) -> tuple[tuple[Cause, ...], frozenset[Patient]]:
    """Return what the checks find on resources, and the patients with any of these causes."""
    with _findings(run) as db:
        _insert_reported(db, resources)
        db.run(
            """
            create table cause as
            select distinct f."check", f.fix_key, f.feed
            from finding f
            join reported r on f.feed = r.feed and f.resource_type = r.type and f.resource_id = r.id
            """
        )
        rows = db.rows(
            """
            select "check", fix_key, count(distinct (feed, patient_id))
                filter (where patient_id is not null)
            from finding join cause using ("check", fix_key, feed)
            group by all order by all
            """
        )
        patients = db.rows(
            """
            select distinct feed, patient_id
            from finding join cause using ("check", fix_key, feed)
            where patient_id is not null
            """
        )
    found = tuple(Cause(check, key, run.id, count) for check, key, count in rows)
    return found, frozenset((feed, patient) for feed, patient in patients)


def found_on(run: Run, resources: Sequence[Resource], of: Sequence[Cause]) -> int:
    """Return on how many of the resources the run that was linked found one of the causes.

    None, where that run is gone: nobody can tell any more.
    """
    with _findings(run) as db:
        _insert_reported(db, resources)
        _make_earlier(db, run, of[0])
        db.run("create table mended (code varchar, key varchar)")
        db.insert("mended", ["code", "key"], [(c.check, c.fix_key) for c in of])
        (count,) = db.row(
            """
            select count(*) from reported r where exists (
              select 1 from earlier e join mended m on e."check" = m.code and e.fix_key = m.key
              where e.feed = r.feed and e.resource_type = r.type and e.resource_id = r.id)
            """
        )
    return int(count)


def left(
    run: Run, resources: Sequence[Resource], cause: Cause, patients: Collection[Patient]
) -> int:
    """Return how many findings of a cause a run still has on the patients.

    A finding that was of the cause counts whatever its fix_key is now (a code that was only
    renamed), and so does any finding of the check on a reported resource. Of several feeds, those
    count where the cause was found; where the run that found it is gone, all of them.
    """
    with _findings(run) as db:
        db.run("create table affected (feed varchar, patient_id varchar)")
        db.insert("affected", ["feed", "patient_id"], sorted(patients))
        _insert_reported(db, resources)
        _make_earlier(db, run, cause)
        named = {"check": cause.check, "key": cause.fix_key}
        db.run(
            """
            create table concerned as
            select distinct r.feed
            from reported r join earlier e
              on e.feed = r.feed and e.resource_type = r.type and e.resource_id = r.id
            where e."check" = $check and e.fix_key = $key
            """,
            named,
        )
        (count,) = db.row(
            """
            select count(distinct fingerprint) from finding f
            where f."check" = $check and (
              exists (select 1 from reported r
                where r.feed = f.feed and r.type = f.resource_type and r.id = f.resource_id)
              or (
                (f.feed in (from concerned)
                  or (not exists (from concerned) and f.feed in (select feed from reported)))
                and (not exists (select 1 from affected a where a.feed = f.feed)
                  or exists (select 1 from affected a
                    where a.feed = f.feed and a.patient_id = f.patient_id))
                and (f.fix_key = $key or exists (
                  select 1 from earlier e where e.fingerprint = f.fingerprint
                    and e."check" = $check and e.feed = f.feed and e.fix_key = $key))))
            """,
            named,
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


def _insert_reported(db: Database, resources: Iterable[Resource]) -> None:
    """Make the table of the resources that a report is about."""
    db.run("create table reported (feed varchar, type varchar, id varchar)")
    db.insert("reported", ["feed", "type", "id"], [(r.feed, r.type, r.id) for r in resources])


def _make_earlier(db: Database, run: Run, cause: Cause) -> None:
    """Make the view of what the run found that a cause was linked to; empty where it is gone."""
    path = run.folder.parent / cause.run.replace(":", "") / "findings.parquet"
    _make_view(db, "earlier", path if path.is_file() else None, run)


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
