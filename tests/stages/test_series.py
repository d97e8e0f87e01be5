"""Measures by week against their baseline, and what is said of the improvement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from reached import CASE, NOW, opportunity, reach

from uptake.adoption.series import LAST, SHOWN, Series, Week, improved, series
from uptake.model import Measure, StageResult

if TYPE_CHECKING:
    from uptake.adoption.reach import Reach

LIVE = date(2026, 7, 6)
"""A Monday; NOW is Sunday, 1 November 2026, 12:00."""
FIRST = date(2026, 4, 27)
BEFORE = (30.0, 31.0, 29.0, 30.0, 31.0, 29.0, 30.0, 31.0, 29.0, 30.0)
"""Ten weeks, from FIRST to LIVE."""


def measure(**told: Any) -> Measure:
    held: dict[str, Any] = {
        "code": "days", "title": "Days to closure", "use_case": CASE, "role": "outcome",
        "statistic": "median", "unit": "days", "better": "lower", "target": None, "means": "",
        "query": "", "path": Path(),
    }  # fmt: skip
    return Measure(**held | told)


def rows(values: Sequence[float], first: date = FIRST, code: str = "days") -> list[dict[str, Any]]:
    """Return a row a week, on its Wednesday."""
    noon = datetime(first.year, first.month, first.day, 12) + timedelta(days=2)  # noqa: DTZ001
    return [
        {"measure": code, "unit": f"{code} {n}", "at_time": noon + timedelta(weeks=n), "value": v}
        for n, v in enumerate(values)
    ]


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Any]:
    opened: list[Reach] = []

    def read(held: list[dict[str, Any]], *, live: date | None = LIVE, target: float | None = None,
             now: datetime | None = None, **of: Any) -> Series:  # fmt: skip
        one = reach(tmp_path, [opportunity(1)], measure_row=held)
        opened.append(one)
        newest = max((row["at_time"] for row in held), default=NOW)
        one.now = now or newest.replace(tzinfo=UTC) + timedelta(days=5)
        return series(one, measure(**of), live, target)

    yield read
    for one in opened:
        one.close()


class TestWeeks:
    def test_a_week_is_monday_to_sunday_utc(self, told: Any) -> None:
        ends = [
            (datetime(2026, 6, 1), 1.0), (datetime(2026, 6, 7, 23, 59, 59), 3.0),  # noqa: DTZ001
            (datetime(2026, 6, 8), 9.0),  # noqa: DTZ001
        ]  # fmt: skip
        held = [{"measure": "days", "unit": str(n), "at_time": at, "value": v}
                for n, (at, v) in enumerate(ends)]  # fmt: skip
        found = told(held, now=NOW).weeks
        assert found == (Week(date(2026, 6, 1), 2.0, 2), Week(date(2026, 6, 8), 9.0, 1))

    @pytest.mark.parametrize(
        ("now", "there"),
        [
            (datetime(2026, 11, 1, 23, 59, 58), False),  # noqa: DTZ001
            (datetime(2026, 11, 1, 23, 59, 59, 999999), True),  # noqa: DTZ001
            (datetime(2026, 11, 2), True),  # noqa: DTZ001
        ],
    )
    def test_a_week_that_is_not_over_is_left_out(
        self, told: Any, now: datetime, there: bool
    ) -> None:
        found = told(rows([1, 2], date(2026, 10, 19)), now=now.replace(tzinfo=NOW.tzinfo))
        assert [w.begins.day for w in found.weeks] == ([19, 26] if there else [19])

    def test_other_measures_are_others(self, told: Any) -> None:
        assert len(told(rows([1, 2]) + rows([5, 6, 7], code="other")).weeks) == 2

    def test_before_are_the_weeks_that_were_over_at_go_live(self, told: Any) -> None:
        held = rows(BEFORE)
        assert told(held, live=LIVE).before == 10
        assert told(held, live=LIVE - timedelta(days=1)).before == 9
        assert told(held, live=None).before == 0
        assert told(held, live=None).baseline is None

    def test_the_baseline_stays_however_long_it_is_live(self, told: Any) -> None:
        held = rows([30.0] * 40 + [10.0] * 40, date(2025, 4, 14))
        live = date(2025, 4, 14) + timedelta(weeks=40)
        found = told(held, live=live)
        assert (found.before, len(found.weeks)) == (SHOWN, SHOWN + 40)
        assert (found.baseline, found.now) == (30.0, 10.0)
        assert len(told(held, live=None).weeks) == SHOWN

    @pytest.mark.parametrize(
        ("statistic", "number"), [("share", 200 / 3), ("count", 2.0)], ids=["share", "count"]
    )
    def test_rows_that_count(self, told: Any, statistic: str, number: float) -> None:
        at = datetime(2026, 6, 3)  # noqa: DTZ001
        held = [{"measure": "days", "unit": str(n), "at_time": at, "counts": c}
                for n, c in enumerate((True, True, False, None))]  # fmt: skip
        held.append(held[-1] | {"unit": "4", "at_time": at + timedelta(weeks=1)})
        found = told(held, statistic=statistic)
        (week,) = found.weeks  # of the other nothing can be judged: it is not 0
        assert week.value == pytest.approx(number)
        assert (found.weeks[0].rows, found.undecided) == (3, 2)

    @pytest.mark.parametrize(("statistic", "number"), [("median", 2.0), ("mean", 5.0)])
    def test_rows_with_a_value(self, told: Any, statistic: str, number: float) -> None:
        at = datetime(2026, 6, 3)  # noqa: DTZ001
        held = [{"measure": "days", "unit": str(v), "at_time": at, "value": v}
                for v in (1.0, 2.0, 12.0)]  # fmt: skip
        assert told(held, statistic=statistic).weeks[0].value == pytest.approx(number)

    def test_a_week_of_which_nothing_is_known_is_no_point(self, told: Any) -> None:
        at = datetime(2026, 6, 3)  # noqa: DTZ001
        held = [{"measure": "days", "unit": "a", "at_time": at, "counts": None}]
        assert told(held, statistic="share").weeks == ()


class TestImproved:
    def judge(self, found: Series | None, *guardrails: Series) -> StageResult:
        return improved(found, guardrails)

    def test_better_beyond_chance(self, told: Any) -> None:
        found = told(rows((*BEFORE, 20, 15, 12, 11, 10)))
        result = self.judge(found)
        assert (result.verdict, result.number, result.aim) == (
            "met", "12.0 days", "better than before",
        )  # fmt: skip
        assert result.sentence == (
            "Days to closure: 12.0 days in the last 4 weeks, 30.0 days before go-live."
        )

    def test_within_what_chance_explains(self, told: Any) -> None:
        result = self.judge(told(rows((*BEFORE, 29, 30, 28.5, 30, 29.5))))
        assert result.verdict == "under"
        assert "within what chance explains" in result.sentence

    def test_worse_is_not_better(self, told: Any) -> None:
        assert self.judge(told(rows((*BEFORE, 50, 51, 52, 53)))).verdict == "under"
        higher = told(rows((*BEFORE, 50, 51, 52, 53)), better="higher")
        assert self.judge(higher).verdict == "met"

    @pytest.mark.parametrize(
        ("better", "after", "target", "verdict"),
        [
            ("lower", 12, 12, "met"),
            ("lower", 12, 11.9, "under"),
            ("higher", 50, 50, "met"),
            ("higher", 50, 50.1, "under"),
        ],
    )
    def test_both_sides_of_a_target(
        self, told: Any, better: str, after: float, target: float, verdict: str
    ) -> None:
        result = self.judge(told(rows((*BEFORE, *[after] * 4)), better=better, target=target))
        assert (result.verdict, result.target) == (verdict, target)
        assert ("not yet at its target" in result.sentence) is (verdict == "under")
        assert result.aim.startswith("at most" if better == "lower" else "at least")

    def test_the_charter_s_target_is_before_the_measure_s(self, tmp_path: Path) -> None:
        held = rows((*BEFORE, *[12.0] * 4))
        one = reach(tmp_path, [opportunity(1)], measure_row=held)
        one.now = datetime(2026, 8, 3, tzinfo=UTC)
        own = measure(target=20.0)
        assert series(one, own, LIVE).target == 20.0
        assert self.judge(series(one, own, LIVE)).verdict == "met"
        assert self.judge(series(one, own, LIVE, 10.0)).verdict == "under"
        one.close()

    @pytest.mark.parametrize(
        ("values", "live", "reason"),
        [
            ((), LIVE, "no row of the data tells days to closure"),
            ((*BEFORE, 9, 9), LIVE, "12 weeks of days to closure, and 13 are needed"),
            ((*BEFORE, 9, 9, 9), LIVE, f"under {LAST} weeks since go-live"),
            ((*BEFORE, 9, 9, 9, 9), FIRST + timedelta(weeks=5),
             "5 weeks before go-live, and 6 are needed as a baseline"),
        ],
        ids=["nothing", "too short", "too young", "no baseline"],
    )  # fmt: skip
    def test_when_it_cannot_be_told(
        self, told: Any, values: tuple[float, ...], live: date, reason: str
    ) -> None:
        result = self.judge(told(rows(values), live=live, target=5.0))
        assert (result.verdict, result.reason) == ("cannot tell", reason)
        assert (result.number, result.aim) == ("", "at most 5 days")

    def test_an_outcome_that_is_no_longer_sent(self, told: Any) -> None:
        held = rows((*BEFORE, *[9.0] * 4))
        assert self.judge(told(held, now=datetime(2026, 8, 31, tzinfo=UTC))).verdict == "met"
        late = self.judge(told(held, now=datetime(2026, 9, 7, tzinfo=UTC)))
        assert late.reason == "the newest week of days to closure is that of 2026-07-27"

    def test_rows_that_nobody_can_judge(self, told: Any) -> None:
        at = datetime(2026, 6, 3)  # noqa: DTZ001
        held = [{"measure": "days", "unit": "a", "at_time": at, "counts": None}]
        reason = self.judge(told(held, statistic="share")).reason
        assert reason == ("no source says of any of 1 whether it was so (days to closure)")

    def test_without_an_outcome(self) -> None:
        result = self.judge(None)
        assert (result.verdict, result.aim) == ("cannot tell", "better than before")

    def test_a_guardrail_that_grew_worse(self, told: Any) -> None:
        good = told(rows((*BEFORE, *[12.0] * 4)))
        bad = told(rows((*BEFORE, *[60.0] * 4)), title="Repeat tests", role="guardrail")
        result = self.judge(good, bad)
        assert result.verdict == "under"
        assert result.sentence.endswith("a guardrail grew worse: Repeat tests.")

    def test_a_guardrail_beyond_its_limit_needs_no_baseline(self, told: Any) -> None:
        good = told(rows((*BEFORE, *[12.0] * 4)))
        since = rows([30.0] * 4, LIVE)
        limit: dict[str, Any] = {"title": "Repeat tests", "role": "guardrail", "target": 5}
        result = self.judge(good, told(since, **limit))
        assert result.verdict == "under"
        assert result.sentence.endswith(
            "a guardrail is beyond its limit: Repeat tests: 30.0 days, at most 5 days."
        )
        assert self.judge(good, told(rows([4.0] * 4, LIVE), **limit)).verdict == "met"

    def test_guardrails_that_held_and_those_nobody_can_tell(self, told: Any) -> None:
        good = told(rows((*BEFORE, *[12.0] * 4)))
        held = told(rows((*BEFORE, *[30.0] * 4)), title="Repeat tests", role="guardrail")
        unknown = told([], title="Deaths", role="guardrail")
        result = self.judge(good, held, unknown)
        assert result.verdict == "met"
        assert "no guardrail grew worse (Repeat tests)" in result.sentence
        assert "a guardrail cannot be told: Deaths" in result.sentence
        assert "no guardrail grew worse" not in self.judge(good, unknown).sentence
