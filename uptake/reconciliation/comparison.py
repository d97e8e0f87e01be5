"""What a run reads of lists of medications, as SQL. In: a load's tables; out: entries, and rows.

The comparison itself is the engine's; here is what it is given, and how what it says becomes rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from uptake.reconciliation.authors import called

_SIDES = ("chart", "outside", "other")
_SIDE = """
  {0}_text varchar, {0}_sig varchar, {0}_date date, {0}_by varchar, {0}_feed varchar,
  {0}_type varchar, {0}_id varchar, {0}_rid bigint"""
TABLES = f"""
create table medication_difference (
  patient_id varchar, patient_feed varchar, person bigint, ingredient varchar, kind varchar,
  severity varchar, level integer, untold varchar,{",".join(map(_SIDE.format, _SIDES))});
create table medication_entry (
  patient_id varchar, patient_feed varchar, person bigint, role varchar, feed varchar, type varchar,
  id varchar, day date, said_by varchar, status varchar, intent varchar, ended date, text varchar,
  codings varchar, dosage varchar, system varchar, code varchar, read_as varchar);
create table allergy_entry (
  patient_id varchar, patient_feed varchar, person bigint, role varchar, feed varchar, id varchar,
  day date, said_by varchar, text varchar, codings varchar, substances varchar);
create temp table list_entry (
  rid bigint, role varchar, person bigint, feed varchar, type varchar, id varchar, day date,
  status varchar, intent varchar, ended date, text varchar,
  codings struct(system varchar, code varchar, display varchar)[], dosage varchar,
  said_by varchar, author varchar);
create temp table list_allergy (
  rid bigint, role varchar, person bigint, feed varchar, id varchar, day date, text varchar,
  codings struct(system varchar, code varchar, display varchar)[], substances varchar[],
  said_by varchar, author varchar);
create temp table list_found (
  person bigint, kind varchar, severity varchar, ingredient varchar, level integer,
  untold varchar, chart_rid bigint, outside_rid bigint, other_rid bigint);
create temp table list_name (concept bigint, name varchar, system varchar, code varchar,
  read_as varchar);
create temp table list_sig (sig bigint, text varchar);
"""
"""The columns of an entry are what a source sent; `read_as` is what its code stands for."""
DROPPED = (
    "list_entry", "list_allergy", "list_found", "list_name", "list_sig", "list_concept",
    "list_dosage", "list_row", "known", "list_author",
)  # fmt: skip

PERSONS = """
create temp table known as
  with size as (
    select i.feed, count(*) as patients from record i join feed f using (feed)
    where i.type = 'Patient' and f.role = 'ehr' group by i.feed
  ),
  asked as (
    select distinct i.feed from record i join feed f using (feed)
    where f.role = 'external'
      and i.type in ('MedicationRequest', 'MedicationDispense', 'MedicationStatement')
  )
  select p.person, i.feed, i.id
  from person p join patient t using (rid) join record i using (rid) join size s on s.feed = i.feed
  where not t.entered_in_error and i.id is not null and p.person in (
    select o.person from person o join patient t using (rid)
    where not t.entered_in_error and o.feed in (select feed from asked))
  qualify row_number() over (
    partition by p.person order by s.patients desc, i.feed, i.id, i.rid) = 1
