"""In: how many people. Out: recall and precision of each kind of discrepancy, and the cost.

python -m benchmarks.medications [--persons 2000] [--seed 1] [--json FILE]
python -m benchmarks.medications --cost --persons 100000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import orjson

from benchmarks.medications.finders import by_code, by_text, ours
from benchmarks.medications.people import people
from benchmarks.medications.scores import Score, score
from benchmarks.medications.writing import write


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cost", action="store_true", help="only what the run's stage costs")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.cost:
            write(people(asked.persons, asked.seed), folder)
            _, costs = ours(folder)
            print(f"{asked.persons:,} persons, {costs.entries:,} entries, {costs.rows:,} rows: "
                  f"{costs.cpu:.1f} s of CPU")  # fmt: skip
            return 0
        persons = list(people(asked.persons, asked.seed))
        known = write(persons, folder)
        said, costs = ours(folder)
        scores = {
            "ours": score(persons, said, known),
            "by code": score(persons, by_code(folder), known),
            "by text": score(persons, by_text(folder), known),
        }
    _print(scores)
    print(f"{costs.entries:,} entries of {asked.persons:,} persons: {costs.cpu:.2f} s of CPU")
    if asked.json:
        figures = {who: [vars(one) for one in rows] for who, rows in scores.items()}
        asked.json.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    return 0


def _print(scores: dict[str, list[Score]]) -> None:
    print("recall / precision".ljust(27) + "".join(who.rjust(17) for who in scores))
    for place, first in enumerate(next(iter(scores.values()))):
        cells = (f"{_share(s[place].recall)} {_share(s[place].precision)}" for s in scores.values())
        print(f"{first.kind:<16}{first.planted:>6}     " + "".join(c.rjust(17) for c in cells))


def _share(value: float | None) -> str:
    return "     –" if value is None else f"{value:6.3f}"


if __name__ == "__main__":
    sys.exit(main())
