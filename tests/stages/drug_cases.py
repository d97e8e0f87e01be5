"""A chart and a pharmacy for the tests of what differs between them."""

from __future__ import annotations

import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import Database, quoted
from uptake.feeds.files import files_of
from uptake.findings.load import prepare, tables_needed
from uptake.identity import persons
from uptake.model import Feed
from uptake.reconciliation import comparison, medications
from uptake.resources.store import load

Resource = dict[str, Any]
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
SCRIPT = "<script>alert('x')</script>"


def patient(identity: str = "p", number: str = "100", **more: Any) -> Resource:
    """Return a Patient; the same number is the same person in every feed."""
    kind = {"coding": [{"code": "MR"}]}
    name = {"type": kind, "system": "urn:mrn", "value": f"M{number}"}
    return {
        "resourceType": "Patient", "id": identity, "identifier": [name],
        "birthDate": "1950-01-01", **more,
    }  # fmt: skip


def drug(name: str, code: str = "", system: str = RXNORM) -> Resource:
    """Return a concept: with a code, or a text alone."""
    coding = [{"system": system, "code": code, "display": name}] if code else []
    return {"text": name, **({"coding": coding} if coding else {})}


def sig(text: str = "", dose: Any = None, often: Any = None) -> list[Resource]:
    """Return a dosage: `dose` is (value, unit), `often` is (frequency, period, unit)."""
    found: Resource = {"text": text} if text else {}
    if dose:
        found["doseAndRate"] = [{"doseQuantity": {"value": dose[0], "code": dose[1]}}]
    if often:
        repeat = {"frequency": often[0], "period": often[1], "periodUnit": often[2]}
        found["timing"] = {"repeat": repeat}
    return [found]


def listed(
    concept: Resource, identity: str = "c1", day: str = "2026-03-01", **more: Any
) -> Resource:
    """Return an active MedicationRequest."""
    return {
        "resourceType": "MedicationRequest", "id": identity, "status": "active",
        "intent": "order", "subject": {"reference": "Patient/p"}, "authoredOn": day,
        "medicationCodeableConcept": concept, **more,
    }  # fmt: skip


def dispensed(
    concept: Resource, identity: str = "d1", day: str = "2026-10-01", **more: Any
) -> Resource:
    """Return a MedicationDispense that was handed over."""
    return {
        "resourceType": "MedicationDispense", "id": identity, "status": "completed",
        "subject": {"reference": "Patient/p"}, "whenHandedOver": f"{day}T10:00:00-05:00",
        "medicationCodeableConcept": concept, **more,
    }  # fmt: skip


def compare(
    folder: Path, *, roles: dict[str, str] | None = None, **feeds: list[Resource]
) -> list[dict[str, Any]]:
    """Return `medication_difference` of feeds; also written as a run does, to `folder`/run."""
    roles = roles or {"ehr": "ehr", "pharmacy": "external", "hospital": "external"}
    given = []
    for name, resources in feeds.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        lines = "\n".join(json.dumps(r) for r in resources)
        (folder / name / "a.ndjson").write_text(lines, "utf-8")
        given.append(Feed(name, folder / name, roles[name]))
    spill = Path(tempfile.mkdtemp())
    store = load(files_of(given), folder / "store", 1, lambda *_: None)
    db = Database(1, "500MB", spill)
    try:
        names = sorted(medications.READS | persons.TABLES)
        prepare(db, store, given, AS_OF, tables_needed(f"select 1 from {n}" for n in names))
        persons.build_persons(db)
        medications.build_differences(db, AS_OF)
        run = folder / "run"
        run.mkdir(exist_ok=True)
        path = quoted(str(run / "medication_difference.parquet"))
        sides = "select * exclude (chart_rid, outside_rid, other_rid) from medication_difference"
        db.run(f"copy ({sides} order by all) to {path} (format parquet)")
        for name in ("medication_entry", "allergy_entry"):
            to = quoted(str(run / f"{name}.parquet"))
            db.run(f"copy (from {name} order by all) to {to} (format parquet)")
        (run / "summary.json").write_text('{"as_of": "2026-11-01", "notes": []}')
        columns = [row[0] for row in db.rows(f"describe {sides}")]
        left = {t for (t,) in db.rows("show tables")} & set(comparison.DROPPED)
        assert not left, "what was needed on the way is dropped"
        rows = db.rows(f"{sides} order by all")
    finally:
        db.close()
        shutil.rmtree(spill, ignore_errors=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]
