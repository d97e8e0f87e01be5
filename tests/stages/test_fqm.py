"""Official measures in a worker: a fault of the engine is *not evaluated*, never false."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from uptake.care_gaps.engines import NeededData
from uptake.care_gaps.fqm import DIED, FAILED, FqmEngine
from uptake.cli import main
from uptake.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE = [sys.executable, str(Path(__file__).parent / "fqm_fake.py")]


def package(folder: Path, **more: Any) -> Path:
    path = folder / "measure.json"
    entry = [{"resource": {"resourceType": "Measure", "id": "m"}}]
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": entry, **more}), "utf-8")
    return path


def patients(*names: str) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(name, [{"resourceType": "Patient", "id": name}]) for name in names]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FqmEngine]:
    made = FqmEngine(package(tmp_path), tmp_path, seconds=3, command=FAKE)
    yield made
    made.close()


def test_each_patient_is_told_its_populations_in_order(engine: FqmEngine) -> None:
    found = list(engine.evaluate(patients("a", "prints", "b")))
    assert [(one.patient, one.fault) for one in found] == [("a", ""), ("prints", ""), ("b", "")]
    assert found[0].groups == {"g": {"initial-population": True, "numerator": False}}
    assert found[1].groups["g"]["numerator"] is True


def test_two_patients_of_one_id_are_judged_apart(engine: FqmEngine) -> None:
    assert [one.fault for one in engine.evaluate(patients("a", "a", "b", "a"))] == [""] * 4


def test_an_error_is_not_evaluated_and_quotes_nothing_of_the_patient(engine: FqmEngine) -> None:
    (failed, after) = engine.evaluate(patients("fails", "a"))
    assert (failed.fault, failed.groups) == (FAILED, {})
    assert after.fault == ""


def test_an_answer_without_populations_is_no_false(engine: FqmEngine) -> None:
    (empty,) = engine.evaluate(patients("empty"))
    assert (empty.fault, empty.groups) == (FAILED, {})


def test_a_patient_that_takes_too_long_costs_only_itself(tmp_path: Path) -> None:
    engine = FqmEngine(package(tmp_path), tmp_path, seconds=1, command=FAKE)
    slow, after = engine.evaluate(patients("slow", "a"))
    engine.close()
    assert (slow.fault, slow.groups) == ("it took more than 1 s", {})
    assert after.fault == ""


def test_a_worker_that_ends_is_started_again(engine: FqmEngine) -> None:
    died, after = engine.evaluate(patients("dies", "a"))
    assert (died.fault, after.fault) == (DIED, "")


def test_what_the_measure_reads_is_told(engine: FqmEngine) -> None:
    assert engine.needs() == (NeededData("Patient", ("birthDate",), ()),)


def test_a_fault_of_the_measure_is_told_at_once(tmp_path: Path) -> None:
    path = package(tmp_path, fault="No Root Library could be identified")
    with pytest.raises(SourceError, match="cannot be run by fqm-execution: No Root Library"):
        FqmEngine(path, tmp_path, command=FAKE)


def test_a_package_without_one_measure_is_refused(tmp_path: Path) -> None:
    path = package(tmp_path, entry=[])
    with pytest.raises(SourceError, match="0 Measures; a package is a Bundle of one Measure"):
        FqmEngine(path, tmp_path, command=FAKE)


def test_without_node_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["gaps", "measure", str(package(tmp_path))])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "install Node 20 or later" in said[0]


@pytest.mark.skipif(shutil.which("node") is None, reason="optional: Node")
def test_without_the_npm_package_one_line_says_where_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no fqm-execution; run `npm install fqm-execution`"):
        FqmEngine(package(tmp_path), tmp_path)


@pytest.mark.skipif(
    "UPTAKE_FQM" not in os.environ,
    reason="optional: npm install fqm-execution in a folder, and name that in UPTAKE_FQM",
)
def test_the_real_engine_agrees_with_the_examples_of_our_rule(tmp_path: Path) -> None:
    from benchmarks.care_gaps.agreement import examples_agree

    assert examples_agree(tmp_path, Path(os.environ["UPTAKE_FQM"])) == []
