"""Whether a sender's results are what they were. In: `event`, `observation`; out: `drift`.

Three comparisons of a sender and code with its own past: the distribution of values (population
stability index, Kolmogorov and Smirnov), whether the code is still sent, and a slow trend (CUSUM).
A patient counts once in each period, so that one long stay is not a new population.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

Key: TypeAlias = tuple[str, str, str, str]
"""Feed, code system, code, unit."""
PARTS = 20
"""Values are counted between the twentieths of the baseline."""
_SLACK = 0.5
"""What the CUSUM takes off each month, in standard deviations: it is quickest for a shift of 1."""

_RESULT = """
create temp table result as
select e.feed, coalesce(e.code_system, '') as code_system, e.code,
  coalesce(o.value_unit_code, o.value_unit, '') as unit, coalesce(e.patient_rid, e.rid) as person,
  e.at_date, e.at_time, e.rid, o.value, o.value_comparator is null as is_exact
from event e join observation o on o.rid = e.rid
where e.type = 'Observation' and e.code is not null and e.entered_in_error is not true
  and e.at_precision not in ('year', 'month') and e.at_date between $first and $last
"""
_PARTS = """
with latest as (
  select feed, code_system, code, unit, at_date > $recent as is_recent, value from result
  where value is not null and is_exact and at_date > $baseline
  qualify row_number() over (partition by feed, code_system, code, unit, person, at_date > $recent
    order by at_time desc, value, rid) = 1
),
edge as (
  select feed, code_system, code, unit, quantile_disc(value, $shares) as edges
  from latest where not is_recent group by all
)
select l.feed, l.code_system, l.code, l.unit, l.is_recent,
  len(list_filter(e.edges, lambda x: x < l.value)) as part, count(*) as n
from latest l join edge e using (feed, code_system, code, unit) group by all order by all
"""
_SENT = """
select feed, code_system, code, '' as unit,
  count(distinct person) filter (where at_date <= $recent) as before,
  count(distinct person) filter (where at_date > $recent) as now,
  count(distinct date_trunc('month', at_date)) filter (where at_date <= $recent) as months
from result where at_date > $baseline group by all order by all
"""
_PEOPLE = """
select feed, count(distinct person) filter (where at_date <= $recent) as before,
  count(distinct person) filter (where at_date > $recent) as now
from result where at_date > $baseline group by feed
"""
_ABOVE = """
with monthly as (
  select feed, code_system, code, unit, date_trunc('month', at_date) as month, value
  from result where value is not null and is_exact
  qualify row_number() over (partition by feed, code_system, code, unit, person,
    date_trunc('month', at_date) order by at_time desc, value, rid) = 1
),
counted as (
  select feed, code_system, code, unit, month, dense_rank() over (
    partition by feed, code_system, code, unit order by month) as number, value
  from monthly
  qualify count(*) over (partition by feed, code_system, code, unit, month) >= $least
),
middle as (
  select feed, code_system, code, unit, quantile_disc(value, 0.5) as level
  from counted where number <= $months group by all
)
select c.feed, c.code_system, c.code, c.unit, c.number <= $months as is_baseline, c.month,
  count(*) as n, count(*) filter (where c.value > m.level) as above,
  count(*) filter (where c.value = m.level) as level
from counted c join middle m using (feed, code_system, code, unit) group by all order by all
"""


@dataclass(frozen=True, slots=True)
class Drift:
    """One row of `drift`: one comparison of one sender and code."""

    feed: str
    code_system: str
    code: str
    unit: str
    kind: str
    """`values`, `sent` or `trend`."""
    n: int
    """Patients in the newest period."""
    baseline_n: int
    psi: Decimal | None = None
    """Population stability index over ten parts."""
    ks: Decimal | None = None
    """Kolmogorov and Smirnov's largest difference, times √(n·m / (n + m))."""
    expected: Decimal | None = None
    """Patients expected with this code in the newest period."""
    cusum: Decimal | None = None
    """Of the newest month, in standard deviations; negative for a fall."""
    above: Decimal | None = None
    """The share of the newest months above the median of the baseline."""


_COLUMNS = (
    "feed varchar, code_system varchar, code varchar, unit varchar, kind varchar, n integer, "
    "baseline_n integer, psi decimal(9, 3), ks decimal(9, 3), expected decimal(12, 2), "
    "cusum decimal(9, 2), above decimal(6, 3)"
)


