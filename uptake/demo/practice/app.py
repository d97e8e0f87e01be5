"""The practice EHR as an application. In: a demo project; out: pages, FHIR, authorization."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from joserfc.jwk import KeySet
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from uptake.demo.practice import fhir, pages
from uptake.demo.practice.authorization import AuthorizationServer
from uptake.demo.practice.hooks import HooksClient
from uptake.demo.practice.records import read_chart
from uptake.demo.practice.registration import CLIENT, FEED, HOST, Addresses, client_key
from uptake.demo.practice.visits import Desk
from uptake.project import now, read_project

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parent / "static"


def create_practice(folder: Path, at: Addresses) -> Starlette:
    """Return the practice EHR of a demo project."""
    server = AuthorizationServer(
        issuer=at.practice,
        fhir=at.fhir,
        client=CLIENT,
        client_keys=KeySet([client_key(folder)]),
        redirect_uri=f"{at.product}/smart/callback",
    )
    chart = read_chart(folder / FEED)
    app = Starlette(
        routes=[*pages.routes, *fhir.routes, Mount("/static", StaticFiles(directory=STATIC))],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
            Middleware(Guarded, policy=_policy(at.product)),
        ],
        exception_handlers={HTTPException: pages.missing},
    )
    app.state.desk = Desk(
        chart, HooksClient(at.product, server, chart, now(read_project(folder), datetime.now(UTC)))
    )
    return app


def _policy(product: str) -> str:
    """Return what a page may do: show our own files, and the product in a frame."""
    return (
        f"default-src 'self'; frame-src 'self' {product}; base-uri 'none'; object-src 'none'; "
        "script-src 'none'; form-action 'self'; frame-ancestors 'self'"
    )


class Guarded:
    """Says with each answer what a browser may do with it."""

    def __init__(self, app: ASGIApp, policy: str) -> None:
        self._app = app
        self._policy = policy.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", self._policy),
                    (b"x-content-type-options", b"nosniff"),
                    (b"referrer-policy", b"same-origin"),
                ]
            await send(message)

        await self._app(scope, receive, sent if scope["type"] == "http" else send)
