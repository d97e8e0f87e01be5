"""Patients whose gaps are known. In: a seed; out: feeds, and of each patient what must be said.

The truth is what was planted, not what a rule makes of it: codes and look-backs are written here a
second time, from the publications.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AS_OF = date(2026, 11, 1)
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SCT = "http://snomed.info/sct"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
IDENTIFIERS = "http://terminology.hl7.org/CodeSystem/v2-0203"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
TYPES = ["Condition", "DiagnosticReport", "Immunization", "Observation", "Procedure"]

Resource = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What one rule asks for, as its publication says it."""

    rule: str
    type: str
    system: str
    code: str
    local: str
    """What a feed without codes calls it."""
    days: int
    """Days within which it surely counts, and of which twice as many are surely too long ago."""
    born: tuple[int, int]
    """Years of birth of people to whom it applies."""
    too_young: int
    sex: str = "female"
    condition: str = ""
    excludes: tuple[str, str] = ("", "")
    """The code of an exclusion, and a text that says it."""


PLANS = (
    Plan("hba1c-test", "Observation", LOINC, "4548-4", "Hgb A1c", 170, (1955, 2000), 2015,
         condition="E11.9", excludes=("Z51.5", "Hospice care")),
    Plan("colorectal-screening", "Procedure", SCT, "73761001", "COLONOSCOPY", 3500, (1955, 1978),
         1990, excludes=("C18.2", "Colon cancer")),
    Plan("breast-screening", "DiagnosticReport", LOINC, "24606-6", "MAMMOGRAM BILAT", 700,
         (1955, 1982), 1995, excludes=("Z90.13", "Bilateral mastectomy")),
    Plan("cervical-screening", "Observation", LOINC, "10524-7", "PAP SMEAR", 1050, (1965, 2000),
         2012, excludes=("Z90.710", "Total hysterectomy")),
    Plan("blood-pressure-control", "Observation", LOINC, "8480-6", "Systolic BP", 350,
         (1950, 2000), 2015, condition="I10", excludes=("N18.6", "End stage renal disease")),
    Plan("influenza-vaccination", "Immunization", CVX, "140", "FLU SHOT", 100, (1940, 2005), 2012),
    Plan("pneumococcal-vaccination", "Immunization", CVX, "216", "PREVNAR 20", 900, (1940, 1974),
         1990),
)  # fmt: skip
SCENARIOS = {
    "done": "closed",
    "done twice": "closed",
    "never done": "due",
    "done too long ago": "due",
    "entered in error": "due",
    "cancelled": "due",
    "local code": "cannot-tell",
    "no code, a text": "cannot-tell",
    "no date": "cannot-tell",
    "source not complete": "cannot-tell",
    "excluded": "excluded",
    "exclusion in words": "cannot-tell",
    "done outside": "elsewhere",
    "two birth dates": "cannot-tell",
    "too young": "not-applicable",
}
"""What is planted, and what must be said of it."""
DONE = {"done", "done twice", "local code", "no code, a text", "no date", "done outside"}
"""In these the care was given: to call it due is a false gap."""
_SPOILED = {"entered in error": "entered-in-error", "cancelled": "cancelled"}
_NOT_DONE = {"Procedure": "not-done", "Immunization": "not-done"}


@dataclass(frozen=True)
class Planted:
    """One patient, the rule it was made for, and what must be said."""

    patient: str
    rule: str
    scenario: str

    @property
    def truth(self) -> str:
        """Return the status that is right."""
        return SCENARIOS[self.scenario]


def plant(count: int, seed: int, folder: Path) -> list[Planted]:
    """Write a project of `count` patients a rule and scenario; return what was planted."""
    random = Random(seed)
    feeds: dict[str, list[Resource]] = {"ehr": [], "branch": [], "lab": []}
    planted = []
    for plan in PLANS:
        for scenario in SCENARIOS:
            if scenario.startswith("exclu") and not plan.excludes[0]:
                continue
            if scenario == "done too long ago" and plan.rule == "pneumococcal-vaccination":
                continue  # a dose counts for life
            for _ in range(count):
                name = f"p{len(planted)}"
                planted.append(Planted(name, plan.rule, scenario))
                for feed, record in _records(plan, scenario, name, random):
                    feeds[feed].append(record)
    _write(feeds, folder)
    return planted


