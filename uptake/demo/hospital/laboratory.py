"""The outside laboratory. In: a person and a draw site; out: draws with results and reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital import entries
from uptake.demo.hospital.calendar import weekday
from uptake.demo.hospital.codes import ANALYTES, LAB_NUMBER, LOINC
from uptake.demo.hospital.fhir import (
    LISTED,
    Chart,
    Resource,
    coding,
    concept,
    hl7,
    moment,
    quantity,
    to,
)
from uptake.demo.hospital.people import identifier, patient

if TYPE_CHECKING:
    import random

    from uptake.demo.hospital.codes import Analyte
    from uptake.demo.hospital.people import Person

SOURCE = "http://northside-lab.example/nsl"
LABORATORY = "org-northside"
BLOOD_DRAW = ("308335008", "Patient encounter procedure")
SITES = ("lakeview", "evanston", "loop")
LEGACY_SITES = {
    "cicero": "GLYHB-1",
    "berwyn": "GLYHB-3",
    "pilsen": "HGBA1C-P",
    "austin": "GHB-7",
    "maywood": "A1C-MW",
    "skokie": "HA1-02",
    "uptown": "A1C-UP",
    "pullman": "GLY-PU",
    "hegewisch": "HBA1-H",
    "dunning": "GHB-12",
    "kenwood": "A1CT-K",
    "beverly": "GLYHGB-B",
    "lyons": "HGA-19",
    "stickney": "A1C-ST",
}
"""Draw sites that came with an older laboratory system, and its code for hemoglobin A1c."""


@dataclass(frozen=True, slots=True)
class Draw:
    """When blood is drawn, and whether HbA1c is among a diabetic's tests."""

    at: datetime
    a1c: bool


@dataclass(frozen=True, slots=True)
class Draws:
    """Where a person has blood drawn, and when, oldest first."""

    site: str
    draws: list[Draw]


def usual_draws(who: Person, rng: random.Random) -> Draws:
    """Return the draws of the last 14 months of somebody without a plan."""
    last = rng.randint(6, 190) if rng.random() < 0.95 else rng.randint(370, 420)
    gap = 30 if "warfarin" in who.drugs else rng.randint(90, 120)
    days = [last + gap * n for n in range(rng.randint(2, 4)) if last + gap * n < 430][::-1]
    return Draws(rng.choice(SITES), [Draw(weekday(rng, ago), a1c=True) for ago in days])


def write_results(
    who: Person, rng: random.Random, plan: Draws, resources: dict[str, list[Resource]]
) -> None:
    """Write a person's draws, if they need any."""
    panels = _panels(who)
    if not panels:
        return
    chart = Chart(resources, SOURCE, who.number)
    own = identifier("PI", "Patient internal identifier", LAB_NUMBER, f"NL{int(who.number):06d}")
    known = plan.draws[0].at - timedelta(minutes=20)
    subject = to("Patient", chart.add("Patient", known, patient(who, own)))
    usual = {name: rng.gauss(0, 0.85) for name in panels}
    for place, draw in enumerate(plan.draws):
        tests = {name: value for name, value in usual.items() if name != "a1c" or draw.a1c}
        if "warfarin" in who.drugs and "diabetes" not in who.diseases and place % 2:
            tests = {"inr": usual["inr"]}
        _draw(chart, rng, subject, draw.at, plan.site, tests)


def _panels(who: Person) -> tuple[str, ...]:
    ill = set(who.diseases)
    names: list[str] = []
    if "diabetes" in ill:
        names += ["a1c", "glucose"]
    if ill & {"diabetes", "hypertension", "heart failure", "fibrillation"}:
        names += ["creatinine", "potassium", "sodium"]
    if "hyperlipidemia" in ill:
        names += ["cholesterol", "triglycerides", "hdl", "ldl"]
    if "warfarin" in who.drugs:
        names += ["inr", "hemoglobin"]
    if "hypothyroidism" in ill:
        names += ["tsh"]
    return tuple(names)


def _draw(
    chart: Chart,
    rng: random.Random,
    subject: Resource,
    collected: datetime,
    site: str,
    usual: dict[str, float],
) -> None:
    resulted = collected + timedelta(minutes=rng.randint(150, 500))
    limits = (collected - timedelta(minutes=9), collected + timedelta(minutes=11))
    drawn = entries.visit(subject, limits, f"loc-{site}", LABORATORY, BLOOD_DRAW)
    encounter = to("Encounter", chart.add("Encounter", limits[1] + timedelta(minutes=1), drawn))
    base: Resource = {
        "status": "final",
        "category": [hl7("observation-category", "laboratory", "Laboratory")],
        "subject": subject,
        "encounter": encounter,
        "effectiveDateTime": moment(collected),
        "issued": moment(resulted),
        "performer": [to("Organization", LABORATORY)],
    }
    received = resulted + timedelta(minutes=2)
    results = [
        to("Observation", chart.add("Observation", received, {**base, **result(test, deviation)}))
        for test, deviation in ((ANALYTES[n], z + rng.gauss(0, 0.5)) for n, z in usual.items())
    ]
    chart.add(
        "DiagnosticReport",
        received,
        {
            **base,
            "category": [hl7("v2-0074", "LAB", "Laboratory")],
            "code": concept(coding(LOINC, "11502-2", "Laboratory report")),
            "result": results,
        },
    )


def result(test: Analyte, deviation: float) -> Resource:
    """A person's value stays near what is usual for them; `deviation` is in units of the spread."""
    value = round(test.mean + max(-2.2, min(2.2, deviation)) * test.spread, test.decimals)
    flag = (
        ("L", "Low")
        if test.low is not None and value < test.low
        else (("H", "High") if test.high is not None and value > test.high else ("N", "Normal"))
    )
    limits = {
        side: quantity(limit, test.unit, test.ucum)
        for side, limit in (("low", test.low), ("high", test.high))
        if limit is not None
    }
    return {
        "code": concept(coding(LOINC, test.loinc, test.display)),
        "valueQuantity": quantity(value, test.unit, test.ucum),
        "interpretation": [hl7("v3-ObservationInterpretation", *flag)],
        "referenceRange": [limits],
    }


def places() -> list[Resource]:
    """Return the draw sites as Locations."""
    return [
        {
            "resourceType": "Location",
            "id": f"loc-{site}",
            "meta": {"lastUpdated": moment(LISTED), "source": SOURCE},
            "status": "active",
            "name": f"Northside Laboratory, {site.title()}",
            "mode": "instance",
            "managingOrganization": to("Organization", LABORATORY),
        }
        for site in (*SITES, *LEGACY_SITES)
    ]
