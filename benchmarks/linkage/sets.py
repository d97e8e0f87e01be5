"""In: a set of records whose persons are known. Out: the tables that linkage reads, and the truth.

Made in a database: `sent_patient`, `sent_name`, `sent_address`, `sent_contact`, `sent_number` as
`uptake.identity` has them, the reference tables it knows names by, and what only the benchmark
reads:

    set_row      the set's own columns, one row a record, under its `rid`
    truth        rid, person_id (null: the set does not say), kind (of trap, or ''),
                 noise (what was done to the record, joined by +, or ''), culture (or '')
    graded_pair  rid_l, rid_r, expected (match, possible_match, no_match), kind: pairs that the set
                 itself names; a grade goes before what the persons say
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from benchmarks.corpus import SHARED
from uptake.definitions.reference import shipped_reference_tables
from uptake.engine.duckdb import Database, listed
from uptake.identity.normal import REFERENCE

THREADS, MEMORY = 2, "4GB"
FOLDER = SHARED / "linkage"
SSN = "http://hl7.org/fhir/sid/us-ssn"
MRN = "urn:uptake:benchmark:mrn:"

Source: TypeAlias = "Path | tuple[Path, ...] | pa.Table"

COLUMNS = (
    "rec_id",
    "person_id",
    "source",
    "given",
    "middle",
    "family",
    "suffix",
    "maiden",
    "birth_date",
    "gender",
    "multiple_birth",
    "line",
    "city",
    "state",
    "zip",
    "country",
    "phone",
    "email",
    "ssn",
    "mrn",
    "kind",
    "noise",
    "culture",
    "match_id",
    "expected",
)
ELSEWHERE = {"noise": "cat"}
"""Columns that some sets have under another name."""

TABLES = """
create table sent_patient as
select rid, source as feed, rec_id as id, birth_date, gender,
  multiple_birth::integer as multiple_birth, true as active
from set_row;

create table sent_name as
select rid, 0 as n, 'official' as use, family,
  list_filter([given, middle], lambda x: x is not null) as given,
  list_filter([suffix], lambda x: x is not null) as suffix, null::varchar as text
from set_row where coalesce(given, middle, family, suffix) is not null
union all
select rid, 1, 'maiden', maiden, []::varchar[], []::varchar[], null
from set_row where maiden is not null;

create table sent_address as
select rid, 0 as n, 'home' as use, list_filter([line], lambda x: x is not null) as line,
  city, state, zip as postal_code, null::varchar as text
from set_row where coalesce(line, city, state, zip) is not null;

create table sent_contact as
select rid, 0 as n, 'phone' as system, phone as value
from set_row where phone is not null
union all
select rid, 1, 'email', email from set_row where email is not null;

create table sent_number as
select rid, 0 as n, '{mrn}' || source as system, 'MR' as type, mrn as value
from set_row where mrn is not null
union all
select rid, 1, '{ssn}', 'SS', ssn from set_row where ssn is not null;

create table truth as
select rid, person_id, coalesce(kind, '') as kind, coalesce(nullif(noise, 'orig'), '') as noise,
  coalesce(culture, '') as culture
from set_row;

create table graded_pair as
select least(t.rid, s.rid) as rid_l, greatest(t.rid, s.rid) as rid_r, t.expected, '' as kind
from set_row t join set_row s using (match_id)
where t.expected is not null and s.expected is null
"""

BIRTH_DATE = r"""
case
  when regexp_matches({0}, '^\d{{4}}-\d{{2}}-\d{{2}}$') then {0}
  when regexp_matches({0}, '^\d{{8}}$') then {0}[1:4] || '-' || {0}[5:6] || '-' || {0}[7:8]
  when regexp_matches({0}, '^\d{{1,2}}/\d{{1,2}}/\d{{4}}$') then
    split_part({0}, '/', 3) || '-' || lpad(split_part({0}, '/', 1), 2, '0')
      || '-' || lpad(split_part({0}, '/', 2), 2, '0')
  when regexp_matches({0}, '^\d{{1,2}}/\d{{1,2}}/(2[7-9]|[3-9]\d)$') then
    '19' || split_part({0}, '/', 3) || '-' || lpad(split_part({0}, '/', 1), 2, '0')
      || '-' || lpad(split_part({0}, '/', 2), 2, '0')
  when regexp_matches({0}, '^\d{{4}}-\d{{1,2}}-\d{{1,2}}$') then
    split_part({0}, '-', 1) || '-' || lpad(split_part({0}, '-', 2), 2, '0')
      || '-' || lpad(split_part({0}, '-', 3), 2, '0')
  else {0}
