"""CNF-08, CNF-09, DUP-09: records that stand twice, or under the wrong name.

CNF-10 and PLA-11 are about what lies beside one folder of NDJSON: `tests/stages` holds them.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, Units
from benchmarks.defects.duplicates import LEFT_ARM, METHOD
from benchmarks.defects.relations import later, observed, stranger
from benchmarks.defects.time import AS_OF

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.corpus import Resource

LISTED = [
    {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/condition-category",
                "code": "problem-list-item",
            }
        ]
    }
]
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def drug(code: str, name: str) -> Resource:
    """An RxNorm product."""
    return {"coding": [{"system": RXNORM, "code": code, "display": name}], "text": name}


WARFARIN_5 = drug("855332", "warfarin sodium 5 MG Oral Tablet")
WARFARIN_1 = drug("855288", "warfarin sodium 1 MG Oral Tablet")
METOPROLOL = drug("866924", "metoprolol tartrate 25 MG Oral Tablet")
METOPROLOL_ER = drug("866427", "24 HR metoprolol succinate 25 MG Extended Release Oral Tablet")


# ---- Lists


def active(resource: Resource) -> bool:
    """A request that stands on the list."""
    return resource.get("status") == "active" and "medicationCodeableConcept" in resource


def newcomer(draw: Draw) -> None:
    """The resource of a new patient, alive, with nothing else on any list."""
    other = stranger(draw)
    other.pop("deceasedDateTime", None)
    draw.resource["subject"] = {"reference": f"Patient/{other['id']}"}
    draw.resource.pop("encounter", None)


def taken(first: Resource, second: Resource, **changes: Any) -> Callable[[Draw], Units]:
    """Two recent requests of one patient for these drugs; `changes` go to the second."""

    def edit(draw: Draw) -> Units:
        newcomer(draw)
        recent = datetime.fromisoformat(AS_OF).replace(tzinfo=UTC) - timedelta(days=20)
        at = recent + timedelta(seconds=draw.random.randrange(86_400))
        draw.resource["authoredOn"] = at.isoformat()
        draw.resource["medicationCodeableConcept"] = copy.deepcopy(first)
        other = draw.twin(medicationCodeableConcept=copy.deepcopy(second), **changes)
        later(other, "authoredOn", days=1, minutes=draw.random.randrange(600))
        return [draw.resource, other]

    return edit


def problems(**changes: Any) -> Callable[[Draw], Units]:
    """Two problems of one code on the list of one patient; `changes` go to the second."""

    def edit(draw: Draw) -> Units:
        newcomer(draw)
        draw.resource["category"] = copy.deepcopy(LISTED)
        draw.resource.pop("abatementDateTime", None)
        status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
        draw.resource["clinicalStatus"] = {"coding": [{"system": status, "code": "active"}]}
        other = draw.twin(**copy.deepcopy(changes))
        later(other, "onsetDateTime", days=1, minutes=draw.random.randrange(600))
        return [draw.resource, other]

    return edit


def allergies(code: str, second: str, name: str, second_name: str) -> Callable[[Draw], Units]:
    """Two new allergies of one patient."""

    def edit(draw: Draw) -> Units:
        newcomer(draw)
        pair = [allergy(draw, code, name), allergy(draw, second, second_name)]
        draw.added += pair
        return list(pair)

    return edit


def allergy(draw: Draw, code: str, name: str) -> Resource:
    """A new, active allergy of the drawn resource's patient."""
    terms = "http://terminology.hl7.org/CodeSystem"
    at = draw.at + timedelta(minutes=draw.random.randrange(1, 600))
    recorder = draw.random.choice(draw.corpus.resources["Practitioner"])
    return {
        "resourceType": "AllergyIntolerance",
        "id": draw.new_id(),
        "clinicalStatus": {
            "coding": [{"system": f"{terms}/allergyintolerance-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": f"{terms}/allergyintolerance-verification", "code": "confirmed"}]
        },
        "type": "allergy",
        "category": ["medication"],
        "criticality": "low",
        "code": {
            "coding": [{"system": "http://snomed.info/sct", "code": code, "display": name}],
            "text": name,
        },
        "patient": copy.deepcopy(draw.resource["subject"]),
        "recordedDate": at.isoformat(),
        "recorder": {"reference": f"Practitioner/{recorder['id']}"},
    }


PENICILLIN = ("91936005", "Allergy to penicillin")
LATEX = ("1003755004", "Allergy to latex")


def requested(check: str, variant: str, edit: Callable[[Draw], Units], **more: Any) -> Case:
    """A case on a copy of an active request, with its dose: it may not suit the drugs."""
    also = ("PLA-08", *more.pop("also", ()))
    return Case(
        check, variant, "MedicationRequest", edit, also=also, where=active, fresh=True, **more
    )


