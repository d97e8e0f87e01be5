"""Where an authorization stands: answers, clocks and their sources, times that bind, mismatches."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payer_cases import (
    FORM,
    NOW,
    PAS,
    PAYER,
    answer,
    claim,
    concept,
    coverage,
    document,
    order,
    patient,
    response,
    said,
)

from uptake.authorization.decisions import Outcome, read_decisions
from uptake.authorization.dossier import Dossier
from uptake.authorization.figures import DECISION, counted, figures
from uptake.authorization.metrics import crd_metric, dtr_metrics, lacking, pas_metric
from uptake.authorization.tracker import Authorization, track

ORDER = order()
ASKED = claim(ORDER)


def tracked(*answers: dict[str, Any], of: dict[str, Any] = ORDER, **more: Any) -> Authorization:
    held: dict[str, Any] = {
        "coverages": [coverage()], "claims": [ASKED], "responses": answers,
        "patients": [patient()], "payers": [PAYER],
    }  # fmt: skip
    now = more.pop("now", NOW)
    return track(of, Dossier(**held | more), now)


def kinds(one: Authorization) -> list[str]:
    return [wrong.kind for wrong in one.mismatches]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ("approves", "approved"),
        ("denies", "denied"),
        ("pends", "pended"),
        ("changes", "modified"),
    ],
)
def test_the_payers_answer_is_the_status(how: str, status: str) -> None:
    assert tracked(answer(ASKED, how, "2026-06-05T09:00:00Z")).status == status


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"item": [], "preAuthRef": "PA-1"}, Outcome.APPROVED),
        ({"item": []}, Outcome.UNKNOWN),
        ({"item": [], "disposition": "Denied"}, Outcome.DENIED),
        ({"item": [], "disposition": "Denied", "preAuthRef": "PA-1"}, Outcome.DENIED),
        ({"item": [], "outcome": "queued"}, Outcome.PENDED),
        ({"item": [], "outcome": "error"}, Outcome.ERROR),
        ({"item": [], "outcome": None}, Outcome.UNKNOWN),
        ({"item": "rubbish"}, Outcome.UNKNOWN),
    ],
)
def test_without_a_review_action_r4_is_read(changed: dict[str, Any], outcome: Outcome) -> None:
    sent = answer(ASKED, "denies", "2026-06-05T09:00:00Z") | changed
    assert read_decisions([sent])[0].outcome is outcome


def test_items_that_differ_are_approved_in_part_and_open_while_one_is() -> None:
    def items(*how: str) -> dict[str, Any]:
        sent = [answer(ASKED, one, "2026-06-05T09:00:00Z")["item"][0] for one in how]
        return answer(ASKED, "denies", "2026-06-05T09:00:00Z") | {"item": sent}

    assert read_decisions([items("approves", "denies")])[0].outcome is Outcome.MODIFIED
    assert read_decisions([items("approves", "pends")])[0].outcome is Outcome.PENDED
    unknown = items("approves", "denies")
    action = unknown["item"][1]["adjudication"][0]["extension"][0]["extension"][0]
    action["valueCodeableConcept"] = concept("ZZ", "https://codesystem.x12.org/005010/306")
    assert read_decisions([unknown])[0].outcome is Outcome.UNKNOWN


def test_an_older_guide_has_the_action_at_the_item() -> None:
    sent = answer(ASKED, "denies", "2026-06-05T09:00:00Z")
    sent["item"] = [sent["item"][0]["adjudication"][0]]
    assert read_decisions([sent])[0].outcome is Outcome.DENIED


def test_the_newest_answer_counts_and_both_are_shown() -> None:
    one = tracked(
        answer(ASKED, "denies", "2026-06-05T09:00:00Z", "a1"),
        answer(ASKED, "approves", "2026-06-05T05:00:00-05:00", "a2"),
    )
    assert (one.status, one.granted_after_denial) == ("approved", True)
    (wrong,) = one.mismatches
    assert (wrong.kind, wrong.sources) == ("answers", ("ClaimResponse/a2", "ClaimResponse/a1"))


def test_an_answer_entered_in_error_is_none() -> None:
    sent = answer(ASKED, "denies", "2026-06-05T09:00:00Z", status="entered-in-error")
    assert tracked(sent).status == "asked"


def test_status_before_anybody_asked() -> None:
    assert tracked(claims=[]).status == "needed"
    assert tracked(claims=[], payers=[]).status == "cannot tell"
    assert tracked(claims=[], of=order(code="99213")).status == "not needed"
    satisfied = said(ORDER, pa_needed="satisfied", satisfied_pa_id="PA-1")
    assert tracked(claims=[], of=satisfied).status == "satisfied"


def test_every_clock_names_its_source() -> None:
    asked = said(ORDER, doc_needed="clinical", questionnaires=(FORM,))
    done = {
        "resourceType": "Procedure", "id": "x", "status": "completed",
        "basedOn": [{"reference": "ServiceRequest/o"}], "performedDateTime": "2026-06-18",
    }  # fmt: skip
    one = tracked(
        answer(ASKED, "pends", "2026-06-03T09:00:00Z", "a1"),
        answer(ASKED, "approves", "2026-06-08T09:00:00Z", "a2"),
        of=asked, documents=[response("2026-06-02")], services=[done],
    )  # fmt: skip
    assert {name: (clock.source, clock.day) for name, clock in one.clocks.items()} == {
        "T0": ("ServiceRequest/o authoredOn", date(2026, 6, 1)),
        "T1": ("ServiceRequest/o coverage-information", date(2026, 6, 1)),
        "T2": ("QuestionnaireResponse/q", date(2026, 6, 2)),
        "T3": ("Claim/k created", date(2026, 6, 2)),
        "T4": ("ClaimResponse/a1 created", date(2026, 6, 3)),
        "T5": ("ClaimResponse/a2 created", date(2026, 6, 8)),
        "T6": ("ClaimResponse/a2 created", date(2026, 6, 8)),
        "T7": ("Procedure/x", date(2026, 6, 18)),
    }
    assert one.elapsed("T3", "T6") == timedelta(days=6)
    assert one.elapsed("T0", "T7") == timedelta(days=17), "of days only, in days"
    assert one.clocks["T1"].at is None


def test_a_clock_that_nothing_says_is_unknown() -> None:
    one = tracked(of=order(authoredOn="2026"), claims=[])
    assert dict(one.clocks) == {}
    assert one.elapsed("T0", "T6") is None


@pytest.mark.parametrize(
    ("priority", "sent", "decided", "kept"),
    [
        ("normal", "2026-06-02T09:00:00Z", "2026-06-09T23:00:00Z", True),
        ("normal", "2026-06-02T09:00:00Z", "2026-06-10T01:00:00Z", False),
        ("normal", "2026-06-02", "2026-06-09", True),
        ("stat", "2026-06-02T09:00:00Z", "2026-06-05T09:00:00Z", True),
        ("stat", "2026-06-02T09:00:00Z", "2026-06-05T09:00:01Z", False),
        ("stat", "2026-06-02", "2026-06-03", None),
        ("unknown", "2026-06-02T09:00:00Z", "2026-06-03T09:00:00Z", None),
    ],
)
def test_the_times_that_bind_a_payer(
    priority: str, sent: str, decided: str, kept: bool | None
) -> None:
    asked = claim(ORDER, sent=sent, priority={"coding": [{"code": priority}]})
    one = tracked(answer(asked, "approves", decided), claims=[asked])
    assert one.in_time(NOW) is kept


def test_no_time_binds_where_nobody_says_so_and_for_drugs() -> None:
    sent = answer(ASKED, "approves", "2026-06-30T09:00:00Z")
    assert tracked(sent).in_time(NOW) is False
    assert tracked(sent, payers=[]).in_time(NOW) is None
    drug = order() | {"resourceType": "MedicationRequest"}
    asked = ASKED | {"referral": {"reference": "MedicationRequest/o"}}
    assert tracked(sent, of=drug, claims=[asked]).in_time(NOW) is None


def test_what_is_not_decided_is_late_once_the_time_is_over() -> None:
    assert (
        tracked(now=datetime(2026, 6, 9, 12, tzinfo=UTC)).in_time(
            datetime(2026, 6, 9, 12, tzinfo=UTC)
        )
        is None
    )
    assert tracked().in_time(datetime(2026, 6, 10, tzinfo=UTC)) is False


APPROVED = answer(ASKED, "approves", "2026-06-05T09:00:00Z")


def test_nothing_differs_where_nothing_differs() -> None:
    assert kinds(tracked(APPROVED, of=order(occurrenceDateTime="2026-07-01"))) == []


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"code": concept("72142")}, ["code"]),
        ({"code": concept("72142", "http://other")}, []),
        ({"quantityQuantity": {"value": 3}}, ["quantity"]),
        ({"quantityQuantity": {"value": 2.0}}, []),
        ({"occurrenceDateTime": "2026-06-04"}, ["date"]),
        ({"occurrenceDateTime": "2026-09-01"}, ["date"]),
        ({"occurrencePeriod": {"start": "2026-08-31"}}, []),
        ({"insurance": [{"reference": "Coverage/new"}]}, ["coverage"]),
    ],
)
def test_an_order_that_parts_from_its_authorization(
    changed: dict[str, Any], expected: list[str]
) -> None:
    items = [{"sequence": 1, "productOrService": concept("72141"), "quantity": {"value": 2}}]
    asked = ASKED | {"item": items}
    assert kinds(tracked(APPROVED, of=ORDER | changed, claims=[asked])) == expected


def test_what_the_answer_itself_says_counts_before_the_request() -> None:
    detail = {"url": f"{PAS}/extension-itemAuthorizedDetail", "extension": [
        {"url": "productOrServiceCode", "valueCodeableConcept": concept("72142")},
        {"url": "quantity", "valueQuantity": {"value": 1}}]}  # fmt: skip
    changed = answer(ASKED, "changes", "2026-06-05T09:00:00Z")
    changed["item"][0]["extension"] = [detail]
    assert kinds(tracked(changed, of=order(quantityQuantity={"value": 4}))) == ["code", "quantity"]


def test_an_authorization_that_ended_before_the_service() -> None:
    later = datetime(2026, 9, 1, tzinfo=UTC)
    assert kinds(tracked(APPROVED, now=later)) == ["expired"]
    done = {
        "resourceType": "Procedure", "id": "x", "basedOn": [{"reference": "ServiceRequest/o"}],
        "performedPeriod": {"start": "2026-07-01T08:00:00Z"},
    }  # fmt: skip
    assert kinds(tracked(APPROVED, now=later, services=[done])) == []


def test_a_coverage_that_changed_between_request_and_service() -> None:
    ended = [coverage(period={"start": "2026-01-01", "end": "2026-06-30"})]
    later = order(occurrenceDateTime="2026-07-05")
    assert kinds(tracked(APPROVED, of=later, coverages=ended)) == ["coverage"]
    assert kinds(tracked(APPROVED, coverages=[coverage(status="cancelled")])) == ["coverage"]


def test_an_order_edited_after_the_payer_was_satisfied() -> None:
    told = {"pa_needed": "satisfied", "satisfied_pa_id": "PA-1"}
    for meta, codes, expected in (
        ("2026-06-01T22:00:00Z", (), []),
        ("2026-06-02T01:00:00Z", (), ["edited"]),
        ("", (("http://www.ama-assn.org/go/cpt", "72142"),), ["edited"]),
    ):
        of = said(order(meta={"lastUpdated": meta}), **told, billing_codes=codes)
        assert kinds(tracked(of=of, claims=[])) == expected


@pytest.mark.parametrize(
    ("member", "words"),
    [
        ({"birthDate": "1960-04-05", "name": [{"family": "Berg"}]}, "birth date"),
        ({"birthDate": "1960-05-04", "name": [{"family": "Stone"}]}, "name"),
        (
            {"identifier": [{"type": {"coding": [{"code": "MB"}]}, "value": "M2"}]},
            "member number",
        ),
        ({"name": [{"family": "BERG"}]}, ""),
    ],
)
def test_an_answer_about_somebody_else(member: dict[str, Any], words: str) -> None:
    contained = [{"resourceType": "Patient", "id": "m"} | member]
    sent = APPROVED | {"patient": {"reference": "#m"}, "contained": contained}
    found = tracked(sent).mismatches
    assert [wrong.kind for wrong in found] == (["member"] if words else [])
    assert not words or words in found[0].text


def test_metric_data_have_the_names_of_the_guides() -> None:
    asked = said(
        order(requester={"reference": "Practitioner/n"}), doc_needed="clinical",
        doc_purpose=("withpa",), questionnaires=(FORM,),
    )  # fmt: skip
    one = tracked(
        answer(ASKED, "pends", "2026-06-03T09:00:00Z", "a1"),
        answer(ASKED, "approves", "2026-06-08T09:00:00Z", "a2"),
        of=asked, claims=[ASKED | {"insurer": {"reference": "Organization/central"}}],
    )  # fmt: skip
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
    known = {"Practitioner/n": npi, "Organization/central": {"system": "urn:naic", "value": "12"}}
    pas = pas_metric(one, known)
    assert pas is not None
    assert pas == {
        "source": "provider",
        "providerId": npi,
        "payerId": {"system": "urn:naic", "value": "12"},
        "exchange": [
            {
                "type": "initial", "with": "payer", "requestTime": "2026-06-02T09:00:00+00:00",
                "responseTime": "2026-06-03T09:00:00+00:00",
            }
        ],
        "itemDetail": [
            {
                "item": ORDER["code"], "assertionId": "as-1",
                "initialSubmissionTime": "2026-06-02T09:00:00+00:00",
                "finalResponseTime": "2026-06-08T09:00:00+00:00",
                "responsesRequired": 2, "result": "approved",
            }
        ],
        "businessLine": {"text": "Medicare Advantage"},
    }  # fmt: skip
    assert lacking("PASMetricData", pas) == ("groupId",)
    crd = crd_metric(one, known)
    assert crd is not None
    assert crd["response"] == [
        {
            "focus": ["ServiceRequest"],
            "coverageInfo": [
                {
                    "covered": "covered", "paNeeded": "auth-needed", "docNeeded": "clinical",
                    "questionnaire": [{"reference": FORM}], "assertionId": "as-1",
                    "businessLine": {"text": "Medicare Advantage"},
                }
            ],
        }
    ]  # fmt: skip
    assert "hookInstance" in lacking("CRDMetricData", crd)
    (dtr,) = dtr_metrics(one, [response(), response(form="http://other")], known)
    assert (dtr["docReason"], dtr["questionnaire"]) == (["withpa"], [{"reference": FORM}])
    assert crd_metric(tracked(), known) is None
    assert pas_metric(tracked(claims=[]), known) is None


def test_figures_count_requests_not_drugs_and_a_day_of_nought_is_a_time() -> None:
    same = ASKED | {"created": "2026-06-02"}
    fast = tracked(answer(same, "approves", "2026-06-02"), claims=[same])
    one = counted(fast, NOW)
    assert one is not None
    assert one.hours[DECISION] == 0
    assert counted(tracked(claims=[]), NOW) is None
    backward = tracked(answer(ASKED, "approves", "2026-06-01T09:00:00Z"))
    late = counted(backward, NOW)
    assert late is not None
    assert DECISION not in late.hours, "an answer before its request is no time"
    told = {f.name: f for f in figures([one] * 10)}
    assert (told["standard: approved"].value, told["final at the first answer"].value) == (1, 1)
    assert told["standard: request to decision, mean"].value == 0
    assert {f.value for f in figures([one] * 9)} == {None}


RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.sampled_from(["order", "claim", "answer", "patient"]), st.data())
def test_rubbish_anywhere_is_no_crash(which: str, data: st.DataObject) -> None:
    held = {"order": said(ORDER), "claim": ASKED, "answer": APPROVED, "patient": patient()}
    element = data.draw(st.sampled_from(sorted(held[which])))
    held[which] = held[which] | {element: data.draw(RUBBISH)}
    one = tracked(
        held["answer"], of=held["order"], claims=[held["claim"]], patients=[held["patient"]],
        documents=[document("11506-3", "2026-06-10")],
    )  # fmt: skip
    one.in_time(NOW)
    pas_metric(one, {})
    crd_metric(one, {})
