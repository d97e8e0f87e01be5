"""SARIF and JUnit: what build servers are given says what fails, and nobody's name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import output_cases as cases
import pytest

from uptake.errors import StorageError
from uptake.model import InputFile
from uptake.report.formats import FILES, Run, junit, sarif, write_formats


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = cases.finished_run(tmp_path_factory.mktemp("shared"))
    sarif.write(run)
    junit.write(run)
    return run


@pytest.fixture(scope="module")
def log(run: Run) -> dict[str, Any]:
    [found] = json.loads((run.folder / "results.sarif").read_text("utf-8"))["runs"]
    return dict(found)


def test_sarif_says_which_version_it_is(run: Run) -> None:
    whole = json.loads((run.folder / "results.sarif").read_text("utf-8"))
    assert whole["version"] == "2.1.0"
    assert whole["$schema"].endswith("sarif-2.1.0.json")


def test_every_finding_is_a_result_of_a_rule(run: Run, log: dict[str, Any]) -> None:
    rules = log["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(cases.CODES)
    found = duckdb.sql(
        f"select \"check\", fingerprint from read_parquet('{run.findings}')"
    ).fetchall()
    said = [(r["ruleId"], r["partialFingerprints"]["uptakeFinding/v1"]) for r in log["results"]]
    assert sorted(said) == sorted((code, mark[: sarif.SHOWN]) for code, mark in found)
    for result in log["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]


def test_a_result_says_where(log: dict[str, Any]) -> None:
    [result] = [r for r in log["results"] if r["ruleId"] == "COD-03"]
    [place] = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "lab/Observation.ndjson"
    assert place["physicalLocation"]["region"] == {"startLine": 2}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "Observation.code.coding[0]"
    uris = [artifact["location"]["uri"] for artifact in log["artifacts"]]
    for found in log["results"]:
        where = found["locations"][0]["physicalLocation"]["artifactLocation"]
        assert uris[where["index"]] == where["uri"]


def test_a_rule_has_its_help(log: dict[str, Any]) -> None:
    for rule in log["tool"]["driver"]["rules"]:
        assert rule["shortDescription"]["text"]
        assert "How to fix" in rule["help"]["text"]
        assert rule["help"]["markdown"].startswith("## ")


@pytest.mark.parametrize("name", ["results.sarif", "junit.xml"])
def test_a_shared_file_names_nobody(run: Run, name: str) -> None:
    text = (run.folder / name).read_text("utf-8")
    assert cases.SECRET not in text
    assert "7.20" not in text


def test_a_file_is_named_after_a_type_or_not_at_all() -> None:
    def uri(path: str) -> str:
        return sarif.uri(InputFile("my feed", path, "", 0, 0, 0))

    assert uri("a/Observation.000.ndjson.gz") == "my%20feed/Observation.000.ndjson.gz"
    assert re.fullmatch("my%20feed/file-[0-9a-f]{12}", uri("a/Observationes_Smith.json"))
    assert uri("Smith.json") != uri("Jones.json")


def test_no_result_is_no_fault(tmp_path: Path, run: Run) -> None:
    duckdb.sql(
        f"copy (from read_parquet('{run.findings}') where false) "
        f"to '{tmp_path}/findings.parquet' (format parquet)"
    )
    sarif.write(Run(run.assessment, tmp_path, run.store))
    whole = json.loads((tmp_path / "results.sarif").read_text("utf-8"))
    assert whole["runs"][0]["results"] == []


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, run: Run) -> None:
    (tmp_path / "findings.parquet").write_bytes(run.findings.read_bytes())
    (tmp_path / "results.sarif").mkdir()
    with pytest.raises(StorageError, match=r"results\.sarif"):
        sarif.write(Run(run.assessment, tmp_path, run.store))
    assert {path.name for path in tmp_path.iterdir()} == {"findings.parquet", "results.sarif"}


def test_files_of_another_run_that_nobody_asked_for_go(tmp_path: Path, run: Run) -> None:
    (tmp_path / "findings.parquet").write_bytes(run.findings.read_bytes())
    stale = [name for files in FILES.values() for name in files]
    for name in stale:
        (tmp_path / name).write_text("of last month", "utf-8")
    write_formats(Run(run.assessment, tmp_path, run.store), ["html", "junit"])
    assert {p.name for p in tmp_path.iterdir()} == {"findings.parquet", "junit.xml"}
    assert (tmp_path / "junit.xml").read_text("utf-8").startswith("<?xml")


def test_junit_has_a_case_a_check_and_a_use_case(run: Run) -> None:
    root = ElementTree.fromstring((run.folder / "junit.xml").read_text("utf-8"))
    checks, uses = root
    assert [case.get("name", "").split()[0] for case in checks] == list(cases.CODES)
    assert len(uses) == len(run.assessment.fitness)
    for suite in root:
        assert int(suite.get("tests", "")) == len(suite)
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped", "")) == len(suite.findall("testcase/skipped"))
    assert int(root.get("tests", "")) == len(checks) + len(uses)


def test_junit_says_numbers_and_reasons(run: Run) -> None:
    root = ElementTree.fromstring((run.folder / "junit.xml").read_text("utf-8"))
    outcome = {case.get("name", "").split()[0]: list(case) for case in root[0]}
    [failure] = outcome["COD-10"]
    assert failure.tag == "failure"
    assert failure.get("type") == "high"
    assert "resources" in failure.get("message", "")
    assert failure.text
    assert not outcome["COD-05"]
    assert all(skipped.get("message") for skipped in root.iter("skipped"))