"""
"""Persons whom the chart and an outside source of medications know, under the record of the largest
EHR feed: where no source was asked, nothing can be said to be missing from one."""

_CONCEPT = '{"text":"VARCHAR","coding":[{"system":"VARCHAR","code":"VARCHAR","display":"VARCHAR"}]}'
_TIMING = (
    '{"code":{"coding":[{"code":"VARCHAR"}]},"repeat":{"frequency":"VARCHAR",'
    '"frequencyMax":"VARCHAR","period":"VARCHAR","periodMax":"VARCHAR","periodUnit":"VARCHAR",'
    '"when":["VARCHAR"],"timeOfDay":["VARCHAR"],"dayOfWeek":["VARCHAR"]}}'
)
_DOSAGE = (
    f'[{{"text":"VARCHAR","asNeededBoolean":"VARCHAR","asNeededCodeableConcept":"JSON",'
    f'"timing":{_TIMING},"route":{_CONCEPT},"doseAndRate":[{{"doseRange":"JSON",'
    '"doseQuantity":{"value":"VARCHAR","unit":"VARCHAR","code":"VARCHAR"}}]}]'
)
_SPEC = (
    '{"category":"JSON","doNotPerform":"VARCHAR",'
    f'"medicationCodeableConcept":{_CONCEPT},'
    '"medicationReference":{"reference":"VARCHAR","display":"VARCHAR"},'
    f'"contained":[{{"resourceType":"VARCHAR","id":"VARCHAR","code":{_CONCEPT}}}],'
    '"requester":{"display":"VARCHAR"},"informationSource":{"display":"VARCHAR"},'
    '"performer":"JSON",'
    f'"dosageInstruction":{_DOSAGE},"dosage":{_DOSAGE}}}'
)
"""Read of each request, statement and dispense; numbers as text, to keep them exact."""


@dataclass(frozen=True, slots=True)
class _List:
    """One kind of entry on a list of medications."""

    type: str
    table: str
    day: str
    author: str
    """The path of the reference to who says so."""
    intent: str = "null"
    ended: str = "null"
    statuses: tuple[str, ...] = ()


_LISTS = (
    _List(
        "MedicationRequest", "medication_request", "authored_on_date",
        "MedicationRequest.requester", "intent",
        statuses=("active", "on-hold", "unknown", "stopped", "draft"),
    ),
    _List(
        "MedicationStatement", "medication_statement",
        "coalesce(date_asserted_date, effective_date, effective_start_date)",
        "MedicationStatement.informationSource", ended="effective_end_date",
        statuses=("active", "on-hold", "unknown", "stopped", "completed", "not-taken", "intended"),
    ),
    _List(
        "MedicationDispense", "medication_dispense",
        "coalesce(when_handed_over_date, when_prepared_date)", "MedicationDispense.performer.actor",
        statuses=("completed", "in-progress", "unknown"),
    ),
)  # fmt: skip


def entries() -> list[str]:
    """Return the statements that fill `list_entry`; `$as_of` and `$oldest` are days."""
    return [_entries(one) for one in _LISTS]


def _entries(one: _List) -> str:
    """Return the statement that adds the entries of one kind.

    The chart is the home list: nothing ordered for a stay. What an outside source dates later than
    today, and what ended or was filled before the months of the use case, is left out.
    """
    statuses = ", ".join(f"'{status}'" for status in one.statuses)
    dispensed = one.type == "MedicationDispense"
    roles = "('external')" if dispensed else "('ehr', 'external')"
    recent = f"{one.day} >= $oldest"
    if not dispensed:
        recent = f"(f.status in ('active', 'on-hold', 'unknown') or {recent})"
    return f"""
        insert into list_entry
        with entry as (
          select s.rid, p.person, i.feed, i.id, {one.day} as day, f.medication_rid, f.status,
            {one.intent} as intent, {one.ended} as ended,
            case d.role when 'ehr' then 'chart' else 'outside' end as role,
            json_transform(s.text, '{_SPEC}') as r
          from {one.table} f
          join record i on i.rid = f.rid
          join feed d on d.feed = i.feed and d.role in {roles}
          join person p on p.rid = f.patient_rid
          join known k on k.person = p.person
          join stored s on s.rid = f.rid and s.type = '{one.type}'
          where not f.entered_in_error and f.status in ({statuses}) and {recent}
            and (d.role = 'ehr' or {one.day} is null or {one.day} <= $as_of)
        ),
        drug as (
          select e.*, coalesce(r.medicationCodeableConcept, m.code,
              list_filter(r.contained, lambda c: c.resourceType = 'Medication'
                and '#' || c.id = r.medicationReference.reference)[1].code) as concept
          from entry e left join (
            select rid, json_transform(text, '{{"code":{_CONCEPT}}}').code as code
            from stored where type = 'Medication'
          ) m on m.rid = e.medication_rid
        )
        select rid, role, person, feed, '{one.type}', id, day, status, intent, ended,
          coalesce(nullif(trim(concept.text), ''),
            list_filter(concept.coding, lambda c: c.display is not null)[1].display,
            nullif(trim(r.medicationReference.display), '')),
          list_filter(concept.coding, lambda c: trim(c.system) <> '' and trim(c.code) <> ''),
          to_json(coalesce(r.dosageInstruction, r.dosage))::varchar,
          coalesce(r.requester.display, r.informationSource.display,
            r.performer->>'$[0].actor.display'), '{one.author}'
        from drug
        where not coalesce(contains(r.category::varchar, '"inpatient"'), false)
          and coalesce(r.doNotPerform, '') <> 'true'
    """


ALLERGIES = f"""
insert into list_allergy
  with entry as (
    select s.rid, p.person, i.feed, i.id, f.recorded_date_date as day,
      case d.role when 'ehr' then 'chart' else 'outside' end as role,
      json_transform(s.text, '{{"code":{_CONCEPT},"recorder":{{"display":"VARCHAR"}},
        "reaction":[{{"substance":{_CONCEPT}}}]}}') as r
    from allergy_intolerance f
    join record i on i.rid = f.rid
    join feed d on d.feed = i.feed and d.role in ('ehr', 'external')
    join person p on p.rid = f.patient_rid
    join known k on k.person = p.person
    join stored s on s.rid = f.rid and s.type = 'AllergyIntolerance'
    where not f.entered_in_error and f.verification_status is distinct from 'refuted'
      and coalesce(f.clinical_status, 'active') = 'active'
  )
  select rid, role, person, feed, id, day,
    coalesce(nullif(trim(r.code.text), ''),
      list_filter(r.code.coding, lambda c: c.display is not null)[1].display),
    list_filter(r.code.coding, lambda c: trim(c.system) <> '' and trim(c.code) <> ''),
    list_filter(flatten(list_transform(r.reaction,
      lambda x: list_prepend(x.substance.text,
        list_transform(x.substance.coding, lambda c: c.display)))), lambda t: t is not null),
    r.recorder.display, 'AllergyIntolerance.recorder'
  from entry
