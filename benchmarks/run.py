"""In: nothing but ../shared/data. Out: benchmarks/RESULTS.md, from one run of every benchmark.

Run it with `make bench` or `python -m benchmarks.run`; `python -m benchmarks.chain` measures the
sections of the chain alone.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import accuracy, chain, peers, speed
from benchmarks.corpus import LARGE, SMALL
from benchmarks.defects import CASES, PATTERNS

RESULTS = chain.RESULTS
RUNS = 5
ROWS, RATE, SEED = 60, 0.005, 1
VERSIONS = ("uptake", "duckdb", "msgspec", "pyarrow", "isal", "orjson")


def memory() -> float:
    """The machine's memory in gigabytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def machine() -> str:
    """Where and with what the figures were taken."""
    told = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores, {memory():.0f} GB of memory, "
        f"{platform.system()} on {platform.machine()}; Python {platform.python_version()}; "
        f"{told}."
    )


def page(
    told: speed.Speed, results: list[accuracy.Accuracy], small: int, tools: list[peers.Peer]
) -> str:
    """The page."""
    wrong = accuracy.complaints(results)
    cases = (*CASES, *PATTERNS)
    near = sum(1 for case in cases if not case.found)
    return f"""# Benchmarks

Written by `make bench`; the figures of speed, accuracy and peers are of one run of it, those of \
the chain say of when they are. {machine()}

Seconds depend on the machine, ratios much less: compare ratios.

## Speed

`uptake assess` on Synthea R4, {told.resources:,} resources in {told.megabytes:.0f} MB of JSON \
(gzipped), from the command line: fresh processes, fresh folder, {RUNS} runs. *Times orjson* is \
the wall time against parsing the same records, already decompressed, in one process, in the same \
run. Peak memory is the sum over all processes, sampled every 20 ms; pages they share count more \
than once.

{speed.table(told)}

## Accuracy

Synthea is cleaned of its own defects (`baseline.py` lists them), then {len(results)} checks get \
{len(cases) - near} variants of their defect and {near} near-misses, each in a resource of its \
own: {RATE:.1%} of the resources of the type, {ROWS} at least, near-misses a third of that. \
A unit is a resource, for CNF-01 a record. *False* is what the dirty twin adds beyond the injected \
and what rightly follows from it: near-misses that were found, and bystanders. \
What shows only in many resources together (`PATTERNS`) has a twin of its own.

{accuracy.table(results)}

{"Every defect was found, and nothing else." if not wrong else "What was not as it should be:"}
{"".join(f"{chr(10)}- {line}" for line in wrong)}

## Peers

The same {small:,} resources (Synthea, 30 patients), one cold run each, from the command line. \
They do different work, so the ratio says what an answer costs, not who is better.

{peers.table(small, tools)}
"""


def main() -> int:
    """Run everything and write the page; exit 2 where the data is absent."""
    for folder in (LARGE, SMALL):
        if not folder.is_dir():
            print(f"{folder}: no such folder; the benchmarks need the shared data there")
            return 2
    told = speed.run(LARGE, RUNS)
    print(speed.table(told))
    with tempfile.TemporaryDirectory() as scratch:
        results = accuracy.run(LARGE, Path(scratch), rows=ROWS, rate=RATE, seed=SEED)
    print(accuracy.table(results))
    small, tools = peers.run(SMALL)
    print(peers.table(small, tools))
    # The sections of the chain stay until they are measured anew, so a fault there costs nothing.
    old = chain.held(RESULTS.read_text("utf-8")) if RESULTS.exists() else ""
    new = page(told, results, small, tools).rstrip()
    RESULTS.write_text("\n\n".join(filter(None, (new, old))) + "\n", encoding="utf-8")
    chain.run()
    print(RESULTS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
