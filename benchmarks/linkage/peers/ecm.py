"""Python Record Linkage Toolkit: its ECM classifier (Fellegi-Sunter, no labels).

In: a Parquet file of prepared records. Out: rid_l, rid_r, probability, decided (the classifier's).
"""

from __future__ import annotations

import sys

import pandas as pd
import recordlinkage

FILLED = 0.05
BLOCKS = (
    ("birth_date", "family"),
    ("birth_date", "given"),
    ("birth_date", "zip"),
    ("given", "family"),
    ("zip", "family"),
    ("phone",),
    ("email",),
    ("ssn",),
)


def main(source: str, out: str) -> None:
    """Block, compare, classify and write."""
    records = pd.read_parquet(source).set_index("rid")
    has = {name for name in records if records[name].notna().mean() >= FILLED}
    index = recordlinkage.Index()
    for names in BLOCKS:
        if has.issuperset(names):
            index.block(list(names))
    pairs = index.index(records)
    compare = recordlinkage.Compare(n_jobs=1)
    for name in ("given", "family", "line"):
        if name in has:
            compare.string(name, name, method="jarowinkler", threshold=0.88, label=name)
    for name in ("birth_date", "gender", "zip", "phone", "email", "ssn", "suffix", "middle"):
        if name in has:
            compare.exact(name, name, label=name)
    features = compare.compute(pairs, records)
    classifier = recordlinkage.ECMClassifier()
    matches = classifier.fit_predict(features)
    scores = classifier.prob(features)
    told = pd.DataFrame(
        {
            "rid_l": [min(pair) for pair in features.index],
            "rid_r": [max(pair) for pair in features.index],
            "probability": scores.to_numpy(),
            "decided": features.index.isin(matches),
        }
    )
    told.to_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
