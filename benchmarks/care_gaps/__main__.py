"""How right care gaps are: `python -m benchmarks.care_gaps [--patients N] [--modules DIR]`.

DIR is a folder in which `npm install fqm-execution` was run; without it only planted truth counts.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.care_gaps import agreement, truth


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--each", type=int, default=20, help="patients a rule and scenario")
    options.add_argument("--patients", type=int, default=2000, help="for the engines' agreement")
    options.add_argument("--modules", type=Path)
    options.add_argument("--seed", type=int, default=11)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="uptake-gaps-") as folder:
        truth.show(truth.accuracy(given.each, given.seed, Path(folder)))
    if given.modules:
        with tempfile.TemporaryDirectory(prefix="uptake-gaps-") as folder:
            where = given.modules.resolve()
            agreement.show(agreement.agreement(given.patients, given.seed, Path(folder), where))


main()
