"""How product and practice EHR know each other. In: a demo project, a port; out: `[[ehr]]`, a key.

The practice EHR answers one port above the product. The client's key is made anew with each demo.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from joserfc.jwk import ECKey

from uptake.delivery.smart.keys import Key, read_key

if TYPE_CHECKING:
    from pathlib import Path

KEY = "practice-key.json"
CLIENT = "uptake"
HOST = "127.0.0.1"
PORT = 8000
"""Where the product is served unless somebody says otherwise."""
FEED = "ehr"
"""The feed that is the practice chart."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where both are."""

    port: int
    """The product's."""

    @property
    def product(self) -> str:
        """The product's base URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def practice(self) -> str:
        """The practice EHR's base URL."""
        return f"http://{HOST}:{self.port + 1}"

    @property
    def fhir(self) -> str:
        """The base URL of its FHIR server."""
        return f"{self.practice}/fhir"


def register(folder: Path, port: int) -> None:
    """Add the practice EHR to a project's `uptake.toml`, and write the client's key."""
    key = ECKey.generate_key("P-384", {"use": "sig", "alg": "ES384"}, auto_kid=True)
    path = folder / KEY
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(msgspec.json.encode(key.as_dict(private=True)))
    at = Addresses(port)
    text = f"""
# The practice EHR of `uptake demo --serve`: a chart to call the product from.
[[ehr]]
name = "practice"
issuer = "{at.practice}"
jwks = "{at.practice}/jwks"
fhir = "{at.fhir}"
origin = "{at.practice}"
prefetch_today = true
client_id = "{CLIENT}"
client_key = "{KEY}"
scopes = ["launch", "openid", "fhirUser", "online_access", "patient/*.rs"]
"""
    with (folder / "uptake.toml").open("a", encoding="utf-8") as project:
        project.write(text)


def client_key(folder: Path) -> Key:
    """Return the client's key, whose public half the authorization server knows."""
    return read_key(folder / KEY)
