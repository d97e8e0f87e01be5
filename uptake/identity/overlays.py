"""Two people in one record. In: Patients seen more than once; out: the table `patient_overlay`.

A Patient is seen more than once when it came in several versions, under one full URL from several
senders, or when another record has its number. A row says how far the two are apart; which
distance is too far is the check's to say (DUP-03). What else speaks for two people is in `signs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyascii import anyascii

from uptake.identity.persons import MOST

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset(
    [
        "blood_group",
        "coding",
        "default_date",
        "encounter",
        "given_variant",
        "identifier",
        "junk_demographic",
        "name_word",
        "observation",
        "patient",
        "patient_of_code",
        "sent_again",
        "text",
    ]
)
"""The tables read here."""

_OVERLAY = """
create table patient_overlay (rid bigint, other_rid bigint, shared varchar, expression varchar,
  days_apart bigint, most_days_apart bigint, likeness_value double, signs varchar)
"""

_PAIRS = f"""
create temp table seen_version as
select p.rid, r.feed, r.id, r.hash, a.identity,
  row_number() over (partition by r.feed, coalesce(r.id, r.rid::varchar)
    order by r.received_at desc nulls last, try_cast(a.version_id as bigint) desc nulls last,
      r.hash desc, r.rid) = 1 as is_newest,
  row_number() over (partition by a.identity
    order by r.received_at desc nulls last, try_cast(a.version_id as bigint) desc nulls last,
      r.hash desc, r.rid) as k
from patient p join resource r using (rid) left join sent_again a on a.rid = p.rid;
create temp table overlay_number as
with typed as (
  select i.rid, i.expression, trim(i.system) as system,
    upper(regexp_replace(i.value, '[^A-Za-z0-9]', '', 'g')) as value,
    case
      when i.system in ('http://hl7.org/fhir/sid/us-ssn', 'urn:oid:2.16.840.1.113883.4.1') then 'SS'
      when i.system = 'https://fhir.nhs.uk/Id/nhs-number' then 'NI'
      else upper(c.code) end as type
  from identifier i
  left join coding c on c.rid = i.rid and c.path = 'Patient.identifier.type.coding'
    and c.concept = i.expression || '.type'
  where i.path = 'Patient.identifier' and trim(i.system) <> ''
),
held as (
  select t.rid, t.system, t.value, min(t.type) as type, min(t.expression) as expression
  from typed t left join junk_demographic j
    on j.element = 'identifier' and j.word = lower(t.value)
  where t.type in ('MR', 'SS', 'NI') and j.word is null
    and regexp_matches(t.value, '[0-9]') and replace(t.value, left(t.value, 1), '') <> ''
    and t.rid in (select rid from seen_version where is_newest)
  group by t.rid, t.system, t.value
)
select * from held where (system, value) in (
  select (system, value) from held group by system, value having count(*) between 2 and {MOST});
create temp table overlay_pair as
with pair as (
  select n.rid, o.rid as other_rid,
    case when n.feed = o.feed and n.id = o.id then 'versions' else 'full URL' end as shared,
    null::varchar as expression
  from seen_version n join seen_version o using (identity) where n.k = 1 and o.k > 1
  union all
  select n.rid, o.rid, n.type, n.expression
  from overlay_number n join overlay_number o using (system, value) where n.rid <> o.rid
)
select rid, other_rid, min(shared) as shared, min(expression) as expression
from pair group by rid, other_rid;
create temp table overlay_patient as
select distinct unnest([rid, other_rid]) as rid from overlay_pair;
"""
"""Of several versions only the newest is told, with each older one; of two records both are."""

_WORDS = """
create temp table overlay_word as
with sent as (
  select t.rid, t.path, s.words, ends_with(t.expression, '.given[0]') as is_first,
    array_to_string(s.words, ' ') as whole
  from text t join overlay_patient using (rid) join overlay_text s on s.text = t.value
  where t.path in ('Patient.name.given', 'Patient.name.family')
    or (t.path = 'Patient.name.text' and t.rid not in (
      select rid from text where path in ('Patient.name.given', 'Patient.name.family')))
),
nobody as (
  select distinct g.rid from sent g join sent f using (rid)
  join name_word w on w.word = g.whole || ' ' || f.whole and w.kind = 'placeholder'
  where g.path = 'Patient.name.given' and f.path = 'Patient.name.family'
),
told as (
  select s.* from sent s
  left join nobody n using (rid)
  left join junk_demographic j on j.element = 'name' and j.word = s.whole
  left join name_word w on w.word = s.whole
  where n.rid is null
    and (w.kind = 'newborn' or (j.word is null and w.kind is distinct from 'placeholder'))
),
word as (
  select rid, path, is_first, unnest(list_append(words, replace(whole, ' ', ''))) as word
  from told
),
named as (
  select rid, path <> 'Patient.name.family' as is_given, path <> 'Patient.name.given' as is_family,
    is_first or path = 'Patient.name.text' as is_first, word
  from word left join name_word w using (word)
  where word <> '' and (w.kind is null or w.kind = 'newborn' or w.alone)
)
select rid, is_given, is_family, is_first, word from named
union
select n.rid, true, false, n.is_first, v.root
from named n join given_variant v on v.variant = n.word where n.is_given;
"""
"""A name that is a placeholder (unknown, John Doe) is none; one that newborns bear until they have
their own is: the child is another person than its mother."""

_COMPARED = """
create temp table overlay_born as
select p.rid, p.birth_date::date as earliest,
  case when p.birth_date_precision = 'year' or p.birth_date_text like '____-01-01'
      then p.birth_date::date + interval 1 year - interval 1 day
    when p.birth_date_precision = 'month'
      then p.birth_date::date + interval 1 month - interval 1 day
    else p.birth_date end::date as latest
