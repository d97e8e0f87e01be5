"""An EHR for tests: a real HTTP server on this machine, and the tokens it signs."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ISSUER = "https://ehr.example"
EC = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
FORGED = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"})
Answer = Callable[[Request], Response]


@dataclass
class Server:
    """What the EHR answers, and what it was asked."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    running: int = 0
    most: int = 0
    """Requests answered at the same time."""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fhir(self) -> str:
        return f"{self.base}/fhir"

    def says(self, path: str, body: object, status: int = 200, wait: float = 0) -> None:
        """Answer a path with JSON, or with text as it stands."""
        kind = "text/html" if isinstance(body, str) else "application/fhir+json"
        text = body if isinstance(body, str | bytes) else json.dumps(body)

        def answer(_: Request) -> Response:
            time.sleep(wait)
            return Response(text, status, media_type=kind)

        self.answers[path] = answer

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def answer(self, request: Request) -> Response:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self.asked.append((path, dict(request.headers)))
            found = self.answers.get(path) or self.answers.get(request.url.path)
            return found(request) if found else Response("<h1>Not found</h1>", 404)
        finally:
            self.running -= 1


@contextmanager
def serving() -> Iterator[Server]:
    """An EHR that runs in a thread until the block ends."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    ehr = Server(listener.getsockname()[1])
    app = Starlette(routes=[Route("/{path:path}", ehr.answer)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield ehr
    finally:
        server.should_exit = True
        thread.join(5)
        listener.close()


def key_set(*keys: ECKey | RSAKey) -> dict[str, Any]:
    """The public keys, as an EHR publishes them."""
    return {"keys": [key.as_dict(private=False) for key in keys or (EC, RSA)]}


def token(
    audience: str, key: Any = EC, alg: str = "ES384", header: Any = None, **claims: Any
) -> str:
    """A token as an EHR signs it; a claim that is None is left out, a timedelta is from now."""
    now = int(time.time())
    claims = {
        name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in claims.items()
    }
    said = {"iss": ISSUER, "aud": audience, "exp": now + 300, "iat": now, "jti": str(uuid4())}
    kept = {name: value for name, value in (said | claims).items() if value is not None}
    head = {"alg": alg, "kid": "rsa" if isinstance(key, RSAKey) else "ec"} | (header or {})
    if isinstance(key, OctKey):
        return jwt.encode(head, kept, key, algorithms=["HS256"])
    return jwt.encode(head, kept, key, algorithms=[alg])
