"""Who is due for what. In: rules, findings and a load's tables; out: the table `care_gap`.

Three answers, and why: a gap is `due` only where a source that knows the patient is declared
complete for everything that would close or exclude it. What an outside source alone shows is
`elsewhere`: it is shown beside the chart's gap and closes nothing. Where whose record it is cannot
be told, everything is `withheld`; where another record may be the same person's, nobody is `due`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uptake.care_gaps import facts
from uptake.care_gaps.facts import EHR, listed
from uptake.care_gaps.rules import settings
from uptake.errors import EngineError

if TYPE_CHECKING:
    from uptake.care_gaps.rules import GapRule
    from uptake.engine.duckdb import Database
    from uptake.model import Check

READS = facts.READS

_MEMBERS = f"""
create temp table member as
with own as (
  select p.person, p.rid, {EHR} as is_chart,
    case when t.birth_date_precision = 'day' then t.birth_date_date end as born,
    case when t.gender in ('female', 'male') then t.gender end as gender,
    case t.birth_sex when 'F' then 'female' when 'M' then 'male' end as birth_sex,
    coalesce(t.deceased, t.deceased_time_text is not null) as deceased
  from person p join patient t using (rid) join feed d on d.feed = p.feed
  where not t.entered_in_error and t.is_test is not true
)
select person, min(rid) filter (is_chart) as patient_rid, min(born) as birth_date,
  (extract(year from min(as_of_date)) - extract(year from min(born))
    - case when strftime(min(as_of_date), '%m%d') < strftime(min(born), '%m%d')
      then 1 else 0 end)::integer as age,
  case when count(distinct coalesce(birth_sex, gender)) = 1
      and count(*) filter (birth_sex <> gender) = 0
    then min(coalesce(birth_sex, gender)) end as sex
from run, own group by person
having bool_or(is_chart) and not bool_or(deceased)
"""
"""People whom the chart knows, alive, in one row each."""

_KNOWN = """
create temp table gap_known as
  select distinct p.person, c.type from complete_for c join person p on p.feed = c.feed
"""

_ORDERED = """
create temp table gap_ordered as
select o.rule, p.person, s.rid, s.authored_on_date as at_date
from run, service_request s
join person p on p.rid = s.patient_rid
join record r on r.rid = s.rid
join coding c on c.rid = s.rid and c.path = 'ServiceRequest.code.coding'
join gap_order o on o.system = c.system and o.code = c.code
where not s.entered_in_error and s.status in {status} and s.intent in {intent}
  and s.do_not_perform is not true
  and (s.authored_on_date is null
    or s.authored_on_date between run.as_of_date - interval {months} month and run.as_of_date)
qualify row_number() over (partition by o.rule, p.person
  order by s.authored_on_date desc nulls last, r.feed, r.id, r.hash) = 1
"""

_TABLE = """
create table care_gap (person bigint, rule varchar, title varchar, measure varchar, status varchar,
  reason varchar, why varchar, "check" varchar, fix_key varchar, evidence varchar,
  evidence_rid bigint, evidence_date date, evidence_value varchar, evidence_unit varchar,
  hidden_rid bigint, next_due date, ordered_rid bigint, ordered_date date)
"""

ANY_EVIDENCE = """
select person, true as closed, rid, until as next_due from evidence where within
qualify row_number() over (
  partition by person order by until desc nulls first, at_date desc, place) = 1
