"""In: the demo hospital's clean record. Out: accuracy of every check by injection into it.

    python -m benchmarks.hospital [--patients 800] [--rows 30] [--seed 1] [--keep DIR]

The same cases as for Synthea, on data of another make: another sender, other years, other types.
A case that the hospital has too few resources for is left out, and said.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.accuracy import Accuracy, complaints, judge_twins, shortages, table
from benchmarks.corpus import Corpus
from benchmarks.injection import write_twins
from uptake.demo.hospital.clean import EHR, clean_world
from uptake.demo.hospital.fhir import AS_OF

RATE = 0.005


def run(out: Path, *, patients: int, rows: int, seed: int) -> list[Accuracy]:
    """Simulate, inject, assess the twins, judge."""
    corpus = Corpus(dict(clean_world(patients, seed).records[EHR]))
    as_of = AS_OF.date().isoformat()
    twins = write_twins(corpus, out, rows=rows, rate=RATE, seed=seed, as_of=as_of)
    return judge_twins(twins, out, as_of)


def main() -> int:
    """The command line; exit 1 when a check was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=800)
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the twins and their results here")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results = run(
            told.keep or Path(scratch), patients=told.patients, rows=told.rows, seed=told.seed
        )
    print(table(results))
    wrong = complaints(results)
    print("\n".join(shortages(results) + wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
