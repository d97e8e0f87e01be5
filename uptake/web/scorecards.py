"""What a sender sends. In: runs on disk, definitions; out: how good it is, and what it repairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import brief_database, quoted
from uptake.web import run as runs
from uptake.web.charts import Dot
from uptake.web.trends import FILE

if TYPE_CHECKING:
    from uptake.model import Check

RUNS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class FeedCheck:
    """A check in one feed: its numbers now, and its share in the run before."""

    check: Check
    numerator: int
    denominator: int
    before: float | None
    """The share, 0 to 1; None where it was not judged then."""

    @property
    def share(self) -> float:
        """Return the share of violations, 0 to 1."""
        return self.numerator / self.denominator

    @property
    def fails(self) -> bool:
        """Return whether it is over its threshold in this feed."""
        return self.check.fails(self.numerator, self.denominator)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a use case's fix plan that this sender can do."""

    use_case: str
    title: str
    unit: str
    task: str
    gain: int


def serious(checks: Iterable[Check]) -> tuple[str, ...]:
    """Return the codes of checks whose findings make a record unfit."""
    return tuple(c.code for c in checks if c.spoils)


def sound(folders: Sequence[Path], feed: str, codes: Sequence[str]) -> Sequence[Dot]:
    """Return by run how many of a feed's resources have no finding of these checks, oldest first.

    Runs in which nothing of the feed was read are left out.
    """
    found: dict[str, Dot] = {}
    for folder in folders[-RUNS_SHOWN:]:
        summary = runs.read_summary(folder)
        whole = sum(summary.resources.get(feed, {}).values())
        if whole:
            spoilt = _spoilt(folder, feed, codes)
            found[summary.as_of] = Dot(date.fromisoformat(summary.as_of), whole - spoilt, whole)
    return tuple(found.values())


def feed_checks(
    run: Path, before: Path | None, feed: str, checks: Mapping[str, Check]
) -> tuple[FeedCheck, ...]:
    """Return the checks that judged something of a feed: failing first, most severe, most found."""
    now = _shares(run, feed)
    then = _shares(before, feed) if before else {}
    found = (
        FeedCheck(checks[code], bad, whole, then[code][0] / then[code][1] if code in then else None)
        for code, (bad, whole) in now.items()
        if code in checks
    )
    return tuple(
        sorted(found, key=lambda f: (not f.fails, f.check.severity.rank, -f.share, f.check.code))
    )


def steps(summary: runs.Summary, feed: str) -> tuple[Step, ...]:
    """Return the steps of all fix plans that are this feed's alone to do, largest gain first."""
    found = (
        Step(case.code, case.title, case.unit, step.task, step.gain)
        for case in summary.use_cases
        for step in case.fix_plan
        if {fix.feed for fix in step.fixes} == {feed}
    )
    return tuple(sorted(found, key=lambda s: (-s.gain, s.use_case, s.task)))


def _spoilt(folder: Path, feed: str, codes: Sequence[str]) -> int:
    """Return how many resources of a feed have a finding of these checks."""
    with runs.findings(folder) as db:
        (count,) = db.row(
            "select count(distinct (resource_type, resource_id, source_file, source_line)) "
            "from finding where feed = ? and resource_type <> '' and "
            "contains(?, '|' || \"check\" || '|')",
            [feed, f"|{'|'.join(codes)}|"],
        )
    return int(count)


def _shares(run: Path, feed: str) -> dict[str, tuple[int, int]]:
    """Return numerator and denominator of each check that judged something of a feed."""
    path = run / FILE
    if not path.is_file():
        return {}
    with brief_database() as db:
        rows = db.rows(
            f'select "check", sum(numerator), sum(denominator) from '
            f"read_parquet({quoted(str(path))}) where feed = ? group by 1 "
            "having sum(denominator) > 0 order by 1",
            [feed],
        )
    return {code: (int(bad), int(whole)) for code, bad, whole in rows}