INPATIENT = [
    {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category",
                "code": "inpatient",
            }
        ]
    }
]
LISTS = (
    requested("DUP-09", "renewed order", taken(METOPROLOL, METOPROLOL)),
    requested("DUP-09", "two strengths", taken(WARFARIN_5, WARFARIN_1)),
    Case("DUP-09", "problem twice", "Condition", problems(), fresh=True),
    Case(
        "DUP-09",
        "allergy twice",
        "Condition",
        allergies(PENICILLIN[0], PENICILLIN[0], PENICILLIN[1], PENICILLIN[1]),
        also=("CTX-14",),
        fresh=True,
    ),
    requested("DUP-09", "two releases", taken(METOPROLOL, METOPROLOL_ER), found=False),
    requested(
        "DUP-09",
        "the other is stopped",
        taken(METOPROLOL, METOPROLOL, status="stopped"),
        found=False,
    ),
    requested(
        "DUP-09",
        "the other is for a stay",
        taken(METOPROLOL, METOPROLOL, category=INPATIENT),
        found=False,
    ),
    Case(
        "DUP-09", "other body site", "Condition", problems(bodySite=[LEFT_ARM]), False, fresh=True
    ),
    Case(
        "DUP-09",
        "two allergies",
        "Condition",
        allergies(PENICILLIN[0], LATEX[0], PENICILLIN[1], LATEX[1]),
        False,
        also=("CTX-14",),
        fresh=True,
    ),
)


# ---- Ids and Bundles


def collided(**changes: Any) -> Callable[[Draw], Units]:
    """Another resource under the same id; a callable gets the draw."""

    def edit(draw: Draw) -> Units:
        told = {key: value(draw) if callable(value) else value for key, value in changes.items()}
        draw.added.append(copy.deepcopy(draw.resource) | told)
        return [draw.resource]

    return edit


def versions(first: str | None, second: str | None, **changes: Any) -> Callable[[Draw], Units]:
    """Two states of one resource under these versions."""

    def edit(draw: Draw) -> Units:
        other = copy.deepcopy(draw.resource) | changes
        for one, version in ((draw.resource, first), (other, second)):
            if version:
                one["meta"] = one.get("meta", {}) | {"versionId": version}
        draw.added.append(other)
        return [draw.resource]

    return edit


def reordered(draw: Draw) -> Units:
    """The same content with its keys in another order."""
    draw.added.append(dict(reversed(draw.resource.items())))
    return [draw.resource]


BASE = "https://ehr.example.org/fhir"


def bundled(
    kind: str, url: Callable[[Draw], str | None], request: Resource | None = None
) -> Callable[[Draw], Units]:
    """The resource in a Bundle of this type, too, under this URL."""

    def edit(draw: Draw) -> Units:
        entry: Resource = {"resource": draw.resource}
        if (full_url := url(draw)) is not None:
            entry["fullUrl"] = full_url
        if request:
            entry["request"] = request
        bundle = {"resourceType": "Bundle", "id": draw.new_id(), "type": kind, "entry": [entry]}
        draw.added.append(bundle)
        return [draw.resource]

    return edit


def twice(draw: Draw) -> Units:
    """Two resources of one Bundle under one URL."""
    other = draw.twin(method=METHOD)
    later(other, "effectiveDateTime", minutes=75)
    url = f"urn:uuid:{draw.new_id()}"
    entries = [{"fullUrl": url, "resource": one} for one in (draw.resource, other)]
    draw.added.append({"resourceType": "Bundle", "type": "collection", "entry": entries})
    return [draw.resource, other]


def own_url(draw: Draw) -> str:
    """The URL that a resource has on its server."""
    return f"{BASE}/{draw.resource['resourceType']}/{draw.resource['id']}"


def observation(check: str, variant: str, edit: Callable[[Draw], Units], **more: Any) -> Case:
    """A case on a copy of a result, which nothing refers to."""
    return Case(check, variant, "Observation", edit, where=observed, fresh=True, **more)


NOTE = [{"text": "haemolysed"}]
EARLIER = {"effectiveDateTime": lambda draw: (draw.at - timedelta(hours=3)).isoformat()}
PUT, POST = {"method": "PUT", "url": "Observation"}, {"method": "POST", "url": "Observation"}

RECORDS = (
    observation("CNF-09", "another time", collided(**EARLIER)),
    observation("CNF-09", "a note more", collided(note=NOTE)),
    observation("CNF-09", "one version", versions("1", "1", note=NOTE)),
    observation("CNF-09", "one without a version", versions("1", None, note=NOTE)),
    Case("CNF-09", "another gender", "Patient", collided(gender="other"), fresh=True),
    observation("CNF-09", "two versions", versions("1", "2", note=NOTE), found=False),
    observation("CNF-09", "another order of keys", reordered, found=False),
    observation("CNF-09", "another meta", collided(meta={"source": "urn:x"}), found=False),
    observation(
        "CNF-08",
        "URL of another",
        bundled("collection", lambda d: f"{BASE}/Observation/{d.new_id()}"),
    ),
    observation(
        "CNF-08",
        "URL of another type",
        bundled("searchset", lambda d: f"{BASE}/Patient/{d.resource['id']}"),
    ),
    observation(
        "CNF-08", "URL of a version", bundled("collection", lambda d: f"{own_url(d)}/_history/2")
    ),
    observation("CNF-08", "no request", bundled("transaction", own_url)),
    observation("CNF-08", "one URL twice", twice),
    observation("CNF-08", "own URL", bundled("searchset", own_url), found=False),
    observation(
        "CNF-08", "a UUID", bundled("collection", lambda d: f"urn:uuid:{d.new_id()}"), found=False
    ),
    observation("CNF-08", "no URL", bundled("batch", lambda _: None, PUT), found=False),
    observation(
        "CNF-08",
        "to be created",
        bundled("transaction", lambda d: f"{BASE}/Observation/{d.new_id()}", POST),
        found=False,
    ),
)

CASES = (*LISTS, *RECORDS)
