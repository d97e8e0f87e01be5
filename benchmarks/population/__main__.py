"""In: a path and how many persons. Out: their records as Parquet, or as a FHIR feed (NDJSON)."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.population import as_fhir, cultures, default_cultures, population


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.population")
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="*.parquet, or *.ndjson for Patient resources"
    )
    parser.add_argument("--persons", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--cultures", default=",".join(default_cultures()), help=f"of {', '.join(cultures())}"
    )
    parser.add_argument(
        "--duplicates", type=float, default=0.10, help="share of persons (default .10)"
    )
    parser.add_argument(
        "--traps", type=float, default=1.0, help="times the natural rate (default 1)"
    )
    said = parser.parse_args()
    chosen = tuple(said.cultures.split(","))
    if unknown := set(chosen) - set(cultures()):
        parser.error(f"no such culture: {', '.join(sorted(unknown))}")
    table = population(said.persons, said.seed, chosen, said.duplicates, said.traps)
    if said.out.suffix == ".ndjson":
        with said.out.open("w", encoding="utf-8") as lines:
            lines.writelines(
                json.dumps(patient, ensure_ascii=False) + "\n" for patient in as_fhir(table)
            )
    else:
        pq.write_table(table, said.out, compression="zstd")
    kinds = Counter(table["kind"].to_pylist())
    print(f"{said.out}: {table.num_rows} records of {said.persons} persons")
    print(", ".join(f"{count} {kind or 'of no kind'}" for kind, count in kinds.most_common()))


if __name__ == "__main__":
    main()
