"""The client's private keys. In: a file, JWK or PEM; out: a key that signs, its public half.

`openssl ecparam -name secp384r1 -genkey -noout -out uptake-key.pem` makes one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from uptake.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

Key = ECKey | RSAKey
BY_CURVE = {"P-384": "ES384", "P-256": "ES256"}
"""What SMART asks for is ES384 and RS384; a key on P-256 can only do its own."""


def read_key(path: Path) -> Key:
    """Return a private key; raises SourceError where the file holds none."""
    try:
        text = path.read_text("utf-8").strip()
        found: Any = msgspec.json.decode(text) if text.startswith("{") else text
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: this key cannot be read; write a JWK or PEM") from error
    for kind in (ECKey, RSAKey):
        try:
            key: Key = kind.import_key(found)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key.is_private:
            return key
    raise SourceError(f"{path}: this is no private key of the kinds EC and RSA")


def algorithm_of(key: Key) -> str:
    """Return the algorithm a key signs with."""
    return BY_CURVE.get(str(key.as_dict(private=False).get("crv")), "RS384")


def kid_of(key: Key) -> str:
    """Return the name a key is published under: its own, or its thumbprint (RFC 7638)."""
    return str(key.kid or key.thumbprint())


def public_keys(keys: Iterable[Key]) -> dict[str, Any]:
    """Return the public halves as a JWK Set, for EHRs to verify our assertions with."""
    return {
        "keys": [
            {**k.as_dict(private=False), "use": "sig", "alg": algorithm_of(k), "kid": kid_of(k)}
            for k in keys
        ]
    }
