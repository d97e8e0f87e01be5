"""The plan's promise: apply a step to the data, assess again, and what was promised is reached."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from uptake.demo.hospital import write_sample

from .assessing import assess_folder, decides_fitness, findings, fitness_of
from .repair import apply

if TYPE_CHECKING:
    from uptake.model import Assessment

CASES = ("care-gap-closure", "medication-reconciliation", "deterioration-alerts")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, patients=120, seed=7)
    return folder


@pytest.fixture(scope="module")
def first(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Assessment, Path]:
    """Return the assessment of the sample as it was sent, and its folder."""
    out = tmp_path_factory.mktemp("first") / "run"
    return assess_folder(sample, out), out


@pytest.mark.parametrize("use_case", CASES)
def test_each_step_reaches_what_it_promised(
    use_case: str, sample: Path, first: tuple[Assessment, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(sample, tmp_path / "hospital"))
    before = fitness_of(first[0], use_case)
    assert before.unfit > 0
    assert before.fix_plan, "defects block units, so there is a plan"
    known = findings(first[1])
    for number, step in enumerate(before.fix_plan, 1):
        assert apply(folder, step.fixes, known) > 0
        after = fitness_of(
            assess_folder(
                folder, tmp_path / f"run-{number}",
                wanted=decides_fitness, cases=frozenset({use_case}),
            ),
            use_case,
        )  # fmt: skip
        assert (after.fit, after.fit + after.unknown) == (
            step.reaches,
            step.clears,
        ), step.task
        assert after.population == before.population
    assert after.unfit == 0, "after the last step no unit has a defect left"


def test_a_plan_gains_in_order(first: tuple[Assessment, Path]) -> None:
    for fitness in first[0].fitness:
        reached = fitness.fit
        for step in fitness.fix_plan:
            assert step.reaches == reached + step.gain
            reached = step.reaches
