"""Patients in one form, so that likeness can be counted. In: `sent_…` tables; out: `person_record`.

The rules on words are `names`, `places` and `details`; each distinct text is worked on once: a
million people have a hundred thousand names and as many streets. What nearly everybody has of their
own, contacts and numbers, is worked on in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from uptake.engine.duckdb import quoted
from uptake.identity import places
from uptake.identity.details import (
    DIALLED,
    NO_SSN,
    PHONES,
    SHORTEST_NUMBER,
    SHORTEST_PHONE,
    TOO_LONG,
    Born,
)
from uptake.identity.names import FamilyName, GivenName, with_later
from uptake.identity.person import ADDRESS_USES, NAME_USES, read_words
from uptake.identity.spelling import LONGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uptake.engine.duckdb import Database
    from uptake.identity.details import DetailWords
    from uptake.identity.names import NameWords

REFERENCE = frozenset(
    [
        "family_ending",
        "family_variant",
        "given_name",
        "given_variant",
        "junk_demographic",
        "name_particle",
        "name_word",
        "person_number",
        "street_word",
    ]
)
"""The reference tables read here."""
BATCH = 1 << 17
"""Rows that come from the database at once."""

_MACROS = """
create or replace macro one_letter(text) as replace(text, left(text, 1), '') = '';
create or replace macro ordered(texts) as
  case when len(texts) < 2 then texts else list_sort(list_distinct(texts)) end;
"""


def _rank(uses: Mapping[str | None, int]) -> str:
    """Return the SQL of how early a use is shown."""
    cases = " ".join(f"when {quoted(use)} then {rank}" for use, rank in uses.items() if use)
    return f"case use {cases} else {uses[None]} end"


_NAMES = f"""
with several as (select distinct rid from sent_name where n > 0),
sent as (
  select rid, n, use, family, given, left(text, {LONGEST}) as text,
    family is null and coalesce(len(given), 0) = 0 as as_text
  from sent_name
),
told as (
  select rid, n, use,
    case when not as_text then family when contains(text, ',') then split_part(text, ',', 1)
      else regexp_extract(trim(text), '[^ ]+$') end as family,
    case when not as_text then given[1] when contains(text, ',') then split_part(text, ',', 2)
      else regexp_replace(trim(text), ' *[^ ]+$', '') end as given,
    case when len(given) > 1 then array_to_string(given[2:], ' ') end as later
  from sent
),
placed as (
  select 1 as k, * from told where rid not in (from several)
  union all
  select row_number() over (partition by rid order by {_rank(NAME_USES)}, n), *
  from told where rid in (from several)
)
select rid, k::integer as k, coalesce(family, '') as family, coalesce(given, '') as given,
  case when k = 1 then coalesce(later, '') else '' end as later
from placed
"""
"""A name that came as one text is taken apart at its comma, or before its last word. Among several
names the official one is shown, the others are kept beside it."""
_SUFFIXES = """
select rid, text from (select rid, unnest(suffix) as text from sent_name) where text <> ''
"""

_PLACES = f"""
with several as (select distinct rid from sent_address where n > 0),
shown as (
  select * from sent_address where rid not in (from several)
  union all
  select * from sent_address where rid in (from several)
  qualify row_number() over (partition by rid order by {_rank(ADDRESS_USES)}, n) = 1
),
spelt as (
  select rid, left(coalesce(array_to_string(line, ' '), text, ''), {LONGEST}) as lines,
    coalesce(city, '') as city, coalesce(state, '') as state,
    coalesce(postal_code, '') as postal_code
  from shown
),
parted as (select *, split_part(lines, ' ', 1) as first from spelt)
select rid, city, state, postal_code, case when numbered then first end as number,
  case when numbered then substr(lines, length(first) + 2) else lines end as street
from (select *, regexp_full_match(first, '[0-9]+') as numbered from parted)
"""
"""A house number before a street is a word by itself: streets are few, houses many."""
_PLACED = """
create or replace table person_address as
select t.rid, case when t.number is null then s.line else concat_ws(' ', t.number, s.line) end
    as line, coalesce(t.number, s.house) as house, a.city, a.state, a.zip
