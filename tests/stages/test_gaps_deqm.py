"""The gaps-in-care Bundle: whole, resolvable, and honest about what is not known."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from test_gap_cards import Gap

from uptake.care_gaps.deqm import DEQM, GAP_STATUS, REASONS, Document, gap_status, gaps_bundle
from uptake.care_gaps.rules import GapRule, read_rules
from uptake.project import Project

RULES = {
    code: rule
    for code, rule in read_rules(Project().content("care_gaps"), verify=[]).items()
    if code in ("hba1c-test", "breast-screening")
}
DOCUMENT = Document("https://uptake.example.org/fhir", datetime(2026, 11, 1, tzinfo=UTC), "Clinic")
PATIENT = {"resourceType": "Patient", "id": "p"}
RESULT = {"resourceType": "Observation", "id": "o1"}
KEPT = {("ehr", "Observation", "o1"): RESULT}


def bundle(*gaps: Gap, rules: dict[str, GapRule] = RULES) -> dict[str, Any]:
    made = gaps_bundle([g.row() for g in gaps], rules, PATIENT, KEPT, DOCUMENT)
    assert made is not None
    return made


def entries(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [e["resource"] for e in made["entry"] if e["resource"]["resourceType"] == kind]


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["reference"]] if "reference" in value else []
        return own + [r for inner in value.values() for r in references(inner)]
    return [r for inner in value for r in references(inner)] if isinstance(value, list) else []


def test_the_document_begins_with_its_composition_and_every_reference_is_inside() -> None:
    made = bundle(Gap("hba1c-test"))
    assert (made["type"], made["entry"][0]["resource"]["resourceType"]) == (
        "document",
        "Composition",
    )
    addresses = [e["fullUrl"] for e in made["entry"]]
    assert len(set(addresses)) == len(addresses)
    assert set(references(made)) <= set(addresses)
    assert made["identifier"]["value"].startswith("urn:uuid:")


def test_each_rule_has_a_section_with_its_report_and_its_issue() -> None:
    made = bundle(Gap("hba1c-test"))
    kinds = {e["fullUrl"]: e["resource"]["resourceType"] for e in made["entry"]}
    (composition,) = entries(made, "Composition")
    assert composition["type"]["coding"][0]["code"] == "96315-7"
    told = [
        (s["title"], kinds[s["focus"]["reference"]], kinds[s["entry"][0]["reference"]])
        for s in composition["section"]
    ]
    assert told == [(r.title, "MeasureReport", "DetectedIssue") for r in RULES.values()]


def issue_of(made: dict[str, Any], status: str) -> dict[str, Any]:
    (found,) = [
        issue
        for issue in entries(made, "DetectedIssue")
        if issue["modifierExtension"][0]["valueCodeableConcept"]["coding"][0]["code"] == status
    ]
    return found


def test_an_open_gap_has_its_status_its_code_and_its_reason() -> None:
    made = bundle(Gap("hba1c-test"))
    issue = issue_of(made, "open-gap")
    assert issue["modifierExtension"][0]["url"] == GAP_STATUS
    assert issue["code"]["coding"][0]["code"] == "CAREGAP"
    (guidance,) = entries(made, "GuidanceResponse")
    (coding,) = guidance["reasonCode"][0]["coding"]
    assert coding == {"system": f"{DEQM}/CodeSystem/care-gap-reason", "code": "DateOutOfRange"}
    assert guidance["status"] == "success"


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        ("cannot-tell", "hidden evidence", "InvalidAttribute"),
        ("cannot-tell", "no evidence known", "NotFound"),
        ("elsewhere", "elsewhere", "Missing"),
    ],
)
def test_missing_data_are_told_apart_from_care_not_given(
    status: str, reason: str, code: str
) -> None:
    made = bundle(Gap("hba1c-test", status, {"reason": reason}))
    (guidance,) = entries(made, "GuidanceResponse")
    assert guidance["status"] == "data-required"
    assert guidance["reasonCode"][0]["coding"][0]["code"] == code
    assert guidance["dataRequirement"] == [{"type": "Observation"}]


def counts(made: dict[str, Any], rule: str) -> dict[str, int]:
    (report,) = [r for r in entries(made, "MeasureReport") if r["measure"].endswith(rule)]
    return {
        p["code"]["coding"][0]["code"]: p["count"] for p in report["group"][0]["population"]
    }  # fmt: skip


def test_a_report_counts_what_is_known_and_nothing_else() -> None:
    assert counts(bundle(Gap("hba1c-test", "closed")), "hba1c-test") == {
        "initial-population": 1, "denominator": 1, "denominator-exclusion": 0, "numerator": 1,
    }  # fmt: skip
    untold = bundle(Gap("hba1c-test", "cannot-tell", {"reason": "hidden evidence"}))
    assert counts(untold, "hba1c-test") == {"initial-population": 1, "denominator": 1}
    assert counts(untold, "breast-screening")["initial-population"] == 0


def test_the_evidence_is_in_the_document() -> None:
    made = bundle(Gap("hba1c-test", "closed"))
    assert entries(made, "Observation") == [RESULT]
    assert entries(bundle(Gap("hba1c-test", more={"evidence_id": "gone"})), "Observation") == []


def test_a_patient_whose_identity_is_in_doubt_is_in_no_document() -> None:
    rows = [Gap("hba1c-test", "withheld").row(), Gap("breast-screening").row()]
    assert gaps_bundle(rows, RULES, PATIENT, KEPT, DOCUMENT) is None


def test_the_same_rows_make_the_same_document() -> None:
    assert bundle(Gap("hba1c-test")) == bundle(Gap("hba1c-test"))


@pytest.mark.parametrize(
    ("gap", "status"),
    [
        (None, "not-applicable"),
        (Gap("a"), "open-gap"),
        (Gap("a", "elsewhere"), "open-gap"),
        (Gap("a", "cannot-tell"), "open-gap"),
        (Gap("a", "excluded"), "closed-gap"),
        (Gap("a", "closed"), "closed-gap"),
        (Gap("a", "closed", {"next_due": date(2027, 6, 1)}), "closed-gap"),
        (Gap("a", "closed", {"next_due": date(2027, 1, 30)}), "prospective-gap"),
    ],
)
def test_a_gap_that_opens_soon_is_prospective(gap: Gap | None, status: str) -> None:
    assert gap_status(gap.row() if gap else None, date(2026, 11, 1)) == status


def test_every_reason_is_a_code_of_deqm() -> None:
    known = {"NotFound", "Missing", "InvalidAttribute", "DateOutOfRange", "ValueOutOfRange"}
    assert {code for code, _ in REASONS.values()} <= known
