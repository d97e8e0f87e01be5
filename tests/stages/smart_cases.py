"""An EHR that launches, and can be told to lie: what a SMART client must refuse is made here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from uptake.project import read_project
from uptake.state.database import State, open_state
from uptake.web.app import create_app
from uptake.web.site import Site

if TYPE_CHECKING:
    from starlette.requests import Request

BASE = "https://uptake.example.org"
EHR = "https://ehr.example.org"
FHIR = f"{EHR}/fhir"
CLIENT = "uptake-client"
USER = f"{FHIR}/Practitioner/pr-1"
SECRET = "the client's secret"


def key(curve: str = "P-384") -> ECKey:
    return ECKey.generate_key(curve, {"use": "sig"}, auto_kid=True)


@dataclass
class LyingEhr:
    """A registered EHR; what is set here takes the place of the truth."""

    key: ECKey = field(default_factory=key)
    configuration: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    redirect: str = ""
    raw: bytes = b""
    sign: Callable[[dict[str, Any]], str] | None = None
    nonce: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/fhir/.well-known/smart-configuration", self._configuration),
                Route("/jwks", self._keys),
                Route("/token", self._token, methods=["POST"]),
                Route("/revoke", self._revoke, methods=["POST"]),
                Route("/fhir/Patient/{id}", self._patient),
            ]
        )

    def _configuration(self, _: Request) -> Response:
        self.asked.append("configuration")
        if self.raw:
            return Response(self.raw)
        told = {
            "issuer": EHR, "jwks_uri": f"{EHR}/jwks", "authorization_endpoint": f"{EHR}/authorize",
            "token_endpoint": f"{EHR}/token", "revocation_endpoint": f"{EHR}/revoke",
            "code_challenge_methods_supported": ["S256"],
        } | self.configuration  # fmt: skip
        return JSONResponse({name: value for name, value in told.items() if value is not None})

    def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        self.forms.append(dict(parse_qsl((await request.body()).decode())))
        self.headers.append(dict(request.headers))
        if self.redirect:
            return RedirectResponse(self.redirect, 307)
        if self.status != 200:
            return JSONResponse({"error": "invalid_grant"}, self.status)
        now = int(time.time())
        claims = {
            "iss": EHR, "sub": "u1", "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": self.nonce, "fhirUser": USER,
        } | self.claims  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = self.sign(claims) if self.sign else self.signed(claims)
        told = {
            "access_token": "at", "token_type": "bearer", "expires_in": 300, "patient": "p",
            "encounter": "e", "scope": "openid fhirUser patient/*.rs", "id_token": signed,
            "refresh_token": "rt", "need_patient_banner": False,
        } | self.said  # fmt: skip
        return JSONResponse({name: value for name, value in told.items() if value is not None})

    async def _revoke(self, request: Request) -> Response:
        self.forms.append(dict(parse_qsl((await request.body()).decode())))
        return Response()

    def _patient(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer at":
            return Response(status_code=401)
        name = {"family": "<b>Okafor</b>", "given": ["Ada"]}
        return JSONResponse({
            "resourceType": "Patient", "id": request.path_params["id"], "name": [name],
            "birthDate": "1961-04-02", "gender": "female",
        })  # fmt: skip

    def signed(self, claims: dict[str, Any], alg: str = "ES384", by: Any = None) -> str:
        header = {"alg": alg, "kid": self.key.kid}
        return jwt.encode(header, claims, by or self.key, algorithms=[alg])


def write_project(folder: Path, *, secret: bool = False) -> None:
    """Write a project that knows the EHR, its client's key or secret, and no feeds."""
    (folder / "key.json").write_text(json.dumps(key().as_dict(private=True)))
    (folder / "secret.txt").write_text(SECRET + "\n")
    proof = 'client_secret = "file:secret.txt"' if secret else 'client_key = "key.json"'
    (folder / "uptake.toml").write_text(
        f'[web]\nhosts = ["uptake.example.org"]\n\n[[ehr]]\nname = "st-mary"\nissuer = "{EHR}"\n'
        f'jwks = "{EHR}/jwks"\nfhir = "{FHIR}"\norigin = "{EHR}"\nclient_id = "{CLIENT}"\n{proof}\n'
    )


def open_site(folder: Path) -> tuple[Site, State]:
    project = read_project(folder)
    state = open_state(project.state_url)
    return Site(project, state, BASE), state


def product(site: Site, ehr: Starlette) -> Starlette:
    """Return the application, whose calls of EHRs all reach this one."""
    app = create_app(site)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=ehr))
    app.state.launches.http = lambda: client
    return app


def browser(app: Starlette) -> TestClient:
    """Return a browser of its own: it keeps cookies, and follows nothing by itself."""
    return TestClient(app, base_url=BASE, follow_redirects=False)


def begin(at: TestClient, **changed: str) -> Any:
    return at.get("/smart/launch", params={"iss": FHIR, "launch": "l-1"} | changed)


def asked(response: Any) -> dict[str, str]:
    """Return what a redirect asks for."""
    return {n: v[0] for n, v in parse_qs(urlsplit(response.headers["location"]).query).items()}


def launch(at: TestClient, ehr: LyingEhr, **back: str) -> Any:
    """Launch, and come back from the EHR; `back` changes what is brought."""
    there = asked(begin(at))
    ehr.nonce = there["nonce"]
    return at.get("/smart/callback", params={"state": there["state"], "code": "c-1"} | back)


def keys_of(app: Starlette) -> KeySet:
    """Return our public keys as the EHR gets them."""
    return KeySet.import_key_set(browser(app).get("/smart/jwks").json())
