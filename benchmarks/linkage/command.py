"""In: the names of sets. Out: how well each is linked, as tables and, on request, as JSON."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from benchmarks.linkage import compare, scale, sets, told
from benchmarks.linkage.examples import examples
from benchmarks.linkage.figures import Figures, figures
from benchmarks.linkage.hospital import hospital
from benchmarks.linkage.sets import database

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

PERSONS, SEED, DUPLICATES = 20_000, 1, 0.10
SCALE = 1_000_000
PATIENTS, HOSPITAL_SEED = 1000, 7


def read(db: Database, name: str, asked: argparse.Namespace) -> None:
    """Read a set by its name or path, or make a population."""
    if name in sets.SETS:
        sets.read_shared(db, name, ssn=asked.ssn)
    elif name == "hospital":
        sets.read_set(db, hospital(PATIENTS, HOSPITAL_SEED), ssn=asked.ssn)
    elif name == "population":
        from benchmarks.population import population

        persons = asked.persons or PERSONS
        table = population(persons, asked.seed, asked.cultures, DUPLICATES, asked.traps)
        sets.read_set(db, table, ssn=asked.ssn)
    else:
        sets.read_set(db, Path(name), ssn=asked.ssn)


@dataclass(frozen=True)
class Measured:
    """One set: how well it is linked, the seconds that took without reading it, and the rest."""

    figures: Figures
    seconds: float
    gate: tuple[str, ...]
    """The figures of the sanity gate that did not pass."""
    peers: tuple[compare.Told, ...]
    examples: str


def measured(name: str, asked: argparse.Namespace) -> Measured:
    """Read, link and judge one set."""
    from uptake.identity.linkage import link

    with database() as db:
        read(db, name, asked)
        start = time.perf_counter()
        linkage = link(db)
        seconds = time.perf_counter() - start
        result = figures(db)
        peers = tuple(compare.compare(db)) if asked.peers else ()
        gate = tuple(figure.name for figure in linkage.sanity.figures if not figure.passed)
        shown = examples(db, asked.show) if asked.show else ""
        return Measured(result, seconds, gate, peers, shown)


def page(results: dict[str, Measured], *, details: bool) -> str:
    """All sets in one table, then the details of each."""
    table = told.table(
        {name: result.figures for name, result in results.items()},
        {name: result.seconds for name, result in results.items()},
    )
    parts = [table]
    parts += [
        f"{name}: the sanity gate stopped it: {', '.join(result.gate)}"
        for name, result in results.items()
        if result.gate
    ]
    for name, result in results.items():
        below = [
            told.details(result.figures) if details else "",
            compare.table(result.peers) if result.peers else "",
            result.examples,
        ]
        if any(below):
            parts += [f"### {name}", *filter(None, below)]
    return "\n\n".join(parts)


def arguments() -> argparse.Namespace:
    """What was asked."""
    parser = argparse.ArgumentParser(prog="benchmarks.linkage", description=__doc__)
    parser.add_argument(
        "sets",
        nargs="+",
        help=f"all, scale, hospital, population, a CSV or Parquet file, or {', '.join(sets.SETS)}",
    )
    parser.add_argument("--no-ssn", dest="ssn", action="store_false")
    parser.add_argument("--details", action="store_true", help="what is missed, and calibration")
    parser.add_argument("--show", type=int, default=0, help="so many pairs of each kind of error")
    parser.add_argument("--peers", action="store_true", help="other tools on the same records")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--persons", type=int, help=f"default: {PERSONS:,}, {SCALE:,} for scale")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--traps", type=float, default=1.0)
    parser.add_argument(
        "--cultures", type=lambda text: tuple(text.split(",")), help="default: the usual ones"
    )
    return parser.parse_args()


def main() -> int:
    """Measure the sets and print them; exit 2 where the data is absent."""
    asked = arguments()
    if asked.sets == ["scale"]:
        print(scale.run(asked.persons or SCALE, asked.seed))
        return 0
    names = [*sets.SETS, "hospital", "population"] if asked.sets == ["all"] else asked.sets
    if not sets.FOLDER.is_dir():
        print(f"{sets.FOLDER}: no such folder; the benchmark needs the shared data there")
        return 2
    results = {name: measured(name, asked) for name in names}
    print(page(results, details=asked.details))
    if asked.json:
        data = {name: result.figures.data() for name, result in results.items()}
        asked.json.write_bytes(orjson.dumps(data))
    return 0
