"""Sets of vital signs: what is read, what is refused and why, and what belongs together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from vital_cases import LOINC, NOW, SNOMED, coded, full_set, observed, quantity, sign

from uptake.deterioration.eligibility import is_left_out, is_old_enough, is_pregnant
from uptake.deterioration.news2 import Answer, Band
from uptake.deterioration.readings import Read, read_observations
from uptake.deterioration.sets import VitalSet, newest_sets
from uptake.deterioration.settings import hospital
from uptake.errors import DefinitionError


def read(*observations: Any, encounter: str = "") -> Read:
    return read_observations(observations, "p", NOW, encounter, {"scale-2"})


def newest(*observations: Any) -> VitalSet:
    return newest_sets(read(*observations), NOW)[0]


def only(*observations: Any) -> Any:
    """Return the value of the one reading."""
    found = read(*observations)
    assert not found.refused
    (reading,) = found.readings
    return reading.value


def refusal(*observations: Any) -> str:
    found = read(*observations)
    assert not found.readings
    (refused,) = found.refused
    return refused.why


@pytest.mark.parametrize(
    ("parameter", "held", "value"),
    [
        ("temperature", quantity(98.6, "[degF]"), "37"),
        ("temperature", quantity(96.89, "[degF]"), "36.05"),
        ("temperature", quantity(37.2, None, "°C"), "37.2"),
        ("temperature", {"valueString": "38,2 °C"}, "38.2"),
        ("temperature", {"valueQuantity": {"value": 98.6}}, "37"),
        ("temperature", {"valueQuantity": {"value": 36.6}}, "36.6"),
        ("saturation", quantity(0.97, "1"), "97"),
        ("saturation", {"valueQuantity": {"value": 0.97}}, "97"),
        ("saturation", {"valueString": "97%"}, "97"),
        ("saturation", {"valueString": " 97 % "}, "97"),
        ("saturation", {"valueInteger": 97}, "97"),
        ("saturation", {"valueQuantity": {"value": "97", "code": "%"}}, "97"),
        ("systolic", quantity(16, "kPa"), "120.009852"),
        ("systolic", quantity(120, "mm[Hg]"), "120"),
        ("systolic", {"valueQuantity": {"value": 120, "unit": "mmHg"}}, "120"),
        ("respiration", quantity(18, "{breaths}/min"), "18"),
        ("pulse", {"valueQuantity": {"value": 80}}, "80"),
    ],
)
def test_values_become_the_unit_of_the_score(
    parameter: str, held: dict[str, Any], value: str
) -> None:
    assert only(sign(parameter, None, **held)) == Decimal(value)


@pytest.mark.parametrize(
    ("parameter", "held", "why"),
    [
        ("systolic", {"valueQuantity": {"value": 16}}, "it has no unit"),
        ("temperature", {"valueQuantity": {"value": 60}}, "it has no unit"),
        ("temperature", quantity(98.6, "Cel"), "it is not possible"),
        ("saturation", quantity(400, "%"), "it is not possible"),
        ("saturation", quantity(97, "1"), "it is not possible"),
        ("pulse", quantity(-3, "/min"), "it is not possible"),
        ("pulse", quantity(1e300, "/min"), "it is not possible"),
        ("systolic", quantity(120, "/min"), "its unit is none of its kind"),
        ("respiration", quantity(18, "mm[Hg]"), "its unit is none of its kind"),
        ("saturation", {"valueString": "low"}, "it is no number"),
        ("systolic", {"valueString": "120/80"}, "its unit is none of its kind"),
        ("saturation", {"valueQuantity": {"value": 70, "code": "%", "comparator": "<"}},
         "it is a limit, not a value"),
        ("saturation", {}, "it has no value"),
        ("saturation", {"valueQuantity": {"value": True, "code": "%"}}, "it has no value"),
        ("saturation", {"dataAbsentReason": {"text": "refused"}}, "it was not measured"),
        ("pulse", {"valueQuantity": {"value": float("inf"), "code": "/min"}}, "it is no number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_its_reason(
    parameter: str, held: dict[str, Any], why: str
) -> None:
    assert refusal(sign(parameter, None, **held)) == why


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"effectiveDateTime": "2026-06-01T10:00:00"}, "its time has no zone"),
        ({"effectiveDateTime": "2026-06-01"}, "its time has no zone"),
        ({"effectiveDateTime": "yesterday"}, "its time has no zone"),
        ({"effectiveDateTime": None}, "it has no time"),
        ({"effectiveDateTime": "2026-06-01T12:06:00Z"}, "its time is in the future"),
        ({"subject": {"reference": "Patient/other"}}, "it is of another patient"),
        ({"subject": {"reference": "urn:uuid:1"}}, "it names no patient"),
        ({"subject": None}, "it names no patient"),
        ({"effectiveDateTime": None, "effectivePeriod": {
            "start": "2026-06-01T08:00:00Z", "end": "2026-06-01T10:00:00Z"}},
         "it sums up more than an hour"),
    ],
)  # fmt: skip
def test_what_cannot_be_placed_is_refused(changed: dict[str, Any], why: str) -> None:
    assert refusal(sign("pulse", 80) | changed).startswith(why)


def test_another_stay_is_refused_and_no_stay_is_not() -> None:
    here, there = (sign("pulse", 80, encounter={"reference": f"Encounter/{e}"}) for e in "ab")
    assert len(read(here, sign("systolic", 120), encounter="a").readings) == 2
    assert [r.why for r in read(there, encounter="a").refused] == ["it is of another stay"]
    assert read(there).readings, "no stay is asked for"


def test_a_period_of_a_few_minutes_is_placed_at_its_start() -> None:
    period = {"start": "2026-06-01T10:00:00+02:00", "end": "2026-06-01T10:05:00+02:00"}
    (found,) = read(sign("pulse", 80) | {"effectiveDateTime": None, "effectivePeriod": period})\
        .readings  # fmt: skip
    assert found.at == datetime(2026, 6, 1, 8, tzinfo=UTC)


def test_systolic_pressure_alone_and_in_a_panel() -> None:
    panel = observed(coded(LOINC, "85354-9"), {"component": [
        {"code": coded(LOINC, "8462-4"), **quantity(60, "mm[Hg]")},
        {"code": coded(LOINC, "8480-6"), **quantity(88, "mm[Hg]")},
    ]})  # fmt: skip
    assert only(panel) == only(sign("systolic", 88)) == 88
    absent = observed(coded(LOINC, "85354-9"), {"component": [
        {"code": coded(LOINC, "8480-6"), "dataAbsentReason": {"text": "error"}},
    ]})  # fmt: skip
    assert refusal(absent) == "it was not measured"


def test_oxygen_in_components_of_a_saturation() -> None:
    both = observed(coded(LOINC, "59408-5"), {**quantity(93, "%"), "component": [
        {"code": coded(LOINC, "3151-8"), **quantity(4, "L/min")}]})  # fmt: skip
    assert {r.parameter: r.value for r in read(both).readings} == {
        "saturation": 93, "oxygen": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "held", "given_"),
    [
        ((LOINC, "3151-8"), quantity(2, "L/min"), True),
        ((LOINC, "3151-8"), quantity(0, "L/min"), False),
        ((LOINC, "3150-0"), quantity(21, "%"), False),
        ((LOINC, "3150-0"), quantity(0.4, "1"), True),
        ((SNOMED, "371825009"), {}, True),
        ((SNOMED, "371825009"), {"valueBoolean": False}, False),
        ((SNOMED, "371825009"), {"valueCodeableConcept": coded(SNOMED, "373067005")}, False),
        ((SNOMED, "722742002"), {}, False),
        ((LOINC, "3151-8"), {"valueCodeableConcept": coded(SNOMED, "722742002")}, False),
    ],
)
def test_oxygen_or_air(code: tuple[str, str], held: dict[str, Any], given_: bool) -> None:
    assert only(observed(coded(*code), held)) is given_


def test_no_oxygen_recorded_is_not_air() -> None:
    found = newest(*(o for o in full_set() if "oxygen" not in o["id"])).score
    assert found.missing == ("oxygen",)
    assert not found.complete


@pytest.mark.parametrize(
    ("code", "held", "answer"),
    [
        ((SNOMED, "1104441000000107"), coded(SNOMED, "248234008"), Answer.ALERT),
        ((SNOMED, "1104441000000107"), coded(SNOMED, "130987000"), Answer.CONFUSION),
        ((LOINC, "67775-7"), coded(LOINC, "LA9340-6"), Answer.ALERT_OR_CONFUSED),
        ((LOINC, "67775-7"), coded(LOINC, "LA9343-0"), Answer.UNRESPONSIVE),
        ((LOINC, "67775-7"), {"text": "alert"}, Answer.ALERT_OR_CONFUSED),
        ((SNOMED, "1104441000000107"), {"text": "V"}, Answer.VOICE),
    ],
)
def test_how_awake_a_patient_is(
    code: tuple[str, str], held: dict[str, Any], answer: Answer
) -> None:
    assert only(observed(coded(*code), {"valueCodeableConcept": held})) is answer


def test_the_glasgow_coma_score_is_alert_at_fifteen_only() -> None:
    told = [only(observed(coded(LOINC, "9269-2"), quantity(n, "{score}"))) for n in (15, 14, 3)]
    assert told == [Answer.ALERT, Answer.NOT_ALERT, Answer.NOT_ALERT]
    assert (
        refusal(observed(coded(LOINC, "9269-2"), quantity(16, "{score}"))) == "it is not possible"
    )


def test_an_answer_of_another_scale_is_not_guessed() -> None:
    held = {"valueCodeableConcept": coded(SNOMED, "261665006")}
    assert refusal(observed(coded(LOINC, "67775-7"), held)) == "its answer is not one of its scale"


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered", "unknown"])
def test_statuses_that_do_not_count(status: str) -> None:
    found = read(sign("pulse", 80, status=status))
    assert (found.readings, found.refused) == ((), ())


def test_a_correction_replaces_what_it_corrects() -> None:
    number = {"identifier": [{"system": "urn:monitor", "value": "1"}]}
    first = sign("pulse", 190, **number, issued="2026-06-01T10:01:00Z")
    again = sign("pulse", 90, **number, id="c", status="corrected", issued="2026-06-01T10:30:00Z")
    assert only(first, again) == only(again, first) == 90
    withdrawn = again | {"status": "entered-in-error"}
    assert read(first, withdrawn).readings == ()


def test_without_identifiers_the_status_tells_which_of_one_moment_counts() -> None:
    wrong, right = sign("pulse", 190, id="a"), sign("pulse", 90, id="b", status="corrected")
    assert newest(right, wrong).readings["pulse"].value == 90


def test_the_newer_version_of_an_id_counts() -> None:
    old = sign("pulse", 190, meta={"versionId": "1"})
    new = sign("pulse", 90, meta={"versionId": "10"})
    assert only(new, old) == only(old, new) == 90


def test_a_set_is_an_hour_and_the_newest_of_each_counts() -> None:
    found = newest(
        *full_set(at="10:00"), sign("pulse", 115, at="10:59", id="later"),
        sign("respiration", 30, at="09:58", id="before"),
    )  # fmt: skip
    assert found.anchor == NOW.replace(hour=10, minute=59)
    assert found.readings["pulse"].value == 115
    assert found.readings["respiration"].value == 16
    assert found.score.complete
    alone = newest(*full_set(at="09:30"), sign("pulse", 80, at="10:31", id="later"))
    assert set(alone.readings) == {"pulse", "oxygen", "consciousness"}
    assert alone.carried == {"oxygen", "consciousness"}


def test_oxygen_and_consciousness_carry_four_hours_and_no_longer() -> None:
    early = full_set(at="07:00")[-2:]
    late = full_set(at="11:00")[:-2]
    found = newest(*early, *late)
    assert found.score.complete
    assert found.carried == {"oxygen", "consciousness"}
    gone = newest(*(o | {"effectiveDateTime": "2026-06-01T06:59:00Z"} for o in early), *late)
    assert gone.score.missing == ("oxygen", "consciousness")


def test_consciousness_charted_minutes_after_the_last_vital_sign_is_of_the_set() -> None:
    found = newest(*full_set(at="10:00")[:-1], full_set(at="10:15")[-1])
    assert (found.score.complete, found.carried) == (True, frozenset())


def test_the_confirmed_reading_counts_and_a_monitor_that_differs_is_told() -> None:
    monitor = {"device": {"display": "Monitor 3"}, "performer": None}
    nurse = {"performer": [{"reference": "Practitioner/n", "display": "N. Nurse"}]}
    found = newest(
        *(o for o in full_set(at="10:00") if "pulse" not in o["id"]),
        sign("pulse", 90, at="10:00", id="n", **nurse),
        sign("pulse", 132, at="10:05", id="m", **monitor),
    )
    assert found.readings["pulse"].value == 90
    (conflict,) = found.conflicts
    assert (conflict.used.author, conflict.other.author) == ("N. Nurse", "Monitor 3")
    assert (found.score.total, found.unconfirmed.total) == (0, 3)
    near = newest(
        sign("pulse", 90, id="n", **nurse), sign("pulse", 105, at="10:05", id="m", **monitor)
    )
    assert near.conflicts == (), "15 beats apart are within the tolerance"


def test_a_total_that_was_charted_is_kept_beside_the_set() -> None:
    total = observed(coded(SNOMED, "1104051000000101"), quantity(6, "{score}"), id="t")
    found = newest(*full_set(), total)
    assert found.charted is not None
    assert (found.charted.total, found.charted.source) == (6, "Observation/t")
    wrong = observed(coded(SNOMED, "1104051000000101"), quantity(21, "{score}"), id="t")
    assert read(wrong).refused[0].why == "no total of NEWS2 is such a number"


def test_the_trend_has_the_sets_before() -> None:
    sets = newest_sets(read(
        *full_set(at="07:00"), *full_set(at="09:00", pulse=100),
        *full_set(at="11:00", pulse=100, respiration=22),
    ), NOW)  # fmt: skip
    assert [s.score.total for s in sets] == [3, 1, 0]
    assert newest_sets(read(), NOW) == ()


def test_a_high_score_from_few_values_is_at_least_that() -> None:
    found = newest(sign("respiration", 30), sign("systolic", 85), sign("saturation", 93)).score
    assert (found.words, found.band) == ("at least 8", Band.HIGH)


@given(st.permutations(full_set() + full_set(at="09:00", pulse=130)))
def test_the_order_of_observations_changes_nothing(mixed: list[Any]) -> None:
    expected = newest_sets(read(*full_set(), *full_set(at="09:00", pulse=130)), NOW)
    assert newest_sets(read(*mixed), NOW) == expected


RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


class TestScale2:
    """Scale 2 of oxygen saturation: only where the chart's newest word is that it is prescribed."""

    @staticmethod
    def said(held: dict[str, Any], **more: Any) -> dict[str, Any]:
        return observed(coded("urn:hospital", "scale-2"), held, **{"id": "scale"} | more)

    @pytest.mark.parametrize(
        ("held", "scale"),
        [
            ({"valueBoolean": True}, 2),
            ({}, 2),
            ({"valueString": "88-92 %"}, 2),
            ({"valueBoolean": False}, 1),
            ({"valueCodeableConcept": coded(SNOMED, "373067005")}, 1),
            ({"valueCodeableConcept": coded(LOINC, "LA32-8")}, 1),
            ({"valueCodeableConcept": coded(SNOMED, "373066001")}, 2),
            ({"dataAbsentReason": coded("", "unknown")}, 1),
            ({"valueBoolean": True, "status": "entered-in-error"}, 1),
            ({"valueBoolean": True, "status": "cancelled"}, 1),
            ({"valueBoolean": True, "status": "registered"}, 1),
            ({"valueBoolean": True, "subject": {"reference": "Patient/q"}}, 1),
            ({"valueBoolean": True, "effectiveDateTime": "2026-06-02T10:00:00Z"}, 1),
        ],
    )
    def test_what_one_observation_says(self, held: dict[str, Any], scale: int) -> None:
        assert read(self.said(held)).scale == scale

    @pytest.mark.parametrize(
        ("first", "then", "scale"), [(True, False, 1), (False, True, 2), (True, True, 2)]
    )
    def test_the_newest_counts(self, first: bool, then: bool, scale: int) -> None:
        both = [
            self.said({"valueBoolean": first}, id="a", at="09:00"),
            self.said({"valueBoolean": then}, id="b", at="10:00"),
        ]
        assert read(*both).scale == scale
        assert read(*reversed(both)).scale == scale

    def test_a_no_that_cannot_be_placed_in_time_counts(self) -> None:
        no = self.said({"valueBoolean": False}, id="a", effectiveDateTime="2026-05-01")
        assert read(no, self.said({"valueBoolean": True})).scale == 1

    def test_a_correction_takes_it_back(self) -> None:
        withdrawn = self.said({"valueBoolean": True}, status="entered-in-error")
        assert read(self.said({"valueBoolean": True}), withdrawn).scale == 1


