"""How far each opportunity got. In: a run, the event log and the access list; out: a database.

Each opportunity is joined with what happened to its patient at its use case's surfaces: served in
time or late, seen, overridden, acted on. Everything that is counted by week, role, unit or surface
is counted from these rows, so every number opens into them.

The log does not say which use case an event of a surface that serves several is about: it is of
each of them, and patient and time tell them apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import Database, in_utc, quoted

if TYPE_CHECKING:
    import pyarrow as pa

    from uptake.adoption.access import Access
    from uptake.model import Surface

SEEN = ("viewed", "accepted", "overridden", "launched", "acted")
"""Actions that show that somebody had it before their eyes."""
USED = ("viewed", "accepted", "launched", "acted")
"""Actions of somebody who used it; to override is to have seen it."""
SKEW = timedelta(minutes=5)
"""A view may come that long before its delivery: clocks of two systems differ."""
COUNTED = timedelta(weeks=26)
"""Opportunities older than this are not counted."""

_TABLES = f"""
create table event as
  with known as (
    select value, min(person) as person from person_key group by value
    having count(distinct person) = 1
  )
  select e.id, e."at" as at_time, e.action, e.surface, coalesce(c.use_case, e.use_case) as use_case,
    e.practitioner, k.person, e.patient, e.reason, e.card, e.seconds,
    e.practitioner in (select practitioner from access_person) as is_known
  from (
    select * from sent_event where "at" <= (select at_time from moment)
    qualify row_number() over (partition by id order by "at") = 1
  ) e
  left join known k on k.value = e.patient
  left join surface_case c on c.surface = e.surface and e.use_case = '';
create table touch as
  select o.use_case, o.key, e.at_time, e.action, e.surface, e.practitioner, e.reason, e.id,
    o.due, o.opens
  from opportunity o
  join live l on l.code = o.use_case and o.at_time >= l.since and o.at_time < l.until
  join event e on e.use_case = o.use_case and e.person = o.person
    and e.at_time >= o.opens and e.at_time <= greatest(o.until, o.due + interval 24 hour);
create table reached as
  with served as (
    select use_case, key, at_time, surface from touch where action = 'served'
    qualify row_number() over (partition by use_case, key order by at_time, id) = 1
  ),
  seen as (
    select t.use_case, t.key, t.at_time, t.practitioner, t.surface, t.action, t.reason
    from touch t left join served s using (use_case, key)
    where t.action in {SEEN}
      and (s.at_time is null
        or t.at_time >= s.at_time - interval {int(SKEW.total_seconds())} second)
    qualify row_number() over (partition by t.use_case, t.key order by t.at_time, t.id) = 1
  ),
  refused as (
    select use_case, key, reason, practitioner, at_time from touch where action = 'overridden'
    qualify row_number() over (partition by use_case, key order by at_time, id) = 1
  )
  select o.*, s.at_time as served_at, coalesce(s.surface, v.surface, '') as surface,
    coalesce(s.at_time <= o.due, false) as on_time,
    v.at_time as seen_at, v.practitioner as seen_by,
    r.at_time as refused_at, r.reason as refused_reason
  from opportunity o
  join live l on l.code = o.use_case and o.at_time >= l.since and o.at_time < l.until
  left join served s using (use_case, key)
  left join seen v using (use_case, key)
  left join refused r using (use_case, key);
"""


class Reach:
    """The opportunities of a run and what became of them; close it when done."""

    def __init__(self, db: Database, access: Access | None, now: datetime) -> None:
        self.db = db
        self.access = access
        self.now = now

    def close(self) -> None:
        """Free the memory."""
        self.db.close()


def open_reach(
    run: Path,
    log: pa.Table,
    access: Access | None,
    surfaces: Mapping[str, Surface],
    live: Mapping[str, datetime],
    now: datetime,
) -> Reach:
    """Return what became of the opportunities of a run since each use case went live.

    `live` has the use cases that are in use. Raises StorageError or EngineError where the run's
    files cannot be read.
    """
    db = Database(threads=2, memory="1GB", spill=Path(tempfile.gettempdir()))
    for name in ("opportunity", "person_key", "unit", "unit_cause", "measure_row"):
        db.run(f"create view {name} as select * from read_parquet({quoted(_file(run, name))})")
    db.run(f"create view finding as select * from read_parquet({quoted(_file(run, 'findings'))})")
    db.load("sent_event", log, "*")
    _load_access(db, access, surfaces)
    db.run("create table moment (at_time timestamp)")
    db.insert("moment", ("at_time",), [(in_utc(now),)])
    db.run("create table live (code varchar, since timestamp, until timestamp)")
    began = {case: max(since, now - COUNTED) for case, since in live.items()}
    rows = [(case, in_utc(since), in_utc(now)) for case, since in began.items()]
    db.insert("live", ("code", "since", "until"), rows)
    db.run(_TABLES)
    return Reach(db, access, now)


def _file(run: Path, name: str) -> str:
    return str(run / f"{name}.parquet")


def _load_access(db: Database, access: Access | None, surfaces: Mapping[str, Surface]) -> None:
    """Make `access_person`, `access_unit`, `access_case`: who may see what, and where they are.

    `surface_case` says what a surface is for.
    """
    db.run(
        "create table surface_case (surface varchar, use_case varchar);"
        "create table access_person (practitioner varchar, role varchar);"
        "create table access_unit (practitioner varchar, unit varchar);"
        "create table access_case (practitioner varchar, use_case varchar, surface varchar)"
    )
    shown = [(s.code, case) for s in surfaces.values() for case in s.use_cases]
    db.insert("surface_case", ("surface", "use_case"), shown)
    people = access.people if access else ()
    db.insert("access_person", ("practitioner", "role"), [(p.practitioner, p.role) for p in people])
    units = [(p.practitioner, unit) for p in people for unit in p.units]
    db.insert("access_unit", ("practitioner", "unit"), units)
    cases = [
        (p.practitioner, case, code) for p in people for code, case in shown if code in p.surfaces
    ]
    db.insert("access_case", ("practitioner", "use_case", "surface"), cases)