"""

AUTHORS = "create temp table list_author as " + called(
    """
  any_entry as (
    select rid, author from list_entry union all select rid, author from list_allergy
  ),
  said as (
    select e.rid, x.target_type, x.target_rid
    from any_entry e join reference x on x.rid = e.rid and x.path = e.author
    qualify row_number() over (
      partition by e.rid order by x.target_type, x.target_rid, x.expression) = 1
  )""",
    "said_by",
)

NUMBERED = """
create temp table list_concept as
  select row_number() over (order by text, codings::varchar) as concept, text, codings, entries
  from (select text, codings, count(*) as entries from list_entry group by text, codings);
create temp table list_dosage as
  select row_number() over (order by dosage) as sig, dosage
  from (select distinct dosage from list_entry);
create table list_row as
  select e.* exclude (text, codings, dosage), c.concept, d.sig
  from list_entry e
  join list_concept c on c.text is not distinct from e.text
    and c.codings is not distinct from e.codings
  join list_dosage d on d.dosage is not distinct from e.dosage
"""
"""Each distinct concept and dosage is read once; what a person has are numbers of these. `list_row`
is read on a connection of its own, so it is no temporary table."""

DIFFERENCES = """
insert into medication_difference
  with entry as (
    select e.rid, e.feed, e.type, e.id, e.day, n.name, s.text as sig,
      coalesce(a.said_by, nullif(trim(e.said_by), '')) as by
    from list_row e join list_name n using (concept)
    left join list_sig s using (sig)
    left join list_author a on a.rid = e.rid
    union all
    select e.rid, e.feed, 'AllergyIntolerance', e.id, e.day, e.text, null,
      coalesce(a.said_by, nullif(trim(e.said_by), ''))
    from list_allergy e left join list_author a on a.rid = e.rid
  )
  select k.id, k.feed, x.person, nullif(x.ingredient, ''), x.kind, x.severity, x.level, x.untold,
    c.name, c.sig, c.day, c.by, c.feed, c.type, c.id, x.chart_rid,
    o.name, o.sig, o.day, o.by, o.feed, o.type, o.id, x.outside_rid,
    t.name, t.sig, t.day, t.by, t.feed, t.type, t.id, x.other_rid
  from list_found x
  join known k on k.person = x.person
  left join entry c on c.rid = x.chart_rid
  left join entry o on o.rid = x.outside_rid
  left join entry t on t.rid = x.other_rid
"""

ENTRIES = """
insert into medication_entry
  select k.id, k.feed, e.person, e.role, e.feed, e.type, e.id, e.day,
    coalesce(a.said_by, nullif(trim(e.said_by), '')), e.status, e.intent, e.ended, c.text,
    to_json(c.codings)::varchar, d.dosage, n.system, n.code, n.read_as
  from list_row e join list_concept c using (concept) join list_dosage d using (sig)
  join list_name n using (concept)
  join known k on k.person = e.person
  left join list_author a on a.rid = e.rid
  where e.role = 'outside' or n.read_as is distinct from c.text;
insert into allergy_entry
  select k.id, k.feed, e.person, e.role, e.feed, e.id, e.day,
    coalesce(a.said_by, nullif(trim(e.said_by), '')), e.text, to_json(e.codings)::varchar,
    to_json(e.substances)::varchar
  from list_allergy e join known k on k.person = e.person
  left join list_author a on a.rid = e.rid
  where e.role = 'outside'
"""
"""What a call needs beside the chart it brings: the outside's entries, and of the chart's what
their codes stand for, where that is more than their text says."""
