"""In: nothing but a seed. Out: false alarms and power of the statistical checks, as Markdown.

    python -m benchmarks.statistics [--networks 125] [--seed 1] [--power 25]

A network is eight senders of one type that work in eight ways: office hours, round the clock,
nights, a batch at 6:00, rounds every four hours, times in UTC of a place with daylight saving,
travellers, a season. All are clean: every alarm is false. For the power one sender is spoilt.
"""

from __future__ import annotations

import argparse
import functools
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pyarrow as pa

from uptake.definitions.checks import read_check
from uptake.definitions.reference import shipped_reference_tables
from uptake.engine.duckdb import Database
from uptake.findings import patterns
from uptake.findings.load import tables_needed

CHECKS = ("TIM-08", "TIM-09", "TIM-10", "TIM-11", "TIM-14", "PLA-10")
CONTENT = Path(__file__).parents[1] / "uptake" / "content" / "checks"
LAST = date(2026, 10, 31)
DAYS = 540
"""A year of baseline, three months, and the weeks before them."""
CLOCK = ZoneInfo("America/New_York")
HOUR = 3600
SIZES = (2, 8, 24)
"""Patients a working day."""

OFFICE = (0, 0, 0, 0, 0, 0, 0, 2, 8, 10, 10, 8, 4, 8, 9, 9, 6, 2, 0, 0, 0, 0, 0, 0)
WARD = (3, 3, 3, 3, 4, 6, 8, 8, 7, 7, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 5, 4, 4, 3)
NIGHT = (8, 9, 8, 6, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 8)
EARLY = tuple(int(hour == 6) for hour in range(24))
ROUNDS = tuple(int(hour % 4 == 0) for hour in range(24))
HOLIDAYS = frozenset(
    {(1, 1), (1, 19), (5, 25), (6, 19), (7, 3), (9, 7), (11, 26), (11, 27), (12, 24), (12, 25)}
)


@dataclass(frozen=True, slots=True)
class Culture:
    """How a sender works."""

    name: str
    hours: tuple[int, ...]
    weekend: float = 0.0
    """Its share of a working day."""
    holidays: bool = True
    rounding: int = 60
    """Times are told to so many seconds."""
    utc: bool = False
    travels: bool = False
    season: float = 0.0
    """How far the volume swings within a year."""


