"""Small projects with care gaps: a chart, a laboratory outside, planned visits."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from uptake.cli import main
from uptake.project import read_project
from uptake.runs import run_folder

if TYPE_CHECKING:
    from pathlib import Path

LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
MRN = "https://ehr.example.org/mrn"
TOMORROW = date(2026, 11, 2)
"""The day after the runs of tests."""


def patient(name: str, /, born: str = "1962-05-01", **more: Any) -> dict[str, Any]:
    number = {
        "type": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]
        },
        "system": MRN,
        "value": f"M-{name}-4711",
    }
    return {
        "resourceType": "Patient", "id": name, "birthDate": born, "gender": "male",
        "identifier": [number],
        "name": [{"family": f"{name.title()}family", "given": [f"{name.title()}given"]}],
    } | more  # fmt: skip


def diabetes(name: str) -> dict[str, Any]:
    active = {
        "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
        "code": "active",
    }
    return {
        "resourceType": "Condition",
        "id": f"{name}-dm",
        "subject": {"reference": f"Patient/{name}"},
        "clinicalStatus": {"coding": [active]},
        "code": {"coding": [{"system": ICD, "code": "E11.9"}]},
    }


def hba1c(name: str, day: str, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"{name}-a1c-{number}",
        "status": "final",
        "subject": {"reference": f"Patient/{name}"},
        "effectiveDateTime": f"{day}T09:00:00-05:00",
        "code": {"coding": [{"system": LOINC, "code": "4548-4"}]},
        "valueQuantity": {
            "value": 7.1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%",
        },
    } | more  # fmt: skip


def order(name: str, day: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "id": f"{name}-order",
        "status": "active",
        "intent": "order",
        "authoredOn": day,
        "subject": {"reference": f"Patient/{name}"},
        "code": {"coding": [{"system": LOINC, "code": "4548-4"}]},
    } | more


def appointment(name: str, start: str, status: str = "booked") -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "id": f"{name}-visit",
        "status": status,
        "start": start,
        "participant": [
            {"actor": {"reference": f"Patient/{name}"}, "status": "accepted"},
            {"actor": {"reference": "Location/1", "display": "Clinic 3"}, "status": "accepted"},
        ],
    }


def write_project(folder: Path, ehr: list[dict[str, Any]], lab: list[dict[str, Any]]) -> Path:
    """Write a project whose chart is declared complete for what the HbA1c rule reads."""
    for name, records in (("ehr", ehr), ("lab", lab)):
        by_type: dict[str, list[str]] = {}
        for record in records:
            by_type.setdefault(record["resourceType"], []).append(json.dumps(record))
        (folder / name).mkdir(parents=True)
        for kind, lines in by_type.items():
            (folder / name / f"{kind}.ndjson").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "uptake.toml").write_text(
        "[assess]\nas_of = '2026-11-01'\n"
        "[feeds.ehr]\npath = 'ehr'\nrole = 'ehr'\ncomplete_for = ['Observation', 'Condition']\n"
        "[feeds.lab]\npath = 'lab'\nrole = 'external'\n",
        "utf-8",
    )
    return folder


def rows(run: Path, table: str, where: str = "true") -> list[dict[str, Any]]:
    """Return rows of a delivery table."""
    found = duckdb.sql(
        f"select * from read_parquet('{run}/delivery/{table}.parquet') where {where}"
    )
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def assessed(folder: Path) -> Path:
    """Assess a project; return the run's folder."""
    with pytest.raises(SystemExit) as ended:
        main(["assess", "--project", str(folder), "--quiet", "--threads", "1"])
    assert ended.value.code in (0, 1)
    return run_folder(read_project(folder), None)[0].resolve()
