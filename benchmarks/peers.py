"""In: one small folder of NDJSON. Out: what Uptake and its peers take for it, in the same run.

    python -m benchmarks.peers [SOURCE]

The peers live in a virtual environment of their own, benchmarks/.venv-peers, made on first use
from the package registry. They do different work: what each does stands beside its figures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks.assess import UPTAKE, Cost, measure
from benchmarks.corpus import SMALL, read_lines
from benchmarks.defects.time import AS_OF

PEERS = Path(__file__).parent / ".venv-peers"
PINNED = (
    "fhir.resources==8.3.0",
    "pyrofile-validator==0.3.0",
    "cumulus-library-data-metrics==10.0.0",
    "cumulus-library==6.3.7",
    "duckdb==1.4.5",
    "aimedicalcoding==0.3.17",
)

FHIR_RESOURCES = """
import sys
from pathlib import Path
from fhir.resources.R4B import get_fhir_model_class
accepted = rejected = 0
for path in sorted(Path(sys.argv[1]).glob("*.ndjson")):
    model = get_fhir_model_class(path.name.split(".")[0])
    for line in path.open("rb"):
        try:
            model.model_validate_json(line)
            accepted += 1
        except ValueError:
            rejected += 1
print(f"{accepted:,} accepted, {rejected:,} rejected; no word on the data's quality")
"""

CUMULUS_FINDINGS = """
import sys, duckdb
tables = "q_ref_target_valid q_ref_target_pop q_system_use q_date_recent q_date_in_lifetime " \
    "q_valid_us_core_v6".split()
database = duckdb.connect(sys.argv[1], read_only=True)
failed = {}
for table in tables:
    relation = database.sql(f"select * from data_metrics__{table}_summary")
    at = relation.columns.index("numerator")
    failed[table] = sum(row[at] or 0 for row in relation.fetchall() if row[1] == "cumulus__all")