from told_place t join street_form s on s.code = t.street_code
join area_form a on a.code = t.area_code
"""

_CONTACTS = f"""
create or replace table contact_form as
with told as (
  select rid, contains(value, '@') as is_mail, value from sent_contact
  where length(value) < {TOO_LONG}
    and (is_mail or system is null or system in {tuple(sorted(PHONES))})
),
form as (
  select rid, case when is_mail then 'email' else 'phone' end as kind,
    case when is_mail then lower(trim(value))
      else right(regexp_replace(value, '[^0-9]+', '', 'g'), {DIALLED}) end as value
  from told
),
junk as (
  select element, case element when 'phone' then right(word, {DIALLED}) else word end as word
  from junk_demographic where element in ('phone', 'email')
)
select rid, kind, value from form
where (kind = 'email'
    or length(value) >= {SHORTEST_PHONE} and not one_letter(right(value, {SHORTEST_PHONE})))
  and (kind, value) not in (from junk)
"""
_NUMBERS = f"""
create or replace table number_form as
with told as (
  select s.rid, trim(s.system) as system, s.type, s.value, t.class
  from sent_number s left join person_number t on t.type = s.type
  where length(s.value) < {TOO_LONG}
),
typed as (
  select t.rid, t.system, coalesce(t.class, y.class,
      case when t.type is null or t.type = 'MR' then 'record' end) as class,
    upper(regexp_replace(t.value, '[^A-Za-z0-9]+', '', 'g')) as value
  from told t left join person_number y on t.type is null and y.system = t.system
)
select rid, class, case when class = 'record' then system else class end as system, value
from typed
where class is not null and length(value) >= {SHORTEST_NUMBER}
  and regexp_matches(value, '[0-9]') and not one_letter(value)
  and lower(value) not in (select word from junk_demographic where element = 'identifier')
  and (class <> 'record' or system is not null)
  and not (class = 'SS' and regexp_matches(value, {quoted(NO_SSN)}))
"""

_BUSY = """
create or replace table busy_contact as
with often as (select kind, value from contact_form group by all having count(*) > {most})
select kind, value from contact_form where (kind, value) in (from often)
group by all having count(distinct rid) > {most};
create or replace table busy_number as
with often as (select class, system, value from number_form group by all having count(*) > {most})
select class, system, value from number_form where (class, system, value) in (from often)
group by all having count(distinct rid) > {most};
create or replace table busy_line as
select line, coalesce(zip, '') as zip from person_address where line is not null
group by all having count(*) > {most};
"""
"""What so many share that it says nothing of who somebody is."""

_FREQUENT = """
create or replace table given_frequency as
with told as (select given_code, count(*) as records from told_name where k = 1 group by given_code)
select given, sum(records)::bigint as records
from told join given_form on code = given_code where given is not null group by given
"""

_PERSON = """
with other as (
  select s.rid, flatten(list(f.family_all)) as family_all, flatten(list(g.given_all)) as given_all,
    arg_min(f.family, s.k) as family, arg_min(f.family_sound, s.k) as family_sound,
    max(f.suffix) as suffix
  from told_name s join family_form f on f.code = s.family_code
  join given_form g on g.code = s.given_code
  where s.k > 1 group by s.rid
),
contacts as (
  select rid, ordered(list(value) filter (kind = 'phone')) as phones,
    ordered(list(value) filter (kind = 'email')) as emails
  from contact_form where (kind, value) not in (from busy_contact) group by rid
),
numbers as (
  select rid, ordered(list(system || '|' || value) filter (class <> 'record')) as numbers,
    ordered(list(system) filter (class <> 'record')) as number_systems,
    ordered(list(system || '|' || value) filter (class = 'record')) as mrns
  from number_form where (class, system, value) not in (from busy_number) group by rid
),
numbered as (
  select *, (row_number() over (order by feed, id, rid) - 1)::integer as n from sent_patient
)
select b.n, b.rid, b.feed, b.id,
  g.given, case when e.rid is null then coalesce(g.given_all, [])
    else ordered(coalesce(g.given_all, []) || coalesce(e.given_all, [])) end as given_all,
  coalesce(g.given_roots, []) as given_roots, coalesce(g.given_known, false) as given_known,
  coalesce(k.records, 0) as given_count, g.given_sound, g.middle,
  coalesce(f.family, e.family) as family, case when e.rid is null then coalesce(f.family_all, [])
    else ordered(coalesce(f.family_all, []) || coalesce(e.family_all, [])) end as family_all,
  coalesce(f.family_sound, e.family_sound) as family_sound,
  coalesce(x.suffix, f.suffix, g.suffix, e.suffix) as suffix,
  coalesce(g.newborn or f.newborn, false) as newborn,
  d.birth_date, d.birth_year, right(d.birth_date, 5) as birth_day,
  case lower(left(trim(b.gender), 1)) when 'm' then 'male' when 'f' then 'female' end as gender,
  case when c.line is null then a.line end as line,
  case when c.line is null then a.house end as house,
  c.line is not null as crowded, a.city, a.state, a.zip,
  coalesce(t.phones, []) as phones, coalesce(t.emails, []) as emails,
  coalesce(m.numbers, []) as numbers, coalesce(m.number_systems, []) as number_systems,
  coalesce(m.mrns, []) as mrns, b.multiple_birth, b.active
