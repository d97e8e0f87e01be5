"""NEWS2 at every edge of its bands, what a set is made of, and what looking again is."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from .small import (
    LOINC,
    SNOMED,
    Resource,
    Run,
    about,
    at,
    coded,
    observation,
    patient,
    read,
    run,
    stay,
)

CASE = "deterioration-alerts"
DAY = "2026-06-01"
BEGAN, SET = f"{DAY}T06:00:00Z", f"{DAY}T10:00:00Z"
RECEIVED = f"{DAY}T10:02:00Z"
CODES = {
    "respiration": "9279-1", "saturation": "59408-5", "flow": "3151-8", "fraction": "3150-0",
    "systolic": "8480-6", "pulse": "8867-4", "temperature": "8310-5",
}  # fmt: skip
CONSCIOUSNESS = "1104441000000107"
UNITS = {
    "temperature": "Cel", "flow": "L/min", "saturation": "%", "fraction": "%", "systolic": "mm[Hg]",
}  # fmt: skip
FILLERS: Mapping[str, Mapping[int, float]] = {
    "pulse": {1: 100, 2: 120}, "temperature": {1: 38.5, 2: 39.5},
    "respiration": {1: 10, 2: 22}, "systolic": {1: 105, 2: 95},
}  # fmt: skip
"""Values for so many points, to bring a set to exactly four or five."""

BANDS: Sequence[tuple[str, float | None, int]] = (
    ("respiration", 8, 3), ("respiration", 9, 1), ("respiration", 11, 1), ("respiration", 12, 0),
    ("respiration", 20, 0), ("respiration", 21, 2), ("respiration", 24, 2), ("respiration", 25, 3),
    ("saturation", 91, 3), ("saturation", 92, 2), ("saturation", 93, 2), ("saturation", 94, 1),
    ("saturation", 95, 1), ("saturation", 96, 0), ("saturation", 100, 0),
    ("flow", 0, 0), ("flow", 0.5, 2), ("fraction", 21, 0), ("fraction", 24, 2),
    ("systolic", 90, 3), ("systolic", 91, 2), ("systolic", 100, 2), ("systolic", 101, 1),
    ("systolic", 110, 1), ("systolic", 111, 0), ("systolic", 219, 0), ("systolic", 220, 3),
    ("pulse", 40, 3), ("pulse", 41, 1), ("pulse", 50, 1), ("pulse", 51, 0), ("pulse", 90, 0),
    ("pulse", 91, 1), ("pulse", 110, 1), ("pulse", 111, 2), ("pulse", 130, 2), ("pulse", 131, 3),
    ("temperature", 35.0, 3), ("temperature", 35.1, 1), ("temperature", 36.0, 1),
    ("temperature", 36.1, 0), ("temperature", 38.0, 0), ("temperature", 38.1, 1),
    ("temperature", 39.0, 1), ("temperature", 39.1, 2), ("temperature", None, 0),
    ("fahrenheit", 98.6, 0), ("fahrenheit", 100.9, 1), ("fahrenheit", 102.7, 2),
)  # fmt: skip


def sign(
    name: str,
    kind: str,
    value: float | None,
    when: str = SET,
    received: str = RECEIVED,
    **more: Any,
) -> Resource:
    """Return a vital sign of the patient's stay."""
    of = "temperature" if kind == "fahrenheit" else kind
    unit = "[degF]" if kind == "fahrenheit" else UNITS.get(kind, "/min")
    held = {"encounter": {"reference": f"Encounter/s-{name}"}, "unit": unit}
    identity = f"{name}-{kind}-{when[11:19].replace(':', '')}"
    return observation(
        identity, name, coded(LOINC, CODES[of]), when, value, received=received, **held | more
    )


def awake(name: str, code: str) -> Resource:
    """Return the level of consciousness; without a code it was not told."""
    told = {"valueCodeableConcept": coded(SNOMED, code)} if code else {}
    return observation(
        f"{name}-acvpu", name, coded(SNOMED, CONSCIOUSNESS), SET, None, received=RECEIVED, **told
    )


def admitted(name: str, *signs: Resource, **told: Any) -> list[Resource]:
    return [patient(name, **told), stay(f"s-{name}", name, BEGAN, kind="IMP"), *signs]


