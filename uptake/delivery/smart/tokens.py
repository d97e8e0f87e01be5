"""Tokens of an EHR. In: a code or a refresh token; out: an access token and what came with it.

The client proves who it is with a signed assertion (private_key_jwt) or, where the EHR cannot do
better, with a secret. https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from joserfc import jwt

from uptake.delivery.smart.asking import ask
from uptake.delivery.smart.errors import LaunchError
from uptake.delivery.smart.keys import Key, algorithm_of, kid_of, read_key

if TYPE_CHECKING:
    import httpx

    from uptake.delivery.ehr import Ehr
    from uptake.delivery.smart.configuration import Configuration

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 300
"""The longest that the specification allows."""
REFUSALS = (400, 401, 403)
"""RFC 6749 says 400 of a code that is not good; some servers say 401."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave; its repr shows none of it."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    until: float | None
    """When the access token ends, as `time.monotonic` counts; None: the EHR did not say."""
    id_token: str = field(repr=False)
    scopes: frozenset[str]
    patient: str
    encounter: str
    banner: bool
    """True: the EHR does not show whose chart is open, so the page has to."""
    app_context: str


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """One EHR's token endpoint, and how this client proves itself there."""

    ehr: Ehr
    at: Configuration
    http: httpx.AsyncClient

    async def redeem(self, code: str, verifier: str, redirect_uri: str) -> Tokens:
        """Return the tokens of a code; raises LaunchError where it is refused."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        return _read(await self._ask(form))

    async def renew(self, refresh: str) -> Tokens:
        """Return new tokens; raises LaunchError where the EHR gives none."""
        return _read(await self._ask({"grant_type": "refresh_token", "refresh_token": refresh}))

    async def revoke(self, token: str) -> None:
        """Give a token back, if the EHR takes it (RFC 7009)."""
        if self.at.revoke:
            proof, basic = self._proof(self.at.revoke)
            await ask(self.http, self.at.revoke, {"token": token} | proof, basic)

    async def _ask(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        proof, basic = self._proof(self.at.token)
        answer = await ask(self.http, self.at.token, {**form, **proof}, basic)
        if answer.status in REFUSALS:
            raise LaunchError("The EHR did not accept this launch. Open the panel again.")
        if answer.status != 200:
            raise LaunchError("The EHR could not give access. Open the panel again.")
        return answer.content

    def _proof(self, audience: str) -> tuple[dict[str, str], tuple[str, str] | None]:
        """Return what a form carries, and the credentials of a header."""
        if self.ehr.client_key:
            assertion = _assertion(self.ehr.client_id, read_key(self.ehr.client_key), audience)
            return {"client_assertion_type": ASSERTION, "client_assertion": assertion}, None
        if self.ehr.client_secret:
            return {}, (self.ehr.client_id, self.ehr.client_secret)
        raise LaunchError("This EHR is registered without a key or secret of ours. Tell its team.")


def _assertion(client: str, key: Key, audience: str) -> str:
    now, algorithm = int(time.time()), algorithm_of(key)
    header = {"alg": algorithm, "kid": kid_of(key), "typ": "JWT"}
    claims = {
        "iss": client,
        "sub": client,
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": str(uuid4()),
    }
    return jwt.encode(header, claims, key, algorithms=[algorithm])


def _read(said: Mapping[str, Any]) -> Tokens:
    """Return what a token response says; raises LaunchError where it lacks what is needed."""

    def text(name: str) -> str:
        found = said.get(name, "")
        return found if isinstance(found, str) else ""

    if not text("access_token") or text("token_type").lower() != "bearer":
        raise LaunchError("The EHR gave no access token that can be used. Tell its team.")
    seconds = said.get("expires_in")
    lasts = seconds if isinstance(seconds, int | float) and not isinstance(seconds, bool) else None
    return Tokens(
        access=text("access_token"),
        refresh=text("refresh_token"),
        until=None if lasts is None else time.monotonic() + lasts,
        id_token=text("id_token"),
        scopes=frozenset(text("scope").split()),
        patient=text("patient").removeprefix("Patient/"),
        encounter=text("encounter").removeprefix("Encounter/"),
        banner=said.get("need_patient_banner") is not False,
        app_context=text("appContext"),
    )
