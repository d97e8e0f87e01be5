"""In: people. Out: two feeds of FHIR, the chart's and the outside's, and what each record is of."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from benchmarks.medications.products import Resource, concept, dosage

if TYPE_CHECKING:
    from benchmarks.medications.people import Listed, Person

TODAY = date(2026, 11, 1)
SNOMED = "http://snomed.info/sct"


def write(people: Iterable[Person], folder: Path) -> dict[str, str]:
    """Write both feeds; return the ingredient of each record by its id."""
    known: dict[str, str] = {}
    with ExitStack() as open_files:
        files = {}
        for feed in ("ehr", "pharmacy"):
            (folder / feed).mkdir(parents=True, exist_ok=True)
            path = folder / feed / "all.ndjson"
            files[feed] = open_files.enter_context(path.open("wb", buffering=1 << 20))
        for person in people:
            for feed, resource, ingredient in records(person):
                known[resource["id"]] = ingredient
                files[feed].write(orjson.dumps(resource) + b"\n")
    return known


def records(person: Person) -> list[tuple[str, Resource, str]]:
    """Return a person's records: feed, resource, ingredient."""
    draw = random.Random(f"records {person.number}")
    found = []
    for feed in ("ehr", "pharmacy"):
        patient = {
            "resourceType": "Patient",
            "id": f"{feed[0]}{person.number}",
            "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn",
                            "value": f"M{person.number:08}"}],
            "birthDate": "1950-01-01",
        }  # fmt: skip
        found.append((feed, patient, ""))
    for place, entry in enumerate(person.chart):
        identity, patient = f"e{person.number}-{place}", f"e{person.number}"
        found.append(("ehr", _home(draw, entry, identity, patient), _name(entry)))
        if entry.told_too:
            again = _statement(draw, entry, f"{identity}-told", patient)
            found.append(("ehr", again, _name(entry)))
    for place, entry in enumerate(person.outside):
        identity, patient = f"p{person.number}-{place}", f"p{person.number}"
        found.append(("pharmacy", _outside(draw, entry, identity, patient), _name(entry)))
        for turn in range(1, entry.refills + 1):
            before = replace(entry, state="active", days_ago=entry.days_ago + 30 * turn)
            if entry.refilled:
                before.taken = entry.taken.but(strength=entry.refilled)
            told = _fill(draw, before, f"{identity}-{turn}", patient)
            found.append(("pharmacy", told, _name(entry)))
    for place, name in enumerate(person.allergies):
        found.append(("ehr", _allergy(f"a{person.number}-{place}", name, f"e{person.number}"), ""))
    return found


def _name(entry: Listed) -> str:
    return entry.taken.product.ingredient


def _home(draw: random.Random, entry: Listed, identity: str, patient: str) -> Resource:
    """Return an entry of the chart's home list: a prescription, or what the patient told."""
    if entry.state == "active" and not entry.told_too and draw.random() < 0.3:
        return _statement(draw, entry, identity, patient)
    return _prescription(draw, entry, identity, patient)


def _statement(draw: random.Random, entry: Listed, identity: str, patient: str) -> Resource:
    return {
        **_base("MedicationStatement", draw, entry, identity, patient),
        "status": "active",
        "dateAsserted": _day(entry),
        "dosage": dosage(draw, entry.taken),
    }


def _outside(draw: random.Random, entry: Listed, identity: str, patient: str) -> Resource:
    if entry.state == "active" and draw.random() < 0.7:
        return _fill(draw, entry, identity, patient)
    return _prescription(draw, entry, identity, patient)


def _fill(draw: random.Random, entry: Listed, identity: str, patient: str) -> Resource:
    return {
        **_base("MedicationDispense", draw, entry, identity, patient),
        "status": "completed",
        "whenHandedOver": f"{_day(entry)}T10:00:00-05:00",
        "dosageInstruction": dosage(draw, entry.taken),
    }


def _prescription(draw: random.Random, entry: Listed, identity: str, patient: str) -> Resource:
    draft = entry.state == "draft"
    proposed = draft and draw.random() < 0.5
    return {
        **_base("MedicationRequest", draw, entry, identity, patient),
        "status": "active" if proposed else entry.state,
        "intent": "proposal" if proposed else "order",
        "authoredOn": _day(entry),
        "dosageInstruction": dosage(draw, entry.taken),
    }


def _base(kind: str, draw: random.Random, entry: Listed, identity: str, patient: str) -> Resource:
    written = concept(draw, entry.taken)
    if not entry.coded:
        name = _name(entry)
        if entry.misspelt:
            name = f"{name[:3]}{name[4]}{name[3]}{name[5:]}"
        label = f"{name} {entry.taken.strength}{entry.taken.product.unit.lower()}".upper()
        written = {"text": label}
    return {
        "resourceType": kind,
        "id": identity,
        "subject": {"reference": f"Patient/{patient}"},
        "medicationCodeableConcept": written,
    }


def _allergy(identity: str, name: str, patient: str) -> Resource:
    return {
        "resourceType": "AllergyIntolerance",
        "id": identity,
        "patient": {"reference": f"Patient/{patient}"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {
            "coding": [{"system": SNOMED, "code": "419511003", "display": f"Allergy to {name}"}]
        },
    }


def _day(entry: Listed) -> str:
    return (TODAY - timedelta(days=entry.days_ago)).isoformat()
