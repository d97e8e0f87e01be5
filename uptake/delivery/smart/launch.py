"""An EHR launch. In: `iss` and `launch`, then `code` and `state`; out: a redirect, then a session.

Nothing is asked of an address, and nobody is sent to one, that no `[[ehr]]` of uptake.toml leads
to. https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from uptake.delivery.smart.configuration import Configurations
from uptake.delivery.smart.errors import LaunchError
from uptake.delivery.smart.identity import read_keys, signed_in
from uptake.delivery.smart.sessions import Pending, Session, Sessions
from uptake.delivery.smart.tokens import TokenEndpoint

if TYPE_CHECKING:
    import httpx

    from uptake.delivery.ehr import Ehr
    from uptake.delivery.smart.tokens import Tokens

SOON = 30.0
"""Seconds before its end that an access token is renewed."""
LONGEST = 2048
"""Characters of what a request may bring."""


@dataclass(frozen=True, slots=True)
class Back:
    """What the browser brings back from the EHR; what it does not bring is empty."""

    state: str
    code: str
    """Empty where access was denied."""
    issuer: str = ""


@dataclass(slots=True)
class Launches:
    """The SMART client of one application."""

    ehrs: Sequence[Ehr]
    redirect_uri: str
    """The exact address that every EHR has registered."""
    http: Callable[[], httpx.AsyncClient]
    """The application's one client, opened when it is first needed."""
    sessions: Sessions = field(default_factory=Sessions)
    configurations: Configurations = field(default_factory=Configurations)

    async def begin(self, iss: str, launch: str, browser: str) -> str:
        """Return where the browser goes to be authorized; raises LaunchError."""
        ehr = self._registered(iss)
        if not launch or len(launch) > LONGEST:
            raise LaunchError("The EHR sent no launch. Open the panel from a chart.", refused=True)
        at = await self.configurations.of(self.http(), ehr.fhir)
        pending = self.sessions.expect(ehr, browser)
        digest = hashlib.sha256(pending.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": ehr.client_id,
            "redirect_uri": self.redirect_uri,
            "launch": launch,
            "scope": " ".join(ehr.scopes),
            "state": pending.state,
            "aud": iss,
            "nonce": pending.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        joined = "&" if "?" in at.authorize else "?"
        return f"{at.authorize}{joined}{urlencode(asked)}"

    async def finish(self, back: Back, browser: str, before: str) -> Session:
        """Return the session of a launch that was authorized; raises LaunchError.

        `before`: the key of the session the browser has, if any; it ends.
        """
        pending = self._pending(back.state, browser)
        code = back.code
        if not code or len(code) > LONGEST:
            raise LaunchError("The EHR gave no access to this chart.", refused=True)
        at = await self.configurations.of(self.http(), pending.ehr.fhir)
        if back.issuer not in ("", at.issuer):  # RFC 9207: the code is of another server
            raise LaunchError("The answer is not of the EHR that was asked.", refused=True)
        endpoint = TokenEndpoint(pending.ehr, at, self.http())
        tokens = await endpoint.redeem(code, pending.verifier, self.redirect_uri)
        if not tokens.patient:
            raise LaunchError("The EHR named no patient. Open the panel from a chart.")
        keys = await read_keys(self.http(), at)
        user = signed_in(
            tokens.id_token, keys, at, client=pending.ehr.client_id, nonce=pending.nonce
        )
        return self.sessions.begin(pending.ehr, user, tokens, tokens.app_context, before)

    async def renewed(self, session: Session) -> Session:
        """Return the session with an access token that is good for a while.

        Raises LaunchError, and ends the session, where the EHR gives none or for another patient.
        """
        tokens = session.tokens
        if tokens.until is None or tokens.until - self.sessions.clock() > SOON:
            return session
        try:
            new = await self._renew(session)
        except LaunchError:
            self.sessions.end(session.key)
            raise
        session.tokens = replace(
            tokens, access=new.access, refresh=new.refresh or tokens.refresh, until=new.until
        )
        return session

    async def _renew(self, session: Session) -> Tokens:
        if not session.tokens.refresh:
            raise LaunchError("The EHR's session has ended. Open the panel from the chart.")
        at = await self.configurations.of(self.http(), session.ehr.fhir)
        new = await TokenEndpoint(session.ehr, at, self.http()).renew(session.tokens.refresh)
        if new.patient not in ("", session.patient):
            raise LaunchError("The chart of another patient is open. Open the panel there.")
        return new

    async def leave(self, key: str) -> None:
        """End a session and give its tokens back, as far as the EHR takes them."""
        session = self.sessions.end(key)
        if session is None:
            return
        at = await self.configurations.of(self.http(), session.ehr.fhir)
        endpoint = TokenEndpoint(session.ehr, at, self.http())
        await endpoint.revoke(session.tokens.refresh or session.tokens.access)

    def _registered(self, iss: str) -> Ehr:
        wanted = iss.rstrip("/")
        found = next((e for e in self.ehrs if e.fhir == wanted and e.client_id), None)
        if found is None:
            raise LaunchError(
                "This EHR is not registered here. Ask who runs Uptake to add it.", refused=True
            )
        return found

    def _pending(self, state: str, browser: str) -> Pending:
        pending = self.sessions.expected(state, browser) if state and browser else None
        if pending is None:
            raise LaunchError(
                "This launch did not begin here, or took too long. Open the panel again; if it "
                "happens each time, the browser blocks cookies in frames.",
                refused=True,
            )
        return pending
