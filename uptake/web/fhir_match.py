"""Patient/$match. In: a Patient whom somebody asks for; out: a searchset of who it may be.

What is asked and what is answered is protected health information: neither is logged, and a fault
says which element is wrong, never its value. A record under a confidentiality label is named, not
shown. Nothing is linked by asking.
https://hl7.org/fhir/R4/patient-operation-match.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from uptake import __version__
from uptake.engine.duckdb import brief_database, listed
from uptake.identity.lookup import FOLDER
from uptake.identity.match import MatchError, open_index
from uptake.resources.store import open_store
from uptake.resources.structs import decoder
from uptake.web.templating import site_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.identity.match import Candidate, Index
    from uptake.web.site import Site

FHIR_JSON = "application/fhir+json"
TAKEN = frozenset({FHIR_JSON, "application/json"})
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
DEFINITION = "http://hl7.org/fhir/OperationDefinition/Patient-match"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
RESTRICTED = frozenset({"R", "V"})
SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
ISSUES = {400: "structure", 404: "not-found", 405: "not-supported"}
"""What a status is in FHIR's IssueType; any other is an exception of ours."""


class AskedWrongError(Exception):
    """What was sent is no question: a code of FHIR's IssueType, and the words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


@dataclass(frozen=True, slots=True)
class Question:
    """What the operation is asked."""

    patient: Mapping[str, Any]
    count: int | None
    """At most so many; None: all."""
    only_certain: bool


def read_question(body: bytes) -> Question:
    """Return what a body asks: Parameters, or the Patient alone, as FHIR allows.

    Raises AskedWrongError.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AskedWrongError("structure", "the body is not JSON") from error
    kind = told.get("resourceType") if isinstance(told, dict) else None
    if kind == "Patient":
        _check(told)
        return Question(told, None, only_certain=False)
    if kind != "Parameters":
        raise AskedWrongError("structure", "send Parameters with a Patient as its resource")
    parameters = told.get("parameter")
    rows = parameters if isinstance(parameters, list) else []
    named = {str(row.get("name")): row for row in rows if isinstance(row, dict)}
    patient = named.get("resource", {}).get("resource")
    if not isinstance(patient, dict) or patient.get("resourceType") != "Patient":
        raise AskedWrongError("required", "the parameter resource has no Patient")
    _check(patient)
    count = named.get("count", {}).get("valueInteger")
    if "count" in named and (type(count) is not int or count < 1):
        raise AskedWrongError("value", "count is a valueInteger of 1 or more")
    certain = named.get("onlyCertainMatches", {}).get("valueBoolean", False)
    if type(certain) is not bool:
        raise AskedWrongError("value", "onlyCertainMatches is a valueBoolean")
    return Question(patient, count, certain)


def _check(patient: dict[str, Any]) -> None:
    """Raise AskedWrongError where an element of a Patient is of another JSON type than FHIR's."""
    try:
        decoder("Patient").decode(msgspec.json.encode(patient))
    except msgspec.ValidationError as error:  # it names types and a path, and no value
        raise AskedWrongError("structure", f"this is no Patient: {error}") from error


async def match(request: Request) -> Response:
    """Answer `POST /fhir/Patient/$match`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in TAKEN:
        return outcome(415, "not-supported", f"send {FHIR_JSON}")
    try:
        question = read_question(await request.body())
    except AskedWrongError as error:
        return outcome(400, error.code, str(error))
    site = site_of(request)
    index = await run_in_threadpool(index_of, site)
    if index is None:
        return outcome(404, "not-found", "no records are indexed yet; run `uptake assess`")
    try:
        found = await run_in_threadpool(partial(_answer, site.store(), index, question))
    except MatchError as error:
        return outcome(400, "required", str(error))
    return JSONResponse(found, media_type=FHIR_JSON)


def index_of(site: Site) -> Index | None:
    """Return the index of the newest run, opened once a run; None where it has none."""
    run = site.run()
    if run is None or not (run / FOLDER).is_dir():
        return None
    return site.of_run("patient index", lambda: open_index(run / FOLDER))


def _answer(store: Path, index: Index, question: Question) -> dict[str, Any]:
    found = index.match(question.patient, question.count, only_certain=question.only_certain)
    sent = _as_sent(store, [candidate.rid for candidate in found])
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        # an empty list is no JSON of FHIR
        **({"entry": [_entry(one, sent.get(one.rid, "")) for one in found]} if found else {}),
    }


def _as_sent(store_folder: Path, rids: Iterable[int]) -> dict[int, str]:
    """Return the text of these Patients, by rid."""
    store, wanted = open_store(store_folder), list(rids)
    if not wanted or not store.resource_parts:
        return {}
    with brief_database() as db:
        rows = db.rows(
            f"select rid, text from read_parquet({listed(store.resource_parts)}) "
            "where type = 'Patient' and rid in ?",
            [wanted],
        )
    return dict(rows)


def _entry(candidate: Candidate, text: str) -> dict[str, Any]:
    """Return an entry; its full URL names the feed, for ids of two senders may be the same."""
    return {
        "fullUrl": f"urn:uptake:feed:{quote(candidate.feed, safe='')}:Patient:{candidate.id}",
        "resource": _shown(json.loads(text) if text else {}, candidate.id),
        "search": {
            "extension": [{"url": GRADE, "valueCode": candidate.grade}],
            "mode": "match",
            "score": round(candidate.probability, 6),
        },
    }


def _shown(patient: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a Patient as it was sent; of a restricted one, and one that is gone, who it is."""
    labels = patient.get("meta", {}).get("security", [])
    if patient.get("id") == name and not any(_restricts(label) for label in labels):
        return patient
    meta = {"security": labels} if labels else {}
    return {"resourceType": "Patient", "id": name, "meta": {**meta, "tag": [SUBSETTED]}}


def _restricts(label: Mapping[str, Any]) -> bool:
    return label.get("system") == CONFIDENTIALITY and label.get("code") in RESTRICTED


def outcome(status: int, code: str, words: str) -> Response:
    """Return a fault as FHIR says one."""
    issue = {"severity": "error", "code": code, "diagnostics": words}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(body, status, media_type=FHIR_JSON)


def metadata(request: Request) -> Response:
    """Say what this FHIR server does: one operation."""
    site = site_of(request)
    return JSONResponse(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": site.real_now().date().isoformat(),
            "kind": "instance",
            "software": {"name": "Uptake", "version": __version__},
            "implementation": {
                "description": "Finds the records of a patient in the feeds of a project",
                "url": f"{site.base_url.rstrip('/')}/fhir",
            },
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "rest": [
                {
                    "mode": "server",
                    "resource": [
                        {
                            "type": "Patient",
                            "operation": [{"name": "match", "definition": DEFINITION}],
                        }
                    ],
                }
            ],
        },
        media_type=FHIR_JSON,
    )


routes = [
    Route("/fhir/metadata", metadata, methods=["GET"]),
    Route("/fhir/Patient/$match", match, methods=["POST"]),
]
