"""Patients in one form, so that likeness can be counted. In: `sent_…` tables; out: `person_record`.

Words are in small Latin letters without accents; what is no part of a name (titles, generation,
newborns, placeholders) is taken away, and numbers that are nobody's are dropped. What words mean
stands in reference tables, not here. Every distinct name is worked on once: a million people have
some hundred thousand.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from anyascii import anyascii

from uptake.engine.duckdb import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from uptake.engine.duckdb import Database

REFERENCE = frozenset(
    [
        "family_ending",
        "family_variant",
        "given_variant",
        "junk_demographic",
        "name_particle",
        "name_word",
        "person_number",
        "street_word",
    ]
)
"""The reference tables read here."""
LONGEST = 120
"""Characters of a name or a line that are read: a longer one is no name."""
FOREIGN = "[^ -~]"
"""Anything but ASCII."""

_MACROS = r"""
create or replace macro plain(text) as trim(regexp_replace(
  translate(lower(text), '''`', ''), '[^a-z0-9]+', ' ', 'g'));
create or replace macro name_sound(word) as left(left(word, 1) || regexp_replace(regexp_replace(
  translate(replace(replace(replace(substr(word, 2), 'ph', 'f'), 'ck', 'k'), 'x', 'ks'),
    'cqgjyzwdbp', 'kkkiisvtvv'), '[aeiouh]', '', 'g'), '(k+|s+|v+|t+|l+|m+|n+|r+|f+)',
    '\1', 'g'), 5);
create or replace macro one_letter(text) as replace(text, left(text, 1), '') = '';
create or replace macro ordered(texts) as
  case when len(texts) < 2 then texts else list_sort(list_distinct(texts)) end;
"""

_SHOWN = f"""
create or replace temp table shown_name as
with sent as (
  select rid, n, use, suffix, family, given, left(text, {LONGEST}) as text,
    family is null and coalesce(len(given), 0) = 0 as as_text
  from sent_name
),
told as (
  select rid, n, use, suffix,
    case when not as_text then family when contains(text, ',') then split_part(text, ',', 1)
      else regexp_extract(trim(text), '[^ ]+$') end as family,
    case when not as_text then given[1] when contains(text, ',') then split_part(text, ',', 2)
      else regexp_replace(trim(text), ' *[^ ]+$', '') end as given,
    case when len(given) > 1 then array_to_string(given[2:], ' ') end as rest
  from sent
),
once as (select rid from told group by rid having count(*) = 1)
select 1 as k, rid, family, given, rest, suffix from told where rid in (select rid from once)
union all
select row_number() over (partition by rid order by case use when 'official' then 0
    when 'usual' then 1 when 'nickname' then 3 when 'old' then 4 when 'maiden' then 4
    when 'temp' then 5 else 2 end, n), rid, family, given, rest, suffix
from told where rid not in (select rid from once);
create or replace temp table name_text as
select distinct text, left(text, {LONGEST}) as short from (
  select family as text from shown_name union all select given from shown_name union all
  select rest from shown_name union all select unnest(suffix) from shown_name
) where text <> '';
"""
"""A name that came as one text is taken apart at its comma, or before its last word. Among several
names the official one is shown, the others are kept beside it."""

_FORMS = """
create or replace temp table name_part as
select t.text, plain(coalesce(l.plain, t.short)) as whole
from name_text t left join latin l on l.text = t.short;
create or replace temp table name_form as
with word as (
  select text, unnest(string_split(whole, ' ')) as word,
    generate_subscripts(string_split(whole, ' '), 1) as i
  from name_part where regexp_matches(whole, '[a-z]') and whole not in (select word from name_word
    where kind in ('placeholder', 'newborn', 'honorific'))
),
particle as (select distinct unnest(string_split(particle, ' ')) as particle from name_particle),
judged as (
  select w.text, w.i, w.word, k.kind, k.means, p.particle is not null as is_particle
  from word w left join particle p on p.particle = w.word
  left join name_word k on k.word = w.word and not k.alone and (k.kind <> 'suffix' or w.i > 1)
)
select text, max(means) filter (kind = 'suffix') as suffix,
  string_agg(word, '' order by i) filter (kind is null) as joined,
  list(word order by i) filter (kind is null) as words,
  coalesce(list(word order by i) filter (kind is null and not is_particle),
    list(word order by i) filter (kind is null)) as core
from judged group by text having count(*) filter (kind is null) > 0;
create or replace temp table family_form as
with core as (select text, unnest(core) as word from name_form),
ended as (
  select c.text, c.word, coalesce(left(c.word, length(c.word) - length(e.ending)) || e.becomes,
    c.word) as stem
  from core c left join family_ending e
    on ends_with(c.word, e.ending) and length(c.word) - length(e.ending) >= e.stem
  qualify row_number() over (partition by c.text, c.word order by length(e.ending) desc) = 1
),
rooted as (
  select e.text, list(e.stem) || list(coalesce(v.root, '')) || list(coalesce(w.root, '')) as roots
  from ended e left join family_variant v on v.variant = e.word
  left join family_variant w on w.variant = e.stem group by e.text
)
select f.text, array_to_string(f.core, '') as family, f.suffix,
  name_sound(array_to_string(f.core, '')) as family_sound,
  ordered(list_filter(f.core || r.roots || [f.joined, array_to_string(f.core, '')],
    lambda w: length(w) > 1)) as family_all
from name_form f join rooted r using (text);
create or replace temp table given_form as
with variant as (
  select variant, root from given_variant union select root, root from given_variant
),
asked as (
  select text, words[1] as name from name_form union
  select text, array_to_string(words, ' ') from name_form
),
rooted as (
  select a.text, list(v.root) as roots, bool_or(a.name = v.variant and not contains(a.name, ' '))
      as known
  from asked a join variant v on v.variant = a.name group by a.text
)
select f.text, f.words[1] as given, f.words[2] as middle, f.suffix,
  name_sound(f.words[1]) as given_sound,
  ordered(f.words || [f.joined]) as given_all,
  ordered([f.words[1]] || coalesce(r.roots, [])) as given_roots, coalesce(r.known, false) as known
from name_form f left join rooted r using (text);
"""

_NAMES = """
create or replace temp table person_name as
with other as (
  select s.rid, flatten(list(f.family_all)) as family_all, flatten(list(g.given_all)) as given_all,
    arg_min(f.family, s.k) as family, arg_min(f.family_sound, s.k) as family_sound,
    max(f.suffix) as suffix
  from shown_name s left join family_form f on f.text = s.family
  left join given_form g on g.text = s.given
  where s.k > 1 group by s.rid
),
generation as (
  select rid, min(w.means) as suffix
  from (select rid, unnest(suffix) as text from shown_name where len(suffix) > 0) s
  join name_part p using (text) join name_word w on w.word = p.whole and w.kind = 'suffix'
  group by rid
),
newborn as (
  select text from name_part where whole in (select word from name_word where kind = 'newborn')
    or split_part(whole, ' ', 1) in (select word from name_word
                                     where kind = 'newborn' and not alone)
)
select s.rid, coalesce(g.given, r.given) as given,
  coalesce(g.given_sound, r.given_sound) as given_sound,
  coalesce(g.given_roots, r.given_roots, []) as given_roots,
  coalesce(g.known, r.known, false) as given_known,
  coalesce(g.middle, case when g.given is not null then r.given else r.middle end) as middle,
  case when r.text is null and o.rid is null then coalesce(g.given_all, [])
    else ordered(coalesce(g.given_all, []) || coalesce(r.given_all, [])
      || coalesce(o.given_all, [])) end as given_all,
  coalesce(f.family, o.family) as family,
  coalesce(f.family_sound, o.family_sound) as family_sound,
  case when o.rid is null then coalesce(f.family_all, [])
    else ordered(coalesce(f.family_all, []) || coalesce(o.family_all, [])) end as family_all,
  coalesce(x.suffix, f.suffix, g.suffix, o.suffix) as suffix,
  coalesce(s.given in (from newborn), false) or coalesce(s.family in (from newborn), false)
    as newborn
from shown_name s
left join family_form f on f.text = s.family
left join given_form g on g.text = s.given
left join given_form r on r.text = s.rest
left join other o on o.rid = s.rid
left join generation x on x.rid = s.rid
where s.k = 1;
"""

_PLACES = r"""
create or replace temp table person_address as
with once as (select rid from sent_address group by rid having count(*) = 1),
shown as (
  select * from sent_address where rid in (select rid from once)
  union all
  select * from sent_address where rid not in (select rid from once)
  qualify row_number() over (partition by rid order by case use when 'home' then 0 when 'old' then 3
    when 'temp' then 2 when 'work' then 2 when 'billing' then 2 else 1 end, n) = 1
),
spelt as (
  select s.*, left(coalesce(array_to_string(line, ' '), text), {longest}) as lines from shown s
)
select s.rid,
  nullif(ltrim(regexp_replace(plain(coalesce(l.plain, s.lines)), {street}, '', 'g')), '') as line,
  nullif(replace(plain(coalesce(c.plain, s.city)), ' ', ''), '') as city,
  lower(trim(s.state)) as state,
  case when length(postal_code) = 5 and try_cast(postal_code as integer) is not null
    then postal_code
    when regexp_matches(trim(postal_code), '^[0-9]{{5}}(-?[0-9]{{4}})?$')
    then left(trim(postal_code), 5)
    else nullif(lower(regexp_replace(postal_code, '[^A-Za-z0-9]', '', 'g')), '') end as zip
from spelt s left join latin l on l.text = s.lines left join latin c on c.text = s.city
"""
"""Words for street, avenue or flat are left out: one sender writes St, another Street, a third
nothing."""

_CONTACTS = r"""
create or replace temp table contact_form as
with told as (
  select rid, lower(trim(value)) as value, contains(value, '@') as is_mail
  from sent_contact
  where length(value) < 100 and (contains(value, '@')
    or coalesce(system, 'phone') in ('phone', 'sms', 'fax', 'pager', 'other'))
),
form as (
  select distinct rid, case when is_mail then 'email' else 'phone' end as kind,
    case when is_mail then value else right(regexp_replace(value, '[^0-9]', '', 'g'), 9) end
      as value
  from told
),
junk as (
  select element, case element when 'phone' then right(word, 9) else word end as value
  from junk_demographic
)
select rid, kind, value from form
where (kind, value) not in (select element, value from junk)
  and (kind = 'email' or (length(value) >= 7 and not one_letter(right(value, 7))));
create or replace temp table number_form as
with told as (
  select s.rid, coalesce(k.class, case when s.type is null or s.type = 'MR' then 'record' end)
      as class,
    trim(s.system) as system, upper(regexp_replace(s.value, '[^A-Za-z0-9]', '', 'g')) as value
  from sent_number s
  left join person_number k on k.type = s.type or (s.type is null and k.system = trim(s.system))
  where length(s.value) < 100
)
select distinct rid, class, case when class = 'record' then system else class end as system, value
from told
where class is not null and length(value) >= 3
  and lower(value) not in (select word from junk_demographic where element = 'identifier')
  and regexp_matches(value, '[0-9]') and not one_letter(value)
  and (class <> 'record' or system is not null)
  and not (class = 'SS' and regexp_matches(value, '^(000|666|...00|.....0000)'));
"""

_BUSY = """
create or replace table busy_contact as
select kind, value from contact_form group by all having count(*) > {most};
create or replace table busy_number as
select class, system, value from number_form group by all having count(*) > {most};
create or replace table busy_line as
select line, coalesce(zip, '') as zip from person_address where line is not null
group by all having count(*) > {most};
"""
"""What so many share that it says nothing of who somebody is."""

_RECORDS = """
create or replace table person_record as
with contacts as (
  select rid, ordered(list(value) filter (kind = 'phone')) as phones,
    ordered(list(value) filter (kind = 'email')) as emails
  from contact_form where (kind, value) not in (from busy_contact) group by rid
),
numbers as (
  select rid, ordered(list(system || '|' || value)
      filter (class <> 'record')) as numbers,
    ordered(list(system) filter (class <> 'record')) as number_systems,
    ordered(list(system || '|' || value) filter (class = 'record')) as mrns
  from number_form where (class, system, value) not in (from busy_number) group by rid
),
numbered as (
  select rid, (row_number() over (order by feed, id, rid) - 1)::integer as n from sent_patient
),
common as (select given, count(*) as records from person_name group by given),
born as (
  select rid, feed, id, gender, active, left(birth_date, 10) as birth_text,
    case when length(birth_date) = 10 and try_cast(birth_date as date)
        between date '1900-01-02' and date '2100-01-01'
      and birth_date not in (select word from junk_demographic where element = 'birthDate')
      then birth_date end as birth_date
  from sent_patient
)
select o.n, b.rid, b.feed, b.id,
  p.given, coalesce(p.given_all, []) as given_all, coalesce(p.given_roots, []) as given_roots,
  coalesce(p.given_known, false) as given_known, coalesce(k.records, 0) as given_count,
  p.given_sound, p.middle,
  p.family, coalesce(p.family_all, []) as family_all, p.family_sound,
  p.suffix, coalesce(p.newborn, false) as newborn,
  b.birth_date, try_cast(left(b.birth_text, 4) as integer) as birth_year,
  right(b.birth_date, 5) as birth_day,
  case lower(left(trim(b.gender), 1)) when 'm' then 'male' when 'f' then 'female' end as gender,
  case when c.line is null then a.line end as line,
  case when c.line is null then nullif(regexp_extract(a.line, '[0-9]+'), '') end as house,
  c.line is not null as crowded, a.city, a.state, a.zip,
  coalesce(t.phones, []) as phones, coalesce(t.emails, []) as emails,
  coalesce(m.numbers, []) as numbers, coalesce(m.number_systems, []) as number_systems,
  coalesce(m.mrns, []) as mrns, b.active
from born b
join numbered o using (rid)
left join person_name p using (rid)
left join common k on k.given = p.given
left join person_address a using (rid) left join contacts t using (rid)
left join numbers m using (rid)
left join busy_line c on c.line = a.line and c.zip = coalesce(a.zip, '')
"""
STREET_WORDS = """
select word from street_word where not contains(word, ' ')
union select means from street_word where means is not null and not contains(means, ' ')
"""
"""The words that a line is without: as they are written out, and as they are cut short."""
_LINES = f"left(coalesce(array_to_string(line, ' '), text), {LONGEST})"
_FOREIGN_TEXTS = f"""
select short from name_text where regexp_matches(short, '{FOREIGN}') union
select city from sent_address where regexp_matches(city, '{FOREIGN}') union
select {_LINES} from sent_address where regexp_matches({_LINES}, '{FOREIGN}')
"""
_TEMPORARY = (
    "shown_name", "name_text", "latin", "name_part", "name_form", "family_form", "given_form",
    "person_name", "person_address", "contact_form",
    "number_form",
)  # fmt: skip


def build_records(db: Database, most: int) -> None:
    """Make `person_record`, one row a Patient.

    A contact, number or address of more than `most` Patients is a shelter's, a home's or nobody's:
    it says nothing of who somebody is.
    """
    prepare_words(db)
    db.run(_SHOWN)
    _latin(db)
    words = db.rows(STREET_WORDS)
    street = quoted(street_pattern(word for (word,) in words))
    places = _PLACES.format(longest=LONGEST, street=street)
    for step in (_FORMS, _NAMES, places, _CONTACTS, _BUSY.format(most=most), _RECORDS):
        db.run(step)
    for name in _TEMPORARY:
        db.run(f"drop table {name}")


def prepare_words(db: Database) -> None:
    """Make the functions that the normal forms are made with."""
    db.run(_MACROS)


def record_query(street: str) -> str:
    """Return the query of `person_record`, all steps in one: of one Patient it is planned once.

    It reads the `sent_…` tables, `latin`, and the `busy_…` tables of the load that the Patient is
    held against. `street` is SQL: see `street_pattern`.
    """
    places = _PLACES.format(longest=LONGEST, street=street)
    steps = _steps(";".join((_SHOWN, _FORMS, _NAMES, places, _CONTACTS, _RECORDS)))
    return _as_one(steps, steps.pop("person_record"))


def foreign_query() -> str:
    """Return the query of the texts that `latin` has to have, over the `sent_…` tables."""
    return _as_one(_steps(_SHOWN), _FOREIGN_TEXTS)


def latin(texts: Iterable[str]) -> list[tuple[str, str]]:
    """Return the rows of `latin`: each text, and how it is spelt in Latin letters."""
    return [(text, anyascii("".join(filter(_is_spelt, text)))) for text in texts]


def _is_spelt(sign: str) -> bool:
    """Tell whether a sign is part of a name: a letter, its accent, a digit, a hyphen, a blank."""
    return unicodedata.category(sign)[0] in "LMNPZ"


def _as_one(steps: Mapping[str, str], query: str) -> str:
    told = ",\n".join(f"{name} as materialized (\n{step})" for name, step in steps.items())
    return f"with {told}\nfrom (\n{query})"


def _steps(script: str) -> dict[str, str]:
    """Return the query of each table that a script makes."""
    found = re.split(r"create or replace (?:temp )?table (\w+) as\s", script)[1:]
    return {name: query.strip("; \n") for name, query in zip(found[::2], found[1::2], strict=True)}


def street_pattern(words: Iterable[str]) -> str:
    """Return the regular expression of words that mean a street, and nothing of where it is."""
    return f" ?\\b(?:{'|'.join(sorted(words)) or ' '})\\b"


def _latin(db: Database) -> None:
    """Make `latin`: texts in other letters than ASCII's, in Latin ones."""
    foreign = latin(text for (text,) in db.rows(_FOREIGN_TEXTS))
    db.run("create or replace temp table latin (text varchar, plain varchar)")
    db.insert("latin", ("text", "plain"), foreign)
