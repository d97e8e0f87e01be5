"""NEWS2 against PyPI's `vitalscore`. In: a Python that has it; out: how often totals agree.

    python -m benchmarks.news2 --peer /tmp/venv/bin/python [--vectors 20000] [--seed 1]

Vectors lie at the edges of the bands: on whole values, and between them, where rounding decides.
Where both differ, `chart` says what the College's chart gives: a third reading of it, by hand.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from uptake.deterioration.news2 import Answer, Values, score

Vector = dict[str, Any]
EDGES: dict[str, tuple[float, ...]] = {
    "respiration": (8, 9, 11, 12, 20, 21, 24, 25),
    "saturation": (83, 84, 85, 86, 87, 88, 91, 92, 93, 94, 95, 96, 97),
    "systolic": (90, 91, 100, 101, 110, 111, 219, 220),
    "pulse": (40, 41, 50, 51, 90, 91, 110, 111, 130, 131),
    "temperature": (35.0, 35.1, 36.0, 36.1, 38.0, 38.1, 39.0, 39.1),
}
LETTERS = {"A": Answer.ALERT, "C": Answer.CONFUSION, "V": Answer.VOICE, "P": Answer.PAIN,
           "U": Answer.UNRESPONSIVE}  # fmt: skip
# The College's chart once more, as the highest value of each column and its points.
CHART: dict[str, tuple[tuple[str, int], ...]] = {
    "respiration": (("8", 3), ("11", 1), ("20", 0), ("24", 2), ("999", 3)),
    "saturation": (("91", 3), ("93", 2), ("95", 1), ("999", 0)),
    "systolic": (("90", 3), ("100", 2), ("110", 1), ("219", 0), ("999", 3)),
    "pulse": (("40", 3), ("50", 1), ("90", 0), ("110", 1), ("130", 2), ("999", 3)),
    "temperature": (("35.0", 3), ("36.0", 1), ("38.0", 0), ("39.0", 1), ("999", 2)),
}
SCALE_2 = {
    False: (("83", 3), ("85", 2), ("87", 1), ("999", 0)),
    True: (("83", 3), ("85", 2), ("87", 1), ("92", 0), ("94", 1), ("96", 2), ("999", 3)),
}
PEER = """
import json, sys
from vitalscore.scores.news2 import ACVPULevel, NEWS2Result
for line in sys.stdin:
    v = json.loads(line)
    print(NEWS2Result(v["respiration"], v["saturation"], v["oxygen"], v["systolic"], v["pulse"],
        ACVPULevel(v["consciousness"]), v["temperature"], v["scale"] == 2).total)
"""


def vectors(count: int, seed: int) -> list[Vector]:
    """Return sets at the edges: every second one with values between two whole ones."""
    rng = random.Random(seed)
    return [_vector(rng, between=number % 2 == 1) for number in range(count)]


def _vector(rng: random.Random, *, between: bool) -> Vector:
    found: Vector = {"oxygen": rng.random() < 0.5, "consciousness": rng.choice("AAAACVPU")}
    found["scale"] = 2 if rng.random() < 0.4 else 1
    for name, edges in EDGES.items():
        step = 0.1 if name == "temperature" else 1
        off = rng.choice((-0.5, -0.4, 0.4, 0.5)) if between and rng.random() < 0.3 else 0
        found[name] = round(rng.choice(edges) + off * step, 2)
    return found


def ours(vector: Vector) -> int:
    """Return the total of the product."""
    held = {name: vector[name] for name in (*EDGES, "oxygen")}
    answer = LETTERS[vector["consciousness"]]
    return score(Values(**held, consciousness=answer), vector["scale"]).total


def chart(vector: Vector) -> int:
    """Return the total as the chart gives it, after rounding half up."""
    total = (2 if vector["oxygen"] else 0) + (0 if vector["consciousness"] == "A" else 3)
    for name, columns in CHART.items():
        if name == "saturation" and vector["scale"] == 2:
            columns = SCALE_2[vector["oxygen"]]
        step = Decimal("0.1") if name == "temperature" else Decimal(1)
        value = Decimal(str(vector[name])).quantize(step, ROUND_HALF_UP)
        total += next(points for highest, points in columns if value <= Decimal(highest))
    return total


def peers(python: str, given: Iterable[Vector]) -> list[int]:
    """Return the totals of `vitalscore`."""
    sent = "".join(json.dumps(vector) + "\n" for vector in given)
    command: Sequence[str] = (python, "-c", PEER)
    told = subprocess.run(command, input=sent, capture_output=True, text=True, check=True).stdout
    return [int(line) for line in told.split()]


def main() -> None:
    """Print how many totals agree, by kind of vector, and which of both the chart gives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", required=True, help="a Python that has vitalscore")
    parser.add_argument("--vectors", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    given = vectors(told.vectors, told.seed)
    began = time.process_time()
    mine = [ours(vector) for vector in given]
    took = time.process_time() - began
    counts: Counter[str] = Counter()
    for vector, own, other in zip(given, mine, peers(told.peer, given), strict=True):
        whole = all(float(vector[n]) == int(vector[n]) for n in EDGES if n != "temperature")
        whole &= round(vector["temperature"], 1) == vector["temperature"]
        kind = "whole" if whole else "between"
        right = chart(vector)
        counts[f"{kind}: vectors"] += 1
        counts[f"{kind}: both agree"] += own == other
        counts[f"{kind}: ours is the chart's"] += own == right
        counts[f"{kind}: vitalscore's is the chart's"] += other == right
    for name, count in sorted(counts.items()):
        print(f"{name:40} {count:>7,}")
    print(f"{'microseconds of CPU a set':40} {took / len(given) * 1e6:>7.0f}")


if __name__ == "__main__":
    main()
