"""The card of NEWS2: when it is shown, what it says, and when it is silent or withheld."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from vital_cases import LOINC, NOW, SNOMED, coded, full_set, observed, quantity, sign

from uptake.delivery.cards import Place, actionable, build_card
from uptake.delivery.cases import Case, Facts, Got, Judged
from uptake.delivery.services.deterioration import SERVICES, of_project

judge = SERVICES[0].judge
ILL = {"respiration": 25, "pulse": 120, "oxygen": 2}
"""Seven points."""

NEVER_SAID = Facts((), Got.NONE)


class Nothing:
    """What is known where there is no run."""

    doubt = another = as_of = ""

    def rows(self, table: str) -> list[dict[str, Any]]:
        return []


def case(
    *signs: dict[str, Any],
    born: str | None = "1950-01-01",
    stay: dict[str, Any] | None = None,
    pregnancy: Facts = NEVER_SAID,
    now: datetime = NOW,
    whole: bool = True,
) -> Case:
    patient = {"resourceType": "Patient", "id": "p", "birthDate": born}
    return Case(
        "patient-view", "p", "Practitioner/n", "e", now,
        {
            "patient": Facts((patient,), Got.GIVEN),
            "encounter": Facts((stay or {"class": {"code": "IMP"}},), Got.GIVEN),
            "signs": Facts(tuple(signs), Got.GIVEN, whole),
            "pregnancy": pregnancy,
        },
        Nothing(),
    )  # fmt: skip


def told(*signs: dict[str, Any], **more: Any) -> Judged:
    found = judge(case(*signs, **more))
    assert found is not None
    return found


def card(judged: Judged, now: datetime = NOW) -> dict[str, Any] | None:
    items = actionable(judged.items)
    shown = Judged(judged.summary, items, judged.notes, overrides=judged.overrides)
    built = build_card(shown, "deterioration-alerts", Place("https://u.example"), now)
    return dict(built.body) if built else None


@pytest.mark.parametrize(
    ("changed", "severity"),
    [
        ({}, None),
        ({"pulse": 120, "respiration": 22}, None),
        ({"systolic": 90}, "warning"),
        ({"pulse": 120, "respiration": 22, "temperature": 38.5}, "warning"),
        (ILL, "critical"),
    ],
)
def test_what_is_shown(changed: dict[str, float], severity: str | None) -> None:
    found = judge(case(*full_set(**changed)))
    assert (found.items[0].severity if found else None) == severity


def test_the_card_says_score_trend_parts_who_and_when() -> None:
    nurse = {"performer": [{"reference": "Practitioner/n", "display": "N. Nurse"}]}
    now = [o | nurse for o in full_set(at="11:45", **ILL)]
    judged = told(*full_set(at="09:00"), *full_set(at="10:00", pulse=100), *now)
    body = card(judged)
    assert body is not None
    assert body["indicator"] == "critical"
    assert body["summary"] == "NEWS2 is 7 (high risk); three points for respiration"
    for words in (
        "0, then 1, then 7", "points: respiration 25 /min (3), oxygen 2 L/min (2)",
        "no points: saturation 97 %", "by N. Nurse", "15 minutes ago", "critical care",
    ):  # fmt: skip
        assert words in body["detail"].replace("\\", ""), words


@pytest.mark.parametrize(
    ("performer", "words"),
    [({"reference": "Practitioner/pr-055"}, "by a clinician (the chart)"),
     ({"type": "PractitionerRole", "identifier": {"value": "9"}}, "by a clinician (the chart)"),
     ({"reference": "Organization/o"}, "ago (the chart)")],
)  # fmt: skip
def test_who_is_named_by_an_id_alone_is_shown_without_it(
    performer: dict[str, Any], words: str
) -> None:
    body = card(told(*[o | {"performer": [performer]} for o in full_set(at="11:45", **ILL)]))
    assert body is not None
    assert words in body["detail"].replace("\\", "")
    assert not [
        kind for kind in ("Observation", "Practitioner/", "pr-055") if kind in str(body["detail"])
    ]


def test_an_old_visit_says_nothing_of_this_stay() -> None:
    before = {"encounter": {"reference": "Encounter/before"}}
    old = sign("pulse", 80) | before | {"effectiveDateTime": "2026-02-01T10:00:00Z"}
    assert told(old, *full_set(at="11:45", **ILL)).notes == ()
    assert judge(case(old)) is None
    recent = told(sign("pulse", 80) | before)
    assert [item.withheld for item in recent.items] == ["no vital sign can be used"]


def test_a_long_list_of_parts_is_not_cut() -> None:
    worst = {"respiration": 30, "saturation": 80, "oxygen": 2, "systolic": 80, "pulse": 140,
             "temperature": 34.0}  # fmt: skip
    body = card(told(*full_set(at="11:45", **worst)))
    assert body is not None
    assert "…" not in body["detail"]
    assert "now.: " not in body["detail"]


def test_what_is_carried_says_so_and_when_it_was_charted() -> None:
    early, late = full_set(at="09:00", **ILL)[-2:], full_set(at="11:45", **ILL)[:-2]
    body = card(told(*early, *late))
    assert body is not None
    detail = body["detail"].replace("\\", "")
    assert "points: oxygen 2 L/min (2), carried 2026-06-01 09:00 UTC" in detail


def test_what_is_missing_is_named_in_the_summary() -> None:
    judged = told(sign("respiration", 30), sign("systolic", 85), sign("saturation", 93))
    body = card(judged)
    assert body is not None
    assert body["indicator"] == "critical"
    assert body["summary"] == (
        "NEWS2 is at least 8 (high risk); missing: oxygen, pulse, consciousness, temperature"
    )


def test_a_partial_score_may_be_of_a_higher_risk_and_says_so() -> None:
    assert told(sign("systolic", 88)).summary == (
        "NEWS2 is at least 3 (low-medium risk or higher); "
        "missing: respiration, saturation, oxygen, pulse, consciousness, temperature"
    )


def test_a_partial_score_under_the_threshold_is_silent() -> None:
    assert judge(case(sign("pulse", 120), sign("temperature", 38.5))) is None


def test_the_suggestion_is_a_task_with_an_end() -> None:
    (suggestion,) = told(*full_set(at="11:45", **ILL)).items[0].suggestions
    (act,) = suggestion.acts
    assert act.resource is not None
    task = act.resource
    assert (act.type, task["resourceType"], task["priority"]) == ("create", "Task", "stat")
    assert task["restriction"]["period"]["end"] == (NOW + timedelta(minutes=30)).isoformat()
    assert task["for"] == {"reference": "Patient/p"}
    assert task["encounter"] == {"reference": "Encounter/e"}
    assert task["requester"] == {"reference": "Practitioner/n"}


def test_an_old_set_is_withheld_and_counted() -> None:
    signs = full_set(at="07:59", **ILL)
    judged = told(*signs)
    assert {item.withheld for item in judged.items} == {"the newest vital signs are too old"}
    assert card(judged) is None
    assert card(told(*full_set(at="08:00", **ILL))) is not None, "four hours are not too old"


def test_a_set_that_is_due_again_says_so() -> None:
    late = told(*full_set(at="11:15", **ILL)).items[0].text
    assert "A new set was due 15 minutes ago." in late
    assert "was due" not in told(*full_set(at="11:30", **ILL)).items[0].text


def test_without_an_age_it_is_withheld() -> None:
    judged = told(*full_set(**ILL), born=None)
    assert judged.items[0].withheld == "the age is not known"


def test_whom_it_is_not_for() -> None:
    pregnant = observed(
        coded(LOINC, "82810-3"), {"valueCodeableConcept": coded(SNOMED, "77386006")}
    )
    assert judge(case(*full_set(**ILL), born="2015-01-01")) is None
    assert judge(case(*full_set(**ILL), pregnancy=Facts((pregnant,), Got.GIVEN))) is None
    assert judge(case(*full_set(**ILL), stay={"class": {"code": "AMB"}})) is None


def test_that_pregnancy_could_not_be_asked_is_said() -> None:
    notes = told(*full_set(**ILL), pregnancy=Facts((), Got.FAILED)).notes
    assert any("pregnant" in note for note in notes)
    assert not any("pregnant" in note for note in told(*full_set(**ILL)).notes)


def test_vital_signs_that_cannot_be_used_are_counted_not_shown() -> None:
    naive = [o | {"effectiveDateTime": "2026-06-01T10:00:00"} for o in full_set(**ILL)]
    judged = told(*naive)
    assert [item.withheld for item in judged.items] == ["no vital sign can be used"]
    assert card(judged) is None
    assert judge(case()) is None, "there are none"


def test_refused_values_are_said_without_the_value() -> None:
    notes = " ".join(told(*full_set(**ILL), sign("saturation", 400, id="x")).notes)
    assert "1 × saturation: it is not possible" in notes
    assert "400" not in notes


def test_a_monitor_that_nobody_confirmed_is_a_warning_not_an_emergency() -> None:
    nurse = {"performer": [{"reference": "Practitioner/n"}]}
    signs = [o | nurse for o in full_set(at="10:00", pulse=90)]
    monitor = sign("pulse", 140, at="10:10", id="m", device={"display": "Monitor 3"})
    body = card(told(*signs, monitor))
    assert body is not None
    assert body["indicator"] == "warning"
    assert "nobody has confirmed it" in body["detail"]
    assert "Monitor 3" in body["detail"]


def test_a_charted_total_that_differs_is_told() -> None:
    total = observed(coded(SNOMED, "1104051000000101"), quantity(5, "{score}"), id="t")
    kinds = [item.kind for item in told(*full_set(), total).items]
    assert kinds == ["news2", "charted"]
    same = observed(coded(SNOMED, "1104051000000101"), quantity(7, "{score}"), id="t")
    assert [item.kind for item in told(*full_set(**ILL), same).items] == ["news2"]


def test_script_in_any_text_is_shown_as_text() -> None:
    script = "<script>alert(1)</script>"
    signs = [o | {"performer": [{"display": script}]} for o in full_set(at="11:45", **ILL)]
    body = card(told(*signs))
    assert body is not None
    assert "<script>" not in str(body)


def test_the_service_asks_for_all_that_the_score_is_made_of() -> None:
    (service,) = SERVICES
    queries = {need.key: need.query for need in service.needs}
    for code in ("9279-1", "59408-5", "2708-6", "3151-8", "3150-0", "8480-6", "85354-9", "8867-4",
                 "8310-5", "67775-7", "9269-2"):  # fmt: skip
        assert f"http://loinc.org|{code}" in queries["signs"]
    assert "http://snomed.info/sct|1104441000000107" in queries["signs"]
    assert "{{context.patientId}}" in queries["signs"]


def test_a_hospital_says_which_stays_are_left_out_and_what_prescribes_scale_2(
    tmp_path: Path,
) -> None:
    (tmp_path / "early-warning.toml").write_text('excluded = ["ICU"]\nscale_2 = ["s2"]', "utf-8")
    (service,) = of_project(tmp_path)
    assert ",s2&" in next(need.query for need in service.needs if need.key == "signs")
    icu = {"class": {"code": "IMP"}, "type": [{"coding": [{"code": "ICU"}]}]}
    ill = full_set(**ILL)
    assert service.judge(case(*ill, stay=icu)) is None
    assert judge(case(*ill, stay=icu)) is not None
    told = observed(coded("urn:hospital", "s2"), {"valueBoolean": True}, id="scale")
    high = {"saturation": 97, "oxygen": 2, "respiration": 21}
    scores = [asked(case(*full_set(**high), told)) for asked in (service.judge, judge)]
    assert [found and found.summary.split(" (")[0] for found in scores] == ["NEWS2 is 7", None]
