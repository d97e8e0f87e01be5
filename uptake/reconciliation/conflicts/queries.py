"""What a run reads of both sides and how conflicts become rows, as SQL. In: a load's tables."""

from __future__ import annotations

from uptake.reconciliation.authors import called

READS_LISTS = frozenset(
    ["patient", "person", "condition", "allergy_intolerance", "observation", "coding", "identifier",
     "reference", "system_status"]
)  # fmt: skip
READS = READS_LISTS | {"medication_difference", "list_verdict", "person_record"}
"""Tables the loader must make, beside what every load has."""

VERDICTS = """
create table {0} (
  person bigint, type varchar, stance varchar, kind varchar, severity varchar, name varchar,
  chart_rid bigint, chart_text varchar, chart_date date,
  outside_rid bigint, outside_text varchar, outside_date date, evidence varchar)
"""
VERDICT_COLUMNS = (
    "person", "type", "stance", "kind", "severity", "name", "chart_rid", "chart_text",
    "chart_date", "outside_rid", "outside_text", "outside_date", "evidence",
)  # fmt: skip

PERSONS = """
create table both_know as
  select person from person p join patient t using (rid) join feed d on d.feed = p.feed
  where not t.entered_in_error group by person
  having bool_or(d.role = 'ehr') and bool_or(d.role = 'external')
"""

_ROLE = "case d.role when 'ehr' then 'chart' else 'outside' end"

ECHOES = """
create table echo as
  with side as (
    select i.rid, i.feed, i.type, i.id, p.person, d.role, m.source
    from resource x join record i using (rid) join person p on p.rid = x.patient_rid
    join both_know using (person) join feed d on d.feed = i.feed
    join resource_meta m on m.rid = i.rid
    where d.role in ('ehr', 'external') and i.type <> 'Patient' and not x.entered_in_error
  ),
  named as (
    select s.*, i.system, i.value from side s join identifier i using (rid)
    where i.path = s.type || '.identifier' and trim(i.system) <> '' and trim(i.value) <> ''
  ),
  derived as (
    select t.target_rid as rid, e.target_type as type, e.target_id as id
    from reference t join reference e using (rid)
    where t.path = 'Provenance.target' and e.path = 'Provenance.entity.what'
      and e.target_rid is null
  )
  select o.rid from named o join named c using (type, person, system, value)
  where o.role = 'external' and c.role = 'ehr' and not exists (
    select 1 from observation x where x.rid = o.rid and x.status in ('corrected', 'amended'))
  union
  select o.rid from side o join derived v using (rid)
  join side c on c.person = o.person and c.type = v.type and c.id = v.id
  where o.role = 'external' and c.role = 'ehr'
  union
  select o.rid from side o join side c using (type, person, id)
  where o.role = 'external' and c.role = 'ehr'
    and o.source <> '' and split_part(o.source, '#', 1) = split_part(c.source, '#', 1)
"""
"""Copies of the chart's own records that came back: the same identifier, a Provenance that names
the chart's record as what it came from, or the same id from the same server. A result that its
source corrected is no echo, whosever number it has."""

LISTS = f"""
select p.person, {_ROLE} as role, i.feed, i.type, i.rid, s.text, c.codings
from record i join resource x using (rid) join person p on p.rid = x.patient_rid
join both_know using (person) join feed d on d.feed = i.feed
join stored s on s.rid = i.rid and s.type = i.type
left join (
  select c.rid, list({{'system': coalesce(y.canonical, c.system), 'code': c.code,
    'display': coalesce(c.display, '')}} order by c.expression, c.system, c.code) as codings
  from coding c left join system_status y on y.system = c.system
  where c.path in ('AllergyIntolerance.code.coding', 'Condition.code.coding')
    and trim(c.system) <> '' and trim(c.code) <> ''
  group by c.rid
) c on c.rid = i.rid
where i.type = '$type' and d.role in ('ehr', 'external') and not x.entered_in_error
  and i.rid not in (select rid from echo)
order by p.person, i.rid
"""

_MET = """
create table met as
  with coded as (
    select distinct f.rid, p.person, d.role, coalesce(y.canonical, c.system) as system, c.code,
      date_trunc('minute', f.at) as minute
    from (select rid, patient_rid, coalesce(effective, effective_instant) as at from observation
          where not entered_in_error and status in ('final', 'amended', 'corrected')) f
    join record i on i.rid = f.rid join feed d on d.feed = i.feed
    join person p on p.rid = f.patient_rid join both_know using (person)
    join coding c on c.rid = f.rid and c.path = 'Observation.code.coding'
    left join system_status y on y.system = c.system
    where d.role in ('ehr', 'external') and trim(c.system) <> '' and trim(c.code) <> ''
      and f.at is not null and f.rid not in (select rid from echo)
  )
  select distinct o.person, o.rid as outside_rid, c.rid as chart_rid
  from coded o join coded c using (person, system, code, minute)
  where o.role = 'external' and c.role = 'ehr'
"""
_NOT_ALIKE = """
delete from met where outside_rid in (
  select m.outside_rid from met m join observation o on o.rid = m.outside_rid
  join observation c on c.rid = m.chart_rid
  where o.value = c.value and o.value_unit_code = c.value_unit_code
    and o.value_comparator is not distinct from c.value_comparator
    and not coalesce(o.has_components, false) and not coalesce(c.has_components, false))
"""
"""Nearly all are the same as they were sent; these need no reading."""
RESULTS = (
    _MET,
    _NOT_ALIKE,
    """
create table met_result as
  select m.rid, i.feed, s.text, c.codes
  from (select outside_rid as rid from met union select chart_rid from met) m
  join record i using (rid) join stored s on s.rid = m.rid and s.type = 'Observation'
  join (
    select c.rid, list_distinct(list({'system': coalesce(y.canonical, c.system), 'code': c.code}
      order by c.expression, c.system, c.code)) as codes
    from coding c left join system_status y on y.system = c.system
    where c.path = 'Observation.code.coding' and trim(c.system) <> '' and trim(c.code) <> ''
    group by c.rid
  ) c on c.rid = m.rid
""",
)
RESULT_PAIRS = """
select m.person, o.rid, o.feed, o.text, o.codes, c.rid, c.feed, c.text, c.codes
from met m join met_result o on o.rid = m.outside_rid join met_result c on c.rid = m.chart_rid
order by m.person, o.rid, c.rid
"""

