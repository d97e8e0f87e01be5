"""The facts that rules look for. In: rules, checks and a load's tables; out: the table `gap_fact`.

`gap_fact` has a row a rule, item and record that is, or may be, what the item means. It is usable
when it stands under a code of the item, was done, can be dated where the day matters, has its value
where one is needed, and no check that spoils a fact was violated on any of these. What is not
usable hides what it may be; `reason` says why in words, and `check` which finding explains it.
`place` orders records of one day: a rid depends on the order of files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from uptake.care_gaps.rules import settings
from uptake.engine.duckdb import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uptake.care_gaps.rules import GapRule
    from uptake.engine.duckdb import Database
    from uptake.model import Check

READS = frozenset(
    ["event", "coding", "concept", "quantity", "condition", "patient", "person", "system_status",
     "service_request"]
)  # fmt: skip
"""Tables the loader must make."""
EHR = "(role = 'ehr' or (role = '' and not exists (select 1 from feed where feed.role = 'ehr')))"
"""Which feeds are the chart; where nobody said which is the EHR, all that are not outside."""

_INPUTS = {
    "gap_rule": "rule varchar, title varchar, measure varchar, newest boolean",
    "gap_item": "rule varchar, item varchar, part varchar, title varchar, position integer, "
    "months integer, active boolean, needs_value boolean",
    "gap_code": "rule varchar, item varchar, type varchar, system varchar, code varchar, "
    "prefix boolean, clear boolean",
    "gap_word": "rule varchar, item varchar, type varchar, pattern varchar",
    "gap_unit": "rule varchar, item varchar, unit varchar",
    "gap_type": "rule varchar, part varchar, type varchar",
    "gap_path": "type varchar, path varchar, time_path varchar",
    "gap_status": "type varchar, status varchar, done boolean",
    "gap_check": "code varchar, spoils boolean",
    "gap_order": "rule varchar, system varchar, code varchar",
}

_CODED = """
create or replace temp table gap_coded as
with met as (
  select c.rid, c.path, c.expression, c.system, c.code, s.canonical, p.type
  from coding c join gap_path p on c.path = p.path || '.coding'
  left join system_status s on s.system = c.system
  where c.code is not null
)
select g.rule, g.item, m.type, m.rid, m.expression as matched,
  coalesce(m.system = g.system, false) as exact, g.clear
from met m join gap_code g on g.type = m.type and not g.prefix and g.code = m.code
where m.system is null or m.system = g.system or m.canonical = g.system
union all
select g.rule, g.item, m.type, m.rid, m.expression, m.system = g.system, g.clear
from met m join gap_code g on g.type = m.type and g.prefix and starts_with(m.code, g.code)
where m.system = g.system or m.canonical = g.system
"""

_NAMED = """
create or replace temp table gap_named as
with plain as (
  select t.rid, t.expression, t.text, p.type
  from concept t join gap_path p on p.path = t.path
  anti join (
    select c.rid, c.concept as expression from coding c join system_status s using (system)
    where s.standard) k on k.rid = t.rid and k.expression = t.expression
),
named as (
  select rid, expression, type, lower(text) as name from plain where text is not null
  union
  select p.rid, p.expression, p.type, lower(c.display) from plain p
  join coding c on c.rid = p.rid and c.concept = p.expression where c.display is not null
),
meant as (
  select n.type, n.name, w.rule, w.item
  from (select distinct type, name from named) n
  join gap_word w on w.type = n.type and regexp_matches(n.name, w.pattern)
)
select m.rule, m.item, n.type, n.rid, n.expression as matched
from named n join meant m using (type, name)
"""
"""Only names without a standard code beside: where there is one, the code says what is meant."""

_MET = f"""
create or replace temp table gap_met as
with best as (
  select *, row_number() over (
      partition by rule, item, rid order by exact and clear desc, exact desc, matched) as k
  from (
    from gap_coded union all select *, false, true from gap_named)
)
select b.rule, b.item, i.part, b.rid, b.type, e.feed, {EHR} as is_chart, p.person,
  concat_ws('|', e.feed, b.type, o.id, o.hash) as place,
  e.at_date, e.at_date + case e.at_precision when 'year' then interval 1 year - interval 1 day
      when 'month' then interval 1 month - interval 1 day else interval 0 day end as last_date,
  b.matched, regexp_replace(b.matched, '[.]coding[[][0-9]+[]]$', '') as concept,
  coalesce(regexp_extract(b.matched, '^.*component[[][0-9]+[]]', 0), '') as component,
  split_part(coalesce(e.at_path, h.time_path), '.', 1) || '.'
    || split_part(coalesce(e.at_path, h.time_path), '.', 2) as time_path,
  b.exact, b.clear, i.months, i.needs_value, r.newest,
  case when e.type = 'Condition' then
      coalesce(c.verification_status, 'confirmed') in ('confirmed', '')
        and (not i.active or coalesce(a.done, false))
    else coalesce(a.done, false) end as done
