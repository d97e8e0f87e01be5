"""OperationOutcomes and MeasureReports: the findings and numbers of a run as FHIR."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import duckdb
import output_cases as cases
import pytest

from uptake.feeds.files import files_of
from uptake.model import Feed
from uptake.report.formats import Run, fhir
from uptake.report.formats.operation_outcomes import ISSUE_TYPES
from uptake.resources.store import load

TYPES = {"invalid", "structure", "required", "value", "invariant", "processing", "duplicate",
         "code-invalid", "business-rule", "not-found", "informational"}  # fmt: skip
"""Codes of FHIR R4's IssueType value set."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = cases.finished_run(tmp_path_factory.mktemp("fhir"))
    fhir.write(run)
    return run


def lines(run: Run, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run.folder / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def outcomes(run: Run) -> dict[str, dict[str, Any]]:
    """Return the OperationOutcomes by the record they are about; "" is the one kept out."""
    found = {}
    for outcome in lines(run, "operation-outcomes.ndjson"):
        about = [e["valueReference"]["reference"] for e in outcome.get("extension", [])]
        found[f"{outcome['meta']['source']} {''.join(about)}"] = outcome
    return found


def test_a_record_has_one_outcome_and_a_finding_one_issue(
    run: Run, outcomes: dict[str, dict[str, Any]]
) -> None:
    whole = duckdb.sql(f"select count(*) from read_parquet('{run.findings}')").fetchall()[0][0]
    assert sum(len(outcome["issue"]) for outcome in outcomes.values()) == whole
    ids = [outcome["id"] for outcome in outcomes.values()]
    assert len(set(ids)) == len(ids)


def test_an_issue_says_what_where_and_how_bad(outcomes: dict[str, dict[str, Any]]) -> None:
    outcome = outcomes[f"urn:uptake:feed:lab Observation/{cases.SECRET}3"]
    issues = {issue["details"]["coding"][0]["code"]: issue for issue in outcome["issue"]}
    issue = issues["COD-10"]
    assert issue["severity"] == "error"
    assert issue["code"] == "code-invalid"
    assert issue["expression"] == ["Observation.value"]
    assert issue["diagnostics"] == "no code: mg/dl; should be: mg/dL"


def test_what_was_kept_out_is_fatal_and_says_its_line(outcomes: dict[str, dict[str, Any]]) -> None:
    [issue] = outcomes["urn:uptake:feed:lab "]["issue"]
    assert issue["severity"] == "fatal"
    assert issue["diagnostics"].startswith("Observation.ndjson line 5; ")


def test_nothing_is_null_or_empty(outcomes: dict[str, dict[str, Any]]) -> None:
    def values(node: Any) -> list[Any]:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [node, *(v for one in inner for v in values(one))]

    for outcome in outcomes.values():
        assert not [v for v in values(outcome) if v in (None, "", [], {})]


def test_a_repair_is_a_json_patch_in_a_binary(outcomes: dict[str, dict[str, Any]]) -> None:
    outcome = outcomes[f"urn:uptake:feed:lab Observation/{cases.SECRET}2"]
    binaries = {f"#{one['id']}": one for one in outcome["contained"]}
    patches = {}
    for issue in outcome["issue"]:
        for extension in issue.get("extension", []):
            assert extension["url"] == "urn:uptake:repair"
            binary = binaries.pop(extension["valueReference"]["reference"])
            assert binary["contentType"] == "application/json-patch+json"
            code = issue["details"]["coding"][0]["code"]
            patches[code] = json.loads(b64decode(binary["data"]))
    assert not binaries
    assert patches["COD-03"] == [
        {
            "op": "test",
            "path": "/code/coding/0",
            "value": {"system": "LOINC", "code": "4548-4"},
        },
        {"op": "replace", "path": "/code/coding/0/system", "value": "http://loinc.org"},
    ]
    assert [one["op"] for one in patches["TXT-02"]] == ["test", "test", "remove", "add"]


def test_every_category_has_a_code_of_fhir(run: Run) -> None:
    from uptake.definitions.checks import CATEGORIES

    assert set(ISSUE_TYPES) == set(CATEGORIES)
    assert set(ISSUE_TYPES.values()) <= TYPES


def test_our_own_gate_lets_every_line_in(run: Run, tmp_path: Path) -> None:
    for name in ("operation-outcomes.ndjson", "measure-reports.ndjson"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    feed = Feed("outputs", tmp_path)
    store = load(files_of([feed]), tmp_path / "store", threads=1, progress=lambda _: None)
    assert all(file.records for file in store.files)
    assert not any(file.quarantined for file in store.files)


def counts(group: dict[str, Any]) -> dict[str, int]:
    return {p["code"]["coding"][0]["code"]: p["count"] for p in group["population"]}


def test_a_measure_report_a_check_and_a_use_case(run: Run) -> None:
    reports = {report["id"]: report for report in lines(run, "measure-reports.ndjson")}
    assert len(reports) == len(run.assessment.checks) + len(run.assessment.fitness)
    for result in run.assessment.checks:
        [group] = reports[f"check-{result.check.code}"]["group"]
        whole = result.denominator + result.not_judged
        assert counts(group) == {
            "initial-population": whole,
            "denominator": whole,
            "denominator-exclusion": result.not_judged,
            "numerator": result.numerator,
        }
        if result.denominator:
            assert group["measureScore"]["value"] == round(result.numerator / result.denominator, 6)
        else:
            assert "measureScore" not in group


def test_the_feeds_of_a_check_add_up(run: Run) -> None:
    groups = [g for report in lines(run, "measure-reports.ndjson") for g in report["group"]]
    by_feed = [(g, s["stratum"]) for g in groups for s in g.get("stratifier", [])]
    assert by_feed
    for group, strata in by_feed:
        parts = [counts(stratum) for stratum in strata]
        for name, n in counts(group).items():
            assert sum(part[name] for part in parts) == n


def test_a_use_case_says_each_requirement(run: Run) -> None:
    reports = {report["id"]: report for report in lines(run, "measure-reports.ndjson")}
    assert run.assessment.fitness
    for fitness in run.assessment.fitness:
        first, *rest = reports[f"use-case-{fitness.use_case.code}"]["group"]
        assert counts(first)["numerator"] == fitness.fit
        assert len(rest) == len(fitness.requirements)
