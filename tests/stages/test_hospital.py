"""The demo hospital, small: the same bytes each time, wrong only where it says so."""

from __future__ import annotations

import gzip
import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hospital_cases import loinc_ok, luhn, verhoeff

from uptake import r4
from uptake.demo.hospital import Truth, write_sample

CHECKS = {
    "DUP-01",
    "DUP-02",
    "DUP-05",
    "DUP-07",
    "DUP-08",
    "DUP-10",
    "COD-01",
    "COD-02",
    "COD-03",
    "COD-05",
    "COD-10",
    "CTX-01",
    "CTX-02",
    "CTX-03",
    "CTX-06",
    "CTX-08",
    "TIM-01",
    "TIM-02",
    "TIM-03",
    "TIM-04",
    "TIM-05",
    "TIM-07",
    "TXT-01",
    "TXT-02",
    "TXT-04",
    "TXT-05",
    "CNF-01",
}
FEEDS = {"ehr", "west-monitors", "northside-lab", "corner-pharmacy", "riverside-hospital"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
# The days in March and November on which the clocks of Chicago changed.
CLOCK_CHANGES = {
    2016: (13, 6),
    2017: (12, 5),
    2018: (11, 4),
    2019: (10, 3),
    2020: (8, 1),
    2021: (14, 7),
    2022: (13, 6),
    2023: (12, 5),
    2024: (10, 3),
    2025: (9, 2),
    2026: (8, 1),
}

Resource = dict[str, Any]
Feeds = dict[str, dict[str, list[Resource]]]


def lines(folder: Path) -> Iterator[tuple[str, str, int, bytes]]:
    for path in sorted(folder.glob("*/*.ndjson.gz")):
        for number, line in enumerate(gzip.decompress(path.read_bytes()).split(b"\n")[:-1], 1):
            yield path.parent.name, path.name.partition(".")[0], number, line


def read(folder: Path) -> Feeds:
    feeds: Feeds = defaultdict(lambda: defaultdict(list))
    for feed, resource_type, _, line in lines(folder):
        feeds[feed][resource_type].append(json.loads(line))
    return feeds


def walk(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every object and every value, each with the name it stands under."""
    yield name, value
    for key, item in value.items() if isinstance(value, dict) else ():
        yield from walk(item, key)
    for item in value if isinstance(value, list) else ():
        yield from walk(item, name)


def everything(feeds: Feeds) -> list[tuple[str, Resource]]:
    return [(feed, r) for feed, types in feeds.items() for rows in types.values() for r in rows]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Feeds:
    folder = tmp_path_factory.mktemp("clean")
    assert write_sample(folder, defects=False).planted == ()
    return read(folder)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("spoilt")
    return folder, write_sample(folder)


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_sample(tmp_path / name, patients=40)
    write_sample(tmp_path / "other", patients=40, seed=8)
    one, two, other = (
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.*")}
        for n in ("one", "two", "other")
    )
    assert one == two
    assert one != other


def test_it_is_small(spoilt: tuple[Path, Truth]) -> None:
    assert sum(p.stat().st_size for p in spoilt[0].rglob("*.gz")) < 1_200_000


def test_the_project_names_its_feeds(spoilt: tuple[Path, Truth]) -> None:
    project = tomllib.loads((spoilt[0] / "uptake.toml").read_text("utf-8"))
    assert project["assess"]["as_of"] == "2026-11-01"
    assert set(project["feeds"]) == FEEDS
    assert len({feed["title"] for feed in project["feeds"].values()}) == len(FEEDS)
    roles = {name: f.get("role") for name, f in project["feeds"].items()}
    assert [name for name, role in roles.items() if role == "ehr"] == ["ehr"]
    assert [name for name, role in roles.items() if role is None] == ["west-monitors"]
    assert all((spoilt[0] / f["path"]).is_dir() for f in project["feeds"].values())


def test_the_truth_covers_every_check_and_stays_out_of_the_feeds(
    spoilt: tuple[Path, Truth],
    tmp_path: Path,
) -> None:
    folder, truth = spoilt
    assert set(truth.counts()) == CHECKS
    assert {p.name for p in folder.iterdir()} == FEEDS | {"payers", "uptake.toml"}
    truth.write(tmp_path / "truth.ndjson")
    rows = [json.loads(row) for row in (tmp_path / "truth.ndjson").read_text("utf-8").splitlines()]
    assert len(rows) == len(truth.planted) + len(truth.stories)


@pytest.mark.parametrize("patients", [24, 60])
def test_a_small_sample_has_every_defect_too(tmp_path: Path, patients: int) -> None:
    assert set(write_sample(tmp_path, patients=patients).counts()) == CHECKS


def test_only_the_planted_lines_cannot_be_read(spoilt: tuple[Path, Truth]) -> None:
    folder, truth = spoilt
    unreadable, quoted = set(), set()
    where = {}
    for feed, resource_type, number, line in lines(folder):
        try:
            where[feed, resource_type, number] = resource = json.loads(line)
        except ValueError:
            unreadable.add((feed, resource_type, number))
            continue
        if any(k == "value" and isinstance(v, str) for k, v in walk(resource.get("valueQuantity"))):
            quoted.add((feed, resource_type, number))
    broken = {(p.feed, p.resource_type, p.line) for p in truth.of_check("CNF-01")}
    assert unreadable | quoted == broken
    assert len(unreadable) == 2
    for planted in truth.planted:
        if planted.check != "CNF-01":
            there = where[planted.feed, planted.resource_type, planted.line]
            assert (there["resourceType"], there["id"]) == (planted.resource_type, planted.id)
            assert planted.element.startswith(planted.resource_type + ".")


def test_the_twins_differ_only_where_something_was_planted(
    clean: Feeds,
    spoilt: tuple[Path, Truth],
) -> None:
    folder, truth = spoilt
    touched = {(p.feed, p.resource_type, p.line) for p in truth.planted}
    before = {
        (f, t, i): r for f, ts in clean.items() for t, rs in ts.items() for i, r in enumerate(rs, 1)
    }
    moved = {f"Patient/{p.id}" for p in truth.of_check("DUP-01")}
    for feed, resource_type, number, line in lines(folder):
        if (feed, resource_type, number) not in touched:
            after = json.loads(line)
            person = after.get("subject") or after.get("patient") or {}
            assert after == before[feed, resource_type, number] or person["reference"] in moved


def test_clean_references_resolve(clean: Feeds) -> None:
    ids = {
        feed: {f"{t}/{r['id']}" for t, rows in types.items() for r in rows}
        for feed, types in clean.items()
    }
    for feed, resource in everything(clean):
        for name, value in walk(resource):
            assert name != "reference" or value in ids[feed], (resource["id"], value)
    for types in clean.values():
        for rows in types.values():
            assert len({r["id"] for r in rows}) == len(rows)


def clinical_time(resource: Resource) -> datetime | None:
    names = ("effectiveDateTime", "authoredOn", "recordedDate", "occurrenceDateTime")
    text = next((resource[n] for n in names if n in resource), None)
    text = text or resource.get("performedPeriod", {}).get("start")
    return datetime.fromisoformat(text) if text else None


def test_clean_times_are_inside_their_encounters(clean: Feeds) -> None:
    judged = 0
    encounters = {
        (feed, f"Encounter/{e['id']}"): e
        for feed, types in clean.items()
        for e in types["Encounter"]
    }
    for feed, resource in everything(clean):
        reference = (resource.get("encounter") or resource.get("context") or {}).get("reference")
        at = clinical_time(resource)
        if not reference or not at:
            continue
        encounter = encounters[feed, reference]
        person = resource.get("subject") or resource.get("patient")
        assert encounter["subject"] == person
        period = encounter["period"]
        assert datetime.fromisoformat(period["start"]) <= at
        assert at <= datetime.fromisoformat(period.get("end", "2026-11-01T00:00:00+00:00"))
        judged += 1
    assert judged > 5000


def in_summer(at: datetime) -> bool:
    march, november = CLOCK_CHANGES[at.year]
    starts = datetime(at.year, 3, march, 8, tzinfo=UTC)
    return starts <= at < datetime(at.year, 11, november, 7, tzinfo=UTC)


def test_clean_times_have_the_offset_of_chicago_and_are_past(clean: Feeds) -> None:
    as_of = datetime(2026, 11, 1, tzinfo=UTC)
    births = {
        (feed, f"Patient/{p['id']}"): p["birthDate"]
        for feed, types in clean.items()
        for p in types["Patient"]
    }
    for feed, resource in everything(clean):
        person = (resource.get("subject") or resource.get("patient") or {}).get("reference", "")
        for name, value in walk(resource):
            if isinstance(value, str) and INSTANT.fullmatch(value):
                at = datetime.fromisoformat(value)
                assert at.utcoffset() == timedelta(hours=-5 if in_summer(at) else -6), value
                assert at <= as_of or resource["resourceType"] == "Appointment"
            if name in {"onsetDateTime", "occurrenceDateTime", "effectiveDateTime"}:
                assert value[:10] >= births[feed, person]
            if name == "period" and isinstance(value, dict) and "end" in value:
                assert value["start"][:10] <= value["end"][:10]


def test_check_digits(clean: Feeds) -> None:
    rules = {"http://loinc.org": loinc_ok, "http://snomed.info/sct": verhoeff}
    seen: dict[str, set[str]] = defaultdict(set)
    for _, resource in everything(clean):
        for _, value in walk(resource):
            if isinstance(value, dict) and "system" in value:
                seen[value["system"]].add(str(value.get("code") or value.get("value")))
    for system, rule in rules.items():
        assert len(seen[system]) > 15
        assert [c for c in seen[system] if not rule(c)] == []
    assert all(luhn(n) and len(n) == 10 for n in seen["http://hl7.org/fhir/sid/us-npi"])


def test_planted_check_digits_are_wrong(spoilt: tuple[Path, Truth]) -> None:
    folder, truth = spoilt
    at = {(p.feed, p.resource_type, p.line) for p in truth.of_check("COD-05")}
    wrong = 0
    for feed, resource_type, number, line in lines(folder):
        if (feed, resource_type, number) in at:
            resource = json.loads(line)
            codes = [
                c["code"]
                for _, c in walk(resource.get("code"))
                if isinstance(c, dict)
                and c.get("system") in {"http://loinc.org", "http://snomed.info/sct"}
            ]
            numbers = [i["value"] for i in resource.get("identifier", ())]
            wrong += any(not (loinc_ok(c) if "-" in c else verhoeff(c)) for c in codes)
            wrong += any(not luhn(n) for n in numbers if resource_type == "Practitioner")
    assert wrong == len(at)


def test_nothing_is_twice_in_the_clean_twin(clean: Feeds) -> None:
    for types in clean.values():
        keys = Counter(
            (r["subject"]["reference"], r["code"]["coding"][0]["code"], r["effectiveDateTime"])
            for r in types["Observation"]
        )
        assert not keys or max(keys.values()) == 1
        numbers = Counter(p["identifier"][0]["value"] for p in types["Patient"])
        assert max(numbers.values()) == 1


def test_clean_facts_are_complete(clean: Feeds) -> None:
    for feed, resource in everything(clean):
        kind = resource["resourceType"]
        if kind == "Patient":
            assert resource["identifier"][0]["type"]["coding"][0]["code"] == "MR"
        elif kind in {"MedicationRequest", "MedicationDispense", "MedicationStatement"}:
            [sig] = resource.get("dosageInstruction") or resource["dosage"]
            assert set(sig) >= {"text", "timing", "route", "doseAndRate"}
        for _, value in walk(resource):
            if isinstance(value, dict) and isinstance(value.get("value"), int | float):
                assert value["system"] == "http://unitsofmeasure.org", (feed, resource["id"])
                assert value["code"]
            if isinstance(value, dict) and isinstance(value.get("code"), str):
                assert value["system"]


def test_vital_signs_are_possible_and_sets_are_whole(clean: Feeds) -> None:
    limits = {"9279-1": (8, 40), "8867-4": (40, 160), "8310-5": (35, 41), "59408-5": (80, 100)}
    sets: dict[str, list[datetime]] = defaultdict(list)
    stays = {
        (feed, f"Encounter/{e['id']}")
        for feed in ("ehr", "west-monitors")
        for e in clean[feed]["Encounter"]
        if e["class"]["code"] == "IMP"
    }
    for feed in ("ehr", "west-monitors"):
        for row in clean[feed]["Observation"]:
            code = row["code"]["coding"][0]["code"]
            if code in limits:
                low, high = limits[code]
                assert low <= row["valueQuantity"]["value"] <= high
            if code == "85354-9":
                systolic, diastolic = (c["valueQuantity"]["value"] for c in row["component"])
                assert diastolic + 15 < systolic
            stay = row["encounter"]["reference"]
            if (feed, stay) in stays and row["category"][0]["coding"][0]["code"] == "vital-signs":
                sets[stay].append(datetime.fromisoformat(row["effectiveDateTime"]))
    monitored = len(clean["west-monitors"]["Encounter"])
    # the record has a stay in the bay too, without its vital signs
    assert len(sets) == len(stays) - monitored > 25
    for times in sets.values():
        assert len(times) % 7 == 0
        for start in range(0, len(times), 7):
            assert times[start + 6] - times[start] < timedelta(minutes=60)


def faults(value: Any, type_name: str, path: str) -> Iterator[str]:
    """What R4 does not know or misses, below one object."""
    graph = r4.node(type_name)
    for needed in (field for field in graph.fields if field.min):
        if not any(f.json_name in value for f in graph.of_element(needed.element)):
            yield f"{path}.{needed.element} is required"
    for name, item in value.items():
        field = graph.field(name)
        if field:
            yield from faults_of_field(item, field, f"{path}.{name}")
        elif name != "resourceType":
            yield f"{path}.{name} is unknown"


def faults_of_field(item: Any, field: r4.Field, path: str) -> Iterator[str]:
    if field.many != isinstance(item, list):
        yield f"{path} is an array, or should be"
    for part in item if isinstance(item, list) else [item]:
        if isinstance(part, dict):
            yield from faults(part, field.type, path)
        if field.type == "Reference" and "Resource" not in field.targets:
            target = part["reference"].partition("/")[0]
            if target not in field.targets:
                yield f"{path} may not be a {target}"


def test_the_clean_twin_is_valid_r4(clean: Feeds) -> None:
    found = {
        fault
        for _, resource in everything(clean)
        for fault in faults(resource, resource["resourceType"], resource["resourceType"])
    }
    assert found == set()
