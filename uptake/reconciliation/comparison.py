"""The comparison of two lists, as SQL. In: entries, their codes and sigs; out: what differs.

An entry is compared component by component: a combination in one list and its components in the
other are the same drugs. Rows of one pair of entries are then one row again.
"""

from __future__ import annotations

TABLES = """
create table medication_difference (
  patient_id varchar, patient_feed varchar, person bigint, ingredient varchar, kind varchar,
  severity varchar, chart_text varchar, chart_sig varchar, chart_date date, chart_by varchar,
  chart_feed varchar, chart_type varchar, chart_id varchar, outside_text varchar,
  outside_sig varchar, outside_date date, outside_by varchar, outside_feed varchar,
  outside_type varchar, outside_id varchar, chart_rid bigint, outside_rid bigint);
create temp table list_entry (
  rid bigint, chart boolean, person bigint, feed varchar, type varchar, id varchar, day date,
  text varchar, codings struct(system varchar, code varchar, display varchar)[], dosage varchar,
  said_by varchar, author varchar);
create temp table drug_code (
  system varchar, code varchar, rank integer, identity varchar, label varchar, key varchar,
  ingredient varchar, strength varchar, mass double);
create temp table list_sig (
  dosage varchar, amount double, unit varchar, rate double, as_needed boolean, text varchar);
"""
DROPPED = (
    "list_entry", "drug_code", "list_sig", "known", "list_author", "list_coding", "list_part",
    "compared", "loose",
    "synonym", "named", "renamed",
)  # fmt: skip

PERSONS = """
create temp table known as
  with size as (
    select i.feed, count(*) as patients from record i join feed f using (feed)
    where i.type = 'Patient' and f.role = 'ehr' group by i.feed
  ),
  asked as (
    select distinct i.feed from record i join feed f using (feed)
    where f.role = 'external' and i.type in ('MedicationRequest', 'MedicationDispense')
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

AUTHORS = """
create temp table list_author as
  with said as (
    select e.rid, x.target_type, x.target_rid
    from list_entry e join reference x on x.rid = e.rid and x.path = e.author
    qualify row_number() over (
      partition by e.rid order by x.target_type, x.target_rid, x.expression) = 1
  ),
  named as (
    select s.rid, s.target_type, t.text->'$.name[0]' as name, t.text->>'$.name' as plain
    from said s left join stored t on t.rid = s.target_rid
      and t.type in ('Practitioner', 'Organization')
  )
  select rid, case
      when target_type = 'Patient' then 'the patient'
      when target_type = 'RelatedPerson' then 'a relative'
      when target_type = 'Organization' then plain
      when target_type = 'Practitioner' then coalesce(name->>'$.text', nullif(trim(concat_ws(' ',
        name->>'$.prefix[0]', name->>'$.given[0]', name->>'$.family')), ''))
    end as said_by
  from named
"""

CODINGS = """
create temp table list_coding as
  select rid, c.system as system, c.code as code, c.display as display
  from (select rid, unnest(codings) as c from list_entry)
  where nullif(trim(c.system), '') is not null and nullif(trim(c.code), '') is not null
"""

SYNONYMS = """
create temp table synonym as
  select c.system, c.code, min(d.identity) as identity
  from drug_code u join list_coding c using (system, code) join list_coding o on o.rid = c.rid
  join drug_code d on d.system = o.system and d.code = o.code
  where u.rank > 0 and d.rank = 0
  group by c.system, c.code having count(distinct d.identity) = 1;
create temp table named as
  select distinct identity, label, key, ingredient, strength, mass from drug_code where rank = 0;
create temp table renamed as
  select s.system, s.code, 0 as rank, n.* from synonym s join named n using (identity);
delete from drug_code where (system, code) in (select (system, code) from renamed);
insert into drug_code select * from renamed;
"""
"""Codings of one concept mean one thing: where an NDC came with one RxNorm code, it is that drug
also where it comes alone."""

PARTS = """
create temp table list_part as
  with best as (
    select c.rid, d.system, d.code from list_coding c join drug_code d using (system, code)
    qualify row_number() over (
      partition by c.rid order by d.rank, d.identity, d.system, d.code) = 1
  )
  select e.rid, e.chart, e.person, e.feed, e.type, e.id, e.day, coalesce(e.text, d.label) as text,
    d.identity, coalesce(d.key, '') as key, d.ingredient, d.strength,
    case when s.unit = 'unit' and d.mass is not null then s.amount * d.mass else s.amount end
      as amount,
    case when s.unit = 'unit' and d.mass is not null then 'mg' else s.unit end as unit,
    s.rate, s.as_needed
  from list_entry e
  left join best b on b.rid = e.rid
  left join drug_code d on d.system = b.system and d.code = b.code
  left join list_sig s on s.dosage = e.dosage
  where coalesce(e.text, d.label) is not null
