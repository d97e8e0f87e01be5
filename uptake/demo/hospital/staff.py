"""Who and where care is given. In: nothing; out: 120 clinicians, organizations and locations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from uptake.demo.hospital.codes import NPI
from uptake.demo.hospital.fhir import LISTED, hl7, moment, to
from uptake.demo.hospital.people import identifier

if TYPE_CHECKING:
    from uptake.demo.hospital.fhir import Resource

FAMILIES = (
    "Abara", "Bianchi", "Castillo", "Dvorak", "Eisenberg", "Fujimoto", "Grant", "Haddad",
    "Ivanova", "Jackson", "Kelly", "Lopez", "Mbeki", "Novak", "O'Brien", "Pereira",
    "Quinn", "Rossi", "Schmidt", "Tanaka", "Usman", "Vargas", "Walsh", "Yilmaz",
)  # fmt: skip
GIVEN = (
    "Ifeoma", "Laura", "Andrés", "Jana", "Nathan", "Kenji", "Alicia", "Samir",
    "Elena", "Robert", "Siobhan", "Marisol", "Thandi", "Peter", "Maeve", "Diego",
    "Grace", "Paolo", "Ingrid", "Yuki", "Bola", "Teresa", "Conor", "Deniz",
)  # fmt: skip

PHYSICIAN, NURSE, PHARMACIST = "physician", "nurse", "pharmacist"
COORDINATOR, AUTHORIZER = "care coordinator", "authorization specialist"
PROFESSIONS = {
    PHYSICIAN: "Physician (MD)",
    NURSE: "Registered nurse (RN)",
    PHARMACIST: "Pharmacist (PharmD)",
    COORDINATOR: "Care coordinator (RN)",
    AUTHORIZER: "Authorization specialist",
}

WARDS = (("4e", "4 East Medicine"), ("5w", "5 West Cardiology"), ("6n", "6 North Surgery"))
WARD_NAMES = dict(WARDS)
EMERGENCY, CLINIC_UNIT = "Emergency", "Lakeshore Clinic"
OFFICE = "Access & Coordination"
UNITS = {
    "4 East Medicine": {PHYSICIAN: 7, NURSE: 15},
    "5 West Cardiology": {PHYSICIAN: 7, NURSE: 15},
    "6 North Surgery": {PHYSICIAN: 6, NURSE: 14},
    EMERGENCY: {PHYSICIAN: 6, NURSE: 12},
    CLINIC_UNIT: {PHYSICIAN: 12, NURSE: 8},
    OFFICE: {COORDINATOR: 6, AUTHORIZER: 7, PHARMACIST: 5},
}
CLINIC = "loc-clinic"
HOSPITAL, PAYER = "org-lakeshore", "org-prairie"
GONE = "pr-900"
"""A practitioner whom orders name and the directory no longer has."""


@dataclass(frozen=True, slots=True)
class Clinician:
    """Somebody who works at the hospital."""

    id: str
    family: str
    given: str
    role: str
    unit: str
    profession: str

    @property
    def name(self) -> str:
        """The name as lists show it."""
        return f"{self.given} {self.family}"


@cache
def clinicians() -> tuple[Clinician, ...]:
    """Return the 120 clinicians, by unit and role."""
    places = [
        (unit, role) for unit, roles in UNITS.items() for role, n in roles.items() for _ in range(n)
    ]
    return tuple(
        Clinician(
            f"pr-{index:03d}",
            FAMILIES[index % len(FAMILIES)],
            GIVEN[(index * 5 + index // len(FAMILIES)) % len(GIVEN)],
            role,
            unit,
            PROFESSIONS[role],
        )
        for index, (unit, role) in enumerate(places)
    )


@cache
def ids(unit: str, role: str) -> tuple[str, ...]:
    """Return the ids of the clinicians of one role in one unit."""
    return tuple(c.id for c in clinicians() if (c.unit, c.role) == (unit, role))


def npi(serial: int) -> str:
    """Return a National Provider Identifier: nine digits and the Luhn digit over 80840 and them."""
    stem = f"1{serial:08d}"
    total = 0
    for place, digit in enumerate(reversed("80840" + stem)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return stem + str(-total % 10)


def _meta(source: str) -> Resource:
    return {"lastUpdated": moment(LISTED), "source": source}


def organization(identity: str, name: str, serial: int, source: str) -> Resource:
    """Return an Organization with an NPI."""
    insurer = identity == PAYER
    kind = ("ins", "Insurance Company") if insurer else ("prov", "Healthcare Provider")
    return {
        "resourceType": "Organization",
        "id": identity,
        "meta": _meta(source),
        "identifier": [identifier("NPI", "National provider identifier", NPI, npi(serial))],
        "active": True,
        "name": name,
        "type": [hl7("organization-type", *kind)],
        "telecom": [{"system": "phone", "value": f"312-555-0{serial % 100:03d}", "use": "work"}],
    }


def practitioner(identity: str, family: str, given: str, serial: int, source: str) -> Resource:
    """Return a Practitioner with an NPI."""
    number = npi(93_100_400 + serial * 3_571)
    return {
        "resourceType": "Practitioner",
        "id": identity,
        "meta": _meta(source),
        "identifier": [identifier("NPI", "National provider identifier", NPI, number)],
        "active": True,
        "name": [{"use": "official", "family": family, "given": [given]}],
    }


def practitioners(source: str) -> list[Resource]:
    """Return the clinicians, and one who signs nothing since he left."""
    rows = [
        practitioner(c.id, c.family, c.given, serial, source)
        for serial, c in enumerate(clinicians())
    ]
    return [*rows, practitioner(f"pr-{len(rows)}", "Quigley", "Owen", len(rows), source)]


def location(identity: str, name: str, source: str, *, clinic: bool = False) -> Resource:
    """Return a ward or a clinic."""
    kind = ("OF", "Outpatient facility") if clinic else ("HU", "Hospital unit")
    return {
        "resourceType": "Location",
        "id": identity,
        "meta": _meta(source),
        "status": "active",
        "name": name,
        "mode": "instance",
        "type": [hl7("v3-RoleCode", *kind)],
    }


def locations(source: str) -> list[Resource]:
    """Return the three wards and the clinic."""
    owner = {"managingOrganization": to("Organization", HOSPITAL)}
    wards = [location(f"loc-{code}", name, source) | owner for code, name in WARDS]
    return [*wards, location(CLINIC, CLINIC_UNIT, source, clinic=True) | owner]
