"""DUP-04, DUP-06, TXT-07: copies of a Patient, who have no facts of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, drop, put
from benchmarks.defects.duplicates import identifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.corpus import Resource

HTEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}


def complete(resource: Resource) -> bool:
    """A Patient whose name, birth date, gender, postal code and phone are all there."""
    places = resource.get("address") or [{}]
    return bool(
        places[0].get("postalCode")
        and resource.get("telecom")
        and resource.get("gender") in ("male", "female")
    )


def named(family: str | None, *given: str) -> Callable[[Draw], None]:
    """The Patient under this name; without a family name, the own."""

    def edit(draw: Draw) -> None:
        own = draw.resource["name"][0]
        draw.resource["name"] = [
            {"use": "official", "family": family or own["family"], "given": list(given)}
            if given
            else {"use": "official", "family": family, "given": own["given"]}
        ]

    return edit


def numbered(value: str, kind: str = "MR") -> Callable[[Draw], None]:
    """The Patient with one more identifier; `{}` in it takes some number."""

    def edit(draw: Draw) -> None:
        told = value.format(draw.random.randrange(1_000_000))
        draw.resource["identifier"].append(identifier(kind, told))

    return edit


def phoned(value: str) -> Callable[[Draw], None]:
    """The Patient with one phone number."""
    return put("telecom", [{"system": "phone", "value": value, "use": "home"}])


def patient(check: str, variant: str, edit: Callable[[Draw], Any], **more: Any) -> Case:
    """A case on a copy of a Patient, who has no facts of their own."""
    return Case(check, variant, "Patient", edit, where=complete, fresh=True, **more)


def both(*edits: Callable[[Draw], Any]) -> Callable[[Draw], None]:
    """One edit after the other."""

    def edit(draw: Draw) -> None:
        for one in edits:
            one(draw)

    return edit


ADDRESS = "address.0"

CASES = (
    patient("DUP-04", "family Zztest", named("ZZTEST")),
    patient("DUP-04", "family Zztest with digits", named("Zztest12")),
    patient("DUP-04", "Test Patient", named("Test", "Patient")),
    patient("DUP-04", "digits in both", named("Test1", "Patient02")),
    patient("DUP-04", "Mustermann", named("Mustermann", "Max")),
    patient("DUP-04", "number", numbered("TEST-{:06}")),
    patient("DUP-04", "tag", put("meta", {"tag": [HTEST]}), also=("CTX-14",)),
    patient(
        "DUP-04",
        "security label",
        put("meta", {"security": [{"code": "N"}, HTEST]}),
        also=("CTX-14",),
    ),
    patient("DUP-04", "family Test, own given name", named("Test"), found=False),
    patient("DUP-04", "family Testa", named("Testa"), found=False),
    patient("DUP-04", "given name Max", named(None, "Max"), found=False),
    patient("DUP-04", "family Mustermann alone", named("Mustermann"), found=False),
    patient("DUP-04", "number with a word", numbered("ATTEST-{:06}"), found=False),
    patient("DUP-06", "no address, no phone", drop("address", "telecom")),
    patient("DUP-06", "no birth date, no phone", drop("birthDate", "telecom")),
    patient(
        "DUP-06",
        "no given name, no address",
        both(put("name", [{"family": "Okafor"}]), drop("address")),
    ),
    patient("DUP-06", "gender unknown, no phone", both(put("gender", "unknown"), drop("telecom"))),
    patient(
        "DUP-06",
        "placeholders",
        both(phoned("000-000-0000"), put(f"{ADDRESS}.postalCode", "00000")),
        also=("TXT-07",),
    ),
    patient(
        "DUP-06",
        "year of birth, no address",
        both(put("birthDate", "1970"), drop("address")),
        also=("TIM-05",),
    ),
    patient("DUP-06", "no phone", drop("telecom"), found=False),
    patient("DUP-06", "no address", drop("address"), found=False),
    patient("DUP-06", "gender unknown", put("gender", "unknown"), found=False),
    patient("TXT-07", "baby boy", named(None, "BABY BOY")),
    patient("TXT-07", "baby and girl", named(None, "Baby", "Girl")),
    patient("TXT-07", "family unknown", named("Unknown")),
    patient("TXT-07", "family unbekannt", named("unbekannt")),
    patient("TXT-07", "all nines", numbered("999-99-9999", "SS")),
    patient("TXT-07", "phone of zeros", phoned("(000) 000-0000")),
    patient("TXT-07", "phone of a row", phoned("123-456-7890")),
    patient("TXT-07", "e-mail", put("telecom", [{"system": "email", "value": "None@none.com"}])),
    patient("TXT-07", "street", put(f"{ADDRESS}.line", ["Unknown"])),
    patient("TXT-07", "postal code", put(f"{ADDRESS}.postalCode", "99999")),
    patient("TXT-07", "family Null", named("Null"), found=False),
    patient("TXT-07", "family Baby", named("Baby"), found=False),
    patient("TXT-07", "given name Boy", named(None, "Boy"), found=False),
    patient(
        "TXT-07", "a street named unknown", put(f"{ADDRESS}.line", ["1 Unknown Rd"]), found=False
    ),
    patient("TXT-07", "a short number", numbered("1111", "DL"), found=False),
)
