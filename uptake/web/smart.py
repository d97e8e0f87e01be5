"""SMART EHR launch. In: a launch of a registered EHR; out: the panel with a session.

Codes, states and tokens are in no log and on no page; a browser holds only the keys of `cookies`.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

from uptake.delivery.panel import record_launch
from uptake.delivery.smart.errors import LaunchError
from uptake.delivery.smart.keys import public_keys, read_key
from uptake.delivery.smart.launch import Back, Launches
from uptake.delivery.smart.sessions import unguessable
from uptake.web.cookies import BROWSER, SESSION, cookie, drop_cookie, set_cookie
from uptake.web.templating import page, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.delivery.smart.sessions import Session

LOG = logging.getLogger("uptake.delivery")
CALLBACK = "/smart/callback"


def launches_of(request: Request) -> Launches:
    """Return the SMART client of this application."""
    found: Launches = request.app.state.launches
    return found


async def launch(request: Request) -> Response:
    """Send the browser to the EHR's authorization server."""
    asked, base = request.query_params, site_of(request).base_url
    browser = cookie(request, base, BROWSER) or unguessable()
    try:
        there = await launches_of(request).begin(
            asked.get("iss", ""), asked.get("launch", ""), browser
        )
    except LaunchError as error:
        return closed(request, error)
    response = RedirectResponse(there, 302)
    set_cookie(response, base, BROWSER, browser)
    return response


async def callback(request: Request) -> Response:
    """Take what the EHR sent back, and open the panel."""
    asked, site = request.query_params, site_of(request)
    back = Back(asked.get("state", ""), asked.get("code", ""), asked.get("iss", ""))
    if "error" in asked:
        LOG.warning("a SMART launch was denied by the EHR")
        back = Back(back.state, "", back.issuer)
    browser = cookie(request, site.base_url, BROWSER)
    before = cookie(request, site.base_url, SESSION)
    try:
        session = await launches_of(request).finish(back, browser, before)
    except LaunchError as error:
        return closed(request, error)
    await run_in_threadpool(record_launch, site.state, session, site.now())
    response = RedirectResponse("/panel", 303)
    set_cookie(response, site.base_url, SESSION, session.key)
    return response


async def logout(request: Request) -> Response:
    """End the session of this browser."""
    base = site_of(request).base_url
    try:
        await launches_of(request).leave(cookie(request, base, SESSION))
    except LaunchError:  # the session has ended here; the EHR ends its token in time
        LOG.warning("an EHR took no token back")
    response = page(request, "panel_closed.html", what="You are signed out.", then="")
    drop_cookie(response, base, SESSION)
    return response


def keys(request: Request) -> Response:
    """Publish the public halves of our keys, by which EHRs verify our assertions."""
    paths = {e.client_key for e in launches_of(request).ehrs if e.client_key}
    return JSONResponse(public_keys([read_key(path) for path in sorted(paths)]))


def session_of(request: Request) -> Session | None:
    """Return the session of this browser while it is open."""
    key = cookie(request, site_of(request).base_url, SESSION)
    return launches_of(request).sessions.find(key) if key else None


def closed(request: Request, error: LaunchError) -> Response:
    """Say why there is no panel."""
    LOG.warning("no panel: %s", error)
    status = 403 if error.refused else 502
    return page(request, "panel_closed.html", status, what="The panel stays closed.",
                then=str(error))  # fmt: skip


routes = [
    Route("/smart/launch", launch, methods=["GET"]),
    Route(CALLBACK, callback, methods=["GET"]),
    Route("/smart/logout", logout, methods=["POST"]),
    Route("/smart/jwks", keys, methods=["GET"]),
]