from numbered b
left join told_name s on s.rid = b.rid and s.k = 1
left join family_form f on f.code = s.family_code
left join given_form g on g.code = s.given_code
left join given_frequency k on k.given = g.given
left join other e on e.rid = b.rid
left join told_suffix x on x.rid = b.rid
left join born_form d on d.birth_text = b.birth_date
left join person_address a on a.rid = b.rid
left join busy_line c on c.line = a.line and c.zip = coalesce(a.zip, '')
left join contacts t on t.rid = b.rid
left join numbers m on m.rid = b.rid
"""
_MADE_FOR_RECORDS = (
    "told_name", "family_form", "given_form", "told_suffix", "person_address", "contact_form",
    "number_form", "born_form", "given_frequency",
)  # fmt: skip


def build_records(db: Database, most: int) -> None:
    """Make `person_record`, one row a Patient; of the `sent_…` tables `sent_patient` stays.

    A contact, number or address of more than `most` Patients is a shelter's, a home's or nobody's:
    it says nothing of who somebody is.
    """
    _make_forms(db)
    db.run(_BUSY.format(most=most))
    _put_together(db, "person_record")


def read_records(db: Database, table: str) -> None:
    """Make a table as `build_records` does; what too many share stands in `busy_…` already."""
    _make_forms(db)
    _put_together(db, table)


def prepare_words(db: Database) -> None:
    """Make the functions that normal forms and keys are made with."""
    db.run(_MACROS)


def _make_forms(db: Database) -> None:
    """Make the tables of what each detail becomes: of names, places, dates, contacts, numbers.

    What was sent is taken away as soon as it is read: together they would be half of the memory.
    """
    prepare_words(db)
    words = read_words(db)
    steps: Sequence[Callable[[Database], None]] = (
        partial(_names, words=words.names),
        partial(_places, streets=words.streets),
        lambda own: own.run(f"{_CONTACTS}; drop table sent_contact"),
        lambda own: own.run(f"{_NUMBERS}; drop table sent_number"),
        partial(_births, words=words.details),
    )
    db.each(lambda own, step: step(own), steps)


def _put_together(db: Database, table: str) -> None:
    db.run(_FREQUENT)
    db.run(f"create or replace table {table} as {_PERSON}")
    for made in _MADE_FOR_RECORDS:
        db.run(f"drop table {made}")


def _names(db: Database, words: NameWords) -> None:
    told, suffixes = _arrow(db, _NAMES), db.rows(_SUFFIXES)
    db.run("drop table sent_name")
    families, sent = _coded(told["family"])
    _load_forms(db, "family_form", FamilyName._fields, [words.family(text) for (text,) in sent])
    pairs, sent = _coded(told["given"], told["later"])
    firsts = {text: words.given(text) for text in {first for first, _ in sent}}
    laters = {text: words.later(text) for text in {later for _, later in sent}}
    forms = [with_later(firsts[first], laters[later]) for first, later in sent]
    _load_forms(db, "given_form", GivenName._fields, forms)
    columns = {"rid": told["rid"], "k": told["k"], "family_code": families, "given_code": pairs}
    _load(db, "told_name", columns)
    meant = ((rid, words.generation(text)) for rid, text in suffixes)
    # of several the first by name: it is written last
    of = dict(sorted(((rid, suffix) for rid, suffix in meant if suffix), reverse=True))
    _load(db, "told_suffix", {
        "rid": pa.array(of.keys(), pa.int64()), "suffix": pa.array(of.values(), pa.string()),
    })  # fmt: skip


def _places(db: Database, streets: frozenset[str]) -> None:
    told = _arrow(db, _PLACES)
    db.run("drop table sent_address")
    street, sent = _coded(told["street"])
    lines = [places.line(text, streets) for (text,) in sent]
    _load_forms(db, "street_form", ("line", "house"), [(x, places.house(x)) for x in lines])
    area, sent = _coded(told["city"], told["state"], told["postal_code"])
    _load_forms(db, "area_form", places.Area._fields, [places.area(*texts) for texts in sent])
    columns = {"rid": told["rid"], "number": told["number"]}
    _load(db, "told_place", {**columns, "street_code": street, "area_code": area})
    db.run(_PLACED)
    for table in ("told_place", "street_form", "area_form"):
        db.run(f"drop table {table}")


def _births(db: Database, words: DetailWords) -> None:
    sent = db.rows("select distinct birth_date from sent_patient where birth_date is not null")
    forms = [(text, *words.born(text)) for (text,) in sent]
    _load_forms(db, "born_form", ("birth_text", *Born._fields), forms)


def _arrow(db: Database, query: str) -> pa.Table:
    batches = list(db.batches(query, BATCH))
    return pa.Table.from_batches(batches) if batches else db.connection.sql(query).to_arrow_table()


def _coded(
    column: pa.ChunkedArray[Any], *more: pa.ChunkedArray[Any]
) -> tuple[pa.ChunkedArray[Any], list[tuple[str, ...]]]:
    """Return a number for each row, and the texts of these columns that each number stands for."""
    codes, values = _encoded(column)
    texts: list[tuple[str, ...]] = [(value,) for value in values]
    for beside in more:
        own, values = _encoded(beside)
        pairs = pc.add(pc.multiply(codes.cast(pa.int64()), len(values)), own.cast(pa.int64()))
        codes, met = _encoded(pairs)
        texts = [(*texts[pair // len(values)], values[pair % len(values)]) for pair in met]
    return codes, texts


def _encoded(column: pa.ChunkedArray[Any]) -> tuple[pa.ChunkedArray[Any], list[Any]]:
    """Return a number for each row, and the value that each number stands for."""
    parts: list[Any] = column.dictionary_encode().chunks
    values = parts[0].dictionary.to_pylist() if parts else []
    return pa.chunked_array([part.indices for part in parts], pa.int32()), values


_TYPES: Mapping[str, pa.DataType] = {
    "family_all": pa.list_(pa.string()),
    "given_all": pa.list_(pa.string()),
    "given_roots": pa.list_(pa.string()),
    "given_known": pa.bool_(),
    "newborn": pa.bool_(),
    "birth_year": pa.int32(),
}
"""Of what is no text."""


def _load_forms(
    db: Database, table: str, names: Sequence[str], forms: Sequence[tuple[Any, ...]]
) -> None:
    """Make a table of forms by their number, `code`."""
    columns = zip(*forms, strict=True) if forms else ((),) * len(names)
    arrays = {
        name: pa.array(column, _TYPES.get(name, pa.string()))
        for name, column in zip(names, columns, strict=True)
    }
    _load(db, table, {"code": pa.array(range(len(forms)), pa.int32()), **arrays})


def _load(db: Database, table: str, columns: Mapping[str, Any]) -> None:
    db.run(f"drop table if exists {table}")
    db.load(table, pa.table(dict(columns)), "*")
