"""Write the hospital's feeds and project. In: records; out: gzipped NDJSON, `uptake.toml`."""

from __future__ import annotations

import gzip
import io
import json
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from uptake.demo.hospital.clean import EHR, FEEDS, LAB, PHARMACY, RIVERSIDE, WEST
from uptake.demo.hospital.fhir import AS_OF

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from uptake.demo.hospital.fhir import Earlier, Resource
    from uptake.demo.hospital.planting import Planter

ZONE = "America/Chicago"
TITLES = {
    EHR: "Lakeshore Health",
    WEST: "Monitors of 5 West",
    LAB: "Northside Laboratory",
    PHARMACY: "Corner Pharmacy",
    RIVERSIDE: "Riverside Hospital",
}
ROLES = {EHR: "ehr", LAB: "external", PHARMACY: "external", RIVERSIDE: "external"}
"""The gateway has none: its Encounters are copies of the chart's, and no outside source's."""
COMPLETE_FOR = {
    EHR: (
        "AllergyIntolerance",
        "Claim",
        "ClaimResponse",
        "Condition",
        "Coverage",
        "DiagnosticReport",
        "Encounter",
        "Immunization",
        "MedicationRequest",
        "MedicationStatement",
        "Procedure",
        "ServiceRequest",
    ),
    LAB: ("Observation",),
    PHARMACY: ("MedicationDispense", "MedicationRequest"),
    RIVERSIDE: ("AllergyIntolerance", "Condition", "MedicationRequest"),
}


def write_feeds(
    plan: Planter, earlier: Earlier, folder: Path, until: datetime | None, *, repaired: bool
) -> None:
    """Write each feed as its sender had it at `until`; `repaired`: with the device mended."""
    for feed in FEEDS:
        (folder / feed).mkdir(parents=True, exist_ok=True)
        for resource_type, rows in plan.records[feed].items():
            seen = rows if until is None else _as_of(rows, earlier, until)
            path = folder / feed / f"{resource_type}.ndjson.gz"
            text = b"".join(_line(plan, row, repaired=repaired) + b"\n" for row in seen)
            if text:
                path.write_bytes(_gzip(text))
            else:
                path.unlink(missing_ok=True)


def _as_of(rows: list[Resource], earlier: Earlier, until: datetime) -> Iterator[Resource]:
    """Yield the newest version of each resource that was there at that time."""
    for row in rows:
        changed, first = earlier.get(id(row), (until, row))
        version = row if changed <= until else first
        if datetime.fromisoformat(version["meta"]["lastUpdated"]) <= until:
            yield version


def _line(plan: Planter, resource: Resource, *, repaired: bool) -> bytes:
    if repaired:
        resource = plan.corrected.get(id(resource), resource)
    line = msgspec.json.encode(resource)
    spoil = plan.broken.get(id(resource))
    return spoil(line) if spoil else line


def _gzip(text: bytes) -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=1, mtime=0) as out:
        out.write(text)
    return packed.getvalue()


def project_text() -> str:
    """Return the text of `uptake.toml`."""
    lines = [
        "# The demo hospital, a neighbour, and two other outside sources that report to it.",
        "",
        "[project]",
        f'zone = "{ZONE}"',
        "",
        "[assess]",
        f'as_of = "{AS_OF.date()}"',
    ]
    for feed in FEEDS:
        lines += ["", f"[feeds.{feed}]", f'path = "{feed}"', f'title = "{TITLES[feed]}"']
        if role := ROLES.get(feed):
            lines.append(f'role = "{role}"')
        if complete := COMPLETE_FOR.get(feed):
            lines.append(f"complete_for = {json.dumps(complete)}")
    return "\n".join(lines) + "\n"
