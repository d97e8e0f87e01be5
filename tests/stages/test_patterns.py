"""Patterns of many values: zones, hours of day, volumes, drift; from counts to what is said."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from uptake.definitions.repeats import expand
from uptake.findings.patterns import drift, hours, settings, volumes, zones

DAY = timedelta(days=1)
OFFICE = (0, 0, 0, 0, 0, 0, 0, 2, 8, 10, 10, 8, 4, 8, 9, 9, 6, 2, 0, 0, 0, 0, 0, 0)


def sent(
    year: int, winter: int, summer: int, *, until: int = 365
) -> list[tuple[datetime, int, int]]:
    """A year of offsets that change on the days on which New York's clocks do in 2024."""
    start = datetime(year, 1, 1, 17, tzinfo=UTC)
    days = [start + n * DAY for n in range(until)]
    return [
        (day, summer if (3, 10) <= (day.month, day.day) < (11, 3) else winter, 1) for day in days
    ]


@pytest.mark.parametrize(
    ("winter", "summer", "zone"),
    [
        (-300, -240, "America/New_York"),
        (-360, -300, "America/Chicago"),
        (-480, -420, "America/Los_Angeles"),
    ],
)
def test_alternating_offsets_tell_the_zone(winter: int, summer: int, zone: str) -> None:
    assert zones.infer_zone(sent(2024, winter, summer), settings("zones")) == zone


def test_what_does_not_tell_the_zone() -> None:
    told = settings("zones")
    assert zones.infer_zone([], told) == ""
    assert zones.infer_zone(sent(2024, -300, -300), told) == "", "one constant offset"
    assert zones.infer_zone(sent(2024, -300, -240, until=80), told) == "", "12 days of summer"
    assert zones.infer_zone(sent(2024, -240, -300), told) == "", "the wrong way round"


def test_offsets_change_at_the_minute_of_the_database() -> None:
    start, end = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    stretches = zones.offsets_of("America/New_York", start, end)
    assert [(since, minutes) for since, _, minutes in stretches] == [
        (datetime(2026, 1, 1, tzinfo=UTC), -300),
        (datetime(2026, 3, 8, 7, tzinfo=UTC), -240),
        (datetime(2026, 11, 1, 6, tzinfo=UTC), -300),
    ]
    assert [until for _, until, _ in stretches[:-1]] == [since for since, _, _ in stretches[1:]]


def drawn(rng: random.Random, n: int, late: int = 0) -> hours.Counts:
    """So many times in office hours, some hours late."""
    counts = [0] * 24
    for hour in rng.choices(range(24), OFFICE, k=n):
        counts[(hour + late) % 24] += 1
    return tuple(counts)


@pytest.mark.parametrize("late", [-5, -1, 1, 4, 8, 12])
def test_a_shifted_histogram_tells_its_lag(late: int) -> None:
    rng = random.Random(late)
    found = hours.match(drawn(rng, 1000, late), drawn(rng, 2000))
    assert found.lag == late
    assert found.score > 0.95 > 0.9 > found.score_at_zero
    assert found.margin > 5


def test_chance_alone_has_no_margin() -> None:
    rng = random.Random(1)
    baseline = drawn(rng, 2000)
    margins = [hours.match(drawn(rng, 100), baseline).margin for _ in range(300)]
    assert max(margins) < 3


def test_a_flat_day_and_a_spike_match_nothing_in_particular() -> None:
    flat, spike = (5,) * 24, (0,) * 6 + (100,) + (0,) * 17
    assert hours.match(flat, flat) == hours.Match(0, 0.0, 0.0, 0.0)
    assert hours.spread(flat) == 24
    assert hours.spread(spike) == 1
    assert hours.spread((0,) * 24) == 0


def tally(feed: str, month: str, counts: hours.Counts, *, local: bool = True) -> hours.Tally:
    return hours.Tally(feed, "Observation", month, local, counts, counts)


def test_a_long_shift_is_told_in_every_month() -> None:
    rng = random.Random(2)
    months = [tally("lab", f"2026-{m:02}", drawn(rng, 300, 5 if m > 4 else 0)) for m in range(1, 9)]
    rows = list(hours.earlier_shifts(months, settings("hours")))
    assert {row.month: row.lag for row in rows} == {
        f"2026-{m:02}": 5 if m > 4 else 0 for m in range(2, 9)
    }


