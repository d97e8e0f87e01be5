"""In: a number of patients, a seed. Out: the Patients of the demo hospital's feeds as a set.

Their persons are known from how they were made. All numbers are left out: they say who is who.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from uptake.demo.hospital.defects import person_of
from uptake.demo.hospital.hospital import build_hospital

SECOND = "-r"
"""What the id of a planted second record ends with."""


def hospital(patients: int, seed: int) -> pa.Table:
    """The Patients of all feeds, with the defects that were planted, one row a record."""
    records = build_hospital(patients, seed).plan.records
    return pa.Table.from_pylist(
        [row(feed, patient) for feed, types in records.items() for patient in newest(types)]
    )


def newest(types: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The Patients of a feed, each once."""
    yield from {patient["id"]: patient for patient in types.get("Patient", ())}.values()


def row(feed: str, patient: dict[str, Any]) -> dict[str, str | None]:
    """A Patient's columns."""
    name, address = (patient.get(element, [{}])[0] for element in ("name", "address"))
    contacts = {contact["system"]: contact["value"] for contact in patient.get("telecom", ())}
    given = name.get("given", [])
    return {
        "rec_id": patient["id"],
        "person_id": person_of(patient),
        "source": feed,
        "given": given[0] if given else None,
        "middle": " ".join(given[1:]),
        "family": name.get("family"),
        "suffix": " ".join(name.get("suffix", ())),
        "birth_date": patient.get("birthDate"),
        "gender": patient.get("gender"),
        "line": " ".join(address.get("line", ())),
        "city": address.get("city"),
        "state": address.get("state"),
        "zip": address.get("postalCode"),
        "phone": contacts.get("phone"),
        "email": contacts.get("email"),
        "noise": "registered twice" if patient["id"].endswith(SECOND) else "",
    }
