"""The tables of docs/tables.md as SQL over ViewDefinitions. In: nothing; out: a query a table.

One server is one feed, a `rid` is the resource's key (`Observation/1`). The dialect is DuckDB's;
the session's time zone is UTC, as in Uptake: a time without an offset is read as UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from uptake import r4
from uptake.engine.duckdb import quoted
from uptake.findings.sql_on_fhir.views import COLUMNS, datatype_views, levels_of
from uptake.resources import moments
from uptake.resources.datatypes import TABLES, places
from uptake.resources.flat import MOMENTS, event_sql, shipped_view, subject_path, view_names
from uptake.resources.references import LOCATION

if TYPE_CHECKING:
    from uptake.definitions.reference import ReferenceTable

FEED = "server"
"""What the one feed is called."""
_ARGUMENT = re.compile(r"\bt\b")
_MACRO = re.compile(r"macro (\w+)\(t\) as\s(.*?);\n", re.DOTALL)


@cache
def derived_tables() -> Mapping[str, str]:
    """Return every table that can be made from ViewDefinitions alone, by name, as a query."""
    found = {name: shipped_view(name).final() for name in sorted(view_names())}
    found |= {name: _datatype(name) for name in COLUMNS if name != "concept"}
    return found | {
        "concept": _CONCEPT.format(rows=_datatype("concept")),
        "record": _of_every_view(
            f"'{FEED}' as feed, '{{type}}' as type, meta_id as id, null::varchar as file, "
            "null::bigint as line, null::varchar as hash"
        ),
        "resource_meta": _of_every_view(
            "coalesce(meta_entered_in_error, false) as entered_in_error, "
            "meta_last_updated as last_updated, meta_source as source"
        ),
        "moment_text": inlined(
            f"select text, {moments.columns('text')} from (select distinct text from ("
            f"select text from sent_moment union all {_moments_of_views()}) where text is not null)"
        ),
        "moment": _MOMENT,
        "period": _PERIOD,
        "allowed_target": _allowed_target(),
        "reference": _REFERENCE,
        "event": event_sql().partition("create table event as\n")[2].strip(),
        "resource": inlined(_resource()),
    }


def values(table: ReferenceTable) -> str:
    """Return a reference table as a query: its rows are written out."""
    columns = ", ".join(
        f"col{n}::{kind} as {name}" for n, (name, kind) in enumerate(table.columns.items())
    )
    rows = ", ".join(f"({', '.join(map(_literal, row))})" for row in table.rows)
    return f"with t as (values {rows}) select {columns} from t"


def inlined(sql: str) -> str:
    """Return SQL with our macros for FHIR dates written out."""
    bodies = dict(_MACRO.findall(moments.MACROS))
    call = re.compile(rf"({'|'.join(bodies)})\(([\w.]+)\)")
    while call.search(sql):
        sql = call.sub(lambda m: f"({_ARGUMENT.sub(m[2], bodies[m[1]])})", sql)
    return sql


def _literal(value: object) -> str:
    return "null" if value is None else quoted(str(value))


def _of_every_view(columns: str) -> str:
    return " union all ".join(
        f"select rid, {columns.format(type=shipped_view(name).resource)} from raw_{name}"
        for name in sorted(view_names())
    )


def _moments_of_views() -> str:
    """Return the date-times that flat tables read: Periods' are no moments themselves."""
    return " union all ".join(
        f'select "{column.name}" from raw_{name}'
        for name in sorted(view_names())
        for column in shipped_view(name).compiled.columns
        if column.type in MOMENTS
    )


def _datatype(table: str) -> str:
    """Return the rows of a datatype table: every resource type's, their places put together."""
    selects = []
    for label, view in datatype_views(table).items():
        levels = levels_of(table, view["resource"])
        place = "template"
        for n in range(levels):
            place = f"replace({place}, '#{n}', i{n}::varchar)"
        holder = f"regexp_replace({place}, '[.]coding[^.]*$', '')"
        concept = f"case when path like '%.coding' then {holder} end as concept, "
        concept = concept if table == "coding" else ""
        datatype = "datatype, " if table == "sent_moment" else ""
        names = ", ".join(COLUMNS[table])
        selects.append(
            f"select rid, path, {place} as expression, {concept}{datatype}{names} from {label}"
        )
    return " union all ".join(selects)


