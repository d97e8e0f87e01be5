"""Write the sample. In: a folder and a seed; out: gzipped NDJSON, `uptake.toml`, the truth."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

from uptake.demo.sample.clean import EHR, LAB, PHARMACY, clean_records
from uptake.demo.sample.defects import plant_defects
from uptake.demo.sample.fhir import AS_OF
from uptake.demo.sample.people import stream
from uptake.demo.sample.planting import Planter

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.demo.sample.fhir import Resource
    from uptake.demo.sample.truth import SampleTruth

USUAL = 160
"""The number of patients that the counts of defects are meant for."""

COMPLETE_FOR = {
    EHR: (
        "AllergyIntolerance",
        "Condition",
        "Coverage",
        "Encounter",
        "MedicationRequest",
        "MedicationStatement",
        "Procedure",
        "ServiceRequest",
    ),
    PHARMACY: ("MedicationDispense", "MedicationRequest"),
}


def write_sample(
    folder: Path, *, patients: int = USUAL, seed: int = 7, defects: bool = True
) -> SampleTruth:
    """Write three feeds and `uptake.toml` into the folder; return what is wrong with them.

    The same arguments give the same bytes, on any day. Defects grow with the number of patients;
    from about 25 on there is one of every kind. Without defects the truth is empty. It is
    returned, never written here: nothing that reads the feeds may see it.
    """
    plan = Planter(clean_records(patients, seed), stream(seed, "defects"), patients / USUAL)
    if defects:
        plant_defects(plan)
    for feed, types in plan.records.items():
        (folder / feed).mkdir(parents=True, exist_ok=True)
        for resource_type, rows in types.items():
            lines = b"".join(_line(plan, row) + b"\n" for row in rows)
            (folder / feed / f"{resource_type}.ndjson.gz").write_bytes(_gzip(lines))
    (folder / "uptake.toml").write_text(_project(), encoding="utf-8")
    return plan.truth()


def _line(plan: Planter, resource: Resource) -> bytes:
    line = json.dumps(resource, separators=(",", ":"), ensure_ascii=False).encode()
    spoil = plan.broken.get(id(resource))
    return spoil(line) if spoil else line


def _gzip(text: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=6, mtime=0) as out:
        out.write(text)
    return packed.getvalue()


def _project() -> str:
    lines = [
        "# The sample hospital and the two outside sources that report to it.",
        "",
        "[assess]",
        f'as_of = "{AS_OF.date()}"',
    ]
    for feed, role in ((EHR, "ehr"), (LAB, "external"), (PHARMACY, "external")):
        lines += ["", f"[feeds.{feed}]", f'path = "{feed}"', f'role = "{role}"']
        if complete := COMPLETE_FOR.get(feed):
            lines.append(f"complete_for = {json.dumps(complete)}")
    return "\n".join(lines) + "\n"
