"""Resolve references. In: references as sent and the ids of a load; out: the rid each one means.

Resolution stays within the feed: `Patient/1` of two senders are two people. A urn resolves within
its Bundle. What cannot be looked up (another server's URL, a search) is named, never guessed.
"""

from __future__ import annotations

ID = r"[A-Za-z0-9\-.]{1,64}"
LOCATION = rf"(?:^|/)([A-Z][A-Za-z]+)/({ID})(?:/_history/{ID})?$"
"""The type and id at the end of a relative or absolute reference (FHIR R4, references)."""

_PLAIN = "s.reference like '_%/_%' and s.reference not like '%/%/%' and s.reference not like '%?%'"
"""Nearly all references are `Type/id`: cutting one costs a fifth of matching it."""

SUBJECTS = ("subject", "patient", "beneficiary")
"""The elements, first one that a type has, that say which patient a resource is about."""

TARGETS = """
create table sent_url as
  select f.feed, s.type, s.id, s.hash, s.bundle, s.full_url
  from stored s join source_file f on f.file_index = s.rid >> {bits}
  where s.full_url is not null;
create table target as
  select feed, type, id, arg_max(rid, hash) as rid from record where id is not null group by all;
create table target_url as
  select s.feed, s.bundle, s.full_url, min(r.rid) as rid, min(r.type) as type
  from sent_url s join record r
    on r.feed = s.feed and r.type = s.type and r.id is not distinct from s.id and r.hash = s.hash
  group by all;
drop table sent_url;
create table loaded_type as select distinct feed, type from record;
create table reference (rid bigint, path varchar, expression varchar, reference varchar,
  kind varchar, target_type varchar, target_id varchar, target_rid bigint, resolved boolean,
  type_allowed boolean);
create table allowed_target (path varchar, target varchar);
create table contained_id (rid bigint, type varchar, id varchar);
"""
"""Run once; of several versions of one id, the hash decides, so that no order of files does. A
record sent in two Bundles counts once, and is found by its URL in both."""

RESOLVE = f"""
insert into reference
with sent as (
  select s.*, i.feed, i.bundle,
    case when s.reference is null then 'logical'
      when starts_with(s.reference, '#') then 'contained'
      when starts_with(s.reference, 'urn:') then 'urn'
      when contains(s.reference, '?') then 'conditional'
      when contains(s.reference, '://') then 'absolute' else 'relative' end as kind,
    case when {_PLAIN} then split_part(s.reference, '/', 1)
      else nullif(regexp_extract(s.reference, '{LOCATION}', 1), '') end as sent_type,
    case when {_PLAIN} then split_part(s.reference, '/', 2)
      else nullif(regexp_extract(s.reference, '{LOCATION}', 2), '') end as sent_id
  from sent_reference s
  join record i using (rid)
  where s.reference is not null or s.has_identifier
),
found as (
  select s.*, coalesce(u.rid, t.rid) as target_rid,
    coalesce(u.type, t.type, c.type, s.sent_type) as target_type,
    s.kind = 'contained' and (c.id is not null or s.reference = '#') as contained
  from sent s
  left join target_url u on s.kind in ('urn', 'absolute') and u.feed = s.feed
    and u.bundle = s.bundle and u.full_url = s.reference
  left join target t on s.kind in ('relative', 'absolute') and t.feed = s.feed
    and t.type = s.sent_type and t.id = s.sent_id
  left join (select rid, id, min(type) as type from contained_id group by rid, id) c
    on s.kind = 'contained' and c.rid = s.rid
    and c.id = substr(s.reference, 2)
)
select f.rid, f.path, f.expression, f.reference, f.kind, f.target_type, f.sent_id, f.target_rid,
  case when f.kind in ('logical', 'conditional') then null
    when f.target_rid is not null or f.contained then true
    when f.kind = 'absolute' then null
    when f.kind = 'relative' and regexp_matches(f.sent_type, '^[A-Z]')
      and (l.type is null or d.sample) then null
    else false end as resolved,
  a.allowed
from found f
join feed d on d.feed = f.feed
left join loaded_type l on l.feed = f.feed and l.type = f.sent_type
left join (
  select p.path, p.type, bool_or(t.target in (p.type, 'Resource')) as allowed
  from (select distinct path, target_type as type from found) p
  join allowed_target t using (path) where p.type is not null group by all
) a on a.path = f.path and a.type = f.target_type
"""
"""Run once, when every type is read."""
