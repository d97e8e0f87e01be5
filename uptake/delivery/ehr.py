"""The EHRs that may call and be launched from. In: `[[ehr]]` of uptake.toml; out: one each.

    [[ehr]]
    name = "st-mary"                            # the tenant, in logs and events
    issuer = "https://ehr.example.org"          # `iss` of the tokens its calls are signed with
    jwks = "https://ehr.example.org/jwks.json"  # its keys: an address, or a file beside uptake.toml
    fhir = "https://ehr.example.org/fhir"       # the server that is read, and launched from
    origin = "https://chart.example.org"        # whose browser may call, and frame the panel
    algorithms = ["ES384", "RS384"]             # that its tokens may be signed with
    audience = ["https://old.example.org"]      # other names it calls us by, beside base_url
    prefetch_today = false                      # true: it understands {{today() - 90 days}}
    client_id = "uptake"                        # what it knows us by at a SMART launch
    client_key = "uptake-key.json"              # our private key (JWK), for private_key_jwt; or …
    client_secret = "env:UPTAKE_SECRET"         # … where the secret is: env:NAME or file:PATH
    scopes = ["launch", "openid", "fhirUser", "patient/*.rs"]

Everything is read and checked once, when the application starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from uptake.errors import DefinitionError

if TYPE_CHECKING:
    from uptake.project import Project

FILE = "uptake.toml"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
ALGORITHMS = ("ES384", "RS384", "ES256", "RS256")
"""What a token may be signed with; the first two are what CDS Hooks asks for."""
SCOPES = ("launch", "openid", "fhirUser", "patient/*.rs")
_KEYS: Mapping[str, type] = {
    "name": str,
    "issuer": str,
    "jwks": str,
    "fhir": str,
    "origin": str,
    "algorithms": list,
    "audience": list,
    "prefetch_today": bool,
    "client_id": str,
    "client_key": str,
    "client_secret": str,
    "scopes": list,
}
_UNIQUE = ("name", "issuer", "fhir")


@dataclass(frozen=True, slots=True)
class Ehr:
    """One EHR, a tenant; what it did not say is empty."""

    name: str
    issuer: str = ""
    """Who signs the tokens of its calls; empty: its calls carry none that can be verified."""
    jwks: str = ""
    """The address its keys are fetched from; nothing is fetched from any other."""
    keys: Path | None = None
    """The file its keys are in, instead of an address."""
    fhir: str = ""
    """The base URL of its FHIR server, without a slash at the end."""
    origin: str = ""
    algorithms: tuple[str, ...] = ALGORITHMS[:2]
    audience: tuple[str, ...] = ()
    """What it calls us beside our base URL, without a slash at the end."""
    prefetch_today: bool = False
    client_id: str = ""
    client_key: Path | None = None
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = SCOPES


def read_ehrs(project: Project) -> tuple[Ehr, ...]:
    """Return the EHRs of a project; raises DefinitionError naming every fault."""
    faults: list[str] = []
    folder = project.folder or Path()
    found = tuple(_ehr(folder, n, table, faults) for n, table in enumerate(project.ehr, 1))
    for what in _UNIQUE:
        given = [value for one in found if (value := getattr(one, what))]
        twice = sorted({value for value in given if given.count(value) > 1})
        faults += [f"two [[ehr]] have the {what} {value!r}" for value in twice]
    if faults:
        raise DefinitionError([f"{FILE}: {fault}" for fault in faults])
    return found


def _ehr(folder: Path, number: int, table: Mapping[str, Any], faults: list[str]) -> Ehr:
    """Return one EHR; what is wrong with it is added to `faults`."""
    where = f"[[ehr]] {table.get('name') or number}"
    judged = {name: value for name, value in table.items() if _judge(where, name, value, faults)}
    if not judged.get("name"):
        faults.append(f"{where} has no name; write one, as in st-mary")
    jwks = judged.get("jwks", "")
    keys = folder / jwks if jwks and "://" not in jwks else None
    if bool(judged.get("issuer")) != bool(jwks):
        faults.append(f"{where}: issuer and jwks go together: whose tokens, and by which keys")
    for what, path in (("jwks", keys), ("client_key", _path(folder, judged, "client_key"))):
        if path and not path.is_file():
            faults.append(f"{where}: {what}: {path} is not there")
    for what in ("jwks", "fhir", "origin"):
        value = judged.get(what, "")
        if value and not (what == "jwks" and keys) and not is_safe(value):
            faults.append(f"{where}: {what} is {value!r}; write an https address")
    if wrong := set(judged.get("algorithms", ())) - set(ALGORITHMS):
        faults.append(f"{where}: algorithms has {', '.join(sorted(map(str, wrong)))}; "
                      f"known: {', '.join(ALGORITHMS)}")  # fmt: skip
    return Ehr(
        name=judged.get("name", ""),
        issuer=judged.get("issuer", ""),
        jwks="" if keys else jwks,
        keys=keys,
        fhir=judged.get("fhir", "").rstrip("/"),
        origin=judged.get("origin", "").rstrip("/"),
        algorithms=tuple(judged.get("algorithms", ALGORITHMS[:2])),
        audience=tuple(str(one).rstrip("/") for one in judged.get("audience", ())),
        prefetch_today=judged.get("prefetch_today", False),
        client_id=judged.get("client_id", ""),
        client_key=_path(folder, judged, "client_key"),
        client_secret=_secret(folder, where, judged.get("client_secret", ""), faults),
        scopes=tuple(map(str, judged.get("scopes", SCOPES))),
    )


def _judge(where: str, name: str, value: object, faults: list[str]) -> bool:
    """Tell whether a setting is known and of its type; what is wrong is noted."""
    wanted = _KEYS.get(name)
    if wanted is None:
        faults.append(f"{where} has no setting {name!r}; known: {', '.join(_KEYS)}")
    elif not isinstance(value, wanted):
        faults.append(f"{where}: {name} is no {wanted.__name__}")
    return wanted is not None and isinstance(value, wanted)


def is_safe(address: str) -> bool:
    """Tell whether an address is https, or of this machine itself."""
    try:
        parts = urlsplit(address)
        name = parts.hostname or ""
    except ValueError:
        return False
    return bool(name) and (parts.scheme == "https" or (parts.scheme == "http" and name in LOOPBACK))


def _path(folder: Path, table: Mapping[str, Any], name: str) -> Path | None:
    return folder / table[name] if table.get(name) else None


def _secret(folder: Path, where: str, source: str, faults: list[str]) -> str:
    """Return the secret that is at `env:NAME` or `file:PATH`; the project file holds none."""
    if not source:
        return ""
    kind, _, what = source.partition(":")
    if kind == "env":
        found = os.environ.get(what, "")
    elif kind == "file" and (folder / what).is_file():
        found = (folder / what).read_text("utf-8").strip()
    else:
        found = ""
    if not found:
        faults.append(f"{where}: client_secret is not at its place; write env:NAME or file:PATH")
    return found
