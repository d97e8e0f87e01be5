"""Feeds whose records are each right and together wrong, from the files to the finding."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.scenarios.assessing import Silent, findings
from uptake.cli.checks import read_catalogue
from uptake.errors import DefinitionError
from uptake.findings.assess import Request, assess
from uptake.findings.show import find
from uptake.project import read_project

if TYPE_CHECKING:
    from uptake.model import Assessment

AS_OF = datetime(2026, 11, 1, 23, tzinfo=UTC)
OFFICE = (0, 0, 0, 0, 0, 0, 0, 2, 8, 10, 10, 8, 4, 8, 9, 9, 6, 2, 0, 0, 0, 0, 0, 0)
Resource = dict[str, Any]


def result(number: int, at: str, **more: Any) -> Resource:
    """A laboratory result."""
    return {
        "resourceType": "Observation",
        "id": f"r{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "effectiveDateTime": at,
    } | more


def project(folder: Path, feeds: dict[str, list[Resource]], **zones: str) -> Path:
    """A project of these feeds."""
    text = ""
    for name, rows in feeds.items():
        (folder / name).mkdir(parents=True)
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / name / "feed.ndjson").write_text(lines, "utf-8")
        text += f'[feeds.{name}]\npath = "{name}"\n'
        text += f'zone = "{zones[name]}"\n' if name in zones else ""
    (folder / "uptake.toml").write_text(text, "utf-8")
    return folder


def run(folder: Path, *codes: str) -> tuple[Assessment, list[dict[str, Any]]]:
    """The assessment of a project by these checks, and its findings."""
    told = read_project(folder)
    checks = {code: check for code, check in read_catalogue(told)[0].items() if code in codes}
    request = Request(told.feeds, checks, {}, AS_OF, "test", threads=1, partial=True)
    out = folder / "out"
    return assess(request, out, out / "resources", Silent()), findings(out)


def office_times(rng: random.Random, first: datetime, days: int) -> list[datetime]:
    """Four times in office hours of each day."""
    return [
        first
        + timedelta(days=day, hours=hour, minutes=rng.randint(1, 59), seconds=rng.randint(0, 59))
        for day in range(days)
        for hour in rng.choices(range(24), OFFICE, k=4)
    ]


def test_a_feed_that_broke_off(tmp_path: Path) -> None:
    """The finding names the feed and type, and is about no single record."""
    rng = random.Random(1)
    times = {
        "lab": office_times(rng, datetime(2026, 5, 1, tzinfo=UTC), 165),
        "ehr": office_times(rng, datetime(2026, 5, 1, tzinfo=UTC), 184),
    }
    feeds = {
        name: [result(n, at.isoformat()) for n, at in enumerate(ats)] for name, ats in times.items()
    }
    done, found = run(project(tmp_path, feeds), "TIM-14")
    (told,) = (r for r in done.checks if r.check.code == "TIM-14")
    assert (told.numerator, told.denominator, told.verdict) == (1, 2, "fail")
    (one,) = found
    assert (one["feed"], one["resource_type"], one["resource_id"]) == ("lab", "Observation", None)
    assert one["evidence"] == "silent from 2026-10-13 to 2026-10-30"
    shown = find(one["fingerprint"], tmp_path / "out", tmp_path / "out" / "resources")
    assert shown.place == "lab"


def test_local_hours_with_z_are_told_once(tmp_path: Path) -> None:
    """`Z` behind local hours is TIM-11; TIM-10 does not say the same again."""
    rng = random.Random(2)
    before = office_times(rng, datetime(2026, 1, 5, tzinfo=UTC), 180)
    after = office_times(rng, datetime(2026, 8, 1, tzinfo=UTC), 60)
    rows = [result(n, f"{at:%Y-%m-%dT%H:%M:%S}-05:00") for n, at in enumerate(before)]
    rows = [
        row | {"effectiveDateTime": row["effectiveDateTime"].replace("-05:00", "-04:00")}
        if row["effectiveDateTime"] >= "2026-03-08T03"
        else row
        for row in rows
    ]
    rows += [result(10_000 + n, f"{at:%Y-%m-%dT%H:%M:%S}Z") for n, at in enumerate(after)]
    done, found = run(project(tmp_path, {"lab": rows}, lab="America/New_York"), "TIM-10", "TIM-11")
    assert Counter(f["check"] for f in found) == {"TIM-11": len(after)}
    assert {f["fix_key"] for f in found} == {"Z"}
    assert {f["suggestion"] for f in found} == {"-04:00"}
    assert {r.check.code: r.numerator for r in done.checks} == {"TIM-10": 0, "TIM-11": len(after)}


def test_a_shift_is_told_with_its_direction(tmp_path: Path) -> None:
    rng = random.Random(3)
    before = office_times(rng, datetime(2026, 1, 1, tzinfo=UTC), 240)
    after = office_times(rng, datetime(2026, 9, 1, tzinfo=UTC), 30)
    rows = [result(n, at.isoformat()) for n, at in enumerate(before)]
    late = [(at + timedelta(hours=3)).isoformat() for at in after]
    rows += [result(10_000 + n, at) for n, at in enumerate(late)]
    _, found = run(project(tmp_path, {"lab": rows}), "TIM-10")
    assert {f["resource_id"] for f in found} >= {f"r{10_000 + n}" for n in range(len(late))}
    assert {f["fix_key"] for f in found} == {"Observation, 3 h late"}
    assert {f["suggestion"] for f in found} == {"3 h earlier: so it was in the months before"}


def test_a_value_that_returns_to_its_level_is_not_named(tmp_path: Path) -> None:
    """Of 70, 154, 70 kg only the second is strange."""
    weights = [
        result(
            n,
            f"2026-03-0{n}T10:00:00Z",
            code={"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
            subject={"reference": "Patient/p"},
            valueQuantity={"value": value, "unit": "kg", "code": "kg"},
        )
        for n, value in ((1, 70), (2, 154), (3, 70), (4, 71))
    ]
    rows = [{"resourceType": "Patient", "id": "p"}, *weights]
    _, found = run(project(tmp_path, {"ward": rows}), "PLA-06")
    assert [(f["resource_id"], f["other"]) for f in found] == [("r2", "Observation/r1")]
    assert found[0]["evidence"] == "70.0 to 154.0 kg"


def test_a_zone_must_be_one(tmp_path: Path) -> None:
    folder = project(tmp_path, {"lab": [result(1, "2026-03-01")]}, lab="America/Springfield")
    with pytest.raises(DefinitionError, match="zone is 'America/Springfield'"):
        read_project(folder)


@pytest.mark.parametrize("none", ["0001-01-01T00:00:00Z", "9999-12-31T10:00:00-12:00"])
def test_what_stands_for_no_date_is_no_end_of_time(none: str, tmp_path: Path) -> None:
    folder = project(tmp_path / "p", {"lab": [result(1, none), result(2, none)]})
    done, _ = run(folder, "PLA-10", "TIM-10", "TIM-11", "TIM-14")
    assert done.checks
    assert all(check.reason != "error" for check in done.checks)
