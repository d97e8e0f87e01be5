"""In: nothing. Out: what `uptake demo` takes, cold, phase by phase, and how many bytes it leaves.

    python -m benchmarks.demo [--patients 1000] [--keep DIR]

The phases are the lines that the command says, with the time at which it said them; how long an
assessment took stands in its summary. As a peer, in the same run: one `uptake assess` of the same
feeds in fresh processes.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.assess import UPTAKE, Cost, measure, watch
from benchmarks.corpus import ROOT
from uptake.project import read_project
from uptake.runs import history

SIMULATING, READING, FITNESS = "Simulating", "Reading", "Fitness"
BETWEEN = "Between and after"
WORDS = {
    SIMULATING: "the hospital, its feeds, its logs",
    READING: "every run: feeds into the raw store",
    "Tables": "every run",
    "Checks": "every run",
    FITNESS: "every run: persons, fitness, opportunities, measures",
    BETWEEN: "reports of the runs, charters, maps, gates, imports, new feeds, the chain",
}
SPOKEN_EXITS = (0, 1, 3)


@dataclass(frozen=True)
class Lived:
    """One demo: its cost, seconds by phase, bytes by folder, and a single assessment beside it."""

    load: float
    cost: Cost
    phases: dict[str, float]
    runs: int
    sizes: dict[str, int]
    resources: int
    assess: Cost


def spoken(command: tuple[str, ...]) -> tuple[list[tuple[str, float]], Cost]:
    """Run a command: the phases it names with their times, and what it cost."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peaks, done = [0.0, 0.0], threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, peaks, done))
    watcher.start()
    lines = process.stderr or ()
    said = [(line.split(" ")[0], time.perf_counter() - start) for line in lines]
    code = process.wait()
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said, Cost(wall, cpu, peaks[0], peaks[1], code, "", "")


def phases(said: list[tuple[str, float]], wall: float, seconds: list[float]) -> dict[str, float]:
    """Seconds by phase; `seconds` is what each run says of itself, until its page is written."""
    found = dict.fromkeys(WORDS, 0.0)
    ends = [at for _, at in said[1:]] + [wall]
    for (name, at), end in zip(said, ends, strict=True):
        if name in found:
            found[name] += end - at
    begun = [at for name, at in said if name == READING]
    judged = [at for name, at in said if name == FITNESS]
    # What follows the line "Fitness" is more than fitness: the run says when it was done.
    fitness = sum(b + s - j for b, s, j in zip(begun, seconds, judged, strict=True))
    found[BETWEEN] = found[FITNESS] - fitness
    found[FITNESS] = fitness
    return found


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file() and not p.is_symlink())


def sizes(folder: Path) -> dict[str, int]:
    """Bytes by what they are."""
    named = {"resources": "raw store", "runs": "runs", "events": "event log", "usage": "logs"}
    found: dict[str, int] = {}
    for path in folder.iterdir():
        if path.is_symlink():
            continue
        name = named.get(path.name, "feeds" if path.is_dir() else path.name.split("-")[0])
        found[name] = found.get(name, 0) + size(path)
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def run(folder: Path, patients: int = 1000) -> Lived:
    """Live the demo in an empty folder, then assess it once more.

    Raises RuntimeError when either failed.
    """
    load = os.getloadavg()[0]
    said, cost = spoken((*UPTAKE, "demo", str(folder), "--patients", str(patients)))
    if cost.code:
        raise RuntimeError(f"uptake demo: exit {cost.code}")
    summaries = [
        json.loads((run / "summary.json").read_text("utf-8"))
        for run in history(read_project(folder))
    ]
    seconds = [summary["seconds"] for summary in summaries]
    known = sizes(folder)
    with tempfile.TemporaryDirectory() as out:
        words = ("assess", "--project", str(folder), "--out", out, "--fail-on", "never", "--quiet")
        again = measure((*UPTAKE, *words))
    if again.code not in SPOKEN_EXITS:
        raise RuntimeError(f"uptake assess: exit {again.code}: {again.err}")
    resources = sum(row["resources"] for row in summaries[-1]["inputs"])
    return Lived(
        load, cost, phases(said, cost.wall, seconds), len(seconds), known, resources, again
    )


def table(lived: Lived) -> str:
    """The phases as a Markdown table."""
    rows = ["| phase | what it is | s | share |", "|---|---|---:|---:|"]
    named = sum(lived.phases.values())
    for name, seconds in lived.phases.items():
        rows.append(f"| {name} | {WORDS[name]} | {seconds:.1f} | {seconds / lived.cost.wall:.0%} |")
    rest = lived.cost.wall - named
    rows.append(f"| Start | imports | {rest:.1f} | {rest / lived.cost.wall:.0%} |")
    rows.append(f"| **All** | {lived.runs} runs | **{lived.cost.wall:.1f}** | |")
    return "\n".join(rows)


def sentences(lived: Lived) -> str:
    """Cost, ratio and bytes."""
    told = ", ".join(f"{name} {count / 1e6:.1f}" for name, count in lived.sizes.items())
    return (
        f"{lived.cost.cpu:.0f} s of CPU, peak {lived.cost.peak_tree:.0f} MB, "
        f"{lived.resources:,} resources in the last run; load average {lived.load:.1f} before. One "
        f"`uptake assess` of the same feeds takes {lived.assess.wall:.1f} s "
        f"({lived.assess.cpu:.0f} s of CPU): the demo is {lived.cost.wall / lived.assess.wall:.1f} "
        f"times that, in CPU {lived.cost.cpu / lived.assess.cpu:.1f} times. It leaves "
        f"{sum(lived.sizes.values()) / 1e6:.1f} MB: {told}."
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="leave the demo here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        lived = run(asked.keep or Path(scratch) / "demo", asked.patients)
    print(table(lived), sentences(lived), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