CULTURES = (
    Culture("office hours", OFFICE),
    Culture("round the clock", WARD, weekend=0.8, holidays=False, rounding=1),
    Culture("night laboratory", NIGHT, weekend=0.3),
    Culture("batch at 6:00", EARLY, weekend=1.0, holidays=False, rounding=1),
    Culture("rounds every 4 hours", ROUNDS, weekend=1.0, holidays=False, rounding=HOUR),
    Culture("office hours in UTC", OFFICE, utc=True),
    Culture("travellers", OFFICE, weekend=0.2, travels=True, rounding=15 * 60),
    Culture("a season", OFFICE, season=0.7, rounding=5 * 60),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One result: its civil time in seconds of 1970, its offset, whose it is, what it says."""

    feed: str
    local: int
    offset: int
    person: int
    code: str
    value: float


def facts(random: Random, feed: str, culture: Culture, size: int) -> Iterator[Fact]:
    """Yield what a sender sends: counts are overdispersed by a quarter, patients come again."""
    level, spread = random.uniform(3.0, 6.0), 0.5
    for back in range(DAYS, -1, -1):
        day = LAST - timedelta(days=back)
        mean = size * (culture.weekend if day.weekday() > 4 else 1.0)
        if culture.holidays and (day.month, day.day) in HOLIDAYS:
            mean = 0
        mean *= 1 + culture.season * math.sin(2 * math.pi * day.timetuple().tm_yday / 365.25)
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for _ in range(poisson(random, mean * random.gammavariate(16, 1 / 16))):
            hour = random.choices(range(24), culture.hours)[0]
            if hour in (1, 2, 3) and offset_of(day, 0) != offset_of(day, 4):
                continue  # at a change of the clock an hour is missing, or told twice
            second = hour * HOUR + random.randrange(HOUR) // culture.rounding * culture.rounding
            offset = offset_of(day, hour)
            zone = random.choice((offset, offset - 60, 60)) if culture.travels else offset
            local = int(midnight.timestamp()) + second
            if culture.utc:
                local, zone = local - zone * 60, 0
            person = random.randrange(size * 60)
            yield Fact(feed, local, zone, person, "2823-3", random.gauss(level, spread))


@functools.cache
def offset_of(day: date, hour: int) -> int:
    """The minutes from UTC at a civil hour in New York."""
    at = datetime(day.year, day.month, day.day, hour, tzinfo=CLOCK)
    return round((at.utcoffset() or timedelta()).total_seconds() / 60)


def poisson(random: Random, mean: float) -> int:
    """A Poisson count: how many exponential waits fit into the mean."""
    count, waited = 0, random.expovariate(1)
    while waited < mean:
        count, waited = count + 1, waited + random.expovariate(1)
    return count


Spoil = Callable[[Random, list[Fact]], list[Fact]]
END = int(datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC).timestamp())
DAY = 24 * HOUR


def late(days: int) -> Callable[[Fact], bool]:
    """Whether a fact is of the last days."""
    return lambda fact: fact.local > END - days * DAY


def shifted(hours: int) -> Spoil:
    """The last two months are hours late."""
    return lambda _, rows: [
        replace(f, local=f.local + hours * HOUR) if late(61)(f) else f for f in rows
    ]


def at_midnight(share: float) -> Spoil:
    """A share of all times is lost."""
    return lambda random, rows: [
        replace(f, local=f.local // DAY * DAY) if random.random() < share else f for f in rows
    ]


def on_one_day(share: float) -> Spoil:
    """A share of all facts is dated on the day of a migration."""
    return lambda random, rows: [
        replace(f, local=END - 200 * DAY + f.local % DAY) if random.random() < share else f
        for f in rows
    ]


def broken_off(days: int) -> Spoil:
    """Nothing came for some days, three weeks ago."""
    return lambda _, rows: [f for f in rows if not (late(21 + days)(f) and not late(21)(f))]


def flooded(factor: int) -> Spoil:
    """One Wednesday is sent so many times over, for as many patients more."""
    return lambda _, rows: [
        replace(f, person=f.person + 100_000 * copy)
        for f in rows
        for copy in range(factor if f.local // DAY == END // DAY - 24 else 1)
    ]


def moved(deviations: float) -> Spoil:
    """The values of the last three months are higher by so many standard deviations."""
    return lambda _, rows: [
        replace(f, value=f.value + 0.5 * deviations) if late(91)(f) else f for f in rows
    ]


def recoded() -> Spoil:
    """The code is another one in the last three months."""
    return lambda _, rows: [replace(f, code="77142-8") if late(91)(f) else f for f in rows]


def mislabelled() -> Spoil:
    """Local times with `Z` behind them, in the last two months."""
    return lambda _, rows: [replace(f, offset=0) if late(61)(f) else f for f in rows]


@dataclass(frozen=True, slots=True)
class Effect:
    """One defect at one size, and the check that is to find it."""

    check: str
    name: str
    spoil: Spoil
    zoned: bool = False
    """Whether the project says the sender's zone."""


EFFECTS = (
    *(Effect("TIM-08", f"{s:.0%} at midnight", at_midnight(s)) for s in (0.04, 0.08, 0.15)),
    *(Effect("TIM-09", f"{s:.0%} on one day", on_one_day(s)) for s in (0.02, 0.05, 0.15)),
    *(Effect("TIM-10", f"{h} h late", shifted(h)) for h in (1, 2, 5, 8)),
    Effect("TIM-11", "local times with Z", mislabelled(), zoned=True),
    *(Effect("TIM-14", f"{d} days of silence", broken_off(d)) for d in (1, 3, 7, 14)),
    *(Effect("TIM-14", f"a day {n} times over", flooded(n)) for n in (4, 8)),
    *(Effect("PLA-10", f"values {s} s.d. higher", moved(s)) for s in (0.25, 0.5, 1.0)),
    Effect("PLA-10", "another code", recoded()),
)

EVENT = """
create table event as
select row_number() over () as rid, feed, 'Observation' as type, person as patient_rid,
  null::bigint as encounter_rid, 'final' as status, 'laboratory' as category,
  'http://loinc.org' as code_system, code, code as code_text,
  make_timestamp((local - "offset" * 60) * 1000000) as at_time,
  make_timestamp(local * 1000000)::date as at_date, 'second' as at_precision,
  "offset" as at_offset,
  strftime(make_timestamp(local * 1000000), '%Y-%m-%dT%H:%M:%S')
    || case when "offset" = 0 then 'Z' else
      case when "offset" < 0 then '-' else '+' end || lpad((abs("offset") // 60)::varchar, 2, '0')
      || ':' || lpad((abs("offset") % 60)::varchar, 2, '0') end as at_text,
  'Observation.effective' as at_path, value, 'mmol/L' as unit_code, false as entered_in_error
from fact;
create table resource as
  select rid, feed, type, patient_rid, false as entered_in_error from event;
create table observation as select rid, value, unit_code as value_unit_code,
  unit_code as value_unit, null::varchar as value_comparator from event;
create table moment as select rid, at_path as path, at_path as expression, at_text as text, at_time,
  at_date, at_precision, at_offset from event;
"""


def alarms(rows: list[Fact], zone: str = "", checks: Sequence[str] = CHECKS) -> dict[str, set[str]]:
    """The senders that each of the checks names."""
    queries = {code: read_check(CONTENT / f"{code}.md").query for code in checks}
    with tempfile.TemporaryDirectory() as spill:
        db = Database(2, "2GB", Path(spill))
        columns = {name: [getattr(f, name) for f in rows] for name in Fact.__slots__}
        db.load("fact", pa.table(columns), "*")
        db.run(EVENT)
        db.run(
            "create table run as select ?::timestamp as as_of, ?::date as as_of_date", [LAST] * 2
        )
        feeds = sorted({f.feed for f in rows})
        db.run("create table feed (feed varchar, role varchar, zone varchar)")
        db.insert("feed", ("feed", "role", "zone"), [(f, "", zone) for f in feeds])
        reference = shipped_reference_tables()["default_date"]
        db.run("create table default_date (day date, source varchar)")
        db.insert("default_date", tuple(reference.columns), reference.rows)
        wanted = tables_needed(queries.values())
        for name in patterns.TABLES:
            if name in wanted:
                patterns.build(db, name)
        found = {}
        for code, query in queries.items():
            answer = f"({query}) a"
            if code in ("TIM-14", "PLA-10"):
                named = db.rows(f"select distinct feed from {answer} where violates")
            else:
                named = db.rows(
                    f"select distinct e.feed from {answer} join event e using (rid) where violates"
                )
            found[code] = {name for (name,) in named}
        db.close()
    return found


def network(random: Random) -> list[Fact]:
    """Eight clean senders, one a culture, each of a size of its own."""
    return [
        fact
        for culture in CULTURES
        for fact in facts(random, culture.name, culture, random.choice(SIZES))
    ]


def false_alarms(random: Random, networks: int) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """How many senders each check names, of `networks` times eight; and of which culture."""
    total, by_culture = Counter[str](), Counter[tuple[str, str]]()
    for _ in range(networks):
        for code, feeds in alarms(network(random)).items():
            total[code] += len(feeds)
            by_culture.update((code, feed) for feed in feeds)
    return total, by_culture


def power(random: Random, effect: Effect, cohort: list[list[Fact]]) -> float:
    """How often the check finds a spoilt sender of office hours among three clean ones."""
    zone = "America/New_York" if effect.zoned else ""
    clean = [f for name in ("one", "two", "three") for f in facts(random, name, CULTURES[0], 8)]
    found = sum(
        "spoilt" in alarms(effect.spoil(random, rows) + clean, zone, [effect.check])[effect.check]
        for rows in cohort
    )
    return found / len(cohort)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=125)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--power", type=int, default=25, help="runs an effect and size; 0: none")
    told = parser.parse_args()
    random = Random(told.seed)
    senders = told.networks * len(CULTURES)
    total, by_culture = false_alarms(random, told.networks)
    print(f"False alarms among {senders} clean senders\n")
    print("| check | alarms | a 1,000 | of which |\n|---|---:|---:|---|")
    for code in CHECKS:
        which = ", ".join(f"{f} {n}" for (c, f), n in sorted(by_culture.items()) if c == code)
        print(f"| {code} | {total[code]} | {1000 * total[code] / senders:.1f} | {which or '–'} |")
    if told.power:
        random = Random(told.seed)
        print(f"\nPower: share of {told.power} spoilt senders found, by patients a working day\n")
        print("| check | effect | " + " | ".join(map(str, SIZES)) + " |\n|---|---|---:|---:|---:|")
        cohorts = [
            [list(facts(random, "spoilt", CULTURES[0], size)) for _ in range(told.power)]
            for size in SIZES
        ]
        for effect in EFFECTS:
            shares = [power(random, effect, cohort) for cohort in cohorts]
            cells = " | ".join(f"{share:.0%}" for share in shares)
            print(f"| {effect.check} | {effect.name} | {cells} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
