"""Who is signed in. In: an id_token and the keys of its issuer; out: the clinician's reference.

`joserfc.jwt.decode` alone takes an expired token and any algorithm: the list of algorithms and the
registry of claims are what makes it safe. https://openid.net/specs/openid-connect-core-1_0.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from uptake.delivery.ehr import ALGORITHMS
from uptake.delivery.smart.asking import ask
from uptake.delivery.smart.errors import LaunchError

if TYPE_CHECKING:
    import httpx

    from uptake.delivery.smart.configuration import Configuration

LEEWAY = 60
"""Seconds two clocks may be apart."""
OLDEST = 600
"""Seconds since an id_token was made: a launch takes less."""
CLINICIANS = frozenset({"Practitioner", "PractitionerRole"})
"""Who may see a clinician's panel; a Person may be anybody, so it is not enough."""
_USER = re.compile(
    r"(?:(?P<base>https?://\S+)/)?(?P<reference>(?P<type>Practitioner|PractitionerRole|Patient|"
    r"RelatedPerson|Person)/[A-Za-z0-9\-.]{1,64})"
)


async def read_keys(client: httpx.AsyncClient, at: Configuration) -> KeySet:
    """Return the keys an EHR signs with; raises LaunchError where there are none."""
    answer = await ask(client, at.jwks)
    try:
        return KeySet.import_key_set(answer.content)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise LaunchError("The EHR's keys cannot be read. Tell its team.") from error


def signed_in(id_token: str, keys: KeySet, at: Configuration, *, client: str, nonce: str) -> str:
    """Return the reference of the clinician who is signed in, as in `Practitioner/id`.

    Raises LaunchError for a token that is not for us, and where no clinician is signed in.
    """
    try:
        claims = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS)).claims
        now = int(time.time())
        jwt.JWTClaimsRegistry(
            now=now,
            leeway=LEEWAY,
            iss={"essential": True, "values": [at.issuer]},
            aud={"essential": True, "value": client},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise LaunchError(_NOT_PROVED, refused=True) from error
    if _old(claims, now) or not _for_us_only(claims, client):
        raise LaunchError(_NOT_PROVED, refused=True)
    return _user(claims, at.iss)


_NOT_PROVED = "The EHR did not prove who is signed in. Open the panel again."


def _old(claims: Mapping[str, Any], now: int) -> bool:
    return float(claims["iat"]) < now - OLDEST - LEEWAY


def _for_us_only(claims: Mapping[str, Any], client: str) -> bool:
    """Tell whether a token for several was made for this client."""
    audience = claims["aud"]
    alone = isinstance(audience, str) or len(audience) == 1
    return bool(claims.get("azp", client if alone else None) == client)


def _user(claims: Mapping[str, Any], iss: str) -> str:
    """Return the clinician that `fhirUser` names.

    Raises LaunchError where it names nobody of the EHR's server, or somebody who is no clinician.
    """
    said = claims.get("fhirUser") or claims.get("profile") or ""
    found = _USER.fullmatch(said) if isinstance(said, str) else None
    if found is None or found["base"] not in (None, iss):
        raise LaunchError("The EHR does not say which clinician is signed in. Tell its team.")
    if found["type"] not in CLINICIANS:
        raise LaunchError(
            "This panel is for clinicians, and the EHR says that somebody else is signed in. "
            "Sign in to the EHR as a clinician.",
            refused=True,
        )
    return found["reference"]
