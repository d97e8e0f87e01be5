"""Records as they were sent. In: a raw store and feeds; out: each patient's resources.

Of several versions of a record the last that was loaded is taken.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import Database, brief_database, listed
from uptake.resources.references import SUBJECTS
from uptake.resources.store import OFFSET_BITS, open_store

Resource = Mapping[str, Any]
Key = tuple[str, str, str]
"""Feed, type and id."""

_SPEC = json.dumps({name: {"reference": "VARCHAR"} for name in SUBJECTS})


def patients_of(
    store_folder: Path, feeds: Collection[str]
) -> Iterator[tuple[str, str, list[Resource]]]:
    """Yield feed and id of each Patient of these feeds, and the resources about that patient."""
    with brief_database("1GB") as db:
        if not _read(db, store_folder, feeds):
            return
        subject = ", ".join(f"r.{name}.reference" for name in SUBJECTS)
        db.run(f"""
            create table about as
            with one as (select *, json_transform(text, '{_SPEC}') as r from stored)
            select feed, rid, case when type = 'Patient' then id
              else nullif(regexp_extract(coalesce({subject}), '^Patient/([^/]+)', 1), '') end
              as patient
            from one
        """)
        query = """
            select a.feed, a.patient, s.text from about a join stored s using (rid)
            where exists (select 1 from stored p where p.feed = a.feed and p.type = 'Patient'
              and p.id = a.patient)
            order by a.feed, a.patient, a.rid
        """
        rows = (row for batch in db.batches(query) for row in batch.to_pylist())
        for (feed, patient), own in groupby(rows, key=lambda r: (r["feed"], r["patient"])):
            yield feed, patient, [json.loads(row["text"]) for row in own]


def records(store_folder: Path, keys: Iterable[Key]) -> dict[Key, Resource]:
    """Return records by feed, type and id; one that is not in the store is not there."""
    wanted = sorted(set(keys))
    with brief_database("1GB") as db:
        if not wanted or not _read(db, store_folder, {feed for feed, *_ in wanted}):
            return {}
        db.run("create table wanted (feed varchar, type varchar, id varchar)")
        db.insert("wanted", ("feed", "type", "id"), wanted)
        rows = db.rows("select feed, type, id, text from stored join wanted using (feed, type, id)")
    return {(feed, kind, name): json.loads(text) for feed, kind, name, text in rows}


def _read(db: Database, store_folder: Path, feeds: Collection[str]) -> bool:
    """Make `stored` of the feeds; False where the store has nothing of them."""
    store = open_store(store_folder)
    files = [(n, f.feed) for n, f in enumerate(store.files) if f.feed in feeds]
    if not files or not store.resource_parts:
        return False
    db.run("create table file (n bigint, feed varchar)")
    db.insert("file", ("n", "feed"), files)
    db.run(f"""
        create table stored as
        select s.rid, f.feed, s.type, s.id, s.text
        from read_parquet({listed(store.resource_parts)}) s
        join file f on f.n = s.rid >> {OFFSET_BITS}
        qualify s.id is null
          or row_number() over (partition by f.feed, s.type, s.id order by s.rid desc) = 1
    """)
    return True