from patient p join overlay_patient using (rid)
where p.birth_date is not null
  and (p.birth_date_precision <> 'day' or p.birth_date::date not in (select day from default_date));
create temp table overlay_likeness as
with swapped as (
  select p.rid, p.other_rid from overlay_pair p
  join overlay_word a on a.rid = p.rid
  join overlay_word b on b.rid = p.other_rid and b.word = a.word
  where a.is_given <> b.is_given
  group by all having count(distinct a.is_given) = 2
)
select p.rid, p.other_rid,
  case when bool_or(s.rid is not null) then 1.0
    else max(jaro_winkler_similarity(a.word, b.word)) end as likeness_value
from overlay_pair p
join overlay_word a on a.rid = p.rid and a.is_given
join overlay_word b on b.rid = p.other_rid and b.is_given and (a.is_first or b.is_first)
left join swapped s on s.rid = p.rid and s.other_rid = p.other_rid
group by p.rid, p.other_rid;
create temp table overlay_distance as
select p.rid, p.other_rid, p.shared, p.expression,
  case when a.rid <> b.rid then greatest(a.earliest - b.latest, b.earliest - a.latest, 0) end
    as days_apart,
  greatest(a.latest - b.earliest, b.latest - a.earliest) as most_days_apart, l.likeness_value
from overlay_pair p
left join overlay_born a on a.rid = p.rid
left join overlay_born b on b.rid = p.other_rid
left join overlay_likeness l on l.rid = p.rid and l.other_rid = p.other_rid;
"""
"""A first of January is what software writes of a year. A second name alone makes nobody alike:
many women are Marie in the middle."""

_HOLDERS = """
create temp table overlay_holder as
select distinct d.rid, d.other_rid, v.rid as patient_rid
from overlay_distance d
join seen_version s on s.rid in (d.rid, d.other_rid)
join seen_version v on v.rid = s.rid or (v.feed = s.feed and v.id = s.id)
where d.days_apart > 0 and d.likeness_value < 1;
"""
"""The records whose facts are one patient's, of those pairs that may be two people."""

