"""The practice EHR and the product, in one process: each reaches the other without a socket."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from drug_cases import dispensed, drug, listed, patient
from starlette.testclient import TestClient
from web_cases import assess

from uptake.demo.practice.app import create_practice
from uptake.demo.practice.registration import Addresses, register
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.web.app import create_app
from uptake.web.site import Site

if TYPE_CHECKING:
    from starlette.applications import Starlette

PORT = 18310
AT = Addresses(PORT)
WARFARIN = drug("warfarin sodium 5 MG Oral Tablet", "855332")
NAME = {"name": [{"family": "Okafor", "given": ["Ada"]}], "gender": "female"}


def chart() -> list[dict[str, Any]]:
    """Return the chart of one patient who is in the house, and of another."""
    subject = {"subject": {"reference": "Patient/p"}}
    place = {"location": [{"location": {"reference": "Location/w"}}]}
    return [
        patient(**NAME),
        patient("q", "200", name=[{"family": "Other"}]),
        {"resourceType": "Location", "id": "w", "name": "4 East"},
        {"resourceType": "Encounter", "id": "e", "status": "in-progress", **subject, **place},
        listed(drug("lisinopril 10 MG Oral Tablet", "314076")),
        listed(drug("aspirin 81 MG Oral Tablet", "243670"), "c2", status="stopped"),
        {"resourceType": "Observation", "id": "o1", "status": "final", **subject,
         "category": [{"coding": [{"code": "vital-signs"}]}], "code": {"coding": [
             {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
         "effectiveDateTime": "2026-10-31T10:00:00-05:00",
         "valueQuantity": {"value": 80, "unit": "/min"}},
        {"resourceType": "Observation", "id": "o2", "status": "final", **subject,
         "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
         "effectiveDateTime": "2026-01-05"},
    ]  # fmt: skip


def write_project(folder: Path, port: int = PORT) -> None:
    """Write a project whose run has one difference for patient p, and the practice EHR in it."""
    feeds = {"ehr": chart(), "pharmacy": [patient(), dispensed(WARFARIN)]}
    for feed, resources in feeds.items():
        (folder / feed).mkdir()
        for kind in {r["resourceType"] for r in resources}:
            lines = [json.dumps(r) for r in resources if r["resourceType"] == kind]
            text = "\n".join([*lines, '{"broken', ""])
            path = folder / feed / f"{kind}.ndjson.gz"
            path.write_bytes(gzip.compress(text.encode()))
    (folder / "uptake.toml").write_text(
        '[assess]\nas_of = "2026-11-01"\n\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n\n'
        '[feeds.pharmacy]\npath = "pharmacy"\nrole = "external"\n'
    )
    register(folder, port)
    assess(folder)


def open_site(folder: Path, port: int = PORT) -> Site:
    """Return the product's site; close its state when done."""
    project = read_project(folder)
    return Site(project, open_state(project.state_url), Addresses(port).product)


def joined(site: Site, folder: Path) -> tuple[Starlette, Starlette]:
    """Return product and practice EHR, each with a client that reaches the other."""
    product, practice = create_app(site), create_practice(folder, AT)
    to_practice = httpx.AsyncClient(transport=httpx.ASGITransport(app=practice))
    product.state.callers._client = to_practice
    practice.state.desk.client.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=product))
    return product, practice


def browser(app: Starlette, base: str) -> TestClient:
    return TestClient(app, base_url=base, follow_redirects=False)
