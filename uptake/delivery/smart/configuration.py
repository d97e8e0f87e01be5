"""What an authorization server says of itself. In: a registered EHR; out: where to ask for what.

https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uptake.delivery.smart.asking import ask, is_safe
from uptake.delivery.smart.errors import LaunchError

if TYPE_CHECKING:
    import httpx

PATH = "/.well-known/smart-configuration"
KEPT = 600.0
"""Seconds a configuration is kept."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The endpoints of one EHR."""

    iss: str
    """The FHIR base URL that launches name."""
    authorize: str
    token: str
    jwks: str
    issuer: str
    """Who signs id_tokens; the FHIR base URL where the server does not say."""
    revoke: str = ""


async def read_configuration(client: httpx.AsyncClient, iss: str) -> Configuration:
    """Return the configuration of a registered FHIR server.

    Raises LaunchError where it does not answer, or cannot do PKCE with S256.
    """
    answer = await ask(client, iss + PATH)
    said = answer.content

    def address(name: str, *, needed: bool = True) -> str:
        found = said.get(name)
        if found is None and not needed:
            return ""
        if not isinstance(found, str) or not is_safe(found, iss):
            raise LaunchError(f"The EHR's SMART configuration has no usable {name}. Tell its team.")
        return found

    authorize, token = address("authorization_endpoint"), address("token_endpoint")
    methods = said.get("code_challenge_methods_supported")
    if not isinstance(methods, list) or "S256" not in methods:
        raise LaunchError("The EHR's SMART configuration does not offer PKCE. Tell its team.")
    issuer = said.get("issuer")
    return Configuration(
        iss=iss,
        authorize=authorize,
        token=token,
        jwks=address("jwks_uri"),
        issuer=issuer if isinstance(issuer, str) and issuer else iss,
        revoke=address("revocation_endpoint", needed=False),
    )


@dataclass(slots=True)
class Configurations:
    """The configurations of the registered EHRs, each asked for now and then."""

    clock: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, Configuration]] = field(default_factory=dict)

    async def of(self, client: httpx.AsyncClient, iss: str) -> Configuration:
        """Return the configuration of a registered FHIR server; raises LaunchError."""
        held = self._kept.get(iss)
        if held and self.clock() - held[0] < KEPT:
            return held[1]
        found = await read_configuration(client, iss)
        self._kept[iss] = (self.clock(), found)
        return found