def filled(name: str, kind: str, points: int) -> Iterator[Resource]:
    """Yield signs beside one of a kind that are worth so many points, none of them three."""
    of = "temperature" if kind == "fahrenheit" else kind
    for filler, values in FILLERS.items():
        worth = min(points, 2)
        if filler != of and worth:
            points -= worth
            yield sign(name, filler, values[worth])
    assert not points


@pytest.fixture(scope="module")
def bands(tmp_path_factory: pytest.TempPathFactory) -> Run:
    resources: list[Resource] = []
    for number, (kind, value, points) in enumerate(BANDS):
        for total in (4, 5):
            name = f"b{number}-{total}"
            beside = filled(name, kind, total - points if points < 3 else 0)
            resources += admitted(name, sign(name, kind, value), *beside)
    return run(tmp_path_factory.mktemp("bands"), CASE, {"ehr": resources})


@pytest.mark.parametrize("number", range(len(BANDS)), ids=[f"{k} {v}" for k, v, _ in BANDS])
def test_the_points_of_a_value(bands: Run, number: int) -> None:
    alerts = {row["patient_id"] for row in bands.opportunities.values()}
    if BANDS[number][2] == 3:
        assert {f"b{number}-4", f"b{number}-5"} <= alerts, "a single three calls for an alert"
    else:
        assert f"b{number}-5" in alerts, "five call for an alert"
        assert f"b{number}-4" not in alerts, "four do not"


def with_three(name: str, *more: Resource, **told: Any) -> list[Resource]:
    return admitted(name, sign(name, "respiration", 26, **told), *more)


def again(name: str, when: str, received: str, **told: Any) -> Resource:
    return sign(name, "respiration", 24, f"{DAY}T{when}Z", f"{DAY}T{received}Z", **told)


def wards() -> dict[str, list[Resource]]:
    """Return sets of patients, one a case."""
    ehr = [
        *with_three("plain"),
        *admitted("panel", about(
            "Observation", "panel-bp", "panel", status="final", code=coded(LOINC, "85354-9"),
            effectiveDateTime=SET, meta={"lastUpdated": RECEIVED},
            encounter={"reference": "Encounter/s-panel"},
            component=[
                {"code": coded(LOINC, "8462-4"), "valueQuantity": {"value": 250}},
                {"code": coded(LOINC, "8480-6"), "valueQuantity": {"value": 88}},
            ])),
        *with_three("twice", sign("twice", "respiration", 18, f"{DAY}T10:05:00Z")),
        *admitted("awake", sign("awake", "pulse", 80), awake("awake", "248234008")),
        *admitted("untold", sign("untold", "pulse", 80), awake("untold", "")),
        *admitted("unknown", sign("unknown", "pulse", 80), awake("unknown", "261665006")),
        *admitted("confused", sign("confused", "pulse", 80), awake("confused", "130987000")),
        *with_three("mistake", status="entered-in-error"),
        *with_three("cancelled", status="cancelled"),
        *admitted("cancelled-too", sign("cancelled-too", "pulse", 80),
                  sign("cancelled-too", "respiration", 26, status="cancelled")),
        *admitted("later", sign("later", "pulse", 80),
                  sign("later", "respiration", 26, f"{DAY}T10:20:01Z")),
        *admitted("within", sign("within", "pulse", 80),
                  sign("within", "respiration", 26, f"{DAY}T10:20:00Z")),
        *admitted("child", sign("child", "respiration", 26), born="2015-01-01"),
        *with_three("no-zone", when=SET[:-1]),
        *with_three("no-receipt", received=""),
        *with_three("with-a-lab", observation(
            "glucose", "with-a-lab", coded(LOINC, "2345-7"), SET, 5.5,
            received=f"{DAY}T16:00:00Z")),
        *with_three("still", when="2026-11-01T11:20:00Z", received="2026-11-01T11:21:00Z"),
        *with_three("early", again("early", "10:30:00", "10:06:59")),
        *with_three("five", again("five", "10:30:00", "10:07:00")),
        *with_three("hour", again("hour", "10:55:00", "11:02:00")),
        *with_three("late", again("late", "10:55:00", "11:02:01")),
        *with_three("old", again("old", "09:59:59", "10:30:00")),
        *with_three("wrong", again("wrong", "10:30:00", "10:30:00", status="entered-in-error")),
        *with_three("two", again("two", "10:50:00", "10:51:00"),
                    again("two", "10:40:00", "10:41:00")),
    ]  # fmt: skip
    lab = with_three("outside")
    return {"ehr": ehr, "lab": lab}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("ward"), CASE, wards())


