"""A small load with findings, repairs and names that must not leak, and what each format says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import uptake
from uptake.definitions import read_check, read_use_cases
from uptake.feeds.files import find_feeds
from uptake.findings.assess import Request, assess
from uptake.report.formats import Run

if TYPE_CHECKING:
    from uptake.model import Check

CONTENT = Path(uptake.__file__).parent / "content"
CODES = ("CNF-01", "COD-03", "COD-05", "COD-10", "CTX-08", "DUP-05", "TXT-01", "TXT-02")
SECRET = "Zzyzx"
"""Stands in every id, name, value and file name of a patient: no shared file may have it."""

RESOURCES = (
    {"resourceType": "Patient", "id": f"{SECRET}1", "name": [{"family": SECRET}]},
    {
        "resourceType": "Observation", "id": f"{SECRET}2", "status": "final",
        "subject": {"reference": f"Patient/{SECRET}1"},
        "code": {"coding": [{"system": "LOINC", "code": "4548-4"}]},
        "valueString": "7.20 mg/dL",
    },
    {
        "resourceType": "Observation", "id": f"{SECRET}3", "status": "final",
        "subject": {"reference": f"Patient/{SECRET}1"},
        "code": {"text": f"told by {SECRET}"},
        "valueQuantity": {"value": 7.20, "unit": "mg/dl"},
    },
    {
        "resourceType": "Condition", "id": f"{SECRET}4",
        "subject": {"reference": f"Patient/{SECRET}1"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006"}]},
    },
)  # fmt: skip


class Silent:
    """A watch that says nothing."""

    def begin(self, phase: str, total: int) -> None:
        pass

    def advance(self, steps: int, at: str = "") -> None:
        pass


def checks() -> dict[str, Check]:
    return {code: read_check(CONTENT / "checks" / f"{code}.md") for code in CODES}


def finished_run(folder: Path, *, form: tuple[str, ...] = ()) -> Run:
    """Return a finished run over two feeds: the resources, and a Bundle named after its patient."""
    lab, clinic = folder / "lab", folder / "clinic"
    lab.mkdir()
    clinic.mkdir()
    lines = [json.dumps(resource) for resource in RESOURCES]
    lines.append(f'{{"resourceType": "Observation", "id": "{SECRET}5", "status": }}')
    (lab / "Observation.ndjson").write_text("\n".join(lines), "utf-8")
    bundle = {"resourceType": "Bundle", "entry": [{"resource": RESOURCES[0]}]}
    (clinic / f"{SECRET}_Frami.json").write_text(json.dumps(bundle), "utf-8")
    return assessed(lab, folder, clinic, form=form)


def assessed(source: Path, folder: Path, *more: Path, form: tuple[str, ...] = ()) -> Run:
    """Return the finished run over these feeds; its files are in `out` of the folder."""
    request = Request(
        find_feeds([str(path) for path in (source, *more)], {}),
        checks(),
        read_use_cases([CONTENT / "use_cases"], verify=[]),
        datetime(2026, 11, 1, tzinfo=UTC),
        "2026-11-01T00:00:00Z-test",
        threads=1,
        form=form,
    )
    out = folder / "out"
    return Run(assess(request, out, folder / "store", Silent()), out, folder / "store")
