"""CDS Hooks for tests: our own strict schemas, a project, calls, services that tell it all."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from jsonschema import Draft202012Validator

from uptake.delivery.cases import Act, Case, Context, Item, Judged, Need, Service, Suggestion
from uptake.project import Project, read_project

SCHEMAS = Path(__file__).parents[1] / "conformance" / "cds_hooks"
BASE = "https://uptake.example"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
LIST = Need("list", "MedicationRequest?patient={{context.patientId}}", required=True)
LABS = Need("labs", "Observation?patient={{context.patientId}}&date=ge{{today() - 90 days}}")
WHO = Need("patient", "Patient/{{context.patientId}}")


@functools.cache
def _schema(kind: str) -> Draft202012Validator:
    found = json.loads((SCHEMAS / f"{kind}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(found)
    return Draft202012Validator(found)


def faults(kind: str, value: object) -> list[str]:
    """What is wrong with a `discovery`, a `response` or a `feedback`, by our schemas."""
    return [f"{e.json_path}: {e.message}" for e in _schema(kind).iter_errors(value)]


def call(hook: str = "patient-view", patient: str = "p", **more: Any) -> dict[str, Any]:
    """A call of a hook; orders of order hooks are one draft."""
    context: dict[str, Any] = {"patientId": patient, "userId": "Practitioner/pr-1"}
    if hook.startswith("order-"):
        draft = {"resourceType": "MedicationRequest", "id": "d1", "status": "draft",
                 "subject": {"reference": f"Patient/{patient}"}}  # fmt: skip
        context["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
        context["selections"] = ["MedicationRequest/d1"]
    if hook.startswith("encounter-"):
        context["encounterId"] = "e1"
    return {"hook": hook, "hookInstance": INSTANCE, "context": context} | more


def tell(case: Case) -> Judged | None:
    """Say each row of the run's table `told`, and how far each need was told."""
    rows = case.known.rows("told")
    facts = tuple(f"{key}: {f.got}, {len(f.resources)}" for key, f in sorted(case.facts.items()))
    draft = {"resourceType": "ServiceRequest", "status": "draft"}
    items = tuple(
        Item(
            "told", row["text"], (Context(source=row["text"], author=row["text"], at=case.now),),
            "warning", suggestions=(Suggestion("Order it", (Act("create", "Order it", draft),)),),
        )
        for row in rows
    )  # fmt: skip
    if not items and not facts:
        return None
    shown = items or (Item("facts", "facts", (Context(source="call", at=case.now),), "info"),)
    return Judged("Something to know", shown, facts)


def service(
    hook: str = "patient-view", *needs: Need, judge: Callable[[Case], Judged | None] = tell
) -> Service:
    """A service `try-<hook>`."""
    return Service(f"try-{hook}", hook, "Try", "A try.", "care-gap-closure", needs, judge)


def write_project(folder: Path, *texts: str, settings: str = "") -> Project:
    """A project whose newest run tells these texts of patient p."""
    delivery = folder / "run" / "delivery"
    delivery.mkdir(parents=True)
    (folder / "current").symlink_to("run", target_is_directory=True)
    (folder / "run" / "summary.json").write_text('{"as_of": "2026-11-01"}')
    (folder / "uptake.toml").write_text(settings)
    values = ", ".join(["('p', 1, ?)"] * len(texts)) or "('nobody', 0, 'x')"
    duckdb.execute(
        f"copy (select * from (values {values}) t(patient_id, person, text)) "
        f"to '{delivery}/told.parquet' (format parquet)",
        list(texts),
    )
    return read_project(folder)
