"""`uptake terminology add` and `list`, and what a run, its report and its pages say of coverage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import terminology_cases as cases
from click.testing import CliRunner, Result
from starlette.testclient import TestClient

from uptake.cli import main
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.web.app import create_app
from uptake.web.site import Site

SENT = [
    {"resourceType": "Patient", "id": "p"},
    {
        "resourceType": "Observation",
        "id": "known",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2025-03-01T10:00:00Z",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
    },
    {
        "resourceType": "Observation",
        "id": "unknown",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2025-03-01T10:00:00Z",
        "code": {"coding": [{"system": "http://loinc.org", "code": "98765-1"}]},
    },
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "clinic"
    assert run("init", str(folder)).exit_code == 0
    (folder / "lab").mkdir()
    lines = "".join(json.dumps(resource) + "\n" for resource in SENT)
    (folder / "lab" / "sent.ndjson").write_text(lines, "utf-8")
    setting = folder / "uptake.toml"
    setting.write_text(setting.read_text("utf-8") + '\n[feeds.lab]\npath = "lab"\n', "utf-8")
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def check(project: Path, code: str) -> dict[str, int]:
    done = run(
        "assess", "--project", str(project), "--checks", code, "--quiet", "--fail-on", "never"
    )
    assert done.exit_code == 0, done.output
    summary = json.loads((project / "current" / "summary.json").read_text("utf-8"))
    return next(c for c in summary["checks"] if c["code"] == code)


def test_a_release_makes_the_next_run_sharper(project: Path, tmp_path: Path) -> None:
    before = check(project, "COD-04")
    assert (before["numerator"], before["denominator"], before["not_judged"]) == (0, 1, 1)
    added = run(
        "terminology", "add", str(cases.loinc(tmp_path / "x.zip")), "--project", str(project)
    )
    assert "LOINC 2.80: 5 codes added" in added.output
    after = check(project, "COD-04")
    assert (after["numerator"], after["denominator"], after["not_judged"]) == (1, 2, 0)


def test_what_is_at_hand_is_listed(project: Path, tmp_path: Path) -> None:
    assert "Nothing was added" in run("terminology", "list", "--project", str(project)).output
    for version in ("2.79", "2.80"):
        path = cases.loinc(tmp_path / f"{version}.zip", version)
        said = run("terminology", "add", str(path), "--project", str(project), "--json")
        assert json.loads(said.output)["version"] == version
    older = run("terminology", "add", str(tmp_path / "2.79.zip"), "--project", str(project))
    assert "A newer one is here and answers: 2.80" in older.output
    listed = run("terminology", "list", "--project", str(project)).output
    assert "LOINC 2.80: 5 codes, from 2.80.zip, added 20" in listed
    assert "(a newer one answers)" in listed
    assert "SNOMED CT Global Patient Set 2020-09: a part, 26,158 codes" in listed
    rows = json.loads(run("terminology", "list", "--project", str(project), "--json").output)
    own = [(r["version"], r["answers"]) for r in rows["releases"] if r["name"] == "LOINC"]
    assert own == [("2.80", True), ("2.79", False)]
    assert rows["mappings"] == []


def test_what_cannot_be_added_is_one_line(project: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "notes.txt"
    wrong.write_text("Dear colleague,", "utf-8")
    for words in ([str(wrong)], [str(tmp_path / "missing.zip")]):
        done = run("terminology", "add", *words, "--project", str(project))
        assert done.exit_code != 0
        assert not (project / "terminology").exists()
    outside = run("terminology", "add", str(wrong), "--project", str(tmp_path))
    assert outside.exit_code != 0


def test_the_report_and_the_page_say_how_far_codes_were_looked_up(project: Path) -> None:
    check(project, "COD-04")
    report = (project / "current" / "report.html").read_text("utf-8")
    assert "Codes could be looked up: 50\u00a0% of LOINC." in report
    read = read_project(project)
    state = open_state(read.state_url)
    site = Site(read, state, "http://127.0.0.1:8000")
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    page = client.get("/findings/COD-04").text
    assert "LOINC: 1 of 2 codes known, from common LOINC codes" in page
    assert "no complete release here" in page
    assert "How far codes could be looked up" not in client.get("/findings/CTX-01").text
    state.close()
