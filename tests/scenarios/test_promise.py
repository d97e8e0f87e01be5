"""The plan's promise: apply a step to the data, assess again, and what was promised is reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from uptake.demo.hospital import write_sample

from .assessing import assess_folder, findings, fitness_of
from .repair import apply

CASES = ("care-gap-closure", "medication-reconciliation", "deterioration-alerts")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, patients=120, seed=7)
    return folder


@pytest.mark.parametrize("use_case", CASES)
def test_each_step_reaches_what_it_promised(use_case: str, sample: Path, tmp_path: Path) -> None:
    folder = tmp_path / "hospital"
    write_sample(folder, patients=120, seed=7)
    first = assess_folder(folder, tmp_path / "run-0")
    before = fitness_of(first, use_case)
    assert before.unfit > 0
    assert before.fix_plan, "defects block units, so there is a plan"
    known = findings(tmp_path / "run-0")
    for number, step in enumerate(before.fix_plan, 1):
        assert apply(folder, step.fixes, known) > 0
        after = fitness_of(assess_folder(folder, tmp_path / f"run-{number}"), use_case)
        assert (after.fit, after.fit + after.unknown) == (
            step.reaches,
            step.clears,
        ), step.task
        assert after.population == before.population
    assert after.unfit == 0, "after the last step no unit has a defect left"


def test_a_plan_gains_in_order(sample: Path, tmp_path: Path) -> None:
    assessment = assess_folder(sample, tmp_path / "run")
    for fitness in assessment.fitness:
        reached = fitness.fit
        for step in fitness.fix_plan:
            assert step.reaches == reached + step.gain
            reached = step.reaches