def test_small_months_are_taken_together() -> None:
    rng = random.Random(3)
    months = [tally("lab", f"2026-{m:02}", drawn(rng, 40)) for m in range(1, 10)]
    rows = list(hours.earlier_shifts(months, settings("hours")))
    assert [(row.month, row.n, row.baseline_n) for row in rows] == [
        ("2026-07", 120, 240),
        ("2026-08", 120, 240),
        ("2026-09", 120, 240),
    ]


def test_peers_need_the_chart_or_two_that_agree() -> None:
    rng = random.Random(4)
    told = settings("hours")
    one, two, odd = (
        tally(feed, "2026-01", drawn(rng, 500, late))
        for feed, late in (("a", 0), ("b", 0), ("c", 5))
    )
    assert [(r.feed, r.lag) for r in hours.peer_shifts([one, two, odd], {}, told)] == [("c", 5)]
    assert list(hours.peer_shifts([one, odd], {}, told)) == [], "nobody knows which is wrong"
    chart = hours.peer_shifts([one, odd], {"a": "ehr"}, told)
    assert [(r.feed, r.lag) for r in chart] == [("c", 5)]
    elsewhere = tally("c", "2026-01", odd.local, local=False)
    local_only = hours.peer_shifts([one, two, elsewhere], {"a": "ehr"}, told)
    assert [r.feed for r in local_only] == ["b"]


def judged(daily: list[int], *, holidays: bool = True) -> list[volumes.Day]:
    rows = volumes.judge_days(
        ("lab", "Observation"), date(2026, 1, 5), daily, holidays, settings("volumes")
    )
    return list(rows)


def test_silence_counts_the_days_on_which_somebody_was_expected() -> None:
    week = [10, 10, 10, 10, 10, 0, 0]
    last = judged(week * 40 + [0] * 9)[-1]
    assert last.quiet_since == date(2026, 1, 5) + 280 * DAY, "the Monday after the last facts"
    assert (last.quiet_days, float(last.missing)) == (7, 67.5), "the second Monday expects 8.75"
    assert all(row.quiet_days == 0 for row in judged(week * 42))


def test_what_is_expected_forgets_one_flood() -> None:
    rows = judged([10] * 200 + [90] + [10] * 60)
    flood = rows[-61]
    assert flood.people == 90
    assert flood.deviation > 4
    assert {row.expected for row in rows} == {10}
    assert {row.busiest for row in rows} == {10, 90}


def test_without_eight_weeks_nothing_is_said() -> None:
    assert judged([0] * 240 + [10] * 50) == []


@pytest.mark.parametrize(
    ("counts", "rests"),
    [
        (OFFICE, True),
        ((4,) * 24, False),
        ((9, 0, 0, 0) * 6, False),
        ((0,) * 6 + (9,) + (0,) * 17, True),
        ((), True),
    ],
)
def test_who_rests_has_holidays(counts: tuple[int, ...], rests: bool) -> None:
    assert volumes.closes(counts, settings("volumes")) is rests


def test_the_stability_index_of_equal_shares_is_nothing() -> None:
    before = [10] * drift.PARTS
    assert drift.stability(before, before) == 0
    assert drift.largest_difference(before, before) == 0
    moved = [0] * (drift.PARTS // 2) + [20] * (drift.PARTS // 2)
    assert drift.stability(before, moved) > 0.2
    assert drift.largest_difference(before, moved) == pytest.approx(0.5 * (200 * 200 / 400) ** 0.5)


def test_cusum_adds_up_what_a_month_does_not_show() -> None:
    still = [(100, 50.0)] * 24
    rising = [(100, 50.0 + month) for month in range(24)]
    assert drift.cusum(still, 0.5, 1200) == 0
    assert drift.cusum(rising, 0.5, 1200) > 8
    assert drift.cusum([(n, n - above) for n, above in rising], 0.5, 1200) < -8


def test_repeated_lines_of_an_example_are_written_out() -> None:
    line = (
        '3 times {"id":"a<<n>>","on":"<<2025-01-30 + 1 day>>",'
        '"at":"<<2025-01-30T23:30:00 + 90 minutes>>Z","h":<<08..09>>}'
    )
    assert expand(line).split("\n") == [
        '{"id":"a1","on":"2025-01-30","at":"2025-01-30T23:30:00Z","h":08}',
        '{"id":"a2","on":"2025-01-31","at":"2025-01-31T01:00:00Z","h":09}',
        '{"id":"a3","on":"2025-02-01","at":"2025-01-31T02:30:00Z","h":08}',
    ]
    assert expand('{"text":"3 times {x} <<n>>"}') == '{"text":"3 times {x} <<n>>"}'
    with pytest.raises(ValueError, match="<<today>> says nothing"):
        expand('2 times {"on":"<<today>>"}')
