"""The server. In: the application, an address; out: answers, until it is told to stop.

Neither addresses nor the words of an error are logged: both may hold what is a patient's.
"""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from uptake.errors import StorageError

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STOP_SECONDS = 5
"""How long a request may take to end when the server stops."""


@dataclass(frozen=True, slots=True)
class Told:
    """Says method, route template and status of every request: never the address itself."""

    app: ASGIApp
    say: Callable[[str], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and say that it was answered."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                path = getattr(route, "path", "(no route)")
                self.say(f"{scope['method']} {path} {message['status']}")
            await send(message)

        await self.app(scope, receive, sent if scope["type"] == "http" else send)


class _Frames(logging.Formatter):
    """Says where an error happened and of what type it is, without its words."""

    def formatException(  # noqa: N802 -- logging names it so
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the frames and the type."""
        kind, _, trace = ei
        name = kind.__name__ if kind else ""
        return "".join(traceback.format_tb(trace)) + name


def run_server(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    ready: Callable[[], None],
    told: Callable[[str], None] | None,
) -> None:
    """Serve until SIGINT or SIGTERM; raises StorageError where the port is taken.

    `ready` is called when requests are answered; `told` hears of each.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise StorageError(
                f"port {port} of {host} cannot be used: {error.strerror}; take another with --port"
            ) from error
        config = uvicorn.Config(
            Told(app, told) if told else app,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        handler = logging.StreamHandler()
        handler.setFormatter(_Frames("uptake: %(message)s"))
        log = logging.getLogger("uvicorn.error")
        log.handlers, log.propagate = [handler], False
        log.setLevel(logging.WARNING)
        _Server(config, ready).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says when requests are answered."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        if self.started:
            self._ready()
