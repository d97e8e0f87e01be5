"""In: one Bundle with planted defects. Out: what Uptake and three other tools find of them.

    python -m benchmarks.planted.peers [--keep DIR]

A defect is found when a tool names one of its records at the planted element, or names the record
without an element. Whatever a tool says of a record of a clean twin is false, once a record.
Messages below a warning are left out. The tools live in an environment of their own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import orjson

from benchmarks.assess import UPTAKE, Cost, measure
from benchmarks.peers import PEERS, install, last_line
from benchmarks.planted import DEFECTS
from benchmarks.planted.chart import AS_OF, Resource, write_bundle

Said = tuple[str, str]
"""A record (`Observation/lab-4`) and the path of an element, empty where none is named."""
KINDS = tuple(dict.fromkeys(defect.kind for defect in DEFECTS))

CUMULUS = """
import json, sys, duckdb
database = duckdb.connect(sys.argv[1], read_only=True)
kinds = json.loads(sys.argv[2])
for (table,) in database.sql("select table_name from information_schema.tables").fetchall():
    metric = table.removeprefix("data_metrics__")
    if not metric.startswith("q_") or metric.endswith("_summary"):
        continue
    words = metric.split("_")
    kind = next((kinds[w] for w in words if w in kinds), "")
    relation = database.sql(f'select * from "{table}"')
    if "id" not in relation.columns or not kind:
        continue
    element = words[-1] if words[-1] not in kinds else ""
    at = relation.columns.index("id")
    for row in relation.fetchall():
        print(json.dumps([f"{kind}/{row[at]}", element]))
"""


@dataclass(frozen=True)
class Judged:
    """A tool: what it found of each kind, what it said of clean records, its seconds."""

    name: str
    found: dict[str, int]
    missed: tuple[str, ...]
    false: int
    seconds: float | None
    failure: str = ""


def judge(name: str, truth: list[dict[str, Any]], said: Iterable[Said], seconds: float) -> Judged:
    """What a tool found, missed and made up."""
    by_record: dict[str, set[str]] = defaultdict(set)
    for record, element in said:
        by_record[record].add(element.lower())
    found, missed = dict.fromkeys(KINDS, 0), []
    for row in truth:
        named = [element for record in row["records"] for element in by_record.get(record, ())]
        word = row["element"].lower()
        if any(not element or word in element for element in named):
            found[row["kind"]] += 1
        else:
            missed.append(f"{row['kind']}: {row['what']}")
    planted = {record for row in truth for record in row["patient"]}
    false = sum(1 for record in by_record if record not in planted)
    return Judged(name, found, tuple(missed), false, seconds)


def uptake(bundle: Path, scratch: Path) -> tuple[Cost, list[Said]]:
    """`uptake assess`: every finding but of checks that are information only."""
    out = scratch / "uptake"
    command = ("assess", str(bundle), "--out", str(out), "--as-of", AS_OF, "--quiet")
    cost = measure((*UPTAKE, *command))
    rows = duckdb.sql(
        "select resource_type || '/' || resource_id, coalesce(expression, '') from "
        f"read_parquet('{out}/findings.parquet') where severity <> 'info' and resource_id <> ''"
    ).fetchall()
    held = duckdb.sql(f"select raw from read_parquet('{out}/quarantine.parquet')").fetchall()
    return cost, [*rows, *((named(orjson.loads(raw)), "") for (raw,) in held)]


def named(resource: Resource) -> str:
    """Type and id of a resource, of a Bundle's entry that of what it holds."""
    found = resource.get("resource", resource)
    return f"{found.get('resourceType')}/{found.get('id')}"


def pyrofile(bundle: Path, scratch: Path) -> tuple[Cost, list[Said]]:
    """pyrofile-validator, native backend."""
    told = scratch / "pyrofile.json"
    command = (str(PEERS / "bin" / "pyrofile"), "bundle", str(bundle), "--json-output", str(told))
    cost = measure(command, scratch)
    issues = orjson.loads(told.read_bytes())["issues"]
    return cost, [
        (f"{issue['resourceType']}/{issue['resourceId']}", issue["path"])
        for issue in issues
        if issue["severity"] in ("error", "warning")
    ]


