"""A gate opens when each condition is met or somebody answers for it, and those before are open."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from rollout_cases import KNOWN, NOW, OWNER, later, state_in, use_case, write_charter

from uptake.cli.gate import gate as command
from uptake.errors import SourceError
from uptake.model import Chain, Stage, StageResult
from uptake.rollout.charter import read_charter
from uptake.rollout.conditions import (
    CONDITIONS,
    REVIEW,
    Decision,
    FeedbackCounts,
    GateFacts,
    GateStage,
    RunFact,
    Waiver,
)
from uptake.rollout.errors import RolloutError
from uptake.rollout.gates import (
    Condition,
    decide,
    judge_gate,
    judge_gates,
    read_decisions,
    read_waivers,
    review_outcome,
    waive,
)
from uptake.rollout.people import Champion, UnitChampions
from uptake.rollout.roles import Profession
from uptake.rollout.signing import sign
from uptake.rollout.situation import read_summary
from uptake.rollout.workflow import Step, place, read_maps, read_placements, save_map

if TYPE_CHECKING:
    from uptake.project import Project

CASE = "gap-closure"
TODAY = date(2026, 8, 31)
BEGAN = date(2026, 6, 8)
LIVE = date(2026, 7, 20)


def run(day: date, verdict: str = "fit", **more: Any) -> RunFact:
    return RunFact(f"{day}T00:00:00Z", day, verdict, 95, 100, **more)


def weekly(start: date, end: date) -> tuple[RunFact, ...]:
    return tuple(run(start + timedelta(days=d)) for d in range(0, (end - start).days + 1, 7))


def unit(name: str, *, active: bool | None = True, nurse: bool = True) -> UnitChampions:
    kinds = (Profession.PHYSICIAN, Profession.NURSE) if nurse else (Profession.PHYSICIAN,)
    return UnitChampions(name, tuple(Champion(name, k[0], k, NOW, active) for k in kinds))


def chain(verdict: str = "under") -> Chain:
    def stage(name: Stage) -> StageResult:
        return StageResult(name, verdict, 0.5, f"{name} in a sentence.", reason=f"Why {name} is.")

    return Chain(CASE, "Gap closure", (stage(Stage.USED), stage(Stage.ACTED_ON)), None)


@pytest.fixture
def facts(tmp_path: Path) -> GateFacts:
    """Return facts with which every gate is open."""
    with state_in(tmp_path) as state:
        write_charter(state)
        sign(state, CASE, OWNER, "physician", NOW, KNOWN)
        steps = (Step("Nurse", "opens the visit"),)
        for kind in ("current", "design"):
            save_map(
                state, CASE, kind, date(2026, 5, 4), "Noor", "RN", steps, "Sam", NOW, ()
            )  # fmt: skip
        for code in ("hba1c", "systolic"):
            place(state, use_case(), code, 1, "Sam", later(1))
        maps, placements = read_maps(state, CASE), read_placements(state, CASE)
        charter = read_charter(state, CASE)
    return GateFacts(
        use_case(),
        TODAY,
        charter,
        maps,
        placements,
        weekly(BEGAN, TODAY),
        (unit("ICU"), unit("Ward 3")),
        FeedbackCounts(answered=3),
        chain(),
        (
            Decision("scoping", BEGAN, "Ada", NOW),
            Decision("go-live", LIVE, "Ada", NOW),
            Decision(REVIEW, date(2026, 8, 20), "Ada", NOW),
        ),
    )


def condition(facts: GateFacts, stage: GateStage, code: str) -> Condition:
    return next(c for c in judge_gate(facts, stage).conditions if c.code == code)


def test_with_everything_done_every_gate_is_open(facts: GateFacts) -> None:
    gates = judge_gates(facts)
    assert [g.stage for g in gates] == [*GateStage]
    assert all(g.open for g in gates)
    assert all(c.evidence.sentence for g in gates for c in g.conditions)
    decided = [g.decided.day if g.decided else None for g in gates]
    assert decided == [BEGAN, None, LIVE, None]


def test_a_closed_gate_closes_every_gate_behind_it(facts: GateFacts) -> None:
    shut = replace(facts, placements=facts.placements[:1])
    scoping, build, live, sustain = judge_gates(shut)
    assert scoping.open
    assert [c.code for c in build.blocking] == ["placed"]
    assert (live.blocking, live.waits_for, live.open) == ((), (GateStage.BUILD,), False)
    assert sustain.waits_for == (GateStage.BUILD,)


def test_nothing_done_is_said_condition_by_condition(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        empty = GateFacts(use_case(), TODAY, read_charter(state, CASE))
    found = {c.code: c.met for g in judge_gates(empty) for c in g.conditions}
    assert found == {
        "charter": False,
        "acceptance": False,
        "observed": False,
        "placed": False,
        "assessed": None,
        "recent": False,
        "fitness": None,
        "blockers": None,
        "champions": None,
        "feedback": True,  # nobody reported anything
        "used": None,
        "acted-on": None,
        "champions-active": None,
        "outcome": None,
    }


def test_an_unsigned_charter_closes_scoping(facts: GateFacts, tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state, target="at most 20 days")
        changed = replace(facts, charter=read_charter(state, CASE))
    assert condition(changed, GateStage.SCOPING, "charter").met is False
    assert condition(changed, GateStage.SCOPING, "acceptance").met is True


def test_a_gap_in_the_assessments_of_the_build_is_found(facts: GateFacts) -> None:
    runs = (run(BEGAN), run(LIVE), *weekly(LIVE, TODAY))
    found = condition(replace(facts, runs=runs), GateStage.GO_LIVE, "assessed")
    assert found.met is False
    assert found.evidence.sentence == (
        f"No assessment for 42 days, from {BEGAN} to {LIVE}; 28 are the most."
    )


@pytest.mark.parametrize(
    ("days", "met"),
    [((14, 28), True), ((28,), True), ((7, 35), True), ((7, 36), False), ((), False),
     ((13,), False)],
)  # fmt: skip
def test_one_assessment_in_every_28_days_of_the_build(
    facts: GateFacts, days: tuple[int, ...], met: bool
) -> None:
    runs = tuple(run(BEGAN + timedelta(days=d)) for d in days)  # the build has 42 days
    assert condition(replace(facts, runs=runs), GateStage.GO_LIVE, "assessed").met is met


def test_before_go_live_the_build_lasts_until_today(facts: GateFacts) -> None:
    early = replace(facts, decisions=facts.decisions[:1], runs=weekly(BEGAN, LIVE))
    assert condition(early, GateStage.GO_LIVE, "assessed").met is False
    assert condition(replace(early, today=LIVE), GateStage.GO_LIVE, "assessed").met is True


@pytest.mark.parametrize(("age", "met"), [(0, True), (29, True), (30, False), (-1, False)])
def test_the_newest_assessment_is_under_30_days_old(facts: GateFacts, age: int, met: bool) -> None:
    one = replace(facts, runs=(run(TODAY - timedelta(days=age)),))
    assert condition(one, GateStage.GO_LIVE, "recent").met is met


@pytest.mark.parametrize(
    ("verdict", "met"),
    [("fit", True), ("at risk", False), ("unfit", False), ("cannot tell", None),
     ("not applicable", None)],
)  # fmt: skip
def test_fitness_of_the_newest_run_counts(facts: GateFacts, verdict: str, met: bool | None) -> None:
    runs = (run(TODAY, verdict), *facts.runs[:-1])
    assert condition(replace(facts, runs=runs), GateStage.GO_LIVE, "fitness").met is met


def test_a_blocker_that_fails_or_was_not_run_closes_the_gate(facts: GateFacts) -> None:
    fails = replace(facts, runs=(*facts.runs[:-1], run(TODAY, blockers=("DUP-01", "TIM-01"))))
    found = condition(fails, GateStage.GO_LIVE, "blockers")
    assert (found.met, found.evidence.link) == (False, "/findings/DUP-01")
    untold = replace(facts, runs=(*facts.runs[:-1], run(TODAY, blockers_not_run=("DUP-01",))))
    assert condition(untold, GateStage.GO_LIVE, "blockers").met is None


def test_each_unit_needs_its_two_champions(facts: GateFacts) -> None:
    lacks = replace(facts, champions=(unit("ICU"), unit("Ward 3", nurse=False)))
    found = condition(lacks, GateStage.GO_LIVE, "champions")
    assert (found.met, found.evidence.sentence) == (False, "Ward 3 has no nurse.")
    assert condition(replace(facts, champions=()), GateStage.GO_LIVE, "champions").met is None


@pytest.mark.parametrize("active", [True, False, None])
def test_champions_are_active_after_go_live(facts: GateFacts, active: bool | None) -> None:
    some = replace(facts, champions=(unit("ICU"), unit("Ward 3", active=active)))
    assert condition(some, GateStage.SUSTAIN, "champions-active").met is active
    early = replace(some, decisions=facts.decisions[:1])
    assert condition(early, GateStage.SUSTAIN, "champions-active").met is None


def test_feedback_has_a_week_for_its_answer(facts: GateFacts) -> None:
    waits = replace(facts, feedback=FeedbackCounts(answered=2, waiting=1))
    assert condition(waits, GateStage.GO_LIVE, "feedback").met is True
    late = replace(facts, feedback=FeedbackCounts(answered=2, unanswered=1))
    found = condition(late, GateStage.SUSTAIN, "feedback")
    assert (found.met, found.evidence.sentence) == (False, "2 of 3 reports answered.")


def test_sustain_asks_that_use_and_care_can_be_told(facts: GateFacts) -> None:
    assert condition(facts, GateStage.SUSTAIN, "used").met is True  # told, though under target
    found = condition(replace(facts, chain=chain("cannot tell")), GateStage.SUSTAIN, "acted-on")
    assert (found.met, found.evidence.sentence) == (None, "Why acted on is.")


def test_the_outcome_is_reviewed_since_go_live_and_again(facts: GateFacts) -> None:
    old = replace(facts, decisions=(*facts.decisions[:2], Decision(REVIEW, BEGAN, "Ada", NOW)))
    assert condition(old, GateStage.SUSTAIN, "outcome").met is False
    year_on = replace(facts, today=TODAY + timedelta(days=100))
    assert condition(year_on, GateStage.SUSTAIN, "outcome").met is False


def test_a_waiver_counts_up_to_its_last_day(facts: GateFacts) -> None:
    until = TODAY + timedelta(days=5)
    waiver = Waiver("go-live", "champions", "The nurse starts on Monday", until, "Ada", NOW)
    waived = replace(facts, champions=None, waivers=(waiver,))
    assert condition(waived, GateStage.GO_LIVE, "champions").waiver == waiver
    assert judge_gate(waived, GateStage.GO_LIVE).open
    assert judge_gate(replace(waived, today=until), GateStage.GO_LIVE).open
    after = replace(waived, today=until + timedelta(days=1))
    found = condition(after, GateStage.GO_LIVE, "champions")
    assert found.waiver is None
    assert found.evidence.sentence.endswith(f"A waiver ended on {until}.")
    assert not judge_gate(after, GateStage.GO_LIVE).open


def test_a_waiver_of_one_gate_is_none_of_another(facts: GateFacts) -> None:
    waiver = Waiver("go-live", "feedback", "Few", TODAY + timedelta(days=5), "Ada", NOW)
    late = replace(facts, feedback=FeedbackCounts(unanswered=1), waivers=(waiver,))
    assert judge_gate(late, GateStage.GO_LIVE).open
    assert not judge_gate(late, GateStage.SUSTAIN).open


def test_a_waiver_needs_a_reason_a_name_and_an_end_after_today(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError) as error:
            waive(state, CASE, Waiver("go-live", "luck", " ", TODAY, "", NOW), TODAY)
        with pytest.raises(RolloutError, match="There is no gate party"):
            waive(state, CASE, Waiver("party", "x", "y", date.max, "Ada", NOW), TODAY)
        assert read_waivers(state, CASE) == ()
        first = Waiver("go-live", "fitness", "Soon", date(2027, 1, 1), "Ada", NOW)
        second = replace(first, until=date(2026, 9, 1), at=later(1))
        for one in (first, second):
            waive(state, CASE, one, TODAY)
        assert read_waivers(state, CASE) == (second,)  # the newest counts, also a shorter one
    assert len(error.value.faults) == 4


def test_nobody_decides_a_closed_gate(facts: GateFacts, tmp_path: Path) -> None:
    shut = judge_gate(replace(facts, placements=(), runs=()), GateStage.GO_LIVE)
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError) as error:
            decide(state, shut, TODAY, "", NOW)
        assert read_decisions(state, CASE) == ()
    assert "The gate go-live waits for build." in error.value.faults
    assert "Who decides? A name is needed." in error.value.faults
    assert any(f.startswith("The newest assessment") for f in error.value.faults)


def test_an_open_gate_is_decided_and_days_follow_each_other(
    facts: GateFacts, tmp_path: Path
) -> None:
    scoping, _, live, _ = judge_gates(facts)
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError, match="still to come"):
            decide(state, scoping, date(2026, 7, 1), "Ada", NOW)
        decide(state, scoping, date(2026, 5, 30), "Ada", NOW)
        with pytest.raises(RolloutError, match="passed on 2026-05-30, after 2026-05-29"):
            decide(state, live, date(2026, 5, 29), "Ada", NOW)
        decide(state, live, LIVE, "Ada", NOW)  # a day to come, when it goes live
        review_outcome(state, CASE, date(2026, 6, 1), "Ada", NOW)
        with pytest.raises(RolloutError, match="still to come"):
            review_outcome(state, CASE, LIVE, "Ada", NOW)
        days = {d.stage: d.day for d in read_decisions(state, CASE)}
    assert days == {"scoping": date(2026, 5, 30), "go-live": LIVE, REVIEW: date(2026, 6, 1)}


@pytest.mark.parametrize("held", [None, "{"])
def test_a_run_without_its_summary_is_no_crash(tmp_path: Path, held: str | None) -> None:
    if held is not None:
        (tmp_path / "summary.json").write_text(held)
    with pytest.raises(SourceError, match=r"summary\.json: cannot be read; run `uptake assess`"):
        read_summary(tmp_path)


def test_codes_are_unique_within_a_gate() -> None:
    for asked in CONDITIONS.values():
        assert len({a.code for a in asked}) == len(asked)


class Served:
    """Facts as the project has them, with the waivers of its state."""

    def __init__(self, facts: GateFacts) -> None:
        self.facts = facts

    def gate_facts(self, project: Project, code: str) -> GateFacts:
        from uptake.state.database import open_state

        state = open_state(project.state_url)
        try:
            return replace(self.facts, waivers=read_waivers(state, code))
        finally:
            state.close()


@pytest.fixture
def served(facts: GateFacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Give a project in the current folder whose facts are these."""
    found = Served(facts)
    module = types.ModuleType("uptake.rollout.facts")
    module.gate_facts = found.gate_facts  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uptake.rollout.facts", module)
    monkeypatch.chdir(tmp_path)
    Path("uptake.toml").write_text("", "utf-8")
    return found


