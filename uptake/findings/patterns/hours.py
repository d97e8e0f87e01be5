"""At which hours of the day a sender's facts fall. In: `event`, `zone_offset`; out: `hour_shift`.

The histogram of local hours is turned against a baseline's until they match best (circular
cross-correlation). A lag other than 0 is a clock that is read wrong, if it is beyond chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

HOURS = 24
Counts: TypeAlias = tuple[int, ...]
"""How many distinct times fall into each hour of the day."""

_TALLY = """
with timed as (
  select e.feed, e.type, strftime(e.at_date, '%Y-%m') as month, e.patient_rid, e.at_time,
    coalesce(e.at_offset = 0, false) as is_utc,
    z.offset_minutes is not null or e.at_offset is distinct from 0 as is_local,
    case when e.at_offset = 0 then coalesce(z.offset_minutes, 0) else coalesce(e.at_offset, 0) end
      as minutes
  from event e
  left join zone_offset z on e.at_offset = 0 and z.feed = e.feed
    and z.year = extract(year from e.at_time)
    and e.at_time >= z.valid_from and e.at_time < z.valid_to
  where e.at_precision in ('minute', 'second', 'fraction') and e.entered_in_error is not true
    and e.at_date > (select max(at_date) from event e, run r where at_date <= r.as_of_date)
      - to_months($months)
    and substr(e.at_text, 12, 5) <> '00:00'
)
select feed, type, month, is_local, extract(hour from at_time + to_minutes(minutes)) as hour,
  count(distinct (patient_rid, at_time)) as n,
  count(distinct (patient_rid, at_time)) filter (where is_utc) as n_utc,
  extract(hour from at_time) as sent_hour
from timed group by all order by all
"""
"""Facts of one patient at one time count once: a panel of twenty results is one draw. Midnight
sharp is mostly a day without its time (TIM-08)."""


@dataclass(frozen=True, slots=True)
class Match:
    """How a histogram lies against a baseline."""

    lag: int
    """Hours to take off the histogram to match the baseline best, -11 to 12."""
    score: float
    """Pearson's correlation at that lag."""
    score_at_zero: float
    margin: float
    """How much better the lag fits than none, in standard errors; 0 for lag 0."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One row of `hour_shift`."""

    feed: str
    type: str
    month: str
    basis: str
    """`earlier`: the sender's own months before; `peers`: other senders of the type."""
    is_local: bool
    n: int
    baseline_n: int
    hours: Decimal
    """Over how many hours the facts spread (inverse Simpson index), the less of the two."""
    lag: int
    score: Decimal
    score_at_zero: Decimal
    margin: Decimal
    sent_score: Decimal | None
    """The correlation of the hours as sent, where that was UTC and they were converted; else NULL.
    """


_COLUMNS = (
    "feed varchar, type varchar, month varchar, basis varchar, is_local boolean, n integer, "
    "baseline_n integer, hours decimal(6, 2), lag integer, score decimal(6, 3), "
    "score_at_zero decimal(6, 3), margin decimal(9, 2), sent_score decimal(6, 3)"
)


