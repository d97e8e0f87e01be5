"""Seventy-odd defects in one Bundle, one a patient: all are found, and clean twins are quiet."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import orjson
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # benchmarks is no part of the package

from benchmarks.planted import DEFECTS
from benchmarks.planted.chart import AS_OF, write_bundle
from benchmarks.planted.peers import KINDS, judge, named

from .assessing import assess_folder

Told = tuple[str, str, str]
"""A record, an element, the check that says it."""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[Told]:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "in").mkdir()
    bundle, _ = write_bundle(DEFECTS)
    (folder / "in" / "bundle.json").write_bytes(orjson.dumps(bundle))
    assess_folder(folder / "in", folder / "out", as_of=AS_OF, cases=frozenset())
    rows = duckdb.sql(
        "select resource_type || '/' || resource_id, coalesce(expression, ''), \"check\" from "
        f"read_parquet('{folder}/out/findings.parquet') where severity <> 'info' "
        "and resource_id <> ''"
    ).fetchall()
    held = duckdb.sql(f"select raw from read_parquet('{folder}/out/quarantine.parquet')").fetchall()
    return [*rows, *((named(orjson.loads(raw)), "", "CNF-01") for (raw,) in held)]


def test_every_planted_defect_is_found(said: list[Told]) -> None:
    _, truth = write_bundle(DEFECTS)
    judged = judge("uptake", truth, [(r, e) for r, e, _ in said], 0.0)
    assert not judged.missed
    assert sum(judged.found.values()) == len(DEFECTS)
    assert all(judged.found[kind] for kind in KINDS)


def test_nothing_is_said_of_clean_twins(said: list[Told]) -> None:
    _, truth = write_bundle(DEFECTS)
    planted = {record for row in truth for record in row["patient"]}
    wrong = sorted({(check, r.split("-")[0]) for r, _, check in said if r not in planted})
    assert wrong == []
