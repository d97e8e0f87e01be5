"""What the EHR asks. In: CDS Hooks requests; out: cards, events.

A clinician never waits for this: after BUDGET seconds, or where the state cannot be written, the
answer is that there is no card.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uptake.delivery.cases import Facts, Got
from uptake.delivery.feedback import take_feedback
from uptake.delivery.hooks import (
    Desk,
    HookCall,
    HookError,
    answer,
    patient_of,
    read_call,
    record_call,
)
from uptake.delivery.known import Delivery, Nothing
from uptake.delivery.prefetch import read_prefetch
from uptake.delivery.services import discovery, services
from uptake.delivery.tokens import TokenError
from uptake.errors import UptakeError
from uptake.web.templating import site_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from uptake.delivery.cases import Known, Need, Service
    from uptake.delivery.ehr import Ehr
    from uptake.web.callers import Callers
    from uptake.web.site import Site

LOG = logging.getLogger("uptake.delivery")
BUDGET = 3.0
"""Seconds."""
_READING = Lock()
NO_CARDS: Mapping[str, Any] = {"cards": []}


async def list_services(request: Request) -> Response:
    """Say which services there are."""
    folder = site_of(request).project.folder
    return _json(discovery(folder, today=_callers(request).knows_today))


async def call_service(request: Request) -> Response:
    """Answer a hook with cards."""
    until = time.monotonic() + BUDGET
    service = _service(request)
    if service is None:
        return _unknown_service()
    try:
        ehr = await _callers(request).admit(request)
    except TokenError as error:
        return _not_admitted(service, error)
    body = await request.body()
    with anyio.move_on_after(until - time.monotonic()):
        return await _respond(request, service, ehr, body, until)
    LOG.warning("%s took more than %s s: no card", service.id, BUDGET)
    return _json(NO_CARDS)


async def _respond(
    request: Request, service: Service, ehr: Ehr | None, body: bytes, until: float
) -> Response:
    """Read the call, gather what the service needs, and answer."""
    site, callers = site_of(request), _callers(request)
    try:
        call, facts = await anyio.to_thread.run_sync(_read, body, service)
    except HookError as error:
        return _outcome(400, "structure", str(error))
    now = site.now()
    facts |= await callers.read(call, service, ehr, facts, now)
    place = site.place(smart=bool(ehr and ehr.client_id))
    desk = Desk(site.state, partial(known_of, site), place, now, until)
    if lacking := [need.key for need in service.needs if need.required and _fails(need, facts)]:
        await anyio.to_thread.run_sync(_answer, record_call, call, service, desk)
        return _outcome(412, "incomplete", f"this cannot be had: {', '.join(lacking)}")
    work = partial(answer, facts=facts)
    found = await anyio.to_thread.run_sync(
        _answer, work, call, service, desk, abandon_on_cancel=True
    )
    return _json(found or NO_CARDS)


def _read(body: bytes, service: Service) -> tuple[HookCall, dict[str, Facts]]:
    call = read_call(body, service)
    return call, read_prefetch(call.prefetch, service.needs, patient_of(call))


def _fails(need: Need, facts: Mapping[str, Facts]) -> bool:
    return facts.get(need.key, Facts()).got in (Got.FAILED, Got.ABSENT)


def _answer(
    work: Callable[..., dict[str, Any] | None], call: HookCall, service: Service, desk: Desk
) -> dict[str, Any] | None:
    """Return what `work` gives, None where the state cannot be used: nobody waits for that."""
    try:
        return work(call, service, at=desk)
    except UptakeError as error:
        LOG.warning("%s gives no card: %s", service.id, type(error).__name__)
        return None


def known_of(site: Site, patient: str) -> Known:
    """Return what the newest run knows of a patient; the run is read once."""
    run = site.run()
    if run is None:
        return Nothing()
    ehr = [feed.name for feed in site.project.feeds if feed.role == "ehr"]
    with _READING:  # after a new run every caller would read it, each into memory of its own
        delivery = site.of_run("delivery", lambda: Delivery(run, ehr))
    return delivery.of_patient(patient)


async def tell_feedback(request: Request) -> Response:
    """Take what became of cards."""
    service = _service(request)
    if service is None:
        return _unknown_service()
    try:
        await _callers(request).admit(request)
    except TokenError as error:
        return _not_admitted(service, error)
    body = await request.body()
    site = site_of(request)
    try:
        await run_in_threadpool(take_feedback, site.state, service, body, site.now())
    except HookError as error:
        return _outcome(400, "structure", str(error))
    return _json({})


def _service(request: Request) -> Service | None:
    folder = site_of(request).project.folder
    return services(folder).get(request.path_params["service"])


def _callers(request: Request) -> Callers:
    found: Callers = request.app.state.callers
    return found


def _not_admitted(service: Service, error: TokenError) -> Response:
    """Refuse a call without a word: whoever forges tokens learns nothing."""
    LOG.warning("%s was called without a token that holds: %s", service.id, error)
    return Response(status_code=401)


def _json(found: Mapping[str, Any]) -> Response:
    return Response(msgspec.json.encode(found), media_type="application/json")


def _unknown_service() -> Response:
    return _outcome(404, "not-found", "there is no such service; GET /cds-services lists them")


def _outcome(status: int, code: str, words: str) -> Response:
    """Return a fault as FHIR says one."""
    issue = {"severity": "error", "code": code, "diagnostics": words}
    body = {"resourceType": "OperationOutcome", "issue": [issue]}
    return JSONResponse(body, status, media_type="application/fhir+json")


routes = [
    Route("/cds-services", list_services, methods=["GET"]),
    Route("/cds-services/{service}", call_service, methods=["POST"]),
    Route("/cds-services/{service}/feedback", tell_feedback, methods=["POST"]),
]
