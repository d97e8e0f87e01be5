"""Planted gaps: every status is told right, and nothing that was done is called due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.care_gaps.patients import SCENARIOS
from benchmarks.care_gaps.truth import accuracy

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_planted_is_told(tmp_path: Path) -> None:
    found = accuracy(1, 3, tmp_path / "project")
    assert {key: n for key, n in found.answers.items() if key[1] != key[2]} == {}
    assert found.false_gaps[0] == 0
    assert {scenario for scenario, *_ in found.answers} == set(SCENARIOS)
