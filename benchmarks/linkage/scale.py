"""In: a population. Out: what linking it takes, step by step, and what one `$match` takes.

    python -m benchmarks.linkage scale [--persons 1000000] [--seed 1]

Both are measured in fresh processes. Reading the population is not counted as linking.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

QUERIES = 300
"""Half of them records that the index holds, half people it has never seen."""
OTHER_SEED = 500
"""Added to the seed of the population, for the people it has never seen."""


def run(persons: int, seed: int) -> str:
    """Make the population, link it and search in it; the figures in Markdown."""
    from benchmarks.population import as_fhir, population

    with tempfile.TemporaryDirectory(prefix="linkage-") as folder:
        scratch = Path(folder)
        table = population(persons, seed)
        pq.write_table(table, scratch / "population.parquet")
        step = max(1, table.num_rows // (QUERIES // 2))
        known = table.take(pa.array(range(0, table.num_rows, step)))
        del table
        unknown = population(QUERIES, seed + OTHER_SEED)
        asked = [*as_fhir(known.slice(0, QUERIES // 2)), *as_fhir(unknown.slice(0, QUERIES // 2))]
        (scratch / "queries.json").write_bytes(orjson.dumps(asked))
        linked = child("link", scratch)
        return told(linked, child("match", scratch))


def child(work: str, scratch: Path) -> dict[str, Any]:
    """What a fresh process says of its work. Raises RuntimeError with its last words."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.linkage.scale", work, str(scratch)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{work}: {done.stderr.strip()[-500:]}")
    told: dict[str, Any] = orjson.loads(done.stdout)
    return told


def link_population(scratch: Path) -> dict[str, Any]:
    """Link the population in this process; write the index that `match` searches."""
    from benchmarks.linkage.figures import figures
    from benchmarks.linkage.sets import database, read_set
    from uptake.identity.linkage import link
    from uptake.identity.lookup import write_index

    with database() as db:
        read_set(db, scratch / "population.parquet")
        db.run("drop table set_row")
        before, start = peak(), time.perf_counter()
        linkage = link(db)
        seconds, after = time.perf_counter() - start, peak()
        start = time.perf_counter()
        write_index(db, scratch / "index")
        indexed = time.perf_counter() - start
        found = figures(db)
    return {
        "records": linkage.records,
        "candidates": linkage.candidates,
        "steps": linkage.seconds,
        "seconds": seconds,
        "read_peak": before,
        "peak": after,
        "index_seconds": indexed,
        "index_megabytes": size(scratch / "index"),
        "precision": found.auto_precision.value,
        "recall": found.auto_recall.value,
        "found": found.found.value,
    }


def match_queries(scratch: Path) -> dict[str, Any]:
    """Ask the index for every query, one after the other."""
    from uptake.identity.match import MatchError, open_index

    asked = orjson.loads((scratch / "queries.json").read_bytes())
    start = time.perf_counter()
    index = open_index(scratch / "index")
    opened = time.perf_counter() - start
    took: list[float] = []
    itself = refused = strangers = 0
    for number, patient in enumerate(asked):
        start = time.perf_counter()
        try:
            found = index.match(patient)
        except MatchError:
            refused += 1
            continue
        finally:
            took.append(1000 * (time.perf_counter() - start))
        if number < QUERIES // 2:
            itself += any(candidate.id == patient["id"] for candidate in found)
        else:
            strangers += any(candidate.grade == "certain" for candidate in found)
    index.close()
    cuts = statistics.quantiles(took, n=100)
    return {
        "queries": len(asked),
        "opened": opened,
        "first": took[0],
        "p50": cuts[49],
        "p95": cuts[94],
        "p99": cuts[98],
        "itself": itself,
        "refused": refused,
        "strangers": strangers,
        "peak": peak(),
    }


def told(linked: dict[str, Any], matched: dict[str, Any]) -> str:
    """The figures as sentences and a table."""
    steps = "\n".join(f"| {step} | {seconds:.1f} |" for step, seconds in linked["steps"].items())
    return f"""{linked["records"]:,} records, {linked["candidates"]:,} candidate pairs; auto \
precision {linked["precision"]:.5f}, recall {linked["recall"]:.3f}, auto + review recall \
{linked["found"]:.4f}.

| step | s |
|---|---:|
{steps}
| **all** | {linked["seconds"]:.1f} |

Peak memory {linked["peak"]:.0f} MB ({linked["read_peak"]:.0f} MB when the records were read). \
The index took {linked["index_seconds"]:.1f} s and has {linked["index_megabytes"]:.0f} MB. \
`$match` against it, {matched["queries"]} queries, one after the other: p50 {matched["p50"]:.1f} \
ms, p95 {matched["p95"]:.1f} ms, p99 {matched["p99"]:.1f} ms, the first {matched["first"]:.0f} ms \
({matched["opened"] * 1000:.0f} ms to open); peak memory {matched["peak"]:.0f} MB. Of \
{QUERIES // 2} records of the index {matched["itself"]} were found again; of {QUERIES // 2} people \
who are not in it {matched["strangers"]} were called certain; {matched["refused"]} queries said \
too little and were refused."""


def peak() -> float:
    """The largest resident size of this process so far, in megabytes.

    Of the kernel's status, since the usage of resources counts what the parent had before it
    started this program.
    """
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def size(path: Path) -> float:
    """The size of a file, or of all files of a folder, in megabytes."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


if __name__ == "__main__":
    work = {"link": link_population, "match": match_queries}[sys.argv[1]]
    sys.stdout.buffer.write(orjson.dumps(work(Path(sys.argv[2]))))
