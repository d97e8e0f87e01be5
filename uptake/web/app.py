"""The application. In: a site; out: routes behind a guard, and pages that say what went wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from uptake.delivery.ehr import read_ehrs
from uptake.delivery.services import services
from uptake.delivery.smart.launch import Launches
from uptake.errors import EngineError, UptakeError
from uptake.web import cds, fhir_match, openapi, panel, smart
from uptake.web.callers import Callers
from uptake.web.security import Guard
from uptake.web.templating import STATIC, page
from uptake.web.views import (
    adoption,
    authorizations,
    catalogue,
    chain,
    conformance,
    duplicates,
    feedback,
    feeds,
    findings,
    mappings,
    rollout,
    stages,
    visits,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Scope

    from uptake.web.site import Site

MACHINES = ("/api/", "/cds-services", "/health")
"""Paths whose answers, faults too, are JSON."""
WRONG = {
    400: ("Something in this request cannot be read.", "Go back, and check what was entered."),
    404: ("There is no such page.", "It may belong to an earlier run; begin at the use cases."),
    405: ("This address does not take that.", "Pages are opened (GET), hooks are sent (POST)."),
}


class Kept(StaticFiles):
    """Our own files; their address changes with them, so a browser may keep them for a year."""

    def file_response(self, *args: object, **named: object) -> Response:
        """Return a file that may be kept."""
        response = super().file_response(*args, **named)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or raise HTTPException 404."""
        return await super().get_response(path, scope)


def create_app(site: Site) -> Starlette:
    """Return the web application of one project."""
    web = site.project.settings.get("web", {})
    hosts = frozenset(str(name).lower() for name in web.get("hosts", ()))
    ehrs = read_ehrs(site.project)
    services(site.project.folder)  # faults in what payers want are told before anybody calls
    origins = dict.fromkeys([*map(str, web.get("ehr", ())), *(e.origin for e in ehrs if e.origin)])
    guard = Middleware(Guard, hosts=hosts, ehr=tuple(origins))
    callers = Callers(ehrs, site.base_url)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await callers.close()

    app = Starlette(
        routes=[
            Route("/health", health),
            *chain.routes,
            *stages.routes,
            *findings.routes,
            *catalogue.routes,
            *feeds.routes,
            *conformance.routes,
            *duplicates.routes,
            *mappings.routes,
            *adoption.routes,
            *feedback.routes,
            *rollout.routes,
            *visits.routes,
            *authorizations.routes,
            *cds.routes,
            *smart.routes,
            *panel.routes,
            *fhir_match.routes,
            *openapi.routes,
            Mount("/static", Kept(directory=STATIC), name="static"),
        ],
        middleware=[guard, Middleware(GZipMiddleware, minimum_size=1000)],
        exception_handlers={
            HTTPException: _refused,
            UptakeError: _explained,
            EngineError: _broken,
            Exception: _broken,
        },
        lifespan=lifespan,
    )
    app.state.site = site
    app.state.callers = callers
    app.state.launches = Launches(ehrs, site.base_url.rstrip("/") + smart.CALLBACK, callers.client)
    return app


async def health(_: Request) -> JSONResponse:
    """Say that the application answers."""
    return JSONResponse({"status": "ok"})


async def _refused(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    what, then = WRONG.get(status, WRONG[400])
    return _fault(request, status, what, then)


async def _explained(request: Request, error: Exception) -> Response:
    """Answer an error that is meant for the user: it says what, where and what to do."""
    return _fault(request, 500, "This page cannot be made.", str(error))


async def _broken(request: Request, _: Exception) -> Response:
    """Answer an error of ours; its own words may hold a patient's values, so they are not said."""
    return _fault(request, 500, "Something is broken here.", "Nothing was changed. Try it again.")


def _fault(request: Request, status: int, what: str, then: str) -> Response:
    if request.url.path.startswith("/fhir/"):
        code = fhir_match.ISSUES.get(status, "exception")
        return fhir_match.outcome(status, code, what if status in WRONG else then)
    if request.url.path.startswith(MACHINES):
        return JSONResponse({"error": what, "then": then}, status)
    return page(request, "error.html", status, what=what, then=then, code=status)