PATIENTS = f"""
select p.person, {_ROLE} as role, i.feed, i.rid, s.text,
  coalesce(n.given_all, []), coalesce(n.given_roots, []), coalesce(n.family_all, [])
from person p join both_know using (person) join patient t using (rid) join record i using (rid)
join feed d on d.feed = i.feed join stored s on s.rid = i.rid and s.type = 'Patient'
left join person_record n on n.rid = i.rid
where d.role in ('ehr', 'external') and not t.entered_in_error
order by p.person, i.rid
"""

MEDICATIONS = """
insert into verdict
  select person, coalesce(outside_type, chart_type), case kind when 'omission' then 'news'
      else 'conflict' end, kind, severity, coalesce(outside_text, chart_text),
    chart_rid, concat_ws(', ', chart_text, nullif(chart_sig, '')), chart_date,
    outside_rid, concat_ws(', ', outside_text, nullif(outside_sig, '')), outside_date,
    coalesce(concat('allergy: ', other_text), '')
  from medication_difference
  where kind in ({kinds}) and outside_rid is not null
    and outside_rid not in (select rid from echo)
"""

_PATHS = (
    "AllergyIntolerance.asserter", "AllergyIntolerance.recorder", "Condition.asserter",
    "Condition.recorder", "Observation.performer", "Patient.managingOrganization",
    "MedicationRequest.requester", "MedicationStatement.informationSource",
    "MedicationDispense.performer.actor",
)  # fmt: skip
_LISTED = ", ".join(f"'{path}'" for path in _PATHS)
AUTHORS = "create temp table conflict_author as " + called(
    f"""
  said as (
    select x.rid, x.target_type, x.target_rid from reference x
    where x.rid in (select chart_rid from verdict union select outside_rid from verdict)
      and x.path in ({_LISTED})
    qualify row_number() over (
      partition by x.rid order by list_position([{_LISTED}], x.path), x.expression) = 1
  )""",
    "author",
)

_DISPLAYS = " ".join(
    f"s.text->>'$.{element}.display',"
    for element in ("asserter", "recorder", "requester", "informationSource", "performer[0]",
                    "performer[0].actor", "managingOrganization")
)  # fmt: skip


def _side(name: str) -> str:
    """Return the columns of one side."""
    return f"""
    v.{name}_text, v.{name}_date, {name}.author as {name}_by, {name}.feed as {name}_feed,
    {name}.type as {name}_type, {name}.id as {name}_id, {name}.provenance as {name}_provenance"""


CONFLICTS = f"""
create table conflict as
  with size as (select feed, count(*) as patients from person group by feed),
  named as (
    select p.person, i.feed, i.id from person p join patient t using (rid)
    join record i using (rid) join feed d on d.feed = i.feed join size s on s.feed = i.feed
    where d.role = 'ehr' and not t.entered_in_error and i.id is not null
    qualify row_number() over (
      partition by p.person order by s.patients desc, i.feed, i.id, i.rid) = 1
  ),
  told as (
    select t.target_rid as rid, min('Provenance/' || v.id) as provenance
    from reference t join record v on v.rid = t.rid
    where t.path = 'Provenance.target' and v.id is not null group by t.target_rid
  ),
  side as (
    select i.rid, i.feed, i.type, i.id, p.provenance,
      coalesce(a.author, nullif(trim(coalesce({_DISPLAYS} '')), '')) as author
    from record i
    join (select chart_rid as rid from verdict union select outside_rid from verdict) using (rid)
    join stored s on s.rid = i.rid and s.type = i.type
    left join conflict_author a on a.rid = i.rid left join told p on p.rid = i.rid
  )
  select n.id as patient_id, n.feed as patient_feed, v.person, v.type, v.kind, v.stance,
    v.severity, v.name, v.chart_rid, {_side("chart")}, v.outside_rid, {_side("outside")}, v.evidence
  from verdict v join named n using (person)
  left join side chart on chart.rid = v.chart_rid
  left join side outside on outside.rid = v.outside_rid
"""

_SAID = (
    "name", "chart_text", "chart_date", "chart_by", "outside_text", "outside_date", "outside_by",
    "evidence",
)  # fmt: skip
_WITHHELD = ", ".join(f"if(d.person is null, c.{name}, null) as {name}" for name in _SAID)
FILE = f"""
select c.* exclude (chart_rid, outside_rid) replace ({_WITHHELD}), coalesce(d.why, '') as withheld
from conflict c left join identity_doubt d on d.person = c.person and not d.only_absence
order by all
"""
"""What a run keeps, sorted by patient. Where it cannot be told whose facts they are no content is
kept, only which records disagree."""
DROPPED = (
    "both_know", "echo", "met", "met_result", "verdict", "conflict_author",
)  # fmt: skip
