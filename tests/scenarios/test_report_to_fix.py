"""From a nurse's report to a verified fix, through the command line and real runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from uptake.cli import main
from uptake.rollout.feedback import Report, report
from uptake.state.database import open_state

PROJECT = '[assess]\nas_of = "2026-11-01"\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n'
NAME = "Quicksilver"


def uptake(project: Path, *words: str) -> Result:
    done = CliRunner().invoke(main, [*words, "--project", str(project)])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert NAME not in done.output
    return done


def potassium(number: int, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": f"o{number}", "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "laboratory",
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "subject": {"reference": f"Patient/p{number}"},
        "effectiveDateTime": "2026-10-20T10:00:00-05:00",
        "performer": [{"identifier": {
            "system": "http://hl7.org/fhir/sid/us-npi", "value": "1245319599",
        }}],
    } | value  # fmt: skip


def write(folder: Path, *mended: int) -> None:
    people = [
        {"resourceType": "Patient", "id": f"p{n}", "name": [{"family": NAME}]} for n in range(3)
    ]
    number = {"valueQuantity": {"value": 4.1, "system": "http://unitsofmeasure.org",
                                "code": "mmol/L", "unit": "mmol/L"}}  # fmt: skip
    results = [potassium(n, number if n in mended else {"valueString": "4.1 mmol/L"})
               for n in range(3)]  # fmt: skip
    folder.mkdir(exist_ok=True)
    lines = [json.dumps(r) for r in (*people, *results)]
    (folder / "all.ndjson").write_text("\n".join(lines) + "\n")


def test_a_report_is_closed_by_the_run_after_the_fix(tmp_path: Path) -> None:
    (tmp_path / "uptake.toml").write_text(PROJECT)
    write(tmp_path / "ehr")
    assess = ("assess", "--quiet", "--fail-on", "never")
    assert uptake(tmp_path, *assess).exit_code == 0
    state = open_state(f"sqlite:///{tmp_path}/state.db")
    sent = Report(
        "r1", "data quality", "deterioration-alerts", "resource", "ehr|Observation/o1",
        f"the potassium of {NAME} is text", "pr-031", "nurse", "6 North", datetime.now(UTC),
    )  # fmt: skip
    report(state, sent)
    state.close()

    change = ("--check", "TXT-02", "--change", "the device sends quantities", "--by", "Bo")
    early = uptake(tmp_path, "feedback", "resolve", "r1", *change)
    assert early.exit_code == 1
    assert "CTX-01, TXT-02 find this; 3 patients have the same cause" in early.stdout
    assert "older than the change" in early.stdout
    write(tmp_path / "ehr", 0, 1)
    assert uptake(tmp_path, *assess).exit_code == 0
    half = uptake(tmp_path, "feedback", "resolve", "r1")
    assert (half.exit_code, half.stdout) == (
        1, "not clean: 1 finding is left of TXT-02 on the same 3 patients\n",
    )  # fmt: skip
    write(tmp_path / "ehr", 0, 1, 2)
    assert uptake(tmp_path, *assess).exit_code == 0
    done = uptake(tmp_path, "feedback", "resolve", "r1", "--answer", "mended, thank you")
    assert (done.exit_code, done.stdout) == (
        0, "TXT-02 was run again on the same 3 patients and found nothing; closed\n",
    )  # fmt: skip

    told = uptake(tmp_path, "feedback", "list")
    assert "0 of 1 reports open; 1 answered" in told.stdout
    assert "1 of 1 closed reports of data quality verified by a run" in told.stdout
