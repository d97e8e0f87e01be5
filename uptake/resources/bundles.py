"""What Bundles and exports say of themselves. In: a raw store; out: three tables for checks.

`bundle` has a row a Bundle, `bundle_entry` a row a resource and the Bundle it came in,
`export_note` what a sender said of its export: how much there should be, and what went wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from uptake.engine.duckdb import listed
from uptake.resources.store import OFFSET_BITS

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.resources.store import Store

TABLES = """
create table bundle (bundle bigint, feed varchar, file varchar, line bigint, type varchar,
  total bigint, matches bigint, self_url varchar, next_url varchar);
create table bundle_entry (rid bigint, bundle bigint, bundle_type varchar, full_url varchar,
  method varchar, version_id varchar);
create table export_note (feed varchar, type varchar, source varchar, count bigint);
"""
NAMES = frozenset({"bundle", "bundle_entry", "export_note"})
"""The tables made here."""

_BUNDLES = """
insert into bundle
  select b.bundle, f.feed, f.file, b.line, b.type, b.total, b.matches, b.self_url, b.next_url
  from read_parquet({parts}) b join source_file f using (file_index)
"""

_ENTRIES = """
insert into bundle_entry
with entry as (
  select s.rid as sent_rid, r.rid, s.bundle, b.type as bundle_type, s.full_url, s.method
  from stored s join bundle b using (bundle)
  join record r on r.feed = b.feed and r.type = s.type and r.id is not distinct from s.id
    and r.hash = s.hash
),
twice as (
  select bundle, full_url from entry where full_url is not null group by all having count(*) > 1
)
select e.rid, e.bundle, e.bundle_type, e.full_url, e.method, v.version_id
from entry e
left join (
  select x.sent_rid, s.text->>'$.meta.versionId' as version_id
  from entry x join twice using (bundle, full_url) join stored s on s.rid = x.sent_rid
) v using (sent_rid)
"""
"""A record that was sent twice stands in `record` once, in its Bundles as often as it was sent."""

_OUTCOMES = """
insert into export_note
select r.feed, 'OperationOutcome', 'outcome', count(*)
from (
  select rid, unnest(json_transform(text, '{"issue":[{"severity":"VARCHAR"}]}').issue) as issue
  from stored where type = 'OperationOutcome'
) o join record r using (rid)
where o.issue.severity in ('error', 'fatal') group by r.feed
"""

_CAPABILITIES = """
insert into export_note
select distinct r.feed, x.resource.type, 'capability', null::bigint
from (
  select rid, unnest(rest.resource) as resource
  from (
    select rid, unnest(json_transform(text, '{"rest":[{"mode":"VARCHAR","resource":
      [{"type":"VARCHAR","interaction":[{"code":"VARCHAR"}]}]}]}').rest) as rest
    from stored where type = 'CapabilityStatement'
  ) where rest.mode = 'server'
) x join record r using (rid)
where x.resource.type is not null and len(list_filter(x.resource.interaction,
  lambda i: i.code in ('read', 'search-type'))) > 0
"""
"""A type that the server can neither read nor search may well be missing from what it sends."""

_RECEIVED = f"""
insert into export_note
select f.feed, s.type, 'received', count(*)
from stored s join source_file f on f.file_index = s.rid >> {OFFSET_BITS} group by all
"""


def build_bundles(db: Database, store: Store) -> None:
    """Make `bundle`, `bundle_entry` and `export_note`; needs `stored`, `record`, `source_file`."""
    db.run(TABLES)
    if store.bundle_parts:
        db.run(_BUNDLES.format(parts=listed(store.bundle_parts)))
        db.run(_ENTRIES)
    if "OperationOutcome" in store.fields:
        db.run(_OUTCOMES)
    if "CapabilityStatement" in store.fields:
        db.run(_CAPABILITIES)
    if store.exported:
        _note_manifests(db, store)


def _note_manifests(db: Database, store: Store) -> None:
    """Add what manifests say, a row a feed and type, and what was received of every type."""
    db.run(_RECEIVED)
    counts = Counter[tuple[str, str, str]]()
    uncounted = set[tuple[str, str, str]]()
    for file in store.exported:
        source = "error file" if file.error else "manifest"
        key = (store.files[file.file].feed, file.type or "OperationOutcome", source)
        counts[key] += 0 if file.count is None else file.count
        if file.count is None:
            uncounted.add(key)
    rows = [(*key, None if key in uncounted else count) for key, count in sorted(counts.items())]
    db.insert("export_note", ("feed", "type", "source", "count"), rows)
