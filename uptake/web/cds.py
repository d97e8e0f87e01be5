"""What the EHR asks, and the panel it frames. In: CDS Hooks requests; out: cards, a page, events.

A clinician never waits for this: after BUDGET seconds, or where the state cannot be written, the
answer is that there is no card.
"""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from uptake.delivery.differences import Difference, Differences
from uptake.delivery.feedback import take_feedback
from uptake.delivery.hooks import Desk, HookCall, HookError, answer, read_call
from uptake.delivery.panel import find_card, record_view
from uptake.delivery.services import SERVICES, Service, discovery
from uptake.errors import UptakeError
from uptake.web.people import person
from uptake.web.templating import page, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.web.site import Site

LOG = logging.getLogger("uptake.delivery")
BUDGET = 3.0
"""Seconds."""


async def list_services(_: Request) -> Response:
    """Say which services there are."""
    return JSONResponse(discovery())


async def call_service(request: Request) -> Response:
    """Answer a hook with cards."""
    service = SERVICES.get(request.path_params["service"])
    if service is None:
        return _unknown_service()
    body = await request.body()
    try:
        call = read_call(body, service)
    except HookError as error:
        return _outcome(400, "structure", str(error))
    work = partial(_answer, site_of(request), call, service, time.monotonic() + BUDGET)
    found: dict[str, Any] = {"cards": []}
    with anyio.move_on_after(BUDGET) as waited:
        found = await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    if waited.cancelled_caught:
        LOG.warning("%s took more than %s s: no card", service.id, BUDGET)
    return JSONResponse(found)


def _answer(site: Site, call: HookCall, service: Service, until: float) -> dict[str, Any]:
    try:
        desk = Desk(site.state, differences(site), site.base_url, site.now(), until)
        return answer(call, service, desk)
    except UptakeError as error:
        LOG.warning("%s gives no card: %s", service.id, type(error).__name__)
        return {"cards": []}


def differences(site: Site) -> Differences | None:
    """Return the differences of the newest run, opened once a run."""
    run = site.run()
    return site.of_run("differences", lambda: Differences(run)) if run else None


async def tell_feedback(request: Request) -> Response:
    """Take what became of cards."""
    service = SERVICES.get(request.path_params["service"])
    if service is None:
        return _unknown_service()
    body = await request.body()
    site = site_of(request)
    try:
        await run_in_threadpool(take_feedback, site.state, service, body, site.now())
    except HookError as error:
        return _outcome(400, "structure", str(error))
    return JSONResponse({})


def show_panel(request: Request) -> Response:
    """Show both lists of the patient a card was about, what differs first."""
    site = site_of(request)
    card = find_card(site.state, request.query_params.get("card", ""), site.now())
    if card is None:
        return page(request, "panel.html", 404, card=None)
    found = differences(site)
    rows = found.of_patient(card.patient, whole=True) if found else ()
    ahead = request.headers.get("sec-purpose", "").split(";")[0] == "prefetch"
    if request.method == "GET" and not ahead:
        record_view(site.state, card, site.now())
    return page(
        request,
        "panel.html",
        card=card,
        news=[row for row in rows if row.is_news],
        rest=[row for row in rows if not row.is_news],
        as_of=found.as_of if found else "",
        report=str(uuid4()),
        about=_about,
        who=person(request),
    )


def _about(row: Difference) -> str:
    """Return what a report about a row is about: the entry that is news."""
    side = row.outside or row.chart
    return f"{side.feed}|{side.type}/{side.id}" if side else ""


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
    Route("/panel", show_panel, methods=["GET"]),
]