def build_drift(db: Database, settings: Mapping[str, Any]) -> None:
    """Make `drift`: up to three rows a feed, code and unit, for what has a past to compare with."""
    db.run(f"create table drift ({_COLUMNS})")
    (last,) = db.row(
        "select max(at_date) from event, run where type = 'Observation' "
        "and entered_in_error is not true and at_date between date '1970-01-01' and as_of_date"
    )
    if last is None:
        return
    first = last - timedelta(days=31 * settings["trend_months"])
    db.run(_RESULT, {"first": first, "last": last})
    recent = last - timedelta(days=settings["recent_days"])
    span = {"recent": recent, "baseline": recent - timedelta(days=settings["baseline_days"])}
    rows = [*_values(db, span), *_sent(db, span, settings), *_trends(db, settings)]
    db.run("drop table result")
    db.insert("drift", [f.name for f in fields(Drift)], [astuple(row) for row in rows])


def _values(db: Database, span: Mapping[str, date]) -> Iterator[Drift]:
    shares = [part / PARTS for part in range(1, PARTS)]
    counts: dict[Key, tuple[list[int], list[int]]] = {}
    for feed, system, code, unit, is_recent, part, n in db.rows(_PARTS, {**span, "shares": shares}):
        pair = counts.setdefault((feed, system, code, unit), ([0] * PARTS, [0] * PARTS))
        pair[is_recent][part] = n
    for key, (before, now) in counts.items():
        if sum(now):
            yield Drift(
                *key,
                "values",
                sum(now),
                sum(before),
                psi=_rounded(stability(before, now), 3),
                ks=_rounded(largest_difference(before, now), 3),
            )


def stability(before: Sequence[int], now: Sequence[int]) -> float:
    """Return the population stability index of two counts, two neighbouring parts taken together.

    Half a patient is added to each part, so that an empty one stays finite.
    """
    tenths = [[a + b for a, b in zip(c[::2], c[1::2], strict=True)] for c in (before, now)]
    shares = [[(n + 0.5) / (sum(t) + 0.5 * len(t)) for n in t] for t in tenths]
    return math.fsum((q - p) * math.log(q / p) for p, q in zip(*shares, strict=True))


def largest_difference(before: Sequence[int], now: Sequence[int]) -> float:
    """Return Kolmogorov and Smirnov's statistic at the ends of the parts, times √(n·m / (n + m)).

    The chance of more than λ is at most 2·exp(-2·λ²).
    """
    n, m = sum(before), sum(now)
    ends = zip(itertools.accumulate(before), itertools.accumulate(now), strict=True)
    return max(abs(b / n - a / m) for b, a in ends) * math.sqrt(n * m / (n + m))


def _sent(db: Database, span: Mapping[str, date], settings: Mapping[str, Any]) -> Iterator[Drift]:
    """Yield how many patients still have a code that was sent all through the baseline.

    A code is expected as often as before among the patients that the sender has now.
    """
    people = {feed: (before, now) for feed, before, now in db.rows(_PEOPLE, span)}
    whole = settings["baseline_days"] // 31
    for feed, system, code, unit, before, now, months in db.rows(_SENT, span):
        everybody, everybody_now = people[feed]
        if before and months >= whole:
            expected = before / everybody * everybody_now
            yield Drift(
                feed, system, code, unit, "sent", now, before, expected=_rounded(expected, 2)
            )


def _trends(db: Database, settings: Mapping[str, Any]) -> Iterator[Drift]:
    told = {"least": settings["month_least"], "months": settings["trend_baseline"]}
    months: dict[Key, tuple[list[tuple[int, float]], list[tuple[int, float]]]] = {}
    for feed, system, code, unit, is_baseline, _, n, above, level in db.rows(_ABOVE, told):
        pair = months.setdefault((feed, system, code, unit), ([], []))
        pair[not is_baseline].append((n, above + level / 2))
    for key, (before, after) in months.items():
        baseline_n = sum(n for n, _ in before)
        if len(before) < settings["trend_baseline"] or len(after) < settings["trend_end"]:
            continue
        newest = after[-settings["trend_end"] :]
        n = sum(n for n, _ in newest)
        usual = sum(above for _, above in before) / baseline_n
        yield Drift(
            *key,
            "trend",
            n,
            baseline_n,
            cusum=_rounded(cusum(after, usual, baseline_n), 2),
            above=_rounded(sum(above for _, above in newest) / n - usual + 0.5, 3),
        )


def cusum(months: Sequence[tuple[int, float]], usual: float, baseline_n: int) -> float:
    """Return the CUSUM of the share above the baseline's median, in standard deviations.

    `months` holds how many patients and how many of them above. The standard deviation of a month
    has that of the baseline's own share in it. Source: Page 1954, Biometrika 41:100.
    """
    up = down = 0.0
    for n, above in months:
        deviation = math.sqrt(n / 4 + n * n / (4 * baseline_n))
        z = (above - usual * n) / deviation
        up, down = max(0.0, up + z - _SLACK), max(0.0, down - z - _SLACK)
    return up if up >= down else -down


def _rounded(number: float, digits: int) -> Decimal:
    return round(Decimal(number), digits)
