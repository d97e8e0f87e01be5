"""Known defects put into a clean feed: every check finds all of its own and nothing else."""

import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # benchmarks is no part of the package

from benchmarks import accuracy  # noqa: E402
from benchmarks.assess import assess  # noqa: E402
from benchmarks.corpus import SMALL, read_lines  # noqa: E402
from benchmarks.defects import CASES, CHECKS  # noqa: E402
from benchmarks.injection import write_injection  # noqa: E402

ROWS, SEED = 12, 7
SHORT = {"COD-11"}
"""Checks that 30 patients have too few resources for: some of their variants are left out."""
TRUE_OF_SYNTHEA = {"COD-14"}
"""Its temperatures are oral ones; the use case asks for 8310-5, whatever the site."""

pytestmark = pytest.mark.skipif(not SMALL.is_dir(), reason=f"needs {SMALL}")


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    """The clean feed, its twin with single defects, and what was injected."""
    out = tmp_path_factory.mktemp("twins")
    singles, _ = write_injection(SMALL, out, rows=ROWS, rate=0, seed=SEED)
    return out, singles


@pytest.fixture(scope="module")
def results(twins):
    """One clean run and one dirty run judge every check."""
    out, singles = twins
    clean, dirty = (assess(out / name, out / f"assess-{name}") for name in ("clean", "dirty"))
    return {one.check: one for one in accuracy.judge(singles, clean, dirty)}


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_finds_every_injected_defect_and_nothing_else(results, check):
    one = results[check]
    assert one.injected >= (1 if check in SHORT else ROWS)
    assert accuracy.complaints([one]) == []
    assert (one.precision, one.recall) == (1, 1)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_finds_nothing_in_the_clean_feed(results, check):
    assert (results[check].baseline > 0) is (check in TRUE_OF_SYNTHEA)


def test_no_resource_carries_two_injections(twins):
    _, singles = twins
    truth = singles.truth
    assert Counter((row["resource_type"], row["id"]) for row in truth).most_common(1)[0][1] == 1


def test_every_variant_is_injected(twins):
    _, singles = twins
    told = {(row["check"], row["variant"]) for row in singles.truth}
    left_out = {(case.check, case.variant) for case in CASES} - told
    assert {check for check, _ in left_out} == set(singles.short) == SHORT


def test_what_is_not_injected_stays_as_it_was(twins):
    out, singles = twins
    touched = {row["id"] for row in singles.truth}
    clean, dirty = read_lines(out / "clean"), read_lines(out / "dirty")
    changed = {line for name, lines in clean.items() for line in set(lines) - set(dirty[name])}
    assert 0 < len(changed) <= len(singles.truth)
    assert {orjson.loads(line)["id"] for line in changed} <= touched


def test_the_same_seed_gives_the_same_bytes(twins, tmp_path):
    out, _ = twins
    write_injection(SMALL, tmp_path, rows=ROWS, rate=0, seed=SEED)
    for folder in ("dirty", "patterns/dirty"):
        for path in (tmp_path / folder).iterdir():
            assert path.read_bytes() == (out / folder / path.name).read_bytes()
