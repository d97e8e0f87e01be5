"""PIQI: every criterion's query gives what its module says, and the score is counted as it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import output_cases as cases
import pytest

from uptake.findings.piqi import RUBRICS, Count, Criterion, rubric, summary

LOINC = {"system": "http://loinc.org", "code": "4548-4"}
LAB = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": "laboratory"}]}]  # fmt: skip


def lab(number: int, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": f"o{number}", "category": LAB, **more}


RESOURCES = (
    lab(1, status="final", code={"coding": [LOINC]}, effectiveDateTime="2026-01-01"),
    lab(2, status="final", code={"coding": [{"system": "urn:local", "code": "GLU"}]},
        effectiveDateTime="2031-01-01"),
    lab(3, code={"text": "Glucose"}, effectiveDateTime="2026-13-01"),
    lab(4, status="final", code={"coding": [{**LOINC, "code": "4548-5"}]},
        valueQuantity={"value": 1, "unit": "mg/dL", "code": "mg/dL",
                       "system": "http://unitsofmeasure.org"}),
    lab(5, status="entered-in-error", code={"text": "wrong"}),
    lab(6, status="final", code={"coding": [{"system": "http://loinc.org", "code": "99999-1"}]},
        effectiveDateTime="2026-01-01T10:00:00Z",
        valueQuantity={"value": 1, "unit": "mg/dl"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("piqi")
    (folder / "lab").mkdir()
    text = "\n".join(map(json.dumps, RESOURCES))
    (folder / "lab" / "Observation.ndjson").write_text(text, "utf-8")
    cases.assessed(folder / "lab", folder, form=("piqi",))
    [found] = json.loads((folder / "out" / "piqi.json").read_text("utf-8"))["scores"]
    return dict(found)


def numbers(score: dict[str, Any], entity: str, sam: str) -> tuple[int, int, int]:
    [told] = [c for c in score["criteria"] if (c["entity"], c["sam"]) == (entity, sam)]
    return told["evaluated"], told["passed"], told["skipped"]


def test_a_member_is_of_the_system_and_known(score: dict[str, Any]) -> None:
    evaluated, passed, skipped = numbers(score, "LAB_TEST", "CONCEPT_ISVALIDMEMBER")
    # Local, text only and a wrong check digit fail; a code that no release here knows is skipped.
    assert (evaluated + skipped, passed) == (5, 1)
    assert evaluated - passed >= 3


def test_a_date_is_past_if_it_can_be_read_and_is_not_ahead(score: dict[str, Any]) -> None:
    # 2031 is ahead, the 13th month is none, and one has no date at all.
    assert numbers(score, "LAB_PERFDT", "ATTR_ISPASTDATE") == (5, 2, 0)


def test_a_condition_that_is_not_met_is_no_evaluation(score: dict[str, Any]) -> None:
    assert numbers(score, "LAB_RESUOM", "ATTR_INEXTERNALLIST") == (2, 1, 0)


def test_a_status_is_populated_or_not(score: dict[str, Any]) -> None:
    assert numbers(score, "LAB_RSTAT", "ATTR_ISPOPULATED") == (5, 4, 0)


def test_the_score_is_the_sum_of_its_scoring_criteria(score: dict[str, Any]) -> None:
    told = score["scoringData"]["messageResults"]
    scoring = [c for c in score["criteria"] if c["effect"] == "Scoring"]
    assert told["denominator"] == sum(c["evaluated"] for c in scoring)
    assert told["numerator"] == sum(c["passed"] for c in scoring)
    assert told["piqiScore"] == 100 * told["numerator"] // told["denominator"]
    classes = {c["dataClassName"]: c for c in score["scoringData"]["dataClassResults"]}
    assert classes["Lab Results"]["denominator"] == told["denominator"]
    assert classes["Goals"]["piqiScore"] is None
    failed = [c["evaluated"] - c["passed"] for c in scoring if c["critical"]]
    assert told["criticalFailureCount"] == sum(failed) > 0


def test_what_is_informational_is_not_scored(score: dict[str, Any]) -> None:
    [told] = score["scoringData"]["informationalResults"]
    assert told["dataClassName"] == "Lab Results"
    assert {e["evaluationName"] for e in told["evaluationList"]} == {"CONCEPT_ISACTIVE"}


def test_what_is_left_out_says_why(score: dict[str, Any]) -> None:
    judged = {c["sequence"] for c in score["criteria"]}
    left_out = {c["sequence"]: c["reason"] for c in score["leftOut"]}
    assert all(left_out.values())
    assert not judged & left_out.keys()


@pytest.mark.parametrize("name", RUBRICS)
def test_a_rubric_names_checks_that_exist_and_elements_once(name: str) -> None:
    known = {path.stem for path in (Path(cases.CONTENT) / "checks").glob("*.md")}
    criteria = rubric(name).criteria
    assert len({c.sequence for c in criteria}) == len(criteria)
    assert {code for c in criteria for code in c.checks} <= known
    assert all(bool(c.query) != bool(c.left_out) for c in criteria)
    assert {c.effect for c in criteria} <= {"Scoring", "Informational"}


def test_a_score_is_cut_and_weighted() -> None:
    base = Criterion(1, "E", "C", "S", "Scoring", 1, False, "", (), "", "")
    told = summary(
        [
            Count(base, 3, 3, 2, 1),
            Count(replace(base, weight=3, critical=True), 3, 3, 1, 0),
        ]
    )
    assert (told["numerator"], told["denominator"], told["skipped"]) == (3, 6, 1)
    assert told["piqiScore"] == 50
    assert told["weightedPIQIScore"] == 100 * 5 // 12
    assert told["criticalFailureCount"] == 2
    assert summary([Count(base, 3, 3, 2, 0)])["piqiScore"] == 66
    assert summary([])["piqiScore"] is None
