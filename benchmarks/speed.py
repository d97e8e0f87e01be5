"""In: a folder of NDJSON. Out: what `uptake assess` costs on it, cold, against parsing alone.

Run it with `python -m benchmarks.speed [SOURCE] [--runs 5]`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.assess import UPTAKE, Cost, measure
from benchmarks.corpus import LARGE, ROOT, read_lines
from benchmarks.defects.time import AS_OF

HELP_RUNS = 10
SPOKEN_EXITS = (0, 1, 3)  # 1: a threshold failed; 3: something was quarantined


@dataclass(frozen=True)
class Speed:
    """Cold runs of one source, and the parsing of the same bytes."""

    resources: int
    megabytes: float
    runs: list[Cost]
    parsing: list[float]
    help: list[float]

    @property
    def walls(self) -> list[float]:
        """Seconds of each run."""
        return [run.wall for run in self.runs]

    def rows(self) -> list[tuple[str, str, str]]:
        """Each figure with its best and its median."""
        parse = min(self.parsing)
        return [
            ("wall, s", f"{min(self.walls):.2f}", f"{statistics.median(self.walls):.2f}"),
            ("CPU of all processes, s", *best_median([run.cpu for run in self.runs], ".2f")),
            (
                "peak memory of the process tree, MB",
                *best_median([run.peak_tree for run in self.runs], ".0f"),
            ),
            ("largest process, MB", *best_median([run.peak_process for run in self.runs], ".0f")),
            (
                "resources a second",
                f"{self.resources / min(self.walls):,.0f}",
                f"{self.resources / statistics.median(self.walls):,.0f}",
            ),
            ("orjson parsing of the same bytes, s", *best_median(self.parsing, ".2f")),
            (
                "times orjson",
                f"{min(self.walls) / parse:.1f}",
                f"{statistics.median(self.walls) / statistics.median(self.parsing):.1f}",
            ),
            ("`uptake --help`, s", *best_median(self.help, ".2f")),
        ]


def best_median(values: list[float], layout: str) -> tuple[str, str]:
    """The least and the median, as text."""
    return format(min(values), layout), format(statistics.median(values), layout)


def cold_run(source: Path) -> Cost:
    """One `uptake assess` in fresh processes and a fresh folder.

    Raises RuntimeError when it failed.
    """
    with tempfile.TemporaryDirectory() as out:
        cost = measure(
            (*UPTAKE, "assess", str(source), "--out", f"{out}/run", "--as-of", AS_OF, "--quiet")
        )
    if cost.code not in SPOKEN_EXITS:
        raise RuntimeError(f"uptake assess {source}: exit {cost.code}: {cost.err}")
    return cost


def parse(lines: list[bytes]) -> float:
    """Seconds that orjson takes for the records, one after the other."""
    start = time.perf_counter()
    for line in lines:
        orjson.loads(line)
    return time.perf_counter() - start


def run(source: Path, runs: int) -> Speed:
    """The figures, the runs and the parsing taken in turn."""
    lines = [line for records in read_lines(source).values() for line in records]
    costs, parsing = [], []
    for _ in range(runs):
        costs.append(cold_run(source))
        parsing.append(parse(lines))
    helps = [measure((*UPTAKE, "--help"), ROOT).wall for _ in range(HELP_RUNS)]
    return Speed(len(lines), sum(map(len, lines)) / 1e6, costs, parsing, helps)


def table(speed: Speed) -> str:
    """The figures as a Markdown table."""
    return "\n".join(
        [
            "| figure | best | median |",
            "|---|---:|---:|",
            *(f"| {name} | {best} | {median} |" for name, best, median in speed.rows()),
        ]
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, nargs="?", default=LARGE)
    parser.add_argument("--runs", type=int, default=5)
    told = parser.parse_args()
    if not told.source.is_dir():
        print(f"{told.source}: no such folder; the benchmark needs its data there")
        return 2
    speed = run(told.source, told.runs)
    print(f"{speed.resources:,} resources, {speed.megabytes:.0f} MB of JSON, {told.runs} cold runs")
    print(table(speed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
