"""Who and where care is given. In: nothing; out: practitioners, organizations and locations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.demo.sample.codes import NPI
from uptake.demo.sample.fhir import LISTED, hl7, moment, to
from uptake.demo.sample.people import identifier

if TYPE_CHECKING:
    from uptake.demo.sample.fhir import Resource

DOCTORS = (
    ("Abara", "Ifeoma"),
    ("Bianchi", "Laura"),
    ("Castillo", "Andrés"),
    ("Dvorak", "Jana"),
    ("Eisenberg", "Nathan"),
    ("Fujimoto", "Kenji"),
    ("Grant", "Alicia"),
    ("Haddad", "Samir"),
    ("Ivanova", "Elena"),
    ("Jackson", "Robert"),
)
NURSES = (("Kelly", "Siobhan"), ("Lopez", "Marisol"), ("Mbeki", "Thandi"), ("Novak", "Peter"))
LEAVING = len(DOCTORS) + len(NURSES)
"""The index of the practitioner who signs nothing."""
WARDS = (("4e", "4 East Medicine"), ("5w", "5 West Cardiology"), ("6n", "6 North Surgery"))
CLINIC = "loc-clinic"
HOSPITAL, PAYER = "org-lakeshore", "org-prairie"


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
    return {
        "resourceType": "Organization",
        "id": identity,
        "meta": _meta(source),
        "identifier": [identifier("NPI", "National provider identifier", NPI, npi(serial))],
        "active": True,
        "name": name,
        "type": [
            hl7(
                "organization-type",
                "ins" if identity == PAYER else "prov",
                "Insurance Company" if identity == PAYER else "Healthcare Provider",
            )
        ],
        "telecom": [{"system": "phone", "value": f"312-555-0{serial % 100:03d}", "use": "work"}],
    }


def practitioner(index: int, source: str, prefix: str = "pr") -> Resource:
    """Return the practitioner of that index: doctors, then nurses, then the one who left."""
    family, given = (*DOCTORS, *NURSES, ("Quigley", "Maeve"))[index]
    return {
        "resourceType": "Practitioner",
        "id": f"{prefix}-{index:02d}",
        "meta": _meta(source),
        "identifier": [
            identifier("NPI", "National provider identifier", NPI, npi(93_100_400 + index * 3_571))
        ],
        "active": True,
        "name": [{"use": "official", "family": family, "given": [given]}],
    }


def locations(source: str) -> list[Resource]:
    """Return the three wards and the clinic."""
    places = [(f"loc-{code}", name) for code, name in WARDS] + [(CLINIC, "Lakeshore Clinic")]
    return [
        {
            "resourceType": "Location",
            "id": identity,
            "meta": _meta(source),
            "status": "active",
            "name": name,
            "mode": "instance",
            "type": [
                hl7(
                    "v3-RoleCode",
                    "OF" if identity == CLINIC else "HU",
                    "Outpatient facility" if identity == CLINIC else "Hospital unit",
                )
            ],
            "managingOrganization": to("Organization", HOSPITAL),
        }
        for identity, name in places
    ]
