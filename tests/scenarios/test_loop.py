"""The loop on the demo hospital: stories are found from the data alone, and a fix is verified."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from uptake.cli import main
from uptake.project import read_project
from uptake.runs import history

CASES = ("care-gap-closure", "deterioration-alerts", "medication-reconciliation")


def uptake(project: Path, *words: str, code: int = 0) -> Result:
    """Run a command in a project and expect its exit code."""
    done = CliRunner().invoke(main, [*words, "--project", str(project)])
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo with so many patients that every stage can be told."""
    folder = tmp_path_factory.mktemp("loop") / "demo"
    done = CliRunner().invoke(main, ["demo", str(folder), "--patients", "300", "--quiet"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def chains(demo: Path) -> dict[str, Any]:
    told = json.loads(uptake(demo, "status", "--json").stdout)
    return {chain["use_case"]: chain for chain in told}


def stories(demo: Path) -> dict[str, Any]:
    lines = (demo / "truth.ndjson").read_text("utf-8").splitlines()
    return {row["story"]: row for row in map(json.loads, lines) if "story" in row}


@pytest.mark.parametrize("case", CASES)
def test_each_stalls_where_and_why_the_truth_says(
    case: str, demo: Path, chains: dict[str, Any]
) -> None:
    story, stall = stories(demo)[case], chains[case]["stall"]
    assert (stall["stage"], stall["cause"]) == (story["stage"], story["cause"])
    assert stall["evidence"]
    assert stall["disproof"]
    assert stall["action"]


def test_what_works_does_not_stall(chains: dict[str, Any]) -> None:
    assert chains["prior-authorization"]["stall"] is None


def test_one_number_cannot_be_told_and_says_why(chains: dict[str, Any]) -> None:
    improved = chains["deterioration-alerts"]["stages"][-1]
    assert (improved["verdict"], improved["number"]) == ("cannot tell", "")
    assert "no source says" in improved["reason"]


def test_the_nurse_s_report_is_closed_by_a_run_and_answered(demo: Path) -> None:
    (report,) = json.loads(uptake(demo, "feedback", "list", "--all", "--json").stdout)["reports"]
    told = json.loads(uptake(demo, "feedback", "show", report["id"], "--json").stdout)
    steps = [step["what"] for step in told["steps"]]
    assert steps == ["linked", "assigned", "changed", "verified", "closed", "answered"]
    verified = next(s for s in told["steps"] if s["what"] == "verified")
    assert verified["count"] == 0
    assert told["patients"] == stories(demo)["nurse"]["patients_by_then"]


def test_the_demo_in_the_same_folder_again_is_the_same(demo: Path, chains: dict[str, Any]) -> None:
    project = read_project(demo)
    assert len(history(project)) == 3
    again = json.loads(uptake(demo, "status", "--json").stdout)
    assert {c["use_case"]: c for c in again} == chains


def test_the_logs_imported_once_more_are_nothing_new(demo: Path) -> None:
    for path in sorted((demo / "usage").iterdir()):
        if path.name != "access.csv":
            told = json.loads(uptake(demo, "usage", "import", str(path), "--json").stdout)
            assert told["accepted"] == 0, path.name


def test_mapping_the_codes_reaches_what_was_promised(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mapped"
    shutil.copytree(demo, folder, symlinks=True)
    before = json.loads((folder / "current" / "summary.json").read_text("utf-8"))
    plan = next(u for u in before["use_cases"] if u["code"] == "care-gap-closure")["fix_plan"]
    uptake(folder, "terminology", "map", "--all-suggested", "--feed", "northside-lab",
           "--by", "Dr. Haddad")  # fmt: skip
    done = CliRunner().invoke(main, ["assess", "--project", str(folder), "--quiet"])
    assert done.exit_code in (0, 1, 3), done.output
    after = json.loads((folder / "current" / "summary.json").read_text("utf-8"))
    told = next(u for u in after["use_cases"] if u["code"] == "care-gap-closure")
    assert told["fit"] == plan[0]["reaches"]
    chain = next(
        c for c in json.loads(uptake(folder, "status", "--json").stdout)
        if c["use_case"] == "care-gap-closure"
    )  # fmt: skip
    assert chain["stall"]["stage"] != "fit", "the stall is gone, or further on"


def test_no_identifier_is_in_what_is_said(demo: Path, chains: dict[str, Any]) -> None:
    """The status may be shown in a meeting: no patient's name, number or id is in it."""
    told = json.dumps(chains)
    patients = uptake_patients(demo)
    assert patients
    assert not [value for value in patients if value in told]


def uptake_patients(demo: Path) -> set[str]:
    import pyarrow.parquet as pq

    rows = pq.read_table(demo / "current" / "person_key.parquet")["value"].to_pylist()
    return {value for value in rows if len(value) > 5}
