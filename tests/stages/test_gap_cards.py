"""The card of care gaps: three at most, one a measure, never interruptive, nothing asked twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from uptake.delivery.cases import Case, Facts, Got
from uptake.delivery.services import care_gaps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CODE = {"system": "http://loinc.org", "code": "4548-4"}


@dataclass(frozen=True)
class Ran:
    """A run that knows some rows."""

    found: Sequence[Mapping[str, Any]]
    doubt: str = ""
    another: str = ""
    as_of: str = "2026-11-01"

    def rows(self, table: str) -> Sequence[Mapping[str, Any]]:
        return self.found if table == "care_gap" else ()


@dataclass(frozen=True)
class Gap:
    """One row as a run writes it."""

    rule: str
    status: str = "due"
    more: Mapping[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        return {
            "rule": self.rule, "title": f"Title of {self.rule}", "measure": self.rule,
            "status": self.status, "reason": "too old", "why": "the last one is too long ago",
            "check": "", "evidence": "HbA1c", "evidence_type": "Observation", "evidence_id": "o1",
            "evidence_feed": "ehr", "evidence_role": "ehr", "evidence_date": date(2025, 3, 1),
            "evidence_value": "7.1", "evidence_unit": "%", "ordered_id": "", "ordered_date": None,
            "declined_at": None, "order_system": CODE["system"], "order_code": CODE["code"],
            "order_display": "Hemoglobin A1c", "order_words": "an HbA1c", "codes": "http://loinc.org|4548-4",
            "source": "ADA: Standards (2025)", "next_due": None,
        } | dict(self.more)  # fmt: skip


def case(*gaps: Gap, doubt: str = "", **more: Any) -> Case:
    given = {
        "facts": {"orders": Facts((), Got.NONE)}, "encounter": "", "user": "Practitioner/p1",
    } | more  # fmt: skip
    return Case("patient-view", "p", now=NOW, known=Ran([g.row() for g in gaps], doubt), **given)


def shown(given: Case) -> list[str]:
    judged = care_gaps.judge(given)
    assert judged is not None
    return [item.kind for item in judged.items if not item.withheld]


def test_at_most_three_gaps_are_shown_and_the_others_counted() -> None:
    judged = care_gaps.judge(case(*(Gap(f"r{n}") for n in range(5))))
    assert judged is not None
    assert [i.withheld for i in judged.items] == ["", "", "", care_gaps.MORE, care_gaps.MORE]
    assert judged.summary == "3 care gaps: Title of r0, Title of r1, Title of r2"
    assert len(judged.summary) < 140


def test_no_gap_interrupts() -> None:
    judged = care_gaps.judge(case(Gap("a"), Gap("b", "elsewhere")))
    assert judged is not None
    assert {item.severity for item in judged.items} == {"info"}


def test_of_one_measure_one_gap_is_shown() -> None:
    assert shown(case(Gap("a", more={"measure": "m"}), Gap("b", more={"measure": "m"}))) == [
        "care-gap a"
    ]


def test_what_was_done_elsewhere_comes_first_and_asks_for_no_order() -> None:
    judged = care_gaps.judge(case(Gap("a"), Gap("b", "elsewhere", {"evidence_feed": "lab"})))
    assert judged is not None
    first, second = judged.items
    assert first.text == "Title of b: due in the chart, done elsewhere"
    assert (first.suggestions, first.context[0].source) == ((), "lab")
    assert second.suggestions


def test_the_suggestion_is_a_draft_order_for_this_patient() -> None:
    judged = care_gaps.judge(case(Gap("a"), encounter="e1"))
    assert judged is not None
    (suggestion,) = judged.items[0].suggestions
    assert suggestion.label == "Order an HbA1c"
    (act,) = suggestion.acts
    assert act.type == "create"
    assert act.resource is not None
    assert act.resource["status"] == "draft"
    assert act.resource["subject"] == {"reference": "Patient/p"}
    assert act.resource["encounter"] == {"reference": "Encounter/e1"}
    assert act.resource["requester"] == {"reference": "Practitioner/p1"}
    assert act.resource["code"]["coding"][0]["code"] == "4548-4"


def request(**more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "status": "active", "code": {"coding": [CODE]}} | more


@pytest.mark.parametrize(
    "more",
    [
        {"facts": {"orders": Facts((request(),), Got.GIVEN)}},
        {"drafts": (request(status="draft"),)},
    ],
)
def test_a_gap_that_is_ordered_is_not_shown(more: dict[str, Any]) -> None:
    judged = care_gaps.judge(case(Gap("a"), **more))
    assert judged is not None
    assert [item.withheld for item in judged.items] == [care_gaps.ORDERED]


@pytest.mark.parametrize(
    "other",
    [
        request(status="completed"),
        request(doNotPerform=True),
        request(code={"coding": [{"system": "http://loinc.org", "code": "718-7"}]}),
        request(code={"text": "HbA1c"}),
    ],
)
def test_another_order_hides_no_gap(other: dict[str, Any]) -> None:
    assert shown(case(Gap("a"), facts={"orders": Facts((other,), Got.GIVEN)})) == ["care-gap a"]


def test_an_order_of_the_run_counts_as_well() -> None:
    assert shown(case(Gap("a", more={"ordered_id": "s1"}))) == []


@pytest.mark.parametrize(("days", "rests"), [(0, True), (29, True), (30, False), (400, False)])
def test_a_gap_that_was_declined_rests_for_thirty_days(days: int, rests: bool) -> None:
    at = (NOW - timedelta(days=days)).replace(tzinfo=None)
    assert bool(shown(case(Gap("a", more={"declined_at": at})))) is not rests


def test_a_card_may_be_set_aside_by_naming_the_gap() -> None:
    judged = care_gaps.judge(case(Gap("a"), Gap("b", more={"ordered_id": "s1"})))
    assert judged is not None
    assert judged.overrides == {
        "declined:a": "Declined: Title of a",
        "not-applicable:a": "Does not apply: Title of a",
        "not-now": "Not relevant now",
    }


def test_what_cannot_be_told_is_no_line_of_the_card_and_its_reason_is_a_note() -> None:
    hidden = {"why": "HbA1c (lab) is under no code that names it", "check": "COD-01"}
    judged = care_gaps.judge(case(Gap("a"), Gap("b", "cannot-tell", hidden)))
    assert judged is not None
    assert [item.withheld for item in judged.items] == ["", care_gaps.UNTOLD]
    assert judged.notes == (
        "As of 2026-11-01; what was done later is not in it.",
        "Title of b cannot be told: HbA1c (lab) is under no code that names it.",
    )


def test_orders_that_could_not_be_read_are_told() -> None:
    judged = care_gaps.judge(case(Gap("a"), facts={"orders": Facts((), Got.FAILED)}))
    assert judged is not None
    assert judged.notes[-1] == "Whether something is ordered already could not be asked."


def test_a_gap_without_evidence_says_so_with_the_day_it_is_said_of() -> None:
    nothing = {"evidence_id": "", "evidence_date": None}
    judged = care_gaps.judge(case(Gap("a", more=nothing)))
    assert judged is not None
    assert judged.items[0].text == "Title of a: due"
    (context,) = judged.items[0].context
    assert (context.value, context.source, context.at) == (
        "none on record", "the chart", date(2026, 11, 1),
    )  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        case(),
        case(Gap("a", "closed"), Gap("b", "excluded"), Gap("c", "withheld")),
        case(Gap("a", "cannot-tell", {"reason": "no evidence known"})),
    ],
)
def test_nothing_is_said_where_there_is_no_gap(given: Case) -> None:
    assert care_gaps.judge(given) is None


def test_of_whom_it_is_not_sure_who_it_is_no_gap_is_told() -> None:
    judged = care_gaps.judge(case(Gap("a"), doubt="two in one"))
    assert judged is not None
    assert [(i.kind, i.withheld) for i in judged.items] == [("wrong-patient", "two in one")]


def test_both_hooks_ask_for_the_open_orders_of_the_patient() -> None:
    assert [s.hook for s in care_gaps.SERVICES] == ["patient-view", "encounter-start"]
    assert {n.query for s in care_gaps.SERVICES for n in s.needs} == {
        "ServiceRequest?patient={{context.patientId}}&status=active"
    }
