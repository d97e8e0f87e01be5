"""In: a folder of NDJSON. Out: what `uptake assess` says of it, and what the run cost."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from benchmarks.corpus import ROOT
from benchmarks.defects.time import AS_OF

UPTAKE = (sys.executable, "-m", "uptake")
SAMPLED_EVERY = 0.02  # seconds
FINDINGS_COLUMNS = [
    "check",
    "resource_type",
    "resource_id",
    "expression",
    "other",
    "evidence",
    "source_file",
    "source_line",
]


@dataclass(frozen=True)
class Cost:
    """What one command took: seconds, and peak megabytes of the whole process tree."""

    wall: float
    cpu: float
    peak_tree: float
    peak_process: float
    code: int
    out: str
    err: str


def measure(command: tuple[str, ...], cwd: Path = ROOT) -> Cost:
    """Run a command in fresh processes and say what it cost.

    CPU is user and system time of the command and its children. The tree's peak is the largest
    sum of resident sizes seen by sampling /proc, so it counts shared pages once a process.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peaks = [0.0, 0.0]
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(process.pid, peaks, done))
    watcher.start()
    out, err = process.communicate()
    wall = time.perf_counter() - start
    done.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, peaks[0], peaks[1], process.returncode, out, err)


def watch(pid: int, peaks: list[float], done: threading.Event) -> None:
    """Keep the largest sum and the largest single resident size of a process tree."""
    while not done.wait(SAMPLED_EVERY):
        sizes = [resident(child) for child in tree(pid)]
        peaks[0] = max(peaks[0], sum(sizes))
        peaks[1] = max(peaks[1], *sizes)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        try:
            for thread in Path(f"/proc/{parent}/task").glob("*/children"):
                found += [int(child) for child in thread.read_text().split()]
        except OSError:  # it ended meanwhile
            continue
    return found


def resident(pid: int) -> float:
    """The resident size of a process in megabytes; 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@dataclass(frozen=True)
class Assessment:
    """The files of one run."""

    summary: dict[str, Any]
    findings: list[dict[str, Any]]
    cost: Cost


def assess(source: Path, out: Path, as_of: str = AS_OF) -> Assessment:
    """Run `uptake assess`. Raises RuntimeError when it wrote no results."""
    command = (*UPTAKE, "assess", str(source), "--out", str(out), "--as-of", as_of, "--quiet")
    cost = measure(command)
    if not (out / "summary.json").exists():
        raise RuntimeError(f"{' '.join(command)} left no summary (exit {cost.code}): {cost.err}")
    table = pq.read_table(out / "findings.parquet", columns=FINDINGS_COLUMNS)
    return Assessment(orjson.loads((out / "summary.json").read_bytes()), table.to_pylist(), cost)
