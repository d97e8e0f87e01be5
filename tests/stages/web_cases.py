"""What pages are tried on: a project whose every text is a script, and chains of a hospital."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from uptake.model import Chain, Evidence, Stage, StageResult, Stall
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.web.site import Site

SCRIPT = "<script>alert(1)</script>"
MadeOnce: TypeAlias = "Callable[[str, Callable[[Path], None]], Path]"
"""The fixture `made_once`."""


def stage(
    which: Stage, verdict: str, number: str, aim: str, sentence: str, reason: str = ""
) -> StageResult:
    targets = dict(zip(Stage, (1, 1, 0.9, 0.95, 0.6, 0.5, 0.3, 4), strict=True))
    return StageResult(which, verdict, targets[which], sentence, number, aim, reason=reason)


CARE_GAPS = Chain(
    "care-gap-closure",
    "Care-gap closure in diabetes",
    (
        stage(Stage.DEFINED, "met", "10 of 10", "all", "All 10 items of the charter are signed."),
        stage(Stage.MAPPED, "met", "8 of 8", "all", "All 8 requirements have a place in the work."),
        stage(Stage.FIT, "under", "43 %", "at least 90 %", "32 of 74 patients are fit."),
        stage(Stage.DELIVERED, "met", "97 %", "at least 95 %", "233 of 240 visits were in time."),
        stage(Stage.SEEN, "under", "41 %", "at least 60 %", "96 of 233 cards were seen."),
        stage(Stage.USED, "met", "54 %", "at least 50 %", "14 of 26 clinicians used it."),
        stage(Stage.ACTED_ON, "under", "18 %", "at least 30 %", "17 of 96 were acted on."),
        stage(Stage.IMPROVED, "cannot tell", "", "under 20 %", "Cannot be told.",
              "11 weeks are known; 13 are needed."),
    ),
    Stall(
        Stage.FIT,
        "COD-01 northside-lab",
        "Northside Lab sends HbA1c under 6 local codes, so 25 of 74 patients have no readable "
        "result.",
        (
            Evidence("94 results of Northside Lab have a local code only", "/findings/COD-01"),
            Evidence("25 patients would become fit if the 6 codes were mapped", "/mappings"),
        ),
        "the same patients stayed unfit after the codes were mapped.",
        "Map 6 local codes with Northside Lab",
        "/mappings",
    ),
)  # fmt: skip
MEDICATIONS = Chain(
    "medication-reconciliation",
    "Medication reconciliation at admission",
    (
        stage(Stage.DEFINED, "met", "10 of 10", "all", "All 10 items of the charter are signed."),
        stage(Stage.MAPPED, "met", "6 of 6", "all", "All 6 requirements have a place in the work."),
        stage(Stage.FIT, "met", "92 %", "at least 90 %", "184 of 200 admissions are fit."),
        stage(Stage.DELIVERED, "met", "99 %", "at least 95 %", "198 of 200 were in time."),
        stage(Stage.SEEN, "under", "22 %", "at least 60 %", "44 of 198 were opened."),
        stage(Stage.USED, "under", "19 %", "at least 50 %", "12 of 63 clinicians used it."),
        stage(Stage.ACTED_ON, "met", "61 %", "at least 30 %", "27 of 44 were acted on."),
        stage(Stage.IMPROVED, "under", "31 hours", "under 24 hours", "Median 31 hours; 33 before."),
    ),
    Stall(
        Stage.SEEN,
        "surface outside-records-portal",
        "The outside records are in a portal that nurses of 4 West open after the orders are "
        "signed.",
        (Evidence("121 of 154 views came after the first order", "/adoption"),),
        "views came before the orders and reconciliation were still late.",
        "Show the outside list inside the admission navigator",
        "/rollout",
    ),
)
DETERIORATION = Chain(
    "deterioration-alerts",
    "Deterioration alerts (NEWS2)",
    (
        stage(Stage.DEFINED, "under", "4 of 10", "all", "No clinical owner has signed."),
        stage(Stage.MAPPED, "under", "0 of 7", "all", "Nobody has observed the work."),
        stage(Stage.FIT, "met", "94 %", "at least 90 %", "1,204 of 1,280 sets are fit."),
        *(stage(s, "cannot tell", "", "", "Not live.", "It is not live.") for s in list(Stage)[3:]),
    ),
    Stall(
        Stage.DEFINED, "charter", "No clinician has signed the charter.", (),
        "a signed charter exists elsewhere.", "Name a clinical owner", "/rollout",
    ),
)  # fmt: skip
AUTHORIZATION = Chain(
    "prior-authorization",
    "Prior authorization",
    (
        *(stage(s, "met", "all", "all", "Signed.") for s in list(Stage)[:2]),
        stage(Stage.FIT, "met", "96 %", "at least 90 %", "98 of 103 orders are fit."),
        stage(Stage.DELIVERED, "met", "98 %", "at least 95 %", "101 of 103 were in time."),
        stage(Stage.SEEN, "met", "88 %", "at least 60 %", "88 of 100 were seen."),
        stage(Stage.USED, "cannot tell", "", "at least 50 %", "Cannot be told.",
              "The access list is of 12 June."),
        stage(Stage.ACTED_ON, "met", "71 %", "at least 30 %", "62 of 88 were acted on."),
        stage(Stage.IMPROVED, "met", "4.5 days", "under 5 days", "Median 4.5 days; 9 before."),
    ),
    None,
)  # fmt: skip
CHAINS = (CARE_GAPS, MEDICATIONS, DETERIORATION, AUTHORIZATION)

BORN, MRN = "1961-04-02", "http://lakeshore.example/mrn"
LOCAL = "http://lab.example/codes"


def write_project(folder: Path) -> None:
    """Write a project of a chart and a laboratory; every text of the data is a script."""
    for feed, records in (("ehr", _chart()), ("lab", _laboratory())):
        (folder / feed).mkdir(parents=True)
        for record in records:
            kind = str(record["resourceType"])
            with (folder / feed / f"{kind}.ndjson").open("a") as stream:
                stream.write(json.dumps(record) + "\n")
    with (folder / "lab" / "Observation.ndjson").open("a") as stream:
        stream.write('{"resourceType": "Observation", "id": 42}\n')
    (folder / "uptake.toml").write_text(
        '[assess]\nas_of = "2026-11-01"\n\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n'
        'complete_for = ["Condition", "Procedure"]\n\n[feeds.lab]\npath = "lab"\n'
        'role = "external"\n\n[web]\nhosts = ["uptake.example.org"]\n'
        'ehr = ["https://ehr.example.org"]\n'
    )


def _patient(name: str, number: str) -> dict[str, object]:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    return {
        "resourceType": "Patient", "id": name, "birthDate": BORN, "gender": "female",
        "identifier": [{"type": kind, "system": MRN, "value": number}],
        "name": [{"family": SCRIPT, "given": [SCRIPT]}],
        "telecom": [{"system": "phone", "value": "312-555-0147"}],
    }  # fmt: skip


def _chart() -> list[dict[str, object]]:
    diabetes = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9", "display": SCRIPT}
    active = {
        "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
        "code": "active",
    }
    patients = [_patient(f"secret-{n}", f"MRN-{n}") for n in range(4)]
    return [
        *patients,
        _patient("secret-twin", "MRN-0"),
        *({
            "resourceType": "Condition", "id": f"c{n}", "code": {"coding": [diabetes]},
            "clinicalStatus": {"coding": [active]}, "subject": {"reference": f"Patient/secret-{n}"},
        } for n in range(4)),
    ]  # fmt: skip


def _laboratory() -> list[dict[str, object]]:
    local = {"system": LOCAL, "code": "HB<b>A</b>", "display": f"hemoglobin a1c {SCRIPT}"}
    return [
        *(_patient(f"lab-{n}", f"MRN-{n}") for n in range(4)),
        *({
            "resourceType": "Observation", "id": f"o{n}", "status": "final",
            "code": {"coding": [local], "text": SCRIPT},
            "subject": {"reference": f"Patient/lab-{n}"},
            "effectiveDateTime": "2026-10-01T09:00:00-05:00",
            "valueQuantity": {"value": 7.1, "unit": SCRIPT, "code": "%",
                              "system": "http://unitsofmeasure.org"},
        } for n in range(4)),
    ]  # fmt: skip


def assess(folder: Path) -> None:
    """Run `uptake assess` on a project."""
    from click.testing import CliRunner

    from uptake.cli import main

    done = CliRunner().invoke(main, ["assess", "--project", str(folder), "--quiet"])
    assert done.exit_code in (0, 1, 3), done.output
    assert isinstance(done.exception, SystemExit | None), done.exception


def copy_assessed(made_once: MadeOnce, folder: Path) -> None:
    """Fill a folder with a copy of the project after one run, which is made once."""

    def make(project: Path) -> None:
        write_project(project)
        assess(project)

    shutil.copytree(made_once("web-cases", make), folder, symlinks=True, dirs_exist_ok=True)


def make_site(folder: Path) -> Site:
    """Return the site of a project; close its state when done."""
    project = read_project(folder)
    return Site(project, open_state(project.state_url), "http://127.0.0.1:8000")