@given(st.sampled_from(sorted(sign("pulse", 80) | {"component": [], "meta": {}, "device": {}})),
       RUBBISH)  # fmt: skip
def test_rubbish_in_any_element_is_no_crash(element: str, rubbish: Any) -> None:
    newest_sets(read(sign("pulse", 80) | {element: rubbish}, *full_set()), NOW)


@pytest.mark.parametrize(
    ("born", "old_enough"),
    [
        ("2010-06-01", True), ("2010-06-02", False), ("2010-06", None), ("2010-05", True),
        ("2010", None), ("2009", True), ("2011", False), (None, None), ("unknown", None),
        ("2010-06-01-01", None),
    ],
)  # fmt: skip
def test_the_score_is_for_those_of_sixteen_and_more(
    born: str | None, old_enough: bool | None
) -> None:
    assert is_old_enough({"birthDate": born}, NOW.date()) is old_enough


def test_pregnancy_counts_while_it_can_last() -> None:
    def told(code: str, days: int) -> dict[str, Any]:
        at = (NOW - timedelta(days=days)).isoformat()
        return observed(
            coded(LOINC, "82810-3"),
            {"valueCodeableConcept": coded(SNOMED, code), "effectiveDateTime": at},
        )

    assert is_pregnant([told("77386006", 100)], NOW)
    assert not is_pregnant([told("77386006", 301)], NOW)
    assert not is_pregnant([told("77386006", 100), told("60001007", 5)], NOW)
    assert not is_pregnant([], NOW)