def test_the_command_exits_with_1_when_a_gate_is_closed(served: Served) -> None:
    assert CliRunner().invoke(command, [CASE]).exit_code == 0
    served.facts = replace(served.facts, champions=(unit("ICU", nurse=False),))
    result = CliRunner().invoke(command, [CASE, "go-live"])
    assert result.exit_code == 1
    assert "go-live: closed" in result.output
    assert "ICU has no nurse." in result.output
    assert CliRunner().invoke(command, [CASE, "build"]).exit_code == 0


def test_the_command_says_it_in_json(served: Served) -> None:
    result = CliRunner().invoke(command, [CASE, "scoping", "--json"])
    (gate,) = json.loads(result.output)["gates"]
    assert (gate["stage"], gate["open"], gate["waits_for"]) == ("scoping", True, [])
    assert gate["decided"] == {"day": "2026-06-08", "by": "Ada"}
    assert [c["met"] for c in gate["conditions"]] == [True, True]


def test_the_command_keeps_a_waiver_of_the_one_open_condition(served: Served) -> None:
    served.facts = replace(served.facts, champions=None)
    words = [CASE, "go-live", "--waive", "Starts\n\x1b[2JMonday", "--by", "Ada", "--until"]
    result = CliRunner().invoke(command, [*words, "2026-09-30"])
    assert result.exit_code == 0, result.output
    assert "Waived by Ada until 2026-09-30: Starts" in result.output
    assert "\x1b" not in result.output
    refused = CliRunner().invoke(command, [*words, "tomorrow", "--condition", "champions"])
    assert "no date" in str(refused.exception)
    refused = CliRunner().invoke(command, [*words, "2026-08-31", "--condition", "champions"])
    assert "ends after today" in str(refused.exception)


def test_the_command_does_not_guess_what_is_waived(served: Served) -> None:
    words = ["--waive", "Later", "--by", "Ada", "--until", "2026-09-30"]
    served.facts = replace(served.facts, champions=None, feedback=FeedbackCounts(unanswered=1))
    result = CliRunner().invoke(command, [CASE, "go-live", *words])
    assert "one of champions, feedback" in str(result.exception)
    result = CliRunner().invoke(command, [CASE, "scoping", *words])
    assert "no condition that needs a waiver" in str(result.exception)
    result = CliRunner().invoke(command, [CASE, *words])
    assert "takes a stage" in str(result.exception)
    result = CliRunner().invoke(command, [CASE, "go-live", "--by", "Ada"])
    assert "add --waive" in str(result.exception)
