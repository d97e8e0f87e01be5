"""What comes along with a call: its five states, whose it is, and what is asked for instead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from uptake.delivery.cases import Facts, Got, Need
from uptake.delivery.hooks import Context
from uptake.delivery.prefetch import next_page, offered, read_facts, read_prefetch, resolve

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "x"}]}
REMARK = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "x"}]}
HTML = "<html><body>Bad gateway</body></html>"


def drug(identity: str = "m1", whose: str = "Patient/p") -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": identity, "subject": {"reference": whose}}


def searchset(*found: Any, **more: Any) -> dict[str, Any]:
    entries = [{"resource": one, "search": {"mode": "match"}} for one in found]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def read(value: object) -> Facts:
    return read_facts(value, "p", "list")


def test_the_five_states_of_a_key() -> None:
    needs = [Need(key, "x") for key in ("missing", "null", "one", "many", "error")]
    sent = {"null": None, "one": PATIENT, "many": searchset(drug()), "error": OUTCOME,
            "unheard": PATIENT}  # fmt: skip
    found = read_prefetch(sent, needs, "p")
    assert {key: facts.got for key, facts in found.items()} == {
        "null": Got.NONE, "one": Got.GIVEN, "many": Got.GIVEN, "error": Got.FAILED,
    }  # fmt: skip
    assert read_prefetch(None, needs, "p") == {}


@pytest.mark.parametrize("value", [searchset(), {"resourceType": "Bundle"}, searchset(REMARK)])
def test_an_empty_searchset_says_that_there_are_none(value: Any) -> None:
    assert read(value) == Facts((), Got.NONE, whole=True)
    assert read(value).told


@pytest.mark.parametrize(
    "value",
    [
        HTML, "", 7, True, [], [drug()], {}, {"resourceType": 7}, OUTCOME,
        {"resourceType": "OperationOutcome"}, searchset(drug(), OUTCOME), searchset(HTML),
        searchset({}), searchset(None), {"resourceType": "Bundle", "entry": HTML},
        {"resourceType": "Bundle", "entry": [7]}, searchset({"resourceType": "OperationOutcome"}),
    ],
)  # fmt: skip
def test_what_is_wrong_cannot_be_told(value: object) -> None:
    found = read(value)
    assert (found.got, found.resources, found.told) == (Got.FAILED, (), False)


def test_bundles_in_bundles_are_flattened() -> None:
    batch = searchset(searchset(drug("a")), searchset(drug("b"), PATIENT))
    assert [r["id"] for r in read(batch).resources] == ["a", "b", "p"]


@pytest.mark.parametrize(
    "value",
    [
        searchset(drug(), link=[{"relation": "next", "url": "x"}]),
        searchset(drug(), total=2),
        searchset(searchset(drug(), link=[{"relation": "next", "url": "x"}])),
    ],
)
def test_of_pages_nothing_can_be_said_to_be_absent(value: Any) -> None:
    found = read(value)
    assert (found.got, found.whole, found.told) == (Got.GIVEN, False, False)


def test_what_is_included_is_no_match() -> None:
    bundle = searchset(drug(), total=1)
    bundle["entry"].append({"resource": PATIENT, "search": {"mode": "include"}})
    assert next_page(bundle) is None
    assert read(bundle).whole


@pytest.mark.parametrize(
    "whose",
    ["Patient/p", "https://ehr.example/fhir/Patient/p", "Patient/p/_history/2", "Group/g", "#in"],
)
def test_whose_facts_are_taken(whose: str) -> None:
    assert read(searchset(drug(whose=whose))).got is Got.GIVEN


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Patient", "id": "other"}, {"resourceType": "Patient"},
        drug(whose="Patient/other"), drug(whose="https://ehr.example/fhir/Patient/other"),
        drug(whose="Patient/p/_history/1/../../other"), drug(whose="Patient/P"),
            drug(whose="Patient?identifier=1"), drug(whose="Patient/"),
        {"resourceType": "Task", "for": {"reference": "Patient/other"}},
        {"resourceType": "Coverage", "beneficiary": {"reference": "Patient/other"}},
        {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/other"}},
    ],
)  # fmt: skip
def test_facts_of_another_patient_are_refused_with_the_whole_key(
    resource: Any, caplog: pytest.LogCaptureFixture
) -> None:
    found = read(searchset(drug("mine"), resource))
    assert (found.got, found.resources) == (Got.FAILED, ())
    assert read(resource).got is Got.FAILED
    assert "another patient" in caplog.text
    assert "mine" not in caplog.text


@pytest.mark.parametrize(
    ("query", "filled"),
    [
        ("Patient/{{context.patientId}}", "Patient/p"),
        ("A?patient={{ context.patientId }}&_count=9", "A?patient=p&_count=9"),
        ("Encounter/{{context.encounterId}}", "Encounter/e1"),
        ("{{context.userId}}", "Practitioner/pr-1"),
        ("A?date=ge{{today() - 90 days}}", "A?date=ge2026-08-03"),
        ("A?date=ge{{today()-1 year}}", "A?date=ge2025-10-31"),
        ("A?date=le{{today()}}", "A?date=le2026-11-01"),
        ("A?date=le{{today() + 2 weeks}}", "A?date=le2026-11-15"),
        ("A?x={{context.draftOrders.entry}}", None), ("A?x={{unheard}}", None),
        ("A?date=ge{{now()}}", None), ("A", "A"),
    ],
)  # fmt: skip
def test_templates(query: str, filled: str | None) -> None:
    context = Context("Patient/p", "Practitioner/pr-1", "e1")
    assert resolve(query, context, NOW) == filled


@pytest.mark.parametrize(
    "identity", ["", "..", "p/../q", "p&status=active", "p?x", "p q", "%2e%2e", "x" * 65, "💊"]
)
def test_an_id_that_is_none_is_in_no_address(identity: str) -> None:
    assert resolve("Patient/{{context.patientId}}", Context(identity), NOW) is None
    user = Context("p", f"Practitioner/{identity}")
    assert resolve("{{context.userId}}", user, NOW) is None


def test_today_is_offered_only_where_every_ehr_knows_it() -> None:
    needs = [Need("labs", "Observation?patient={{context.patientId}}"
                          "&date=ge{{today() - 90 days}}&_count=50")]  # fmt: skip
    assert offered(needs, today=True) == {"labs": needs[0].query}
    assert offered(needs, today=False) == {
        "labs": "Observation?patient={{context.patientId}}&_count=50"
    }
