"""GoldenMatch without configuration.

In: a Parquet file of prepared records. Out: rid_l, rid_r, probability (its score), decided (both
in one cluster).
"""

from __future__ import annotations

import sys
from itertools import combinations

import goldenmatch
import polars as pl


def main(source: str, out: str) -> None:
    """Deduplicate and write."""
    records = pl.read_parquet(source)
    rids = records["rid"].to_list()
    filled = [column.name for column in records if column.name != "rid" and column.count()]
    result = goldenmatch.dedupe_df(records.select(filled))
    scores = {(min(a, b), max(a, b)): score for a, b, score in result.scored_pairs}
    decided = {
        pair
        for cluster in result.clusters.values()
        for pair in combinations(sorted(cluster["members"]), 2)
    }
    pairs = sorted(scores.keys() | decided)
    pl.DataFrame(
        {
            "rid_l": [min(rids[a], rids[b]) for a, b in pairs],
            "rid_r": [max(rids[a], rids[b]) for a, b in pairs],
            "probability": [float(scores.get(pair, 1.0)) for pair in pairs],
            "decided": [pair in decided for pair in pairs],
        }
    ).write_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