@dataclass(slots=True)
class Tally:
    """The hours of one sender, type and month, local and as sent."""

    feed: str
    type: str
    month: str
    is_local: bool
    local: Counts = (0,) * HOURS
    sent: Counts = (0,) * HOURS
    utc: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return both together, under the name of this one."""
        return Tally(
            self.feed,
            self.type,
            self.month,
            self.is_local,
            _sum(self.local, other.local),
            _sum(self.sent, other.sent),
            self.utc + other.utc,
        )

    @property
    def n(self) -> int:
        """How many distinct times there are."""
        return sum(self.local)


def build_hour_shifts(db: Database, settings: Mapping[str, Any]) -> None:
    """Make `hour_shift`: for each feed, type and month what its hours say against a baseline.

    What has too few times, or nothing to be held against, has no row.
    """
    db.run(f"create table hour_shift ({_COLUMNS})")
    tallies = _tallies(db, settings)
    roles = dict(db.rows("select feed, role from feed"))
    rows = [*earlier_shifts(tallies, settings), *peer_shifts(tallies, roles, settings)]
    db.insert("hour_shift", [f.name for f in fields(Shift)], [astuple(row) for row in rows])


def _tallies(db: Database, settings: Mapping[str, Any]) -> list[Tally]:
    """Return a tally a feed, type, month and kind of hour, in that order."""
    found: dict[tuple[str, str, str, bool], Tally] = {}
    for feed, kind, month, local, hour, n, utc, sent in db.rows(
        _TALLY, {"months": settings["months"]}
    ):
        key = (feed, kind, month, local)
        one = Tally(*key, _at(hour, n), _at(sent, n), utc)
        found[key] = found[key].plus(one) if key in found else one
    return list(found.values())


def earlier_shifts(tallies: Sequence[Tally], settings: Mapping[str, Any]) -> Iterator[Shift]:
    """Yield how each month lies against the sender's own months before it.

    Neighbouring months of few times are taken together until they suffice. A month that is shifted
    does not join the baseline, so that all of a long shift is told.
    """
    groups: dict[tuple[str, str, bool], list[Tally]] = {}
    for tally in tallies:
        groups.setdefault((tally.feed, tally.type, tally.is_local), []).append(tally)
    for months in groups.values():
        baseline: Tally | None = None
        waiting: list[Tally] = []
        for month in months:
            if month.n >= settings["least"]:
                waiting = []  # what waited was too little, and is no part of this month
            waiting.append(month)
            together = _together(waiting)
            if together.n < settings["least"]:
                continue
            waiting, block = [], waiting
            if baseline is None or baseline.n < settings["baseline"]:
                baseline = baseline.plus(together) if baseline else together
                continue
            found = _shift(together, "earlier", baseline.local)
            yield from (replace(found, month=m.month) for m in block)
            if found.margin < settings["margin"]:
                baseline = baseline.plus(together)


def peer_shifts(
    tallies: Sequence[Tally], roles: Mapping[str, str], settings: Mapping[str, Any]
) -> Iterator[Shift]:
    """Yield how each sender's local hours of a type lie against those of the others.

    The EHR is the baseline where it sends the type; without it all others together, if they are
    enough and agree among themselves: of two that differ nobody knows which is wrong.
    """
    whole: dict[str, dict[str, list[Tally]]] = {}
    for tally in tallies:
        if tally.is_local:
            whole.setdefault(tally.type, {}).setdefault(tally.feed, []).append(tally)
    for senders in whole.values():
        total = {feed: _together(months) for feed, months in senders.items()}
        enough = {feed: one for feed, one in total.items() if one.n >= settings["baseline"]}
        for feed, one in total.items():
            others = {f: t for f, t in enough.items() if f != feed}
            charts = [t for f, t in others.items() if roles.get(f) == "ehr"]
            if one.n < settings["least"] or roles.get(feed) == "ehr":
                continue
            if not charts and not (len(others) >= settings["peers"] and _agree(others)):
                continue
            baseline = _together(charts or list(others.values())).local
            found = _shift(one, "peers", baseline)
            yield from (replace(found, month=m.month) for m in senders[feed])


def _agree(senders: Mapping[str, Tally]) -> bool:
    """Tell whether each sender's hours match all the others' best as they are."""
    return all(
        match(one.local, _together([t for f, t in senders.items() if f != feed]).local).lag == 0
        for feed, one in senders.items()
    )


def _shift(judged: Tally, basis: str, baseline: Counts) -> Shift:
    found = match(judged.local, baseline)
    converted = judged.is_local and judged.utc == judged.n and judged.sent != judged.local
    return Shift(
        judged.feed,
        judged.type,
        judged.month,
        basis,
        judged.is_local,
        judged.n,
        sum(baseline),
        _rounded(min(spread(judged.local), spread(baseline)), 2),
        found.lag,
        _rounded(found.score, 3),
        _rounded(found.score_at_zero, 3),
        _rounded(found.margin, 2),
        _rounded(_correlation(judged.sent, baseline), 3) if converted else None,
    )


def match(counts: Counts, baseline: Counts) -> Match:
    """Return the lag at which two histograms of hours match best.

    The margin is the mean, over the single times, of how much denser the baseline is at their hour
    with the lag than without it, over its standard error. For times drawn from the baseline itself
    its expectation is negative (Cauchy-Schwarz), so chance seldom makes it positive.
    """
    scores = [_correlation(_turned(counts, lag), baseline) for lag in range(HOURS)]
    best = max(range(HOURS), key=lambda lag: (scores[lag], -min(lag, HOURS - lag), -lag))
    margin = _margin(counts, baseline, best) if best else 0.0
    return Match(best if best <= HOURS // 2 else best - HOURS, scores[best], scores[0], margin)


def _margin(counts: Counts, baseline: Counts, lag: int) -> float:
    n = sum(counts)
    gains = [baseline[(hour - lag) % HOURS] - baseline[hour] for hour in range(HOURS)]
    mean = sum(c * g for c, g in zip(counts, gains, strict=True)) / n
    square = sum(c * g * g for c, g in zip(counts, gains, strict=True)) / n
    deviation = math.sqrt(max(square - mean * mean, 0.0) / n)
    # without any spread every single time says the same: as sure as their number
    return mean / deviation if deviation else math.copysign(math.sqrt(n), mean)


def _correlation(left: Counts, right: Counts) -> float:
    """Return Pearson's correlation of two histograms; 0 where one of them is flat."""
    n_left, n_right = sum(left), sum(right)
    product = HOURS * sum(a * b for a, b in zip(left, right, strict=True)) - n_left * n_right
    squares = (HOURS * sum(a * a for a in left) - n_left**2) * (
        HOURS * sum(b * b for b in right) - n_right**2
    )
    return product / math.sqrt(squares) if squares else 0.0


def spread(counts: Counts) -> float:
    """Return over how many hours the times spread: the inverse Simpson index, 1 to 24."""
    return sum(counts) ** 2 / sum(c * c for c in counts) if any(counts) else 0.0


def _turned(counts: Counts, lag: int) -> Counts:
    return tuple(counts[(hour + lag) % HOURS] for hour in range(HOURS))


def _together(tallies: Sequence[Tally]) -> Tally:
    first, *rest = tallies
    for other in rest:
        first = first.plus(other)
    return first


def _at(hour: int, n: int) -> Counts:
    return tuple(n if hour == h else 0 for h in range(HOURS))


def _sum(left: Counts, right: Counts) -> Counts:
    return tuple(a + b for a, b in zip(left, right, strict=True))


def _rounded(number: float, digits: int) -> Decimal:
    return round(Decimal(number), digits)
