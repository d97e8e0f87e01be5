"""Shares over time. In: runs on disk; out: each feed's share of violations by month, or by run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from uptake.engine.duckdb import brief_database, listed, quoted
from uptake.web import run as runs
from uptake.web.charts import Dot

RUNS_SHOWN = 60
MONTHS_SHOWN = 24
FEWEST = 10
"""A month with fewer records than this has no share worth drawing."""
FILE = "stratum.parquet"


def by_month(run: Path, check: str) -> Mapping[str, Sequence[Dot]]:
    """Return a check's shares by feed and month of the clinical time, of the last two years.

    Undated records and months of few are left out; empty for a run of an earlier version, which
    kept no such numbers.
    """
    path = run / FILE
    if not path.is_file():
        return {}
    now = date.fromisoformat(runs.read_summary(run).as_of)
    first = f"{now.year - MONTHS_SHOWN // 12}-{now.month:02}"
    return _dots(
        "select feed, month || '-01', sum(numerator), sum(denominator) from "
        f'read_parquet({quoted(str(path))}) where "check" = ? '
        f"and month between '{first}' and '{now:%Y-%m}' "
        f"group by all having sum(denominator) >= {FEWEST} order by all",
        check,
    )


def by_run(found: Sequence[Path], check: str) -> Mapping[str, Sequence[Dot]]:
    """Return a check's shares by feed and the day each run took for now, runs oldest first.

    Of two runs of one day the later counts.
    """
    days: dict[str, Path] = {}
    for folder in found[-RUNS_SHOWN:]:
        if (folder / FILE).is_file():
            days[runs.read_summary(folder).as_of] = folder
    if len(days) < 2:
        return {}
    named = ", ".join(f"({quoted(str(f / FILE))}, {quoted(day)})" for day, f in days.items())
    files = listed([str(f / FILE) for f in days.values()])
    return _dots(
        f"select s.feed, d.day, sum(s.numerator), sum(s.denominator) from read_parquet({files}, "
        f"filename = true) s join (values {named}) d (file, day) on d.file = s.filename "
        'where s."check" = ? group by all having sum(s.denominator) > 0 order by all',
        check,
    )


def _dots(query: str, check: str) -> dict[str, list[Dot]]:
    with brief_database() as db:
        rows = db.rows(query, [check])
    found: dict[str, list[Dot]] = {}
    for feed, day, numerator, denominator in rows:
        dot = Dot(date.fromisoformat(day), int(numerator), int(denominator))
        found.setdefault(feed, []).append(dot)
    return found
