"""Care gaps against planted truth: which answers are right, by status and by what was planted."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from benchmarks.care_gaps.patients import DONE, SCENARIOS, plant
from uptake.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Accuracy:
    """What was said of planted patients."""

    answers: Counter[tuple[str, str, str]]
    """Scenario, truth and answer."""

    def recall(self, status: str) -> tuple[int, int]:
        """Return how many of those who have this status were told so, and how many they are."""
        of = {k: n for k, n in self.answers.items() if k[1] == status}
        return sum(n for (_, _, said), n in of.items() if said == status), sum(of.values())

    def precision(self, status: str) -> tuple[int, int]:
        """Return how many of those told so have this status, and how many were told."""
        told = {k: n for k, n in self.answers.items() if k[2] == status}
        return sum(n for (_, truth, _), n in told.items() if truth == status), sum(told.values())

    @property
    def false_gaps(self) -> tuple[int, int]:
        """Return how many gaps called due were closed in truth, and how many were called due."""
        due = {k: n for k, n in self.answers.items() if k[2] == "due"}
        return sum(n for (scenario, *_), n in due.items() if scenario in DONE), sum(due.values())


def assess(folder: Path) -> Path:
    """Assess a project; return the folder of its run."""
    with suppress(SystemExit):  # the command ends with its exit code
        main(["assess", "--project", str(folder), "--quiet", "--fail-on", "never"])
    return (folder / "current").resolve()


def statuses(run: Path) -> dict[tuple[str, str], str]:
    """Return the status by rule and patient."""
    rows = duckdb.sql(
        f"select rule, patient_id, status from read_parquet('{run}/delivery/care_gap.parquet')"
    ).fetchall()
    return {(rule, patient): status for rule, patient, status in rows}


def accuracy(count: int, seed: int, folder: Path) -> Accuracy:
    """Plant, assess, compare."""
    planted = plant(count, seed, folder)
    said = statuses(assess(folder))
    return Accuracy(
        Counter(
            (p.scenario, p.truth, said.get((p.rule, p.patient), "not-applicable")) for p in planted
        )
    )


def show(found: Accuracy) -> None:
    """Print recall and precision a status, the false gaps, and every answer that is wrong."""
    print("| status | told right | of | said | right of it |\n|---|---|---|---|---|")
    for status in dict.fromkeys(SCENARIOS.values()):
        (right, whole), (true, told) = found.recall(status), found.precision(status)
        print(f"| {status} | {right} | {whole} | {told} | {true} |")
    false, due = found.false_gaps
    print(f"\nFalse gaps: {false} of {due} called due.")
    for (scenario, truth, said), n in sorted(found.answers.items()):
        if truth != said:
            print(f"- {n} of '{scenario}' should be {truth}, but are {said}")