from best b
join gap_item i using (rule, item)
join gap_rule r using (rule)
join event e on e.rid = b.rid
join record o on o.rid = b.rid
join feed d on d.feed = e.feed
join person p on p.rid = e.patient_rid
join (select type, min(time_path) as time_path from gap_path group by type) h on h.type = b.type
left join condition c on c.rid = b.rid
left join gap_status a on a.type = b.type and a.status = e.status
where b.k = 1 and not e.entered_in_error
  and case when e.type = 'Condition'
    then coalesce(c.verification_status, '') not in ('refuted', 'entered-in-error')
      and (not i.active or e.status is null or a.done)
    else e.status is null or a.status is not null end
"""
"""A status that says that nothing was done leaves no row; one that says nothing is not `done`."""

_VALUED = """
create or replace temp table gap_valued as
select m.*, q.value, coalesce(q.code, q.unit) as unit,
  not m.needs_value or (q.value is not null and q.comparator is null and (
      u.unit is not null
      or not exists (select 1 from gap_unit g where g.rule = m.rule and g.item = m.item))
    and coalesce(q.code, q.unit) is not null) as valued
from gap_met m
left join quantity q on q.rid = m.rid and m.type = 'Observation'
  and q.expression = regexp_replace(m.concept, '[.]code$', '.value')
left join gap_unit u on u.rule = m.rule and u.item = m.item and u.unit = q.code
"""

_CAUSES = """
create or replace temp table gap_cause as
with found as (
  select f.rid, f."check", c.spoils, coalesce(f.fix_key, '') as fix_key,
    coalesce(f.expression, f.resource_type) as expression,
    regexp_replace(coalesce(f.expression, f.resource_type), '[[][0-9]+[]]', '', 'g') as element
  from finding f join gap_check c on c.code = f."check"
  where f.rid in (select rid from gap_valued)
),
related as (
  select v.rule, v.item, v.rid, f."check", f.spoils, f.fix_key
  from gap_valued v join found f on f.rid = v.rid
  where f.element in (v.type || '.subject', v.type || '.patient', v.type || '.status')
    or (v.part = 'evidence'
      and (f.element = v.time_path or starts_with(f.element, v.time_path || '.')))
    or (starts_with(f.expression, v.concept)
      and (not v.exact or not contains(f.expression, '.coding[')
        or starts_with(f.expression, v.matched)))
    or (v.needs_value and starts_with(f.element,
        regexp_replace(regexp_replace(v.concept, '[[][0-9]+[]]', '', 'g'), '[.]code$', '.value'))
      and starts_with(f.expression, v.component))
)
select rule, item, rid, bool_or(spoils) as spoils,
  min({'form': "check" like 'CNF%', 'check': "check", 'fix_key': fix_key})
    filter (spoils) as worst,
  min({'form': "check" like 'CNF%', 'check': "check", 'fix_key': fix_key}) as any_cause
from related group by rule, item, rid
"""
"""Of several findings one is named; a rule of FHIR's form last, since others say what it means."""