print("; ".join(f"{name} {count:,}" for name, count in failed.items()))
"""


@dataclass(frozen=True)
class Peer:
    """One tool on the set: what it does, what it cost, what it said, or how it failed."""

    name: str
    does: str
    cost: Cost | None
    says: str
    failure: str = ""


@dataclass(frozen=True)
class Inputs:
    """The same resources as gzipped NDJSON, as NDJSON and as a file each."""

    source: Path
    lines: Path
    files: Path
    scratch: Path
    resources: int


def install(folder: Path = PEERS, pinned: Sequence[str] = PINNED) -> str:
    """Make an environment of these packages; empty, or how that failed."""
    if (folder / "complete").exists():
        return ""
    python = folder / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "-q", *pinned],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return last_line(done.stderr)
    (folder / "complete").touch()
    return ""


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def lay_out(source: Path, scratch: Path) -> Inputs:
    """The source in the forms that the tools read."""
    lines, files = scratch / "lines", scratch / "files"
    lines.mkdir()
    files.mkdir()
    count = 0
    for name, records in read_lines(source).items():
        (lines / f"{name}.ndjson").write_bytes(b"\n".join(records) + b"\n")
        for record in records:
            (files / f"{name}-{orjson.loads(record)['id']}.json").write_bytes(record)
            count += 1
    return Inputs(source, lines, files, scratch, count)


def ran(
    name: str, does: str, cost: Cost, says: Callable[[], str], fine: tuple[int, ...] = (0,)
) -> Peer:
    """What a tool said, or how it failed."""
    if cost.code not in fine:
        return Peer(name, does, None, "", f"exit {cost.code}: {last_line(cost.err or cost.out)}")
    return Peer(name, does, cost, says())


def uptake(inputs: Inputs) -> Peer:
    """`uptake assess`."""
    out = inputs.scratch / "uptake"
    cost = measure(
        (*UPTAKE, "assess", str(inputs.source), "--out", str(out), "--as-of", AS_OF, "--quiet")
    )

    def says() -> str:
        checks = orjson.loads((out / "summary.json").read_bytes())["checks"]
        failed = [check for check in checks if check["verdict"] == "fail"]
        return f"{len(checks)} checks; {len(failed)} fail, with the resources that do"

    return ran(
        "uptake assess", "every check of the catalogue, fitness, report", cost, says, (0, 1, 3)
    )


def fhir_resources(inputs: Inputs) -> Peer:
    """fhir.resources: pydantic models of R4B (it has none of R4)."""
    cost = measure((str(PEERS / "bin" / "python"), "-c", FHIR_RESOURCES, str(inputs.lines)))
    return ran(
        "fhir.resources 8.3.0 (R4B models)",
        "parses into models, one process",
        cost,
        lambda: last_line(cost.out),
    )


def pyrofile(inputs: Inputs) -> Peer:
    """pyrofile-validator, native backend, no packages, one file a resource."""
    summary = inputs.scratch / "ci.txt"
    cost = measure(
        (
            str(PEERS / "bin" / "pyrofile"),
            "folder",
            str(inputs.files),
            "--ci-summary-output",
            str(summary),
        ),
        inputs.scratch,
    )
    return ran(
        "pyrofile-validator 0.3.0 (native, base R4)",
        "validates structure, references, invariants",
        cost,
        lambda: summary.read_text().split(" hash=")[0].strip(),
        (0, 1),
    )


def cumulus(inputs: Inputs) -> Peer:
    """cumulus-library-data-metrics on DuckDB."""
    database = inputs.scratch / "cumulus.db"
    cost = measure(
        (
            str(PEERS / "bin" / "cumulus-library"),
            "build",
            "--db-type",
            "duckdb",
            "--database",
            str(database),
            "--load-ndjson-dir",
            str(inputs.lines),
            "--target",
            "data_metrics",
        ),
        inputs.scratch,
    )

    def says() -> str:
        asked = measure((str(PEERS / "bin" / "python"), "-c", CUMULUS_FINDINGS, str(database)))
        return "resources that fail: " + (last_line(asked.out) or last_line(asked.err))

    return ran(
        "cumulus-library-data-metrics 10.0.0 (DuckDB)",
        "characterises and checks six qualities (references, systems, dates, US Core)",
        cost,
        says,
    )


def run(source: Path) -> tuple[int, list[Peer]]:
    """The number of resources, and every tool on them."""
    failure = install()
    with tempfile.TemporaryDirectory() as scratch:
        inputs = lay_out(source, Path(scratch))
        peers = [uptake(inputs)]
        if failure:
            names = ("fhir.resources", "pyrofile-validator", "cumulus-library-data-metrics")
            return inputs.resources, peers + [Peer(name, "", None, "", failure) for name in names]
        return inputs.resources, peers + [
            tool(inputs) for tool in (fhir_resources, pyrofile, cumulus)
        ]


def table(resources: int, peers: list[Peer]) -> str:
    """The tools as a Markdown table; the ratio is of wall time to Uptake's."""
    ours = peers[0].cost
    rows = [
        "| tool | does | wall, s | CPU, s | peak, MB | resources/s | wall, times Uptake's | says |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for peer in peers:
        if peer.cost is None:
            rows.append(f"| {peer.name} | did not run | | | | | | {peer.failure} |")
            continue
        ratio = f"{peer.cost.wall / ours.wall:.1f}" if ours else "–"
        rows.append(
            f"| {peer.name} | {peer.does} | {peer.cost.wall:.2f} | {peer.cost.cpu:.2f} | "
            f"{peer.cost.peak_tree:.0f} | {resources / peer.cost.wall:,.0f} | {ratio} | "
            f"{peer.says} |"
        )
    return "\n".join(rows)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, nargs="?", default=SMALL)
    told = parser.parse_args()
    if not told.source.is_dir():
        print(f"{told.source}: no such folder; the benchmark needs its data there")
        return 2
    print(table(*run(told.source)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
