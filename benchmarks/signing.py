"""In: a project, a path. Out: an EHR that may call the project, and the tokens its calls carry."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER = "https://ehr.example"
BASE = "https://uptake.example"
KEY = ECKey.generate_key("P-384", {"kid": "1", "use": "sig"})
SECONDS = 900  # the longest life of a token that is taken


def register(project: Path, fhir: str = "") -> None:
    """Make one EHR the only one that may call a project, with tokens made out to BASE."""
    toml = (project / "uptake.toml").read_text("utf-8").split("[[ehr]]")[0]
    if "[web]" not in toml:
        toml += f'\n[web]\nbase_url = "{BASE}"\n'
    ehr = f'\n[[ehr]]\nname = "bench"\nissuer = "{ISSUER}"\njwks = "bench-keys.json"\n'
    ehr += f'fhir = "{fhir}"\n' if fhir else ""
    (project / "uptake.toml").write_text(toml + ehr, "utf-8")
    keys = {"keys": [KEY.as_dict(private=False)]}
    (project / "bench-keys.json").write_text(json.dumps(keys), "utf-8")


def token(path: str) -> str:
    """A token for one call of a path."""
    now = int(datetime.now(UTC).timestamp())
    claims = {"iss": ISSUER, "aud": BASE + path, "iat": now, "exp": now + SECONDS,
              "jti": str(uuid4())}  # fmt: skip
    return jwt.encode({"alg": "ES384", "kid": "1"}, claims, KEY, algorithms=["ES384"])