end
"""
"""Whole dates as FHIR writes them; month before day with slashes, since those sets are American.
A year of two digits has one possible century when the other would be in the future. What is no
whole date stays as it was sent."""

GENDER = """
case lower({0}) when 'm' then 'male' when 'male' then 'male'
  when 'f' then 'female' when 'female' then 'female' else {0} end
"""


@dataclass(frozen=True)
class LinkageSet:
    """A shared set: its files, and the file of pairs that it names, if it has one."""

    files: tuple[str, ...]
    pairs: str = ""
    graded: bool = False
    """Its pairs were graded with the numbers in view, so those are never left out; beyond those
    pairs it does not say who is who: one person stands in it more than once."""


CDC_SEED, CDC_TEST = "cdc_recordlinker_seed.csv.gz", "cdc_recordlinker_{}nbs_test.csv.gz"
SETS = {
    **{f"febrl{n}": LinkageSet((f"febrl{n}.csv.gz",)) for n in range(1, 5)},
    "uganda": LinkageSet(("opencr_uganda.csv.gz",)),
    "cdc": LinkageSet((CDC_SEED, CDC_TEST.format("")), graded=True),
    "cdc_expanded": LinkageSet((CDC_SEED, CDC_TEST.format("expanded_")), graded=True),
    "traps": LinkageSet(("gen_traps20k.csv.gz",), "gen_traps20k_pairs.csv.gz"),
}
"""FEBRL has no households, Uganda no addresses; CDC's pairs are graded; in `traps` twins, Jr and Sr
and namesakes are at 20 times their natural rate."""


@contextmanager
def database() -> Iterator[Database]:
    """A database for one set; its spill is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="linkage-") as spill:
        db = Database(THREADS, MEMORY, Path(spill))
        try:
            yield db
        finally:
            db.close()


def read_shared(db: Database, name: str, *, ssn: bool = True) -> None:
    """Read one of `SETS`. Raises KeyError for another name, StorageError without the data."""
    told = SETS[name]
    read_set(db, tuple(FOLDER / file for file in told.files), ssn=ssn or told.graded)
    if told.pairs:
        read_pairs(db, FOLDER / told.pairs)


def read_set(db: Database, source: Source, *, ssn: bool = True) -> None:
    """Make the tables above from a CSV or Parquet file, several of them, or an Arrow table.

    Columns that the source lacks are null. Without `ssn` nobody has a social security number.
    """
    if isinstance(source, pa.Table):
        db.load("set_source", source, "*")
        rows = "set_source"
    else:
        rows = _reader((source,) if isinstance(source, Path) else source)
    has = {row[0] for row in db.rows(f"describe from {rows}")} - (set() if ssn else {"ssn"})
    db.run(f"""
        create table set_row as
        select row_number() over (order by {_text("source", has)}, {_text("rec_id", has)}) as rid,
          {", ".join(f"{_column(name, has)} as {name}" for name in COLUMNS)}
        from {rows}
    """)
    db.run("drop table if exists set_source")
    read_knowledge(db)
    for statement in TABLES.format(mrn=MRN, ssn=SSN).split(";"):
        db.run(statement)


def read_knowledge(db: Database) -> None:
    """Make the reference tables that linkage reads."""
    shipped = shipped_reference_tables()
    for name in sorted(REFERENCE & shipped.keys()):
        table = shipped[name]
        columns = ", ".join(f"{column} {kind}" for column, kind in table.columns.items())
        db.run(f"create table {name} ({columns})")
        db.insert(name, tuple(table.columns), table.rows)


def read_pairs(db: Database, path: Path) -> None:
    """Add the pairs of different people that a file (id_a, id_b, truth, trap) names."""
    db.run(f"""
        insert into graded_pair
        select least(a.rid, b.rid), greatest(a.rid, b.rid), 'no_match', trap
        from {_reader((path,))} p
        join set_row a on a.rec_id = p.id_a join set_row b on b.rec_id = p.id_b
        where truth = 'non_match'
    """)


def _reader(files: tuple[Path, ...]) -> str:
    """The table function that reads the files; columns meet by name."""
    paths = listed(map(str, files))
    if files[0].suffix == ".parquet":
        return f"read_parquet({paths}, union_by_name = true)"
    return f"read_csv({paths}, all_varchar = true, union_by_name = true)"


def _column(name: str, has: set[str]) -> str:
    """The expression of one column of `set_row`."""
    text = _text(name, has)
    if name == "birth_date":
        return BIRTH_DATE.format(text)
    if name == "gender":
        return GENDER.format(text)
    return text


def _text(name: str, has: set[str]) -> str:
    """A column of the source as text, null where it is empty or absent."""
    found = next((n for n in (name, ELSEWHERE.get(name, name)) if n in has), None)
    return f"nullif(trim({found}::varchar), '')" if found else "cast(null as varchar)"
