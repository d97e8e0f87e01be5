"""The work is observed, then designed; each requirement has a step that stays its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rollout_cases import NOW, later, state_in, use_case

from uptake.rollout.errors import RolloutError
from uptake.rollout.workflow import (
    Step,
    mapped,
    newest,
    place,
    placed,
    read_maps,
    read_placements,
    save_map,
)

if TYPE_CHECKING:
    from uptake.state.database import State

CASE = "gap-closure"
OPENS = Step("Nurse", "opens the visit", "EHR", "open gaps", "gap-list")
ASKS = Step("Physician", "orders the test")
TELLS = Step("Clerk", "tells the patient", surface="")
SURFACES = ("gap-list", "portal")


def save(state: State, kind: str, day: int, *steps: Step, at: int = 0, role: str = "RN") -> None:
    save_map(
        state, CASE, kind, date(2026, 5, day), "Noor Haddad", role, steps or (OPENS, ASKS),
        "Sam", later(at), SURFACES,
    )  # fmt: skip


def result(state: State, *codes: str) -> tuple[str, int | None, str]:
    found = mapped(use_case(*codes), read_maps(state, CASE), read_placements(state, CASE))
    return found.verdict, found.numerator, found.sentence


def test_a_design_after_an_observation_with_every_requirement_placed_is_mapped(
    tmp_path: Path,
) -> None:
    with state_in(tmp_path) as state:
        assert result(state)[2] == "Nobody has drawn how the work is done today."
        save(state, "current", 4, TELLS)
        assert "how it will be done is not drawn yet" in result(state)[2]
        save(state, "design", 11)
        place(state, use_case(), "hba1c", 1, "Sam", later(1))
        assert result(state) == (
            "under",
            1,
            "1 of 2 requirements have their step in the work that a clinician observed on "
            "2026-05-04. Without a step: The systolic.",
        )
        place(state, use_case(), "systolic", 1, "Sam", later(1))
        assert result(state)[:2] == ("met", 2)
        place(state, use_case(), "systolic", 0, "Sam", later(2))
        assert result(state)[:2] == ("under", 1)


def test_a_map_is_kept_in_every_version_with_its_steps(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        save(state, "current", 4)
        save(state, "current", 5, TELLS, at=1)
        save(state, "design", 6, at=2)
        maps = read_maps(state, CASE)
    assert [m.kind for m in maps] == ["current", "current", "design"]
    assert maps[0].steps == (OPENS, ASKS)
    current = newest(maps, "current")
    assert current is not None
    assert (current.dated, current.steps, current.at) == (date(2026, 5, 5), (TELLS,), later(1))


def test_a_design_before_the_work_was_observed_is_refused(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError, match="no clinician observed the work before"):
            save(state, "design", 11)
        save(state, "current", 12)
        with pytest.raises(RolloutError, match="dated 2026-05-11, and no clinician"):
            save(state, "design", 11)
        save(state, "design", 12)
        assert len(read_maps(state, CASE)) == 2


def test_every_fault_of_a_map_is_said_at_once(tmp_path: Path) -> None:
    steps = (Step("", "x"), Step(" ", ""), Step("Nurse", "looks", surface="wall"))
    with state_in(tmp_path) as state, pytest.raises(RolloutError) as error:
        save_map(state, CASE, "dream", date(2027, 1, 1), "", "", steps, "", NOW, SURFACES)
    assert error.value.faults == (
        "A map is current or design, not dream.",
        "The map is dated 2027-01-01, which is still to come.",
        "Who observed the work, or walked through the design? A name is needed.",
        "Who draws it? A name is needed.",
        "Step 1 has no actor.",
        "Step 2 has no actor and action.",
        "Step 3 names no known surface: wall; known: gap-list, portal.",
    )


@pytest.mark.parametrize("role", ["IT", "analyst", "programme lead", ""])
def test_the_observer_is_a_clinician(tmp_path: Path, role: str) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError, match="A clinician observes the work"):
            save(state, "current", 4, role=role)
        assert read_maps(state, CASE) == ()


def test_a_map_has_a_step(tmp_path: Path) -> None:
    with state_in(tmp_path) as state, pytest.raises(RolloutError, match="at least one step"):
        save_map(
            state, CASE, "current", date(2026, 5, 4), "Noor", "RN", (), "Sam", NOW, SURFACES
        )  # fmt: skip


def test_a_requirement_moves_along_with_its_step_and_is_lost_with_it(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        save(state, "current", 4)
        save(state, "design", 5, OPENS, ASKS)
        place(state, use_case(), "hba1c", 1, "Sam", later(1))
        place(state, use_case(), "systolic", 2, "Sam", later(1))
        save(state, "design", 6, TELLS, OPENS, at=2)
        where = placed(read_maps(state, CASE), read_placements(state, CASE))
        assert where == {"hba1c": 2}  # it did not slip to the clerk, who is first now
        assert result(state)[:2] == ("under", 1)
        place(state, use_case(), "systolic", 1, "Sam", later(3))
        assert result(state)[:2] == ("met", 2)


def test_a_place_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError, match="no design yet"):
            place(state, use_case(), "hba1c", 1, "Sam", NOW)
        save(state, "current", 4)
        save(state, "design", 5)
        with pytest.raises(RolloutError) as error:
            place(state, use_case(), "weight", 3, "", NOW)
    assert error.value.faults == (
        "Gap closure has no requirement weight.",
        "The design has no step 3; it has 2.",
        "Who places it? A name is needed.",
    )


def test_a_use_case_without_requirements_cannot_be_told() -> None:
    found = mapped(replace(use_case(), requirements=()), (), ())
    assert found.verdict == "cannot tell"
    assert found.reason