def aimedicalcoding(bundle: Path, scratch: Path) -> tuple[Cost, list[Said]]:
    """aimedicalcoding: missing and broken codes of a document."""
    told = scratch / "codes.json"
    command = (str(PEERS / "bin" / "aimedicalcoding"), str(bundle), "--json-full", "-o", str(told))
    cost = measure(command, scratch)
    gaps = orjson.loads(told.read_bytes())["gaps"]
    places = [gap["statement"]["source_ref"].rsplit("/", 2)[-2:] for gap in gaps]
    return cost, [("/".join(place), "") for place in places]


def cumulus(bundle: Path, scratch: Path) -> tuple[Cost, list[Said]]:
    """cumulus-library-data-metrics on DuckDB: the rows of its quality metrics."""
    lines, database = scratch / "lines", scratch / "cumulus.db"
    lines.mkdir()
    kinds: dict[str, str] = {}
    for entry in orjson.loads(bundle.read_bytes())["entry"]:
        kind = entry["resource"]["resourceType"]
        kinds[kind.lower()] = kind
        with (lines / f"{kind}.ndjson").open("ab") as stream:
            stream.write(orjson.dumps(entry["resource"]) + b"\n")
    program = str(PEERS / "bin" / "cumulus-library")
    cost = measure(
        (
            program,
            "build",
            "--db-type",
            "duckdb",
            "--database",
            str(database),
            "--load-ndjson-dir",
            str(lines),
            "--target",
            "data_metrics",
        ),
        scratch,
    )
    python = str(PEERS / "bin" / "python")
    asked = subprocess.run(
        [python, "-c", CUMULUS, str(database), orjson.dumps(kinds).decode()],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [orjson.loads(line) for line in asked.stdout.splitlines() if line.startswith("[")]
    if asked.returncode:
        print(asked.stderr[-2000:])
    return cost, [(record, element) for record, element in said]


TOOLS: dict[str, Callable[[Path, Path], tuple[Cost, list[Said]]]] = {
    "uptake assess": uptake,
    "cumulus-library-data-metrics 10.0.0": cumulus,
    "aimedicalcoding 0.3.17": aimedicalcoding,
    "pyrofile-validator 0.3.0 (native)": pyrofile,
}


def run(folder: Path) -> list[Judged]:
    """Every tool on the same Bundle."""
    failure = install()
    bundle, truth = write_bundle(DEFECTS)
    path = folder / "bundle.json"
    path.write_bytes(orjson.dumps(bundle))
    (folder / "truth.json").write_bytes(orjson.dumps(truth))
    judged = []
    for name, tool in TOOLS.items():
        if failure and tool is not uptake:
            judged.append(Judged(name, {}, (), 0, None, failure))
            continue
        scratch = folder / name.split(" ")[0]
        scratch.mkdir()
        cost, said = tool(path, scratch)
        if cost.code not in (0, 1, 3):
            judged.append(Judged(name, {}, (), 0, None, last_line(cost.err or cost.out)))
            continue
        (scratch / "said.json").write_bytes(orjson.dumps(said))
        judged.append(judge(name, truth, said, cost.wall))
    return judged


def table(judged: list[Judged]) -> str:
    """The tools as a Markdown table, and what Uptake missed."""
    whole = {kind: sum(1 for d in DEFECTS if d.kind == kind) for kind in KINDS}
    rows = [
        f"| tool | found of {len(DEFECTS)} | {' | '.join(f'{k}, {n}' for k, n in whole.items())} "
        "| clean records complained of | seconds |",
        "|---" + "|---:" * (len(KINDS) + 3) + "|",
    ]
    for tool in judged:
        if tool.seconds is None:
            rows.append(f"| {tool.name} | did not run: {tool.failure} |" + " |" * (len(KINDS) + 2))
            continue
        cells = " | ".join(str(tool.found[kind]) for kind in KINDS)
        rows.append(
            f"| {tool.name} | {sum(tool.found.values())} | {cells} | {tool.false} "
            f"| {tool.seconds:.2f} |"
        )
    missed = "; ".join(judged[0].missed) or "nothing"
    return "\n".join([*rows, "", f"Missed by Uptake: {missed}."])


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="keep the Bundle, the truth and what was said")
    told = parser.parse_args()
    if told.keep:
        told.keep.mkdir(parents=True)
        print(table(run(told.keep)))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        print(table(run(Path(scratch))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
