"""Who may ask, and what a browser may do with the answer. In: an ASGI application; out: another.

Three attacks matter to a page inside a hospital's network: a name that is made to resolve to this
machine (the Host header is checked), a foreign page that posts here (Sec-Fetch-Site and Origin
are), and text of the data that is read as script (the content security policy allows none inline).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
READING = frozenset({"GET", "HEAD", "OPTIONS"})
SERVICES = "/cds-services"
LARGEST = 4 * 1024 * 1024
"""Bytes of a request."""
LARGEST_CALL = 16 * 1024 * 1024
"""Bytes of a CDS Hooks call: with its prefetch it has some hundred thousand."""
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}
_TOO_LARGE = "a request has at most {:,} bytes"
POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets a request through to `app`, or answers it with one line."""

    app: ASGIApp
    hosts: frozenset[str]
    """Names this application answers to, beside those of the machine itself."""
    ehr: tuple[str, ...]
    """Origins that may frame a page, and whose browsers may call the CDS services."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if fault := self._fault(scope, headers):
            status, words = fault
            await PlainTextResponse(f"{words}\n", status)(scope, receive, send)
            return
        calls = scope["path"].startswith(SERVICES)
        if calls and scope["method"] == "OPTIONS":
            allowed = headers.get("origin") in self.ehr
            preflight = Response(status_code=204, headers=PREFLIGHT if allowed else None)
            await preflight(scope, receive, self._guarded(scope, send))
            return
        largest = LARGEST_CALL if calls else LARGEST
        try:
            await self.app(scope, _limited(receive, largest), self._guarded(scope, send))
        except _TooLargeError:
            await _too_large(largest)(scope, receive, send)

    def _fault(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if host_name(host) not in LOOPBACK | self.hosts:
            return 421, "this name is not served here; add it to hosts under [web] of uptake.toml"
        length = headers.get("content-length", "0")
        largest = LARGEST_CALL if scope["path"].startswith(SERVICES) else LARGEST
        if not length.isdigit() or int(length) > largest:
            return 413, _TOO_LARGE.format(largest)
        if scope["method"] not in READING and not self._ours(scope, headers, host):
            return 403, "this form was sent from another page; open it here and send it again"
        return None

    def _ours(self, scope: Scope, headers: Headers, host: str) -> bool:
        """Tell whether a change was asked for by a page of ours, or by no browser at all."""
        origin = headers.get("origin")
        if scope["path"].startswith(SERVICES) and (origin is None or origin in self.ehr):
            return True
        if site := headers.get("sec-fetch-site"):  # a browser sets it, and no page can
            return site in ("same-origin", "none")
        # Behind a proxy the scheme may differ; a page on another scheme of our host is ours.
        return origin is None or urlsplit(origin).netloc == host

    def _guarded(self, scope: Scope, send: Send) -> Send:
        policy = " ".join((POLICY, *self.ehr))
        origin = Headers(scope=scope).get("origin", "")
        calls = scope["path"].startswith(SERVICES)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                # Not no-referrer: under it a browser hides the origin of our own forms.
                headers["Referrer-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
                if calls:
                    headers.add_vary_header("Origin")
                    if origin in self.ehr:  # never with credentials: a cookie proves nothing here
                        headers["Access-Control-Allow-Origin"] = origin
            await send(message)

        return sent


def host_name(host: str) -> str:
    """Return a Host header without its port, in small letters."""
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()


class _TooLargeError(Exception):
    """A body of unknown length that grew too long."""


def _too_large(largest: int) -> Response:
    return PlainTextResponse(f"{_TOO_LARGE.format(largest)}\n", 413)


def _limited(receive: Receive, largest: int) -> Receive:
    """Return `receive` that raises once a body of unknown length is too long."""
    taken = 0

    async def received() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > largest:
            raise _TooLargeError
        return message

    return received