"""
"""Tablets of a known strength become milligrams, so that two of 5 mg are one of 10."""

_COMPARED = """
create temp table compared as
  with outside as (
    select * from list_part where not chart and key <> ''
    qualify coalesce(day, date '0001-01-01') = max(coalesce(day, date '0001-01-01'))
      over (partition by person, key)
  ),
  pair as (
    select coalesce(c.person, o.person) as person, coalesce(c.key, o.key) as key,
      c.rid as chart_rid, o.rid as outside_rid,
      coalesce(c.ingredient, o.ingredient) as ingredient,
      coalesce(c.text, '') as chart_text, coalesce(o.text, '') as outside_text,
      case
        when c.rid is null then case when o.ingredient is null then 'unmapped' else 'omission' end
        when o.rid is null then case when c.ingredient is null then 'unmapped' else 'addition' end
        when c.strength <> o.strength then 'strength'
        when c.as_needed and o.as_needed then 'same'
        when c.as_needed <> o.as_needed or abs(c.rate - o.rate) > 0.001
          or (c.unit = o.unit and abs(c.amount - o.amount) > 0.001) then 'sig'
        else 'same'
      end as kind,
      coalesce(c.unit = 'mg' and o.unit = 'mg'
        and abs(c.amount * c.rate - o.amount * o.rate) < 0.001, false) as same_daily_dose
    from (select * from list_part where chart and key <> '') c
    full join outside o on o.person = c.person and o.key = c.key
    qualify row_number() over (
      partition by coalesce(c.person, o.person), coalesce(c.key, o.key)
      order by coalesce(c.identity = o.identity, false) desc,
        coalesce(c.strength = o.strength, false) desc, c.day desc nulls last,
        o.type nulls last, o.feed, o.id, c.type desc nulls last, c.feed, c.id, o.rid, c.rid) = 1
  )
  select person, kind, chart_rid, outside_rid,
    string_agg(ingredient, ' / ' order by ingredient) as ingredient,
    min(chart_text) as chart_text, min(outside_text) as outside_text,
    bool_and(same_daily_dose) as same_daily_dose
  from pair group by person, kind, chart_rid, outside_rid
"""
"""The newest outside entry of a drug against the chart's. Where a side has several on that day, the
pair that agrees counts: two strengths taken together are no difference."""

_LOOSE = """
create temp table loose as
  select person, chart, rid, text from list_part where key = ''
  qualify row_number() over (partition by person, chart, lower(trim(text))
    order by day desc nulls last, type, feed, id, rid) = 1
  union all
  select person, true, chart_rid, chart_text from compared
  where kind = 'unmapped' and outside_rid is null
  union all
  select person, false, outside_rid, outside_text from compared
  where kind = 'unmapped' and chart_rid is null
"""
"""What the other side cannot be searched for: texts, and codes whose name is not read."""

_TOLD = "delete from compared where kind = 'unmapped'"

_DOUBTED = """
update compared set kind = 'unmapped',
    chart_rid = coalesce(chart_rid, d.loose_rid), outside_rid = coalesce(outside_rid, d.loose_rid)
  from (
    select c.person as whom, c.chart_rid as c_rid, c.outside_rid as o_rid, c.kind as what,
      c.ingredient as name, min(l.rid) as loose_rid
    from compared c join loose l on l.person = c.person
      and l.chart = (c.kind = 'omission')
      and len(list_filter(string_split_regex(c.ingredient, '[ ,/]+'),
        lambda w: len(w) > 3 and contains(lower(l.text), w))) > 0
    where c.kind in ('omission', 'addition')
    group by all
  ) d
  where compared.person = d.whom and compared.kind = d.what and compared.ingredient = d.name
    and compared.chart_rid is not distinct from d.c_rid
    and compared.outside_rid is not distinct from d.o_rid
"""
"""A drug is not said to be absent where a text of the other side has a word of its name."""

_REST = """
insert into compared
  select person, 'unmapped', case when chart then rid end, case when not chart then rid end,
    null, null, null, false
  from loose l
  where not exists (select 1 from compared c
    where c.person = l.person
      and case when l.chart then c.chart_rid else c.outside_rid end = l.rid)
"""

COMPARE = (_COMPARED, _LOOSE, _TOLD, _DOUBTED, _REST)

DIFFERENCES = """
insert into medication_difference
  with entry as (
    select e.*, coalesce(e.text, p.text) as name, s.text as sig,
      coalesce(a.said_by, nullif(trim(e.said_by), '')) as by
    from list_entry e
    left join (select rid, min(text) as text from list_part group by rid) p on p.rid = e.rid
    left join list_sig s on s.dosage = e.dosage
    left join list_author a on a.rid = e.rid
  )
  select k.id, k.feed, x.person, x.ingredient, x.kind,
    case
      when x.kind = 'same' then 'low'
      when regexp_matches(lower(concat_ws(' ', x.ingredient, c.name, o.name)), $high) then 'high'
      when x.kind in ('addition', 'unmapped') or (x.kind = 'strength' and x.same_daily_dose)
        then 'low'
      else 'medium'
    end,
    c.name, c.sig, c.day, c.by, c.feed, c.type, c.id,
    o.name, o.sig, o.day, o.by, o.feed, o.type, o.id, x.chart_rid, x.outside_rid
  from compared x
  join known k on k.person = x.person
  left join entry c on c.rid = x.chart_rid
  left join entry o on o.rid = x.outside_rid
"""