def by_patient(found: Run) -> dict[str, dict[str, Any]]:
    """Return the first set of each patient."""
    rows = sorted(found.opportunities.values(), key=lambda row: row["at_time"], reverse=True)
    return {row["patient_id"]: row for row in rows}


def test_what_calls_for_an_alert(ward: Run) -> None:
    assert set(by_patient(ward)) == {
        "plain", "panel", "twice", "confused", "within", "no-zone", "no-receipt", "with-a-lab",
        "still", "early", "five", "hour", "late", "old", "wrong", "two",
    }  # fmt: skip


def test_the_alert_is_wanted_after_the_set_was_received(ward: Run) -> None:
    found = by_patient(ward)
    for name in ("plain", "no-zone", "with-a-lab"):
        assert found[name]["at_time"] == at("2026-06-01 10:02:00"), name
    row = found["plain"]
    assert (row["opens"], row["due"], row["until"]) == (
        at("2026-06-01 09:57:00"), at("2026-06-01 10:17:00"), at("2026-06-01 11:02:00"),
    )  # fmt: skip
    assert found["no-receipt"]["at_time"] == at("2026-06-01 10:00:00"), "the best that is known"
    assert found["with-a-lab"]["id"] != "glucose"


def test_a_later_respiration_rate_within_the_hour_is_acting(ward: Run) -> None:
    told = {name: row["acted"] for name, row in by_patient(ward).items()}
    assert {n for n, acted in told.items() if acted} == {"five", "hour", "two"}
    assert {n for n, acted in told.items() if acted is None} == {"still", "no-receipt"}
    assert by_patient(ward)["two"]["acted_at"] == at("2026-06-01 10:41:00")


def test_minutes_to_recheck(ward: Run) -> None:
    rows = read(ward.out / "measure_row.parquet")
    found = sorted(r["value"] for r in rows if r["measure"] == "minutes-to-recheck")
    assert found == [5.0, 39.0, 60.0]


def test_without_intensive_care_in_the_data_moves_cannot_be_told(ward: Run) -> None:
    found = ward.measure("moved-to-intensive-care")
    assert found
    assert set(found.values()) == {None}


def test_stays_moved_to_intensive_care(tmp_path: Path) -> None:
    def place(name: str, kind: str) -> Resource:
        return {"resourceType": "Location", "id": name, "type": [{"coding": [{"code": kind}]}]}

    def moved(name: str, *places: str, **told: Any) -> list[Resource]:
        where = [{"location": {"reference": f"Location/{p}"}} for p in places]
        whole = {"kind": "IMP", "location": where} | told
        return [patient(name), stay(name, name, BEGAN, **whole)]

    ehr = [
        place("icu", "ICU"), place("ward", "HU"), *moved("up", "ward", "icu"),
        *moved("there", "icu"), *moved("down", "icu", "ward"), *moved("same", "ward", "ward"),
        *moved("gone", "ward", "icu", status="cancelled"), *moved("visit", "icu", kind="AMB"),
    ]  # fmt: skip
    found = run(tmp_path, CASE, {"ehr": ehr, "lab": moved("outside", "ward", "icu")})
    assert found.measure("moved-to-intensive-care") == {
        "up": True, "there": False, "down": False, "same": False,
    }  # fmt: skip


def test_the_order_of_lines_changes_nothing(ward: Run, tmp_path: Path) -> None:
    rng = random.Random(3)  # a fixed order, not a secret
    for feed, resources in wards().items():
        (tmp_path / "in" / feed).mkdir(parents=True)
        lines = [json.dumps(r) + "\n" for r in rng.sample(resources, len(resources))]
        for number, part in enumerate((lines[::2], lines[1::2])):
            (tmp_path / "in" / feed / f"{number}.ndjson").write_text("".join(part), "utf-8")
    mixed = run(tmp_path, CASE)
    for name in ("opportunity", "measure_row"):
        one, two = (read(r.out / f"{name}.parquet") for r in (ward, mixed))
        assert one
        assert [r | {"person": 0} for r in one] == [r | {"person": 0} for r in two]
