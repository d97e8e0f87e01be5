"""In: how many cases of each kind. Out: recall, precision, false alarms of near misses, and cost.

python -m benchmarks.conflicts [--cases 500] [--seed 1] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.conflicts.finders import Said, by_code, ours, write
from benchmarks.conflicts.people import NEAR, PLANTED, Pair, pairs


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    people = list(pairs(asked.cases, asked.seed))
    with tempfile.TemporaryDirectory() as name:
        feeds = write(people, Path(name))
        said, withheld, seconds = ours(feeds, Path(name))
    scores = {"ours": score(people, said), "by code": score(people, by_code(people))}
    print("found / planted, and other things said of the same patients".ljust(62), *scores)
    for case in (*PLANTED, *NEAR):
        cells = (f"{s[case][0]:5d} {s[case][1]:5d}" for s in scores.values())
        print(case.ljust(34), f"{asked.cases:6d}", "   ".join(cells))
    print(f"{len(people):,} patients, {withheld} withheld, {seconds:.1f} s of CPU")
    if asked.json:
        asked.json.write_text(json.dumps(scores, indent=2))
    return 0


def score(people: Sequence[Pair], said: Sequence[Said]) -> dict[str, tuple[int, int]]:
    """Return of each case how many were found, and how much else was said."""
    known = {p.number: p for p in people}
    found: dict[str, set[int]] = {p.case: set() for p in people}
    else_said: Counter[str] = Counter()
    for number, kind, name in set(said):
        pair = known[number]
        if pair.expected == (kind, name):
            found[pair.case].add(number)
        else:
            else_said[pair.case] += 1
    return {case: (len(hits), else_said[case]) for case, hits in found.items()}


if __name__ == "__main__":
    sys.exit(main())
