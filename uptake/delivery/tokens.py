"""Who calls. In: the Authorization header of a CDS Hooks call; out: the EHR that signed it.

Nothing of a token is believed before its signature: its `iss` only says whose keys to try, and its
`jku` is fetched from nowhere but the address in uptake.toml. A token is used once. Neither a token
nor a part of one is logged. https://cds-hooks.hl7.org/2.0/#trusting-cds-clients
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from uptake.errors import UptakeError

if TYPE_CHECKING:
    from uptake.delivery.ehr import Ehr

LOG = logging.getLogger("uptake.delivery")
LEEWAY = 30
"""Seconds that the clocks of an EHR and ours may differ."""
LONGEST = 900
"""Seconds a token may live; CDS Hooks asks for five minutes. It bounds what is remembered."""
REMEMBERED = 250_000
"""Tokens remembered at once: 100 calls a second with tokens that live as long as may be."""
KEPT = 3600.0
"""Seconds that fetched keys are used."""
AGAIN = 60.0
"""Seconds before keys are fetched again for an unknown key id: a forger is to cause no traffic."""
LARGEST_TOKEN = 16 * 1024
LARGEST_SET = 512 * 1024
SECONDS = 2.0
"""For fetching keys."""

Key = ECKey | RSAKey
Client = Callable[[], httpx.AsyncClient]


class TokenError(UptakeError):
    """A call that is not let in; its words are for the log, never for the caller."""


class _Outer(msgspec.Struct):
    """The header of a token, before anything is verified."""

    alg: str
    kid: str | None = None
    jku: str | None = None


class _Inner(msgspec.Struct):
    """Whose token it claims to be."""

    iss: str


@dataclass(slots=True)
class Keys:
    """The public keys of one EHR, from its address or its file."""

    ehr: Ehr
    client: Client
    clock: Callable[[], float] = time.monotonic
    _held: Mapping[str, Key] = field(default_factory=dict)
    _asked: float = float("-inf")
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, kid: str | None) -> Key:
        """Return a key by its id; without an id the only one. Raises TokenError where none is."""
        async with self._lock:
            age = self.clock() - self._asked
            if age > KEPT or (self._pick(kid) is None and age > AGAIN):
                self._asked = self.clock()
                self._held = await self._read() or self._held
        found = self._pick(kid)
        if found is None:
            raise TokenError("its key is not among those of the EHR")
        return found

    def _pick(self, kid: str | None) -> Key | None:
        if kid is None:
            return next(iter(self._held.values())) if len(self._held) == 1 else None
        return self._held.get(kid)

    async def _read(self) -> dict[str, Key]:
        """Return the keys as they are now; none where they cannot be had, which is logged."""
        try:
            if self.ehr.keys:
                return public_keys(self.ehr.keys.read_bytes())
            return public_keys(await self._fetch())
        except (OSError, httpx.HTTPError, TokenError) as error:
            LOG.warning("the keys of %s cannot be read: %s", self.ehr.name, type(error).__name__)
            return {}

    async def _fetch(self) -> bytes:
        body = bytearray()
        async with self.client().stream("GET", self.ehr.jwks, timeout=SECONDS) as response:
            if response.status_code != httpx.codes.OK:
                raise TokenError(f"status {response.status_code}")
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST_SET:
                    raise TokenError("the key set is too large")
        return bytes(body)


def public_keys(text: bytes) -> dict[str, Key]:
    """Return the signing keys of a JWK Set by their ids; raises TokenError where it is none."""
    try:
        sent = msgspec.json.decode(text, type=dict[str, list[dict[str, Any]]])["keys"]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError) as error:
        raise TokenError("this is no JWK Set") from error
    found: dict[str, Key] = {}
    for one in sent:
        if one.get("kty") not in ("EC", "RSA") or one.get("use", "sig") != "sig":
            continue
        try:
            key = import_key(one)
        except (JoseError, ValueError, KeyError):  # a key that cannot be read is no key
            continue
        if isinstance(key, ECKey | RSAKey):
            found[str(one.get("kid", ""))] = key
    return found


class Verifier:
    """Lets calls in that a registered EHR signed."""

    def __init__(
        self,
        ehrs: Sequence[Ehr],
        base_url: str,
        client: Client,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = {ehr.issuer: Keys(ehr, client) for ehr in ehrs if ehr.issuer}
        self._base = base_url.rstrip("/")
        self._clock = clock
        self._used: dict[tuple[str, str], float] = {}

    @property
    def any(self) -> bool:
        """Tell whether there is an EHR whose tokens can be verified."""
        return bool(self._keys)

    async def verify(self, authorization: str, path: str) -> Ehr:
        """Return the EHR that signed the call of a path; raises TokenError where none did."""
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > LARGEST_TOKEN:
            raise TokenError("there is no bearer token")
        outer, issuer = _unverified(token)
        keys = self._keys.get(issuer)
        if keys is None:
            raise TokenError("its issuer is not registered")
        ehr = keys.ehr
        if outer.alg not in ehr.algorithms:
            raise TokenError("its algorithm is not allowed")
        if outer.jku and ehr.jwks and outer.jku != ehr.jwks:
            raise TokenError("its jku is not the registered one")
        key = await keys.find(outer.kid)
        claims = self._claims(token, key, ehr, path)
        self._once(ehr.issuer, str(claims["jti"]), float(claims["exp"]))
        return ehr

    def _claims(self, token: str, key: Key, ehr: Ehr, path: str) -> Mapping[str, Any]:
        """Return the claims of a token whose signature and claims hold."""
        now = self._clock()
        ours = [self._base + path]
        for alias in ehr.audience:
            ours += [alias, alias + path]
        registry = jwt.JWTClaimsRegistry(
            now=int(now),
            leeway=LEEWAY,
            iss={"essential": True, "value": ehr.issuer},
            aud={"essential": True, "values": ours},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )
        try:
            # decode alone takes expired tokens, and ES384 only where it is listed
            claims = jwt.decode(token, key, algorithms=list(ehr.algorithms)).claims
            registry.validate(claims)
        except (JoseError, ValueError, RecursionError) as error:
            raise TokenError(f"it does not hold: {type(error).__name__}") from error
        if not claims["exp"] <= now + LONGEST + LEEWAY:  # not a number is refused, too
            raise TokenError("it would live too long")
        return claims

    def _once(self, issuer: str, jti: str, until: float) -> None:
        """Remember a token until nobody would take it any more; raises TokenError the second time.

        The list is of this process: `uptake serve` is one.
        """
        now = self._clock()
        if len(self._used) >= REMEMBERED:
            self._used = {key: end for key, end in self._used.items() if end > now}
        if len(self._used) >= REMEMBERED:
            raise TokenError("too many tokens at once")
        if self._used.get((issuer, jti), now) > now:
            raise TokenError("it was used before")
        self._used[issuer, jti] = until + LEEWAY + 1


def _unverified(token: str) -> tuple[_Outer, str]:
    """Return the header of a token and its issuer, as it claims; raises TokenError for no JWT."""
    parts = token.split(".")
    if len(parts) != 3:
        raise TokenError("it is no signed JWT")
    try:
        outer = msgspec.json.decode(_decoded(parts[0]), type=_Outer)
        inner = msgspec.json.decode(_decoded(parts[1]), type=_Inner)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise TokenError("it is no JWT") from error
    return outer, inner.iss


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
