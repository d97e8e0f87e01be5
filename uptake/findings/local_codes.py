"""What a run knows of each local code. In: the tables of a run, later its files; out: its values.

Whoever maps a code looks at what it is measured in, in what unit, and what its values are. Numbers
are told as quantiles, words only when ten patients and more have them: a rare answer may say who.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import brief_database, quoted

READS = frozenset({"coding", "concept", "person", "quantity", "reference", "text", "unit_status"})

LOCAL_CODE = """
with used as (
  select rid, feed, fix_key as key, coalesce(evidence, '') as display, patient,
    case when regexp_matches(expression, '^Observation[.](component[[][0-9]+[]][.])?code$')
      then left(expression, length(expression) - 4) || 'value' end as at
  from finding where "check" = 'COD-01'
),
value_of as (
  select u.feed, u.key, u.rid, u.patient, q.value, s.suggestion as unit, null as answer
  from used u join quantity q on q.rid = u.rid and q.expression = u.at
  left join unit_status s on s.unit is not distinct from q.unit
    and s.system is not distinct from q.system and s.code is not distinct from q.code
  union all
  select u.feed, u.key, u.rid, u.patient, null, null, coalesce(nullif(trim(c.display), ''), c.code)
  from used u join coding c on c.rid = u.rid and c.expression = u.at || '.coding[0]'
  union all
  select u.feed, u.key, u.rid, u.patient, null, null, c.text
  from used u join concept c on c.rid = u.rid and c.expression = u.at
  where c.codings = 0 and trim(c.text) <> ''
  union all
  select u.feed, u.key, u.rid, u.patient, null, null, t.value
  from used u join text t on t.rid = u.rid and t.expression = u.at
),
named as (
  select u.feed, u.key, 'display' as what, u.display as word, u.patient from used u
  union all
  select feed, key, 'unit', unit, patient from value_of
  union all
  select feed, key, 'answer', answer, patient from value_of
  union all
  select u.feed, u.key, 'specimen', coalesce(nullif(trim(c.display), ''), k.text, c.code), u.patient
  from used u
  join reference r on r.rid = u.rid and r.path = 'Observation.specimen'
  left join coding c on c.rid = r.target_rid and c.expression = 'Specimen.type.coding[0]'
  left join concept k on k.rid = r.target_rid and k.expression = 'Specimen.type'
),
counted as (
  select feed, key, what, word, count(*) as n, count(distinct patient) as patients,
    row_number() over (partition by feed, key, what order by count(*) desc, word) as k
  from named where trim(word) <> '' group by feed, key, what, word
),
said as (
  select feed, key,
    max(word) filter (what = 'display' and k = 1) as display,
    max(word) filter (what = 'unit' and k = 1) as unit,
    max(word) filter (what = 'specimen' and k = 1) as specimen,
    list({'word': word, 'n': n} order by n desc, word)
      filter (what = 'display' and k between 2 and 5 and patients >= 10) as also,
    list({'word': word, 'n': n} order by n desc, word)
      filter (what = 'answer' and k <= 5 and patients >= 10) as answers
  from counted group by feed, key
),
numbers as (
  select feed, key, count(value) as numbers, count(answer) as words,
    quantile_disc(value, 0.05) as low_value, quantile_disc(value, 0.5) as median_value,
    quantile_disc(value, 0.95) as high_value
  from value_of group by feed, key
)
select u.feed, u.key, count(*) as uses, count(distinct u.patient) as patients,
  any_value(s.display) as display, any_value(s.unit) as unit, any_value(s.specimen) as specimen,
  coalesce(any_value(n.numbers), 0) as numbers, coalesce(any_value(n.words), 0) as words,
  any_value(n.low_value) as low_value, any_value(n.median_value) as median_value,
  any_value(n.high_value) as high_value,
  coalesce(any_value(s.also), []) as also, coalesce(any_value(s.answers), []) as answers
from used u left join said s using (feed, key) left join numbers n using (feed, key)
group by u.feed, u.key order by u.feed, u.key
"""
"""A row a feed and local code that has no standard one beside it."""

CODE_COVERAGE = """
with who as (
  select p.rid, coalesce(w.person::varchar, p.patient) as person
  from place_of p left join person w on w.rid::varchar = p.patient where p.patient is not null
)
select coalesce(sum(c.denominator), 0)::bigint as records,
  coalesce(sum(c.denominator) - sum(c.numerator), 0)::bigint as covered,
  (select count(distinct person) from who where rid in (select rid from coding)) as patients,
  (select count(distinct person) from who
    where rid in (select rid from finding where "check" = 'COD-01')) as patients_left
from all_count c where c."check" = 'COD-01'
"""
"""One row: the records with a code, those of them with a standard one; the people they are about,
and those who have a record with none but local codes."""


@dataclass(frozen=True, slots=True)
class Values:
    """What a local code is measured in and what its values are."""

    specimen: str = ""
    unit: str = ""
    """The UCUM code most results have; empty where none is known."""
    numbers: int = 0
    words: int = 0
    low: float | None = None
    """5 of 100 numbers are lower, or as low."""
    median: float | None = None
    high: float | None = None
    answers: tuple[tuple[str, int], ...] = ()
    """The commonest words and how often; of fewer than ten patients none."""
    also: tuple[str, ...] = ()
    """What else the feed calls it, likewise."""

    @property
    def numeric(self) -> bool | None:
        """Return whether values are numbers; None where there is none, or both."""
        return self.numbers > 0 if bool(self.numbers) != bool(self.words) else None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many records, and whose, have a standard code."""

    records: int
    covered: int
    patients: int
    """Who has a record with a code."""
    patients_left: int
    """Who has one with none but local codes."""

    @property
    def patients_covered(self) -> int:
        """Return whose records all have one."""
        return self.patients - self.patients_left


def read_values(run: Path) -> dict[tuple[str, str], Values]:
    """Return what a run knows of each feed's local codes; nothing where it wrote none."""
    rows = _rows(
        run / "local_code.parquet",
        "select feed, key, coalesce(specimen, ''), coalesce(unit, ''), numbers, words, "
        "low_value, median_value, high_value, answers, also from {}",
    )
    found = {}
    for feed, key, *measured, answers, also in rows:
        specimen, unit, numbers, words, low, median, high = measured
        pairs = tuple((a["word"], a["n"]) for a in answers)
        names = tuple(a["word"] for a in also)
        found[feed, key] = Values(specimen, unit, numbers, words, low, median, high, pairs, names)
    return found


def read_coverage(run: Path) -> Coverage | None:
    """Return how far standard codes reach in a run, over all feeds; None where it was not told."""
    rows = _rows(
        run / "code_coverage.parquet",
        "select records, covered, patients, patients_left from {} where records > 0",
    )
    return Coverage(*rows[0]) if rows else None


def _rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    if not path.is_file():
        return []
    with brief_database() as db:
        return db.rows(query.format(f"read_parquet({quoted(str(path))})"))
