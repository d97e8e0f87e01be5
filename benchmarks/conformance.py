"""In: HL7's package of US Core. Out: on what Uptake and its peers agree, and what each takes.

    python -m benchmarks.conformance [PACKAGE] [--most 600]

The resources are the package's examples and copies of them with one fault each (`mutations.py`).
The peers judge by R4 alone (fhirkit-rs) or R4B (fhir.resources), so Uptake's verdict beside theirs
is the one by R4 alone; the faults against a profile are counted for Uptake only. Speed is that of a
whole feed, where Uptake judges each shape once. The peers live in a virtual environment of their
own, benchmarks/.venv-conformance, made on first use from the package registry.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from benchmarks.corpus import LARGE, ROOT, read_lines
from benchmarks.mutations import mutations
from uptake import r4
from uptake.conformance.bindings import ValueSets
from uptake.conformance.packages import read_definitions
from uptake.conformance.shapes import Shapes
from uptake.conformance.verdicts import Verdicts
from uptake.terminology.value_sets import expansion

PACKAGE = ROOT.parent / "shared" / "data" / "us-core" / "us-core-610.tgz"
PEERS = Path(__file__).parent / ".venv-conformance"
PINNED = ("fhirkit-rs==0.1.0", "fhir.resources==8.3.0")
Json = dict[str, Any]

JUDGES = {
    "fhirkit-rs": """
import json, sys, time
import fhirkit
texts = [t for t in open(sys.argv[1], "rb").read().split(b"\\n") if t]
def wrong(text):
    try:
        return any(i.severity == "error" for i in fhirkit.validate(text))
    except fhirkit.ParseError:
        return True
began = time.perf_counter()
judged = [wrong(t) for t in texts]
print(json.dumps([time.perf_counter() - began, judged]))
""",
    "fhir.resources": """
import json, sys, time
from fhir.resources.R4B import get_fhir_model_class
texts = [t for t in open(sys.argv[1], "rb").read().split(b"\\n") if t]
models = [get_fhir_model_class(json.loads(t)["resourceType"]) for t in texts]
def wrong(model, text):
    try:
        model.model_validate_json(text)
    except ValueError:
        return True
    return False
began = time.perf_counter()
judged = [wrong(m, t) for m, t in zip(models, texts)]
print(json.dumps([time.perf_counter() - began, judged]))
""",
}


@dataclass(frozen=True)
class Judged:
    """What one tool says: seconds, and of each resource whether it is wrong."""

    seconds: float
    wrong: list[bool]


def read_examples(package: Path) -> Iterator[Json]:
    """Every example of a clinical type, those inside Bundles as well."""
    with tarfile.open(package) as archive:
        for member in archive:
            if member.name.startswith("package/example/") and member.name.endswith(".json"):
                opened = archive.extractfile(member)
                if opened is not None:
                    yield from inside(json.load(opened))


def inside(resource: Json) -> Iterator[Json]:
    """A resource, or those in a Bundle."""
    if resource["resourceType"] == "Bundle":
        for entry in resource.get("entry", []):
            yield from inside(entry["resource"])
    elif resource["resourceType"] in r4.resource_types():
        yield resource


def faulty(examples: list[Json], most: int) -> list[tuple[str, Json]]:
    """About `most` copies with a fault, spread over kinds and examples."""
    made = [m for one in examples for m in itertools.islice(mutations(one), 40)]
    return made[:: max(1, len(made) // most)]


def judge(records: list[tuple[str, bytes]], package: Path) -> tuple[Judged, list[bool]]:
    """Uptake's verdicts by R4 alone, and by R4 and the profiles."""
    began = time.perf_counter()
    definitions = read_definitions((package,))
    shapes, verdicts = Shapes(definitions), Verdicts(definitions, ValueSets(expansion))
    numbers = [shapes.shape_of(kind, text) for kind, text in records]
    base: dict[int, bool] = {}
    whole: dict[int, bool] = {}
    for own, fields, number in shapes:
        found = [
            (v.claimed or v.best_fit, any(i.severity == "error" for i in v.issues))
            for v in verdicts.on(own, fields)
        ]
        base[number] = any(wrong for profile, wrong in found if not profile)
        whole[number] = any(wrong for _, wrong in found)
    seconds = time.perf_counter() - began
    return Judged(seconds, [base[n] for n in numbers]), [whole[n] for n in numbers]


