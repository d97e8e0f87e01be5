"""The authorization server of the practice EHR. In: SMART launches of its chart; out: tokens.

Small, but every check is made: the client's registered redirect address, the launch, `aud`, PKCE
with S256, the client's signed assertion, a code that is good once. Nobody is asked to sign in: the
chart knows which clinician is being played. RFC 6749, 7523, 7636; SMART App Launch 2.2.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

ALGORITHM = "ES384"
SECONDS = 600
CODE_SECONDS = 60
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANTED = frozenset({"launch", "openid", "fhirUser", "offline_access", "online_access"})


class Refused(Exception):  # noqa: N818 -- an answer of the protocol, not a fault of the program
    """A request that is refused, with the error code of RFC 6749."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Whose chart is open, and before whom."""

    patient: str
    encounter: str
    user: str
    """`Practitioner/id`."""
    app_context: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or a refresh token stands for."""

    launch: Launch
    scope: str
    nonce: str = ""
    challenge: str = ""
    redirect_uri: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token opens."""

    patient: str
    until: float


@dataclass(slots=True)
class AuthorizationServer:
    """Launches, codes and tokens of one practice EHR; all in memory."""

    issuer: str
    fhir: str
    client: str
    client_keys: KeySet
    redirect_uri: str
    key: ECKey = field(
        default_factory=lambda: ECKey.generate_key("P-384", {"use": "sig"}, auto_kid=True)
    )
    _launches: dict[str, Launch] = field(default_factory=dict)
    _codes: dict[str, Grant] = field(default_factory=dict)
    _refresh: dict[str, Grant] = field(default_factory=dict)
    _access: dict[str, Access] = field(default_factory=dict)
    _proofs: dict[str, float] = field(default_factory=dict)

    def configuration(self) -> dict[str, Any]:
        """Return `.well-known/smart-configuration`."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["ES384"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "scopes_supported": [*sorted(GRANTED), "patient/*.rs"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": [
                "launch-ehr", "client-confidential-asymmetric", "sso-openid-connect",
                "context-ehr-patient", "context-ehr-encounter", "context-banner",
                "permission-patient", "permission-offline", "permission-v2",
            ],
        }  # fmt: skip

    def keys(self) -> dict[str, Any]:
        """Return the public key that id_tokens and CDS Hooks calls are verified with."""
        return {"keys": [{**self.key.as_dict(private=False), "use": "sig", "alg": ALGORITHM}]}

    def sign(self, claims: Mapping[str, Any], **header: str) -> str:
        """Return a JWT of this EHR."""
        head = {"alg": ALGORITHM, "typ": "JWT", "kid": self.key.kid, **header}
        return jwt.encode(head, dict(claims), self.key, algorithms=[ALGORITHM])

    def launch(self, of: Launch) -> str:
        """Return the `launch` of a chart that is open; it is good once."""
        found = secrets.token_urlsafe(16)
        self._launches[found] = of
        return found

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Return where the browser goes back to.

        Raises Refused, and sends nobody anywhere, where client or address are not the registered.
        """
        given = asked.get
        if given("client_id") != self.client or given("redirect_uri") != self.redirect_uri:
            raise Refused("invalid_client")
        launch = self._launches.pop(given("launch", ""), None)
        error = ""
        if given("response_type") != "code":
            error = "unsupported_response_type"
        elif given("code_challenge_method") != "S256" or not given("code_challenge"):
            error = "invalid_request"
        elif launch is None or given("aud", "").rstrip("/") != self.fhir:
            error = "access_denied"
        back = {"state": given("state", ""), "iss": self.issuer}
        if launch is None or error:
            return f"{self.redirect_uri}?{urlencode(back | {'error': error})}"
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(
            launch, _granted(given("scope", "")), given("nonce", ""), given("code_challenge", ""),
            self.redirect_uri, time.time() + CODE_SECONDS,
        )  # fmt: skip
        return f"{self.redirect_uri}?{urlencode(back | {'code': code})}"

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Return a token response; raises Refused."""
        self._prove(form)
        if form.get("grant_type") == "refresh_token":
            grant = self._refresh.pop(form.get("refresh_token", ""), None)
            if grant is None:
                raise Refused("invalid_grant")
            return self._given(grant)
        if form.get("grant_type") != "authorization_code":
            raise Refused("unsupported_grant_type")
        grant = self._codes.pop(form.get("code", ""), None)
        if grant is None or grant.until < time.time():
            raise Refused("invalid_grant")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not hmac.compare_digest(challenge, grant.challenge):
            raise Refused("invalid_grant")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise Refused("invalid_grant")
        return self._given(grant)

    def revoke(self, form: Mapping[str, str]) -> None:
        """Forget a token; raises Refused for another client."""
        self._prove(form)
        token = form.get("token", "")
        self._refresh.pop(token, None)
        self._access.pop(token, None)

    def access(self, patient: str) -> str:
        """Return an access token to one patient's records."""
        now = time.time()
        self._access = {t: a for t, a in self._access.items() if a.until > now}
        token = secrets.token_urlsafe(32)
        self._access[token] = Access(patient, now + SECONDS)
        return token

    def opens(self, token: str) -> str | None:
        """Return the patient whose records a token opens, None where it opens none."""
        found = self._access.get(token)
        return found.patient if found and found.until > time.time() else None

    def _given(self, grant: Grant) -> dict[str, Any]:
        launch, refresh = grant.launch, secrets.token_urlsafe(32)
        self._refresh[refresh] = grant
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": launch.user,
            "aud": self.client,
            "exp": now + SECONDS,
            "iat": now,
            "nonce": grant.nonce,
            "fhirUser": f"{self.fhir}/{launch.user}",
        }
        said = {
            "access_token": self.access(launch.patient),
            "token_type": "Bearer",
            "expires_in": SECONDS,
            "refresh_token": refresh,
            "scope": grant.scope,
            "id_token": self.sign(claims),
            "patient": launch.patient,
            "encounter": launch.encounter,
            "need_patient_banner": False,
            "appContext": launch.app_context,
        }
        return {name: value for name, value in said.items() if value != ""}

    def _prove(self, form: Mapping[str, str]) -> None:
        """Verify the client's assertion, each once; raises Refused."""
        if form.get("client_assertion_type") != ASSERTION:
            raise Refused("invalid_client")
        try:
            token = jwt.decode(
                form.get("client_assertion", ""), self.client_keys, algorithms=[ALGORITHM]
            )
            audiences = [f"{self.issuer}/token", f"{self.issuer}/revoke"]
            jwt.JWTClaimsRegistry(
                leeway=5,
                iss={"essential": True, "value": self.client},
                sub={"essential": True, "value": self.client},
                aud={"essential": True, "values": audiences},
                exp={"essential": True},
                jti={"essential": True},
            ).validate(token.claims)
        except (JoseError, ValueError) as error:
            raise Refused("invalid_client") from error
        now = time.time()
        self._proofs = {jti: until for jti, until in self._proofs.items() if until > now}
        if token.claims["jti"] in self._proofs:
            raise Refused("invalid_client")
        self._proofs[token.claims["jti"]] = float(token.claims["exp"]) + 5


def _granted(asked: str) -> str:
    """Return the scopes of those asked for that this EHR gives: to read, of one patient."""
    given = [s for s in asked.split() if s in GRANTED]
    reads = (s for s in asked.split() if s.startswith("patient/") and s.endswith((".rs", ".r")))
    return " ".join([*given, *reads])