_FACTS = """
create table gap_fact as
with judged as (
  select v.*, c.worst, c.any_cause,
    case when v.part <> 'evidence' then true when v.at_date is null then null
      when v.months is null then true
      when v.last_date < run.as_of_date - to_months(v.months) then false
      when v.at_date >= run.as_of_date - to_months(v.months) then true end as within,
    case
      when not v.exact then 'is under no code that names it'
      when not v.clear then 'is under a code that does not say which it is'
      when not v.done then 'does not say that it was done'
      when v.part = 'evidence' and v.at_date is null then 'has no date that can be read'
      when v.part = 'evidence' and v.at_date > run.as_of_date then 'is dated in the future'
      when not v.valued then 'has no value in a unit that can be read'
      when coalesce(c.spoils, false) then 'cannot be relied on' end as fault
  from run, gap_valued v left join gap_cause c using (rule, item, rid)
)
select rule, item, part, rid, type, feed, is_chart, person, place, at_date, value, unit, newest,
  case when months is not null then at_date + to_months(months) end::date as until,
  within, fault is null as usable,
  coalesce(fault, case when within is null then 'is dated too roughly' end) as reason,
  case when fault is null and within is not null then null
    when worst is not null then worst."check" when any_cause is not null then any_cause."check"
    when fault = 'is under a code that does not say which it is' then ''
    else $absent end as "check",
  coalesce(worst.fix_key, any_cause.fix_key, '') as fix_key
from judged
"""


def find_facts(db: Database, rules: Iterable[GapRule], checks: Iterable[Check]) -> None:
    """Make `gap_fact`, and the tables that say what the rules ask for; needs `finding`."""
    for table, columns in _INPUTS.items():
        db.run(f"create or replace temp table {table} ({columns})")
    for table, rows in _rows(list(rules), checks).items():
        names = [part.split()[0] for part in re.split(r", (?=\S+ \w+)", _INPUTS[table])]
        db.insert(table, names, rows)
    for statement in (_CODED, _NAMED, _MET, _VALUED, _CAUSES):
        db.run(statement)
    db.run(_FACTS, {"absent": settings()["findings"]["absent"]})


def _rows(rules: list[GapRule], checks: Iterable[Check]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table of what the rules ask for."""
    types: Mapping[str, Mapping[str, Any]] = settings()["type"]
    harmless = settings()["findings"]["harmless"]
    items = [(rule.code, n, item) for rule in rules for n, item in enumerate(rule.items)]
    return {
        "gap_rule": [(r.code, r.title, r.measure, r.newest) for r in rules],
        "gap_item": [
            (rule, i.code, i.part, i.title, n, i.months, i.active, i.value) for rule, n, i in items
        ],
        "gap_code": [row for rule in rules for row in _codes(rule)],
        "gap_word": [
            (rule, i.code, t, "|".join(re.escape(w.lower()) for w in i.words))
            for rule, _, i in items
            for t in i.type
            if i.words
        ],
        "gap_unit": [(rule, i.code, unit) for rule, _, i in items for unit in i.units],
        "gap_type": sorted({(rule, i.part, t) for rule, _, i in items for t in i.type}),
        "gap_path": [(t, path, one["time"]) for t, one in types.items() for path in one["code"]],
        "gap_status": [
            (t, status, done)
            for t, one in types.items()
            for key, done in (("done", True), ("active", True), ("unclear", False))
            for status in one.get(key, ())
        ],
        "gap_check": [
            (c.code, c.spoils) for c in checks if c.effect == "defect" and c.code not in harmless
        ],
        "gap_order": [row for rule in rules for row in order_codes(rule)],
    }


def _codes(rule: GapRule) -> Iterator[tuple[Any, ...]]:
    for item in rule.items:
        for codes, clear in ((item.codes, True), (item.unclear, False)):
            for system, named in codes.items():
                for code in named:
                    for resource_type in item.type:
                        yield (
                            rule.code, item.code, resource_type, system, code.removesuffix("*"),
                            code.endswith("*"), clear,
                        )  # fmt: skip


def order_codes(rule: GapRule) -> Iterator[tuple[str, str, str]]:
    """Yield rule, system and code of each order that asks for what closes the gap."""
    if rule.order is not None:
        yield rule.code, rule.order.coding.system, rule.order.coding.code
    for item in rule.part("evidence"):
        for system, codes in item.codes.items():
            yield from ((rule.code, system, code) for code in codes if not code.endswith("*"))


def listed(texts: Iterable[str]) -> str:
    """Return texts as they stand behind `in`."""
    return f"({', '.join(map(quoted, texts))})"
