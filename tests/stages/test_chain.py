"""The eight stages from a situation, and which is the first under its target."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from chain_cases import (
    CASE,
    MANY,
    MEASURES,
    USE_CASE,
    opportunities,
    renamed,
    served,
    situation,
    step,
    summary,
    viewed,
    weeks,
)

from uptake.model import Chain, Stage, StageResult, UseCase
from uptake.rollout.chain import chain, chains, fit, measured


def test_the_outcome_is_the_measure_that_the_charter_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = replace(MEASURES["days-to-closure"], code="a-first-one", unit="%")
    monkeypatch.setattr("chain_cases.MEASURES", {first.code: first, **MEASURES})
    with situation(tmp_path) as one:
        found = measured(one, USE_CASE)
    assert found.outcome
    assert (found.outcome.measure.code, found.outcome.target) == ("days-to-closure", 14)


def stage(found: Chain, which: Stage) -> StageResult:
    return next(s for s in found.stages if s.stage == which)


def told(folder: Path, of: UseCase = USE_CASE, **more: Any) -> Chain:
    with situation(folder, more.pop("events", ()), **more) as one:
        return chain(one, of)


class TestFit:
    @pytest.mark.parametrize(
        ("said", "verdict", "number"),
        [
            ({"fit": 90}, "met", "90 %"),
            ({"fit": 89, "unfit": 11, "verdict": "unfit"}, "under", "89 %"),
            ({"fit": 89, "unfit": 11, "verdict": "at risk"}, "under", "89 %"),
            ({"verdict": "cannot tell", "reason": "HbA1c: nothing was found."}, "cannot tell", ""),
            ({"verdict": "not applicable", "reason": "the data hold none"}, "cannot tell", ""),
            ({"population": 29, "fit": 29, "unfit": 0}, "cannot tell", ""),
            ({"population": 30, "fit": 30, "unfit": 0}, "met", "100 %"),
        ],
    )
    def test_the_verdict_of_a_run(
        self, said: dict[str, Any], verdict: str, number: str, tmp_path: Path
    ) -> None:
        with situation(tmp_path, told=summary(**said)) as one:
            result = fit(one, USE_CASE)
        assert (result.verdict, result.number) == (verdict, number)
        if said.get("reason"):
            assert result.sentence == f"Cannot tell: {said['reason'].rstrip('.')}."
        assert result.aim == "at least 90 %"

    @pytest.mark.parametrize(("day", "old"), [("2026-10-02", False), ("2026-10-01", True)])
    def test_a_run_of_more_than_thirty_days_ago_tells_nothing(
        self, day: str, old: bool, tmp_path: Path
    ) -> None:
        with situation(tmp_path, told=summary(day)) as one:
            result = fit(one, USE_CASE)
        assert result.verdict == ("cannot tell" if old else "met")
        assert result.reason == ("the newest run is 31 days old" if old else "")

    def test_without_a_run(self, tmp_path: Path) -> None:
        found = told(tmp_path, told={}, run=False)
        assert stage(found, Stage.FIT).reason == "no run has judged it; assess first"
        assert stage(found, Stage.DELIVERED).reason == "no run has looked for it"
        assert stage(found, Stage.IMPROVED).reason == "no outcome is defined for this use case"
        assert found.stall is None, "what cannot be told is no stall"

    def test_a_run_that_did_not_judge_it(self, tmp_path: Path) -> None:
        found = told(tmp_path, told=summary() | {"use_cases": []})
        assert stage(found, Stage.FIT).verdict == "cannot tell"


AFTER_GO_LIVE = (Stage.DELIVERED, Stage.SEEN, Stage.USED, Stage.ACTED_ON, Stage.IMPROVED)


class TestGoLive:
    def test_before_it_nothing_of_use_is_told(self, tmp_path: Path) -> None:
        found = told(tmp_path, live=None)
        for which in AFTER_GO_LIVE:
            one = stage(found, which)
            assert one.verdict == "cannot tell"
            assert one.reason.startswith("it is not live: its gate was not passed")
        assert stage(found, Stage.IMPROVED).aim == "better than before", "it is no share"
        assert found.stall is None

    def test_a_day_to_come_is_named(self, tmp_path: Path) -> None:
        found = told(tmp_path, live=date(2026, 11, 2))
        for which in AFTER_GO_LIVE:
            assert stage(found, which).reason.startswith("it goes live on 2026-11-02")

    def test_on_the_day_itself_it_is_live(self, tmp_path: Path) -> None:
        found = told(tmp_path, live=date(2026, 11, 1))
        assert "live" not in stage(found, Stage.DELIVERED).reason


PERFECT: dict[str, Any] = {
    "events": [*served(), *viewed(*MANY)],
    "held": opportunities(acted=MANY),
    "measure_row": weeks("days-to-closure", 30, 10) + weeks("repeat-tests", 5, 5),
}

CHANGES: dict[Stage, dict[str, Any]] = {
    Stage.DEFINED: {"ready": False},
    Stage.FIT: {
        "told": summary(fit=50, unfit=50, fix_plan=[step(("COD-01", "lab", "a"))]),
    },
    Stage.DELIVERED: {"events": [*served(late=range(1, 11)), *viewed(*MANY)]},
    Stage.SEEN: {"events": [*served(), *viewed(*range(1, 24))]},
    Stage.USED: {"events": [*served(), *(e | {"practitioner": "pr-1"} for e in viewed(*MANY))]},
    Stage.ACTED_ON: {"held": opportunities(acted=range(1, 12))},
    Stage.IMPROVED: {"measure_row": weeks("days-to-closure", 30, 30)},
}
"""What puts a stage under its target."""


class TestChain:
    def test_every_stage_met(self, tmp_path: Path) -> None:
        found = told(tmp_path, **PERFECT)
        assert [s.verdict for s in found.stages] == ["met"] * 8
        assert [s.stage for s in found.stages] == list(Stage)
        assert (found.stall, found.untold) == (None, ())
        assert [s.number for s in found.stages] == [
            "10 of 10", "2 of 2", "95 %", "100 %", "100 %", "100 %", "100 %", "10.5 days",
        ]  # fmt: skip
        assert stage(found, Stage.IMPROVED).aim == "at most 14 days", "the charter's target"

    @pytest.mark.parametrize("which", CHANGES, ids=str)
    def test_the_first_stage_under_its_target_is_the_stall(
        self, which: Stage, tmp_path: Path
    ) -> None:
        found = told(tmp_path, **PERFECT | CHANGES[which])
        assert next(s.stage for s in found.stages if s.verdict == "under") == which
        assert found.stall
        assert found.stall.stage == which
        before = list(Stage)[: list(Stage).index(which)]
        assert all(stage(found, s).verdict == "met" for s in before)

    def test_what_cannot_be_told_is_passed_over_and_named(self, tmp_path: Path) -> None:
        bad = opportunities(acted=range(1, 12))
        found = told(tmp_path, **PERFECT | {"told": {}, "held": bad})
        assert [s.stage for s in found.untold] == [Stage.FIT]
        assert found.stall
        assert found.stall.stage == Stage.ACTED_ON

    def test_targets_are_met_at_the_edge(self, tmp_path: Path) -> None:
        edge = {"events": [*served(late=(1, 2)), *viewed(*range(1, 26))],
                "held": opportunities(acted=range(3, 20))}  # fmt: skip
        found = told(tmp_path, **PERFECT | edge)
        one = stage(found, Stage.DELIVERED)
        assert (one.numerator, one.denominator, one.verdict) == (38, 40, "met"), "95 %"
        assert stage(found, Stage.SEEN).verdict == "met", "23 of 38 are over 60 %"
        assert "2 more came late" in one.sentence

    def test_a_use_case_that_does_not_say_what_is_counted(self, tmp_path: Path) -> None:
        found = told(tmp_path, renamed(opportunity="", acted=""), **PERFECT)
        assert "does not say when" in stage(found, Stage.DELIVERED).reason
        assert "does not say what acting is" in stage(found, Stage.ACTED_ON).reason

    def test_each_use_case_has_a_chain(self, tmp_path: Path) -> None:
        with situation(tmp_path) as one:
            assert [c.use_case for c in chains(one)] == [CASE]
