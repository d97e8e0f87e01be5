"""A chart and an outside hospital for the tests of what they disagree on."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from relation_cases import SNOMED, Load, concept
from relation_cases import patient as record

Resource = dict[str, Any]
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
PENICILLIN = concept(SNOMED, "91936005", "Allergy to penicillin")
LATEX = concept(SNOMED, "1003755004", "Allergy to latex")
NONE_KNOWN = concept(SNOMED, "716186003", "No known allergy")
GOUT = concept(SNOMED, "90560007", "Gout")
ASTHMA = concept(SNOMED, "195967001", "Asthma")
HEMOGLOBIN = concept(LOINC, "718-7", "Hemoglobin")
AT = "2025-10-01T08:30:00Z"


def coded(code: str) -> Resource:
    return {"coding": [{"code": code}]}


def allergy(name: str, code: Resource, status: str = "active", **more: Any) -> Resource:
    """Return an AllergyIntolerance of patient p; a status may be one of verification."""
    told = {"verificationStatus": coded(status)} if status == "refuted" else {
        "clinicalStatus": coded(status)}  # fmt: skip
    return {"resourceType": "AllergyIntolerance", "id": name, "code": code,
            "patient": {"reference": "Patient/p"}, **told, **more}  # fmt: skip


def condition(name: str, code: Resource, status: str = "active", **more: Any) -> Resource:
    """Return a Condition of patient p."""
    told = {"verificationStatus": coded(status)} if status == "refuted" else {
        "clinicalStatus": coded(status)}  # fmt: skip
    return {"resourceType": "Condition", "id": name, "code": code,
            "subject": {"reference": "Patient/p"}, **told, **more}  # fmt: skip


def quantity(value: Any, unit: str = "g/dL", **more: Any) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **more}


def result(name: str, value: Any, unit: str = "g/dL", at: str = AT, **more: Any) -> Resource:
    """Return a final hemoglobin of patient p."""
    return {"resourceType": "Observation", "id": name, "status": "final", "code": HEMOGLOBIN,
            "subject": {"reference": "Patient/p"}, "effectiveDateTime": at,
            "valueQuantity": quantity(value, unit), **more}  # fmt: skip


def patient(**more: Any) -> Resource:
    """Return patient p, whom both sides know by one number."""
    named = {"name": [{"family": "Ray", "given": ["Ann"]}], "gender": "female"}
    return record("p", **{**named, **more})


def conflicts(
    folder: Path,
    chart: list[Resource],
    outside: list[Resource],
    complete: tuple[str, ...] = (),
    *,
    who: Resource | None = None,
    other: Resource | None = None,
) -> list[dict[str, Any]]:
    """Return the rows a run keeps of conflicts; the outside feed is complete for types."""
    from dataclasses import replace

    from uptake.findings.checks import TABLES
    from uptake.identity import doubts
    from uptake.reconciliation.conflicts.batch import FILE

    load = Load(folder, {"ehr": "ehr", "hospital": "external"})
    load.put("ehr", "a.ndjson", who or patient(), *chart)
    load.put("hospital", "a.ndjson", other or patient(), *outside)
    load.feeds = [
        replace(feed, complete_for=complete) if feed.name == "hospital" else feed
        for feed in load.feeds
    ]
    try:
        load.make("conflict", *sorted(doubts.READS))
        load.db.run(TABLES)
        doubts.build_doubts(load.db)
        rows = load.db.rows(f"from ({FILE}) order by type, kind, chart_id, outside_id")
        columns = [row[0] for row in load.db.rows(f"describe {FILE}")]
    finally:
        load.db.close()
    return [dict(zip(columns, row, strict=True)) for row in rows]


def row(**more: Any) -> dict[str, Any]:
    """Return a row of the file: the chart lacks a severe allergy."""
    side = dict.fromkeys(("text", "date", "by", "feed", "type", "id", "provenance"))
    plain: dict[str, Any] = {
        "patient_id": "p", "patient_feed": "ehr", "person": 0, "type": "AllergyIntolerance",
        "kind": "absent", "stance": "news", "severity": "high", "name": "Allergy to penicillin",
        **{f"chart_{k}": v for k, v in side.items()},
        "outside_text": "Allergy to penicillin, active, criticality high",
        "outside_date": date(2025, 5, 1), "outside_by": "Dr. Lee", "outside_feed": "hospital",
        "outside_type": "AllergyIntolerance", "outside_id": "a1", "outside_provenance": None,
        "evidence": "", "withheld": "",
    }  # fmt: skip
    return {**plain, **more}