def _allowed_target() -> str:
    rows = sorted(
        {
            (place.path, target)
            for name in view_names()
            for place in places(shipped_view(name).resource)
            if place.type in TABLES["sent_reference"].types
            for field in r4.fields_at(place.path)
            if field.type == "Reference"
            for target in field.targets
        }
    )
    listed = ", ".join(f"({quoted(path)}, {quoted(target)})" for path, target in rows)
    return f"with t as (values {listed}) select col0 as path, col1 as target from t"


def _resource() -> str:
    types = (shipped_view(name).resource for name in sorted(view_names()))
    subjects = ", ".join(quoted(path) for t in types if (path := subject_path(t)))
    return _RESOURCE.format(subjects=subjects)


_CONCEPT = """
select c.rid, c.path, c.expression, c.text, coalesce(k.codings, 0) as codings
from ({rows}) as c
left join (select rid, concept, count(*) as codings from coding group by rid, concept) as k
  on k.rid = c.rid and k.concept = c.expression
"""
_MOMENT = """
select s.*, m.at_time, m.at_date, m.at_precision, m.at_offset
from sent_moment s join moment_text m using (text)
"""
_PERIOD = """
select s.rid, s.path, s.expression,
  s.start_text, b.at_time as start_at, b.at_date as start_date, b.at_precision as start_precision,
  b.at_offset as start_offset,
  s.end_text, e.at_time as end_at, e.at_date as end_date, e.at_precision as end_precision,
  e.at_offset as end_offset
from sent_period s
left join moment_text b on b.text = s.start_text
left join moment_text e on e.text = s.end_text
"""
_REFERENCE = f"""
with sent as (
  select s.*,
    case when s.reference is null then 'logical'
      when starts_with(s.reference, '#') then 'contained'
      when starts_with(s.reference, 'urn:') then 'urn'
      when contains(s.reference, '?') then 'conditional'
      when contains(s.reference, '://') then 'absolute' else 'relative' end as kind,
    nullif(regexp_extract(s.reference, '{LOCATION}', 1), '') as sent_type,
    nullif(regexp_extract(s.reference, '{LOCATION}', 2), '') as target_id
  from sent_reference s
  where s.reference is not null or s.has_identifier
),
found as (
  select s.*, r.rid as target_rid, s.sent_type as target_type
  from sent s
  left join record r on s.kind in ('relative', 'absolute') and r.type = s.sent_type
    and r.id = s.target_id
)
select f.rid, f.path, f.expression, f.reference, f.kind, f.target_type, f.target_id, f.target_rid,
  case when f.target_rid is not null then true
    -- a urn means a Bundle, which a server has not kept; contained resources are in no view
    when f.kind <> 'relative' or (f.sent_type is not null and l.type is null) then null
    else false end as resolved,
  a.allowed as type_allowed
from found f
left join (select distinct type from record) l on l.type = f.sent_type
left join (
  select p.path, p.target_type, bool_or(t.target in (p.target_type, 'Resource')) as allowed
  from (select distinct path, target_type from found) p
  join allowed_target t using (path) where p.target_type is not null group by all
) a on a.path = f.path and a.target_type = f.target_type
"""
_RESOURCE = """
select i.rid, i.feed, i.type, i.id, i.file, i.line, i.hash,
  case when i.type = 'Patient' then i.rid else s.target_rid end as patient_rid,
  case when i.type = 'Patient' then i.id else coalesce(s.target_id, s.reference) end as patient_id,
  m.entered_in_error, m.last_updated, m.source,
  case when fhir_moment_offset(m.last_updated) is not null
    then fhir_moment_at(m.last_updated) end as received_at,
  strftime(e.at_date, '%Y-%m') as month
from record i join resource_meta m using (rid)
left join (
  select rid, min(target_rid) as target_rid, min(target_id) as target_id,
    min(reference) as reference
  from reference where path in ({subjects}) group by rid
) s using (rid)
left join event e on e.rid = i.rid
"""
