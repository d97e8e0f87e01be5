"""The FHIR server and the endpoints of authorization. In: the practice chart; out: JSON, redirects.

Reading only, one patient at a time: an access token opens the records of its patient.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

from uptake.demo.practice.authorization import Refused
from uptake.demo.practice.records import PATIENT, SearchError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.demo.practice.authorization import AuthorizationServer
    from uptake.demo.practice.records import Chart, Resource

FHIR = "application/fhir+json"


def configuration(request: Request) -> Response:
    """Say where launches are authorized."""
    return JSONResponse(_server(request).configuration())


def keys(request: Request) -> Response:
    """Publish the public key."""
    return JSONResponse(_server(request).keys())


def authorize(request: Request) -> Response:
    """Send the browser back with a code."""
    try:
        there = _server(request).authorize(request.query_params)
    except Refused as refused:
        return PlainTextResponse(f"{refused}\n", 400)
    return RedirectResponse(there, 302)


async def token(request: Request) -> Response:
    """Give tokens for a code or a refresh token."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    try:
        said = await run_in_threadpool(_server(request).token, form)
    except Refused as refused:
        return JSONResponse({"error": str(refused)}, 400, {"Cache-Control": "no-store"})
    return JSONResponse(said, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


async def revoke(request: Request) -> Response:
    """Take a token back."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    try:
        await run_in_threadpool(_server(request).revoke, form)
    except Refused as refused:
        return JSONResponse({"error": str(refused)}, 400)
    return PlainTextResponse("")


def metadata(_: Request) -> Response:
    """Return a CapabilityStatement that says what this server is."""
    return _fhir({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "kind": "instance",
        "date": "2026-11-01",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "implementation": {"description": "A practice chart; everybody in it is invented"},
        "rest": [{"mode": "server"}],
    })  # fmt: skip


def read(request: Request) -> Response:
    """Read one resource of the token's patient, or one that belongs to no patient."""
    patient = _opened(request)
    if patient is None:
        return _fault(401, "login", "this needs an access token")
    kind, name = request.path_params["type"], request.path_params["id"]
    found = _chart(request).read(f"{kind}/{name}")
    if found is None or _owner(found) not in ("", patient):
        return _fault(404, "not-found", "there is no such resource")
    return _fhir(found)


def search(request: Request) -> Response:
    """Search the records of the token's patient."""
    patient = _opened(request)
    if patient is None:
        return _fault(401, "login", "this needs an access token")
    asked = request.query_params.multi_items()
    named = {v.removeprefix("Patient/") for n, v in asked if n in (*PATIENT, "_id")}
    kind = request.path_params["type"]
    if named != {patient}:
        return _fault(403, "forbidden", "this token opens the records of another patient")
    try:
        found = _chart(request).search(kind, asked)
    except SearchError as error:
        return _fault(400, "not-supported", str(error))
    return _fhir(found)


def _owner(resource: dict[str, Any]) -> str:
    if resource["resourceType"] == "Patient":
        return str(resource["id"])
    named: Resource = next((resource[n] for n in PATIENT if isinstance(resource.get(n), dict)), {})
    return str(named.get("reference", "")).removeprefix("Patient/")


def _opened(request: Request) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return _server(request).opens(token) if kind.lower() == "bearer" else None


def _server(request: Request) -> AuthorizationServer:
    found: AuthorizationServer = request.app.state.desk.client.server
    return found


def _chart(request: Request) -> Chart:
    found: Chart = request.app.state.desk.chart
    return found


def _fhir(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, media_type=FHIR)


def _fault(status: int, code: str, words: str) -> Response:
    issue = {"severity": "error", "code": code, "diagnostics": words}
    return _fhir({"resourceType": "OperationOutcome", "issue": [issue]}, status)


routes = [
    Route("/jwks", keys),
    Route("/authorize", authorize),
    Route("/token", token, methods=["POST"]),
    Route("/revoke", revoke, methods=["POST"]),
    Route("/fhir/.well-known/smart-configuration", configuration),
    Route("/fhir/metadata", metadata),
    Route("/fhir/{type}", search),
    Route("/fhir/{type}/{id}", read),
]
