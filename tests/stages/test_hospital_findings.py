"""What is planted in the demo hospital is found, nothing else is; and each story can be told."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.assessing import assess_folder, findings, fitness_of
from uptake.definitions.surfaces import read_surfaces
from uptake.demo.hospital import Hospital, build_hospital
from uptake.project import read_project

if TYPE_CHECKING:
    from uptake.model import Assessment

PATIENTS = 250
MIDDLE = datetime(2026, 9, 15, 12, tzinfo=UTC)
Resource = dict[str, Any]
Feeds = dict[tuple[str, str], list[Resource]]
"""The resources of each feed and type."""


@pytest.fixture(scope="module")
def hospital() -> Hospital:
    return build_hospital(PATIENTS, 7)


@pytest.fixture(scope="module")
def folder(hospital: Hospital, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hospital")
    hospital.write_feeds(folder)
    hospital.write_project(folder)
    hospital.write_usage(folder)
    return folder


@pytest.fixture(scope="module")
def feeds(folder: Path) -> Feeds:
    return read(folder)


@pytest.fixture(scope="module")
def run(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Assessment, list[dict[str, Any]]]:
    out = tmp_path_factory.mktemp("run")
    return assess_folder(folder, out), findings(out)


def read(folder: Path) -> Feeds:
    """Read feeds; lines that are no JSON are left out."""
    found: Feeds = {}
    for path in sorted(folder.glob("*/*.ndjson.gz")):
        rows = found[path.parent.name, path.name.partition(".")[0]] = []
        for line in gzip.decompress(path.read_bytes()).splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
    return found


FOLLOWS = {
    ("CNF-04", "DUP-05"),  # US Core wants an identifier
    ("CNF-04", "CTX-03"),  # and a subject
    ("CNF-06", "TIM-01"),  # and the time of a procedure
    ("CTX-05", "CTX-01"),  # the encounter that is lacking can be told
    ("CTX-07", "CTX-02"),  # who asked is a reference that leads nowhere
}
"""Checks that rightly find what was planted for another one."""
REPORTS = {"CNF-05", "COD-12"}
"""Characterise feeds and codes, not records."""
SIGNALS = {"PLA-11"}
"""News for the clinician: what outside sources have and the chart has not."""
NOBODY_NAMED = "CTX-07"
"""True of the hospital as it is: monitors and laboratory name nobody who was at the visit."""


def test_planted_is_found(hospital: Hospital, run: tuple[Assessment, list[dict[str, Any]]]) -> None:
    found = {
        (f["check"], f["feed"], f["resource_type"], f["resource_id"])
        for f in run[1]
        if f["check"] not in {"CNF-01", *REPORTS, *SIGNALS}
    }
    planted = hospital.truth.planted
    wanted = {(p.check, p.feed, p.resource_type, p.id) for p in planted if p.check != "CNF-01"}
    checks_of = defaultdict(set)
    for p in planted:
        checks_of[p.feed, p.resource_type, p.id].add(p.check)
    more = {
        unit
        for unit in found - wanted
        if unit[0] != NOBODY_NAMED
        and not any((unit[0], check) in FOLLOWS for check in checks_of[unit[1:]])
    }
    assert (wanted - found, more) == (set(), set())
    unreadable = {(f["feed"], f["source_line"]) for f in run[1] if f["check"] == "CNF-01"}
    assert unreadable == {(p.feed, p.line) for p in hospital.truth.of_check("CNF-01")}
    assert {r.reason for r in run[0].checks if r.verdict == "not run"} == {"unavailable"}


def test_the_stories_of_fitness(run: tuple[Assessment, list[dict[str, Any]]]) -> None:
    def share(use_case: str) -> float:
        fitness = fitness_of(run[0], use_case)
        assert fitness.unknown == 0
        return fitness.fit / (fitness.fit + fitness.unfit)

    assert 0.76 <= share("care-gap-closure") <= 0.80
    assert share("medication-reconciliation") >= 0.93
    assert share("prior-authorization") >= 0.93
    assert 0.90 <= share("deterioration-alerts") <= 0.95
    plan = fitness_of(run[0], "care-gap-closure").fix_plan
    assert {(f.check, f.feed) for f in plan[0].fixes} == {("COD-01", "northside-lab")}
    assert len(plan[0].fixes) == 14
    assert plan[0].reaches > 0.95 * fitness_of(run[0], "care-gap-closure").population
    [first, *_] = fitness_of(run[0], "deterioration-alerts").fix_plan
    assert {(f.check, f.feed) for f in first.fixes} == {("TIM-03", "west-monitors")}


def test_feeds_of_an_earlier_day_know_nothing_later(
    hospital: Hospital, feeds: Feeds, tmp_path: Path
) -> None:
    hospital.write_feeds(tmp_path, until=MIDDLE)
    later = {(place, row["id"]): row for place, rows in feeds.items() for row in rows}
    statuses = Counter()
    for place, rows in read(tmp_path).items():
        ids = {f"{row['resourceType']}/{row['id']}" for row in rows}
        assert len(ids) == len(rows)
        for row in rows:
            assert datetime.fromisoformat(row["meta"]["lastUpdated"]) <= MIDDLE
            if place[1] == "Encounter" and row["class"]["code"] == "IMP":
                end = later[place, row["id"]]["period"].get("end")
                over = end is not None and datetime.fromisoformat(end) < MIDDLE
                statuses[row["status"]] += 1
                assert ("end" in row["period"]) == (row["status"] == "finished")
                assert over or row["status"] == "in-progress"
    assert statuses["in-progress"] > 0
    assert statuses["finished"] > 10


def test_the_sender_of_the_device_mends_it_and_nothing_else(
    hospital: Hospital, feeds: Feeds, tmp_path: Path
) -> None:
    hospital.write_feeds(tmp_path, repaired=True)
    before, after = feeds, read(tmp_path)
    changed = [
        (old, new)
        for place, rows in before.items()
        for old, new in zip(rows, after[place], strict=True)
        if old != new
    ]
    planted = {p.id for p in hospital.truth.of_check("TXT-02") if p.feed == "ehr"}
    assert {old["id"] for old, _ in changed} == planted != set()
    for old, new in changed:
        number = new["valueQuantity"]
        assert old["valueString"] == f"{number['value']} mmol/L"
        assert old | {"valueQuantity": number} == new | {"valueString": old["valueString"]}


def test_no_reference_crosses_feeds(feeds: Feeds) -> None:
    ids: dict[str, set[str]] = {}
    for (feed, kind), rows in feeds.items():
        ids.setdefault(feed, set()).update(f"{kind}/{row['id']}" for row in rows)
    people = {
        feed: {i for i in own if i.startswith(("Patient/", "Encounter/"))}
        for feed, own in ids.items()
    }
    for feed, own in people.items():
        for other in people.keys() - {feed}:
            assert not own & people[other]


def test_the_project_reads_its_surfaces(hospital: Hospital, folder: Path) -> None:
    assert len(read_project(folder).feeds) == 5
    surfaces = read_surfaces([folder / "surfaces"])
    logs = {p.stem for p in (folder / "usage").iterdir()} - {"access"}
    assert set(surfaces) == logs
    assert {u for s in surfaces.values() for u in s.use_cases} == {
        s["story"] for s in hospital.truth.stories if s["story"] != "nurse"
    }


def test_the_same_hospital_writes_the_same_usage(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build_hospital(60, 3).write_usage(tmp_path / name)
    one, two = (
        {p.name: p.read_bytes() for p in sorted((tmp_path / n).rglob("*.*"))}
        for n in ("one", "two")
    )
    assert one == two
    assert len(one) == 9