def ask(name: str, path: Path) -> Judged:
    """A peer's verdicts on the resources of an NDJSON file."""
    told = subprocess.run(
        [str(PEERS / "bin" / "python"), "-c", JUDGES[name], str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, wrong = json.loads(told.stdout)
    return Judged(seconds, wrong)


def install_peers() -> None:
    """Make the peers' environment where it is not there."""
    if not PEERS.is_dir():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "-q", *PINNED]
        subprocess.run(pip, check=True)


def agreement(kinds: list[str], ours: list[bool], theirs: list[bool]) -> dict[str, Counter[str]]:
    """By kind of fault: how often both, one or neither calls the resource wrong."""
    names = {(True, True): "both", (True, False): "only we", (False, True): "only they"}
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, mine, other in zip(kinds, ours, theirs, strict=True):
        found[kind][names.get((mine, other), "neither")] += 1
    return found


def report(kinds: list[str], ours: Judged, whole: list[bool], peers: dict[str, Judged]) -> None:
    """Print the tables."""
    for name, judged in peers.items():
        print(f"\n{name} {judged.seconds:.2f} s, Uptake {ours.seconds:.2f} s")
        print("\n| fault | both | only we | only they | neither |\n|---|---:|---:|---:|---:|")
        for kind, counts in sorted(agreement(kinds, ours.wrong, judged.wrong).items()):
            cells = (counts[c] for c in ("both", "only we", "only they", "neither"))
            print(f"| {kind} | {' | '.join(map(str, cells))} |")
    print("\n| fault | resources | found by R4 | found with US Core |\n|---|---:|---:|---:|")
    for kind in sorted(set(kinds)):
        rows = [n for n, k in enumerate(kinds) if k == kind]
        by_r4, by_all = sum(ours.wrong[n] for n in rows), sum(whole[n] for n in rows)
        print(f"| {kind} | {len(rows)} | {by_r4} | {by_all} |")


def speed(package: Path) -> None:
    """Print how many resources of a feed each tool judges in a second."""
    lines = [(kind, line) for kind, found in read_lines(LARGE).items() for line in found]
    random.Random(1).shuffle(lines)
    print(
        "\n| tool | resources | seconds | resources a second | judges |\n|---|---:|---:|---:|---|"
    )
    ours, _ = judge(lines, package)
    row("Uptake", len(lines), ours.seconds, "R4 and US Core: all rules but those it lists")
    for name, most in (("fhirkit-rs", len(lines)), ("fhir.resources", 10_000)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "feed.ndjson"
            path.write_bytes(b"\n".join(line for _, line in lines[:most]) + b"\n")
            row(name, most, ask(name, path).seconds, "structure of R4")


def row(name: str, resources: int, seconds: float, judges: str) -> None:
    """Print one row of the table of speeds."""
    print(f"| {name} | {resources:,} | {seconds:.1f} | {resources / seconds:,.0f} | {judges} |")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path, nargs="?", default=PACKAGE)
    parser.add_argument("--most", type=int, default=600)
    parser.add_argument(
        "--show", metavar="KIND", help="name the resources that peers see otherwise"
    )
    told = parser.parse_args()
    if not told.package.is_file():
        print(f"{told.package}: no such file; the benchmark needs HL7's package there")
        return 2
    install_peers()
    examples = list(read_examples(told.package))
    made = [("none", e) for e in examples] + faulty(examples, told.most)
    kinds, resources = [k for k, _ in made], [r for _, r in made]
    ours, whole = judge([(r["resourceType"], orjson.dumps(r)) for r in resources], told.package)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.ndjson"
        path.write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in resources))
        peers = {name: ask(name, path) for name in JUDGES}
    print(f"{len(examples)} examples and {len(made) - len(examples)} copies with a fault")
    report(kinds, ours, whole, peers)
    if LARGE.is_dir():
        speed(told.package)
    for name, judged in peers.items() if told.show else ():
        for (kind, one), mine, other in zip(made, ours.wrong, judged.wrong, strict=True):
            if kind == told.show and mine is not other:
                print(f"{name}: {'only we' if mine else 'only they'}: {json.dumps(one)[:300]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