def test_stays_of_other_classes_are_left_out() -> None:
    assert is_left_out({"class": {"code": "AMB"}}, hospital())
    assert not is_left_out({"class": {"code": "IMP"}}, hospital())
    assert not is_left_out({}, hospital()), "the class is not known"


class TestHospital:
    """What `early-warning.toml` of a project says in place of what ships."""

    def test_it_takes_the_place_of_what_it_names(self, tmp_path: Path) -> None:
        assert hospital(tmp_path) == hospital()
        (tmp_path / "early-warning.toml").write_text('excluded = ["ICU"]\nscale_2 = ["s"]', "utf-8")
        own = hospital(tmp_path)
        assert (own.excluded, own.scale_2) == ({"ICU"}, {"s"})
        assert own.classes == hospital().classes
        stay = {"class": {"code": "IMP"}, "serviceType": {"coding": [{"code": "ICU"}]}}
        assert (is_left_out(stay, own), is_left_out(stay, hospital())) == (True, False)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ('exluded = ["ICU"]', "there is no 'exluded'; known: classes, excluded, scale_2"),
            ('excluded = "ICU"', "excluded is 'ICU'; write a list of codes"),
            ("scale_2 = [1]", "scale_2 is [1]; write a list of codes"),
            ('scale_2 = ["a,b"]', "scale_2 is ['a,b']; write a list of codes"),
            ('scale_2 = ["a&_count=0"]', "write a list of codes"),
            ("scale_2 = [", "early-warning.toml: "),
        ],
    )
    def test_a_fault_is_told_with_its_file(self, text: str, fault: str, tmp_path: Path) -> None:
        (tmp_path / "early-warning.toml").write_text(text, "utf-8")
        with pytest.raises(DefinitionError) as error:
            hospital(tmp_path)
        assert fault in str(error.value)
        assert "early-warning.toml" in str(error.value)
