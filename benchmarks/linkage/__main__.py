"""The command line.

python -m benchmarks.linkage SET|all [--no-ssn] [--details] [--show N] [--json FILE]
    [--peers]
python -m benchmarks.linkage population [--persons N] [--seed S] [--cultures a,b] [--traps 1]
python -m benchmarks.linkage FILE.parquet|FILE.csv
python -m benchmarks.linkage scale [--persons 1000000]

Without social security numbers (`--no-ssn`) the figures compare to the design's.
"""

from __future__ import annotations

import sys

from benchmarks.linkage.command import main

if __name__ == "__main__":
    sys.exit(main())
