"""In: a table of records. Out: Patient resources of FHIR R4, as a feed sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

US_SSN = "http://hl7.org/fhir/sid/us-ssn"
MRN = "urn:uptake:population:mrn"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
GENDERS = {"M": "male", "F": "female"}
BATCH = 10_000


def as_fhir(table: pa.Table) -> Iterator[dict[str, Any]]:
    """One Patient a record; an absent field is an absent element, never an empty one."""
    for batch in table.to_batches(max_chunksize=BATCH):
        for record in batch.to_pylist():
            yield patient(record)


def patient(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a Patient resource."""
    made = {
        "resourceType": "Patient",
        "id": record["rec_id"],
        "identifier": [
            identifier("MR", "Medical record number", f"{MRN}:{record['source']}", record["mrn"]),
            identifier("SS", "Social Security number", US_SSN, record["ssn"]),
        ],
        "name": [
            filled(
                use="official",
                family=record["family"],
                given=filled_list(record["given"], record["middle"]),
                suffix=filled_list(record["suffix"]),
            ),
            filled(use="maiden", family=record["maiden"]) if record["maiden"] else {},
        ],
        "telecom": [telecom("phone", record["phone"]), telecom("email", record["email"])],
        "gender": GENDERS.get(record["gender"] or ""),
        "birthDate": record["birth_date"],
        "address": [address(record)],
    }
    made |= {
        key: [one for one in made[key] if one]
        for key in ("identifier", "name", "telecom", "address")
    }
    made["name"] = [name for name in made["name"] if name != {"use": "official"}]
    return {key: value for key, value in made.items() if value}


def identifier(code: str, display: str, system: str, value: str | None) -> dict[str, Any]:
    if not value:
        return {}
    return {
        "type": {"coding": [{"system": TYPES, "code": code, "display": display}]},
        "system": system,
        "value": value,
    }


def telecom(system: str, value: str | None) -> dict[str, Any]:
    return {"system": system, "value": value} if value else {}


def address(record: dict[str, Any]) -> dict[str, Any]:
    found = filled(
        line=filled_list(record["line"]),
        city=record["city"],
        state=record["state"],
        postalCode=record["zip"],
    )
    return found | {"country": record["country"]} if found else {}


def filled(**elements: Any) -> dict[str, Any]:
    """The elements that hold something."""
    return {key: value for key, value in elements.items() if value}


def filled_list(*values: str | None) -> list[str]:
    return [value for value in values if value]