"""
"""What closes a gap where a rule does not say: any evidence of its own look-back."""


def judge_gaps(db: Database, rules: Iterable[GapRule], checks: Iterable[Check]) -> list[str]:
    """Make `care_gap`: a row a person of a rule's population.

    Needs `finding`, `identity_doubt` and the tables of READS.

    Returns a sentence for each rule whose query failed; the others go on.
    """
    known = list(rules)
    facts.find_facts(db, known, checks)
    order = settings()["order"]
    db.run(_TABLE)
    db.run(_MEMBERS)
    db.run(_KNOWN)
    db.run(
        _ORDERED.format(
            status=listed(order["status"]),
            intent=listed(order["intent"]),
            months=int(order["months"]),
        )
    )
    faults = [fault for rule in known if (fault := _judged(db, rule))]
    for table in ("member", "has", "evidence", "gap_who", "gap_all", "gap_chart"):
        db.run(f"drop table if exists temp.{table}")
    return faults


def _judged(db: Database, rule: GapRule) -> str:
    try:
        _judge(db, rule)
    except EngineError as error:
        return f"The care-gap rule {rule.code} could not be judged: {error}"
    return ""


def _judge(db: Database, rule: GapRule) -> None:
    """Add the rows of one rule."""
    db.run(
        """
        create or replace temp table has as
        select m.person, i.item, case when bool_or(f.usable) then true
          when count(f.rid) > 0 then null else false end as present
        from member m cross join gap_item i
        left join gap_fact f on f.rule = i.rule and f.item = i.item and f.person = m.person
        where i.rule = $rule and i.part = 'conditions' group by m.person, i.item
        """,
        {"rule": rule.code},
    )
    db.run(
        "create or replace temp table gap_who as select q.person, q.applicable::boolean as "
        f"applicable from ({rule.population}) q where q.applicable is not false"
    )
    for table, chart_only in (("gap_all", False), ("gap_chart", True)):
        db.run(
            f"""
            create or replace temp table evidence as
            select person, item, rid, place, at_date, value, unit, until, within
            from gap_fact where rule = $rule and part = 'evidence' and usable
              and within is not null {"and is_chart" if chart_only else ""}
            """,
            {"rule": rule.code},
        )
        db.run(
            f"create or replace temp table {table} as select person, closed::boolean as closed, "
            f"rid::bigint as rid, next_due::date as next_due from ({rule.closed or ANY_EVIDENCE}) q"
        )
    db.run(_ROWS, {"rule": rule.code, "absent": settings()["findings"]["absent"]})


_DUE = "('out of goal', 'none on record', 'not all of it', 'too old')"
"""Answers that rest on what is not there."""
_ROWS = f"""
insert into care_gap by name
with hidden as (
  select f.*, i.title, row_number() over (partition by f.person, f.part
    order by f.is_chart desc, f.at_date desc nulls first, f."check" = '', f."check", f.place) as k
  from gap_fact f join gap_item i using (rule, item)
  left join gap_all a on a.person = f.person and f.newest
  where f.rule = $rule and (not f.usable or f.within is null) and f.within is not false
    and (a.rid is null or f.part <> 'evidence' or f.at_date is null or f.at_date >= (
      select max(g.at_date) from gap_fact g where g.rule = $rule and g.rid = a.rid))
),
excludes as (
  select f.person, bool_or(f.is_chart) as in_chart,
    arg_min(f.rid, f.place) filter (f.is_chart) as rid, arg_min(f.rid, f.place) as any_rid
  from gap_fact f where f.rule = $rule and f.part = 'exclusions' and f.usable group by f.person
),
missing as (
  select m.person, min(t.type) filter (t.part = 'evidence') as evidence_type,
    min(t.type) filter (t.part = 'exclusions') as exclusion_type
  from member m cross join gap_type t left join gap_known k on k.person = m.person
    and k.type = t.type
  where t.rule = $rule and k.type is null group by m.person
),
last as (
  select person, rid, within from gap_fact
  where rule = $rule and part = 'evidence' and usable
  qualify row_number() over (partition by person order by at_date desc, is_chart desc, place) = 1
),
joined as (
  select w.person, w.applicable, x.in_chart, x.rid as x_rid, x.any_rid as x_any, r.newest, r.title,
    r.measure, d as doubt, a.closed, a.rid, c.closed as chart_closed, c.rid as chart_rid,
    coalesce(e.is_chart, false) as from_chart, c.next_due as chart_next, a.next_due,
    l.rid as last_rid, l.within as last_within, he, hx, hc, m.evidence_type,
    m.exclusion_type, o.rid as ordered_rid, o.at_date as ordered_date
  from gap_who w
  join member b on b.person = w.person
  join gap_rule r on r.rule = $rule
  left join identity_doubt d on d.person = w.person
  left join gap_all a on a.person = w.person
  left join gap_chart c on c.person = w.person
  left join (select rid, bool_or(is_chart) as is_chart from gap_fact where rule = $rule
    group by rid) e on e.rid = a.rid
  left join excludes x on x.person = w.person
  left join last l on l.person = w.person
  left join missing m on m.person = w.person
  left join gap_ordered o on o.person = w.person and o.rule = $rule
  left join hidden he on he.person = w.person and he.part = 'evidence' and he.k = 1
  left join hidden hx on hx.person = w.person and hx.part = 'exclusions' and hx.k = 1
  left join hidden hc on hc.person = w.person and hc.part = 'conditions' and hc.k = 1
),
weighed as (
  select *, case
      when not doubt.only_absence then 'withheld'
      when applicable is null then 'unknown population'
      when in_chart then 'excluded'
      when newest and he.rid is not null then 'hidden evidence'
      when newest and closed then if(from_chart, 'closed', 'elsewhere')
      when not newest and chart_closed then 'closed'
      when not newest and closed then 'elsewhere'
      when he.rid is not null then 'hidden evidence'
      when x_any is not null then 'outside exclusion'
      when hx.rid is not null then 'hidden exclusion'
      when exclusion_type is not null then 'no exclusion known'
      when rid is not null then 'out of goal'
      when evidence_type is not null then 'no evidence known'
      when last_rid is null then 'none on record'
      when last_within then 'not all of it'
      else 'too old' end as found
  from joined
),
told as (
  select * exclude (found), if(doubt.only_absence and
      (found in {_DUE} or newest and found = 'closed'), 'another record', found) as answer
  from weighed
)
select $rule as rule, t.person, t.title, t.measure,
  case when answer in ('withheld', 'excluded', 'closed', 'elsewhere') then answer
    when answer in {_DUE} then 'due'
    else 'cannot-tell' end as status,
  answer as reason,
  case answer
    when 'withheld' then 'Withheld: ' || doubt.why
    when 'another record' then doubt.why
    when 'unknown population' then coalesce(hc.title || ' (' || hc.feed || ') ' || hc.reason,
      'the birth date or sex is missing, partial or contradictory')
    when 'excluded' then xt.title
    when 'hidden evidence' then he.title || ' (' || he.feed || ') ' || he.reason
    when 'outside exclusion' then 'only an outside source says: ' || xt.title
    when 'hidden exclusion' then hx.title || ' (' || hx.feed || ') ' || hx.reason
    when 'no exclusion known' then
      'no source that knows the patient is declared complete for ' || exclusion_type
    when 'no evidence known' then
      'no source that knows the patient is declared complete for ' || evidence_type
    when 'elsewhere' then 'an outside source has it, the chart has not'
    when 'out of goal' then 'the newest is not within the goal'
    when 'none on record' then 'none is on record'
    when 'not all of it' then 'what is on record does not close it'
    when 'too old' then 'the last one is too long ago'
    else '' end as why,
  coalesce(case when answer in ('withheld', 'another record') then doubt."check" end,
    case answer
    when 'unknown population' then coalesce(hc."check", $absent)
    when 'hidden evidence' then he."check" when 'hidden exclusion' then hx."check" end, '')
    as "check",
  coalesce(case answer when 'unknown population' then hc.fix_key
    when 'hidden evidence' then he.fix_key when 'hidden exclusion' then hx.fix_key end, '')
    as fix_key,
  case when answer = 'excluded' then xt.title else v.title end as evidence,
  s.shown as evidence_rid, v.at_date as evidence_date, v.value as evidence_value,
  v.unit as evidence_unit,
  case answer when 'unknown population' then hc.rid when 'hidden evidence' then he.rid
    when 'hidden exclusion' then hx.rid when 'outside exclusion' then x_any end as hidden_rid,
  case answer when 'closed' then if(newest, t.next_due, chart_next)
    when 'elsewhere' then t.next_due end as next_due,
  ordered_rid, ordered_date
from told t
left join (
  select person, case when answer = 'excluded' then x_rid
    when answer = 'closed' then if(newest, rid, chart_rid)
    when answer = 'withheld' then null else coalesce(rid, last_rid) end as shown from told
) s on s.person = t.person
left join (
  select f.rid, min(i.title) as title from gap_fact f join gap_item i using (rule, item)
  where f.rule = $rule and f.part = 'exclusions' group by f.rid
) xt on xt.rid = coalesce(x_rid, x_any)
left join (
  select f.rid, min(struct_pack(n := i.position, title := i.title)).title as title,
    min(f.at_date) as at_date,
    string_agg(regexp_replace(f.value::varchar, '[.]0$', ''), '/' order by i.position)
      filter (i.needs_value) as value,
    min(f.unit) filter (i.needs_value) as unit
  from gap_fact f join gap_item i using (rule, item)
  where f.rule = $rule and f.part in ('evidence', 'exclusions') group by f.rid
) v on v.rid = s.shown
"""
