"""Assess a folder as the command line does, in this process, and read what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from uptake.cli.checks import read_catalogue
from uptake.feeds.files import find_feeds
from uptake.findings.assess import Request, assess
from uptake.model import Severity
from uptake.project import Project, instant, read_project

if TYPE_CHECKING:
    from collections.abc import Callable

    from uptake.model import Assessment, Check, Fitness


class Silent:
    """A watch that says nothing."""

    def begin(self, phase: str, total: int) -> None:
        pass

    def advance(self, steps: int, at: str = "") -> None:
        pass


def decides_fitness(check: Check) -> bool:
    """Return whether what violates a check may be unusable: others never change a fitness."""
    return check.severity in (Severity.BLOCKER, Severity.HIGH)


def assess_folder(
    folder: Path,
    out: Path,
    *,
    as_of: str = "2026-11-01",
    wanted: Callable[[Check], bool] = lambda check: True,
    cases: frozenset[str] | None = None,
) -> Assessment:
    """Return the assessment of a project or of a plain folder.

    Only the wanted checks and these use cases are judged; None: all of them. What a test does not
    ask about costs seconds a run.
    """
    project = read_project(folder) if (folder / "uptake.toml").is_file() else Project()
    checks, use_cases = read_catalogue(project)
    checks = {code: check for code, check in checks.items() if wanted(check)}
    if cases is not None:
        use_cases = {code: use_cases[code] for code in sorted(cases)}
    feeds = project.feeds or find_feeds([str(folder)], {})
    request = Request(feeds, checks, use_cases, instant(as_of, None), "test", threads=2)  # type: ignore[arg-type]
    return assess(request, out, out / "resources", Silent())


def findings(out: Path) -> list[dict[str, Any]]:
    """Return the findings of a run, one dictionary a row."""
    relation = duckdb.sql(f"select * from read_parquet('{out}/findings.parquet')")
    names = relation.columns
    return [dict(zip(names, row, strict=True)) for row in relation.fetchall()]


def fitness_of(assessment: Assessment, use_case: str) -> Fitness:
    """Return the fitness of one use case."""
    return next(f for f in assessment.fitness if f.use_case.code == use_case)