def _records(
    plan: Plan, scenario: str, name: str, random: Random
) -> Iterator[tuple[str, Resource]]:
    """Yield the records of one patient, each with its feed."""
    chart = "branch" if scenario == "source not complete" else "ehr"
    year = random.randint(*plan.born) if scenario != "too young" else plan.too_young
    born = f"{year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    yield chart, _patient(name, born, plan.sex)
    if plan.condition:
        yield chart, _condition(f"{name}-c", name, plan.condition)
    if scenario == "excluded":
        yield chart, _condition(f"{name}-x", name, plan.excludes[0])
    if scenario == "exclusion in words":
        yield chart, _condition(f"{name}-x", name, "", plan.excludes[1])
    if scenario == "two birth dates":
        yield "lab", _patient(name, f"{year - 7}{born[4:]}", plan.sex, name)
    where = "lab" if scenario == "done outside" else chart
    if where == "lab":
        yield "lab", _patient(name, born, plan.sex)
    recent = AS_OF - timedelta(days=random.randint(1, plan.days))
    if scenario in DONE | set(_SPOILED):
        yield where, _care(plan, f"{name}-1", name, recent, scenario)
    if scenario in ("done twice", "done too long ago"):
        long_ago = AS_OF - timedelta(days=2 * plan.days + 400 + random.randint(0, 300))
        if plan.rule != "pneumococcal-vaccination":
            yield where, _care(plan, f"{name}-2", name, long_ago, scenario)


def _patient(name: str, born: str, sex: str, link: str = "") -> Resource:
    number = {
        "type": {"coding": [{"system": IDENTIFIERS, "code": "MR"}]},
        "system": "https://hospital.example.org/mrn",
        "value": f"MRN-{name}-0{len(name)}7",
    }  # fmt: skip
    letters = "".join(chr(97 + int(digit)) for digit in name[1:])
    found = {
        "resourceType": "Patient", "id": name, "birthDate": born, "gender": sex,
        "identifier": [number], "name": [{"family": f"Zo{letters}ski", "given": [f"Li{letters}"]}],
    }  # fmt: skip
    if link:
        # the other feed says itself that its record is the chart's
        found["id"] = f"{name}-other"
        found["identifier"] = [number, {"system": "https://lab.example.org", "value": f"L{name}7"}]
    return found


def _condition(name: str, patient: str, code: str, text: str = "") -> Resource:
    concept: Resource = {"coding": [{"system": ICD, "code": code}]} if code else {"text": text}
    return {
        "resourceType": "Condition", "id": name, "subject": {"reference": f"Patient/{patient}"},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]}, "code": concept,
    }  # fmt: skip


def _care(plan: Plan, name: str, patient: str, day: date, scenario: str) -> Resource:
    """Return the record of the care, spoiled as the scenario says."""
    concept: Resource = {"coding": [{"system": plan.system, "code": plan.code}]}
    if scenario == "local code":
        coding = {"system": "http://clinic.example.org/c", "code": "X1", "display": plan.local}
        concept = {"coding": [coding]}
    if scenario == "no code, a text":
        concept = {"text": plan.local}
    status = "completed" if plan.type in ("Procedure", "Immunization") else "final"
    if scenario in _SPOILED:
        status = _SPOILED[scenario]
        status = _NOT_DONE.get(plan.type, status) if status == "cancelled" else status
    subject = "patient" if plan.type == "Immunization" else "subject"
    record: Resource = {
        "resourceType": plan.type,
        "id": name,
        "status": status,
        subject: {"reference": f"Patient/{patient}"},
        "vaccineCode" if plan.type == "Immunization" else "code": concept,
    }
    if scenario != "no date":
        time = {"Procedure": "performed", "Immunization": "occurrence"}.get(plan.type, "effective")
        record[f"{time}DateTime"] = day.isoformat()
    if plan.rule == "hba1c-test":
        record["valueQuantity"] = _quantity(7.1, "%")
    if plan.rule == "cervical-screening":
        record["valueString"] = "negative"
    if plan.rule == "blood-pressure-control":
        record |= _pressure(concept)
    return record


def _pressure(systolic: Resource) -> Resource:
    diastolic = {"coding": [{"system": LOINC, "code": "8462-4"}]}
    return {
        "code": {"coding": [{"system": LOINC, "code": "85354-9"}]},
        "component": [
            {"code": systolic, "valueQuantity": _quantity(122, "mm[Hg]")},
            {"code": diastolic, "valueQuantity": _quantity(74, "mm[Hg]")},
        ],
    }


def _quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _write(feeds: dict[str, list[Resource]], folder: Path) -> None:
    for feed, records in feeds.items():
        (folder / feed).mkdir(parents=True)
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / feed / "all.ndjson").write_text(lines, "utf-8")
    (folder / "uptake.toml").write_text(
        f"[assess]\nas_of = '{AS_OF}'\n"
        f"[feeds.ehr]\npath = 'ehr'\nrole = 'ehr'\ncomplete_for = {json.dumps(TYPES)}\n"
        "[feeds.branch]\npath = 'branch'\nrole = 'ehr'\n"
        "[feeds.lab]\npath = 'lab'\nrole = 'external'\n",
        "utf-8",
    )