_SIGNS = r"""
create temp table overlay_sign as
with pair as (select distinct rid, other_rid from overlay_holder),
detail as (
  select t.rid, t.path, lower(regexp_replace(t.value, '[^A-Za-z0-9@]', '', 'g')) as value
  from text t where t.path in ('Patient.address.line', 'Patient.telecom.value')
    and t.rid in (select patient_rid from overlay_holder)
  union select rid, 'Patient.name.family', word from overlay_word where is_family
),
differing as (
  select p.rid, p.other_rid, a.path, not bool_or(a.value = b.value) as differs
  from pair p join detail a on a.rid = p.rid join detail b on b.rid = p.other_rid
  where a.path = b.path group by all
),
fact as (
  select h.rid, h.other_rid, o.rid as fact_rid from overlay_holder h
  join resource o on o.patient_rid = h.patient_rid where not o.entered_in_error
),
answer as (
  select f.rid, f.other_rid, b.has_abo, b.has_rh,
    lower(coalesce(o.value_code_display, o.value_code_text, o.value_string)) as said
  from fact f join observation o on o.rid = f.fact_rid
  join coding c on c.rid = o.rid and c.path = 'Observation.code.coding'
    and c.system = 'http://loinc.org'
  join blood_group b on b.loinc = c.code
  where o.status in ('final', 'amended', 'corrected')
),
blood as (
  select rid, other_rid,
    case when has_abo then nullif(regexp_extract(replace(said, '0', 'o'),
      '^(?:blood )?(?:group |type )?(ab|a|b|o)(?:[^a-z]|$)', 1), '') end as abo,
    case when has_rh and regexp_matches(said, 'neg|-$') then 'negative'
      when has_rh and regexp_matches(said, 'pos|[+]$') then 'positive' end as rh
  from answer
),
sexed as (
  select f.rid, f.other_rid, t.sex from fact f join coding c on c.rid = f.fact_rid
  join patient_of_code t on t.system = c.system and (t.code = c.code or (t.is_prefix
    and starts_with(replace(c.code, '.', ''), replace(t.code, '.', ''))))
  where t.sex is not null and c.path in
    ('Condition.code.coding', 'Procedure.code.coding', 'Observation.code.coding')
),
stay as (
  select f.rid, f.other_rid, e.rid as stay, e.period_start, e.period_end,
    coalesce(e.service_provider_rid, e.location_rid) as place
  from fact f join encounter e on e.rid = f.fact_rid
  where e.class in ('IMP', 'ACUTE', 'NONAC') and e.status in ('in-progress', 'finished')
    and e.part_of_rid is null and e.period_start < e.period_end
    and e.period_start_precision not in ('year', 'month', 'day')
    and e.period_end_precision not in ('year', 'month', 'day')
)
select rid, other_rid, 1 as k, 'family names differ' as sign from differing
where differs and path = 'Patient.name.family'
union all select p.rid, p.other_rid, 2, 'sexes differ' from pair p
join patient a on a.rid = p.rid join patient b on b.rid = p.other_rid
where a.gender in ('male', 'female') and b.gender in ('male', 'female') and a.gender <> b.gender
union all select rid, other_rid, 3, 'addresses differ' from differing
where differs and path = 'Patient.address.line'
union all select rid, other_rid, 4, 'phones and e-mails differ' from differing
where differs and path = 'Patient.telecom.value'
union all select rid, other_rid, 5, 'blood groups differ' from blood
group by all having count(distinct abo) > 1 or count(distinct rh) > 1
union all select rid, other_rid, 6, 'diagnoses or results of women and of men' from sexed
group by all having count(distinct sex) > 1
union all select distinct a.rid, a.other_rid, 7, 'two hospital stays at once' from stay a
join stay b on b.rid = a.rid and b.other_rid = a.other_rid and b.stay > a.stay
where a.place <> b.place and a.period_start < b.period_end and b.period_start < a.period_end;
"""

_TOLD = """
insert into patient_overlay
with told as (
  select rid, other_rid, string_agg(sign, '; ' order by k) as signs
  from overlay_sign group by rid, other_rid
)
select d.rid, d.other_rid, d.shared, d.expression, d.days_apart, d.most_days_apart,
  d.likeness_value, t.signs
from overlay_distance d left join told t on t.rid = d.rid and t.other_rid = d.other_rid;
"""
_TEMPORARY = (
    "seen_version", "overlay_number", "overlay_pair", "overlay_patient", "overlay_text",
    "overlay_word", "overlay_born", "overlay_likeness", "overlay_distance", "overlay_holder",
    "overlay_sign",
)  # fmt: skip


def build_overlays(db: Database) -> None:
    """Make `patient_overlay`: a row a Patient and another record that is said to be the same.

    The days between the birth dates are the fewest and the most that partial dates allow, NULL
    where one is not known; the likeness of the given names is Jaro-Winkler's, 1 for a nickname and
    for names in each other's place, NULL where one has none.
    """
    db.run(_OVERLAY)
    db.run(_PAIRS)
    if db.row("select count(*) from overlay_pair")[0]:
        _spell(db)
        for step in (_WORDS, _COMPARED, _HOLDERS, _SIGNS, _TOLD):
            db.run(step)
    for name in _TEMPORARY:
        db.run(f"drop table if exists {name}")


def _spell(db: Database) -> None:
    """Make `overlay_text`: each name sent, as small Latin words without accents."""
    names = db.rows(
        "select distinct value from text join overlay_patient using (rid) "
        "where starts_with(path, 'Patient.name.')"
    )
    db.run("create temp table plain_name (text varchar, plain varchar)")
    db.insert("plain_name", ("text", "plain"), [(text, anyascii(text)) for (text,) in names])
    db.run(r"""
        create temp table overlay_text as
        select text, list_filter(string_split(regexp_replace(regexp_replace(lower(plain),
          '[''`]', '', 'g'), '[^a-z]+', ' ', 'g'), ' '), lambda w: w <> '') as words
        from plain_name;
        drop table plain_name;
    """)
