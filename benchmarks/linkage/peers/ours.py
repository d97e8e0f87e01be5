"""Uptake, in a process of its own, as the peers are.

In: a Parquet file of `set_row`. Out: rid_l, rid_r, probability, outcome.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.linkage.sets import database, read_set
from uptake.engine.duckdb import quoted
from uptake.identity.linkage import link


def main(source: str, out: str) -> None:
    """Link and write."""
    with database() as db:
        read_set(db, Path(source))
        link(db)
        db.run(f"""
            copy (
              select rid_l, rid_r, coalesce(s.probability, k.probability) as probability,
                coalesce(outcome, '') as outcome
              from scored_pair s full join patient_link k using (rid_l, rid_r)
            ) to {quoted(out)} (format parquet)
        """)


if __name__ == "__main__":
    main(*sys.argv[1:])
