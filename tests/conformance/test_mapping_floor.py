"""Suggestions for the labelled items of a real laboratory: never worse than a floor."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks is no part of the package

from benchmarks.mapping import ours, read_items, write_pool

FIRST, FIVE = 0.60, 0.80
"""Character BM25 with specimen and unit class reaches these; without them it does not."""

pytest.importorskip("meds_etl", reason="needs the package meds-etl for its labelled items")


def test_the_right_code_is_suggested_often_enough(tmp_path: Path) -> None:
    items = read_items()
    assert len(items) > 1300
    pool = tmp_path / "pool.csv"
    write_pool(items, pool)
    found = ours(pool)(items)
    first = sum(codes[:1] == [item.code] for item, codes in zip(items, found, strict=True))
    five = sum(item.code in codes[:5] for item, codes in zip(items, found, strict=True))
    assert first / len(items) >= FIRST
    assert five / len(items) >= FIVE
