"""Which code system a URI names. In: a system as sent; out: its canonical URI, is it standard.

How a URI is written (scheme, letter case, slash, version) is settled here; which names are the same
system is in `content/terminology/systems.toml`. What is not known there is a local or vendor
system: it has no canonical URI and is not standard.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from uptake.terminology.check_digits import SNOMED

_EDITION = re.compile(r"snomed\.info/(x?sct/[0-9]{6,18}(?:/version/[0-9]{8})?)\Z")
_OID = re.compile(r"[0-2](\.[0-9]+){3,}\Z")
_V2_OID = "2.16.840.1.113883.12."
_V2_WORD = re.compile(r"hl7([0-9]{4})\Z")
_THO = "http://terminology.hl7.org/CodeSystem/"
_V2 = _THO + "v2-"


@dataclass(frozen=True, slots=True)
class _Table:
    """What systems.toml says, by the key of each name."""

    uris: dict[str, str]
    standards: dict[str, bool]
    families: tuple[tuple[str, str, re.Pattern[str]], ...]
    """Key of a beginning, the URI's beginning, and the pattern of what follows."""


@functools.cache
def _table() -> _Table:
    path = resources.files("uptake") / "content" / "terminology" / "systems.toml"
    read: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    uris: dict[str, str] = {}
    moved = read["moved"]
    uris.update((_key(moved["from"] + name), moved["to"] + name) for name in moved["names"])
    uris.update(_numbered())
    uris.update((oid, read["v3"]["to"] + name) for oid, name in read["v3"]["oids"].items())
    for system in read["system"]:
        for name in (system["uri"], *system.get("aliases", ())):
            uris[_key(name)] = system["uri"]
    families = tuple(
        (_beginning(start), family["uri"], re.compile(rf"{family['rest']}\Z"))
        for family in read["family"]
        for start in (family["uri"], *family.get("was", ()))
    )
    return _Table(uris, {s["uri"]: s["standard"] for s in read["system"]}, families)


def _numbered() -> dict[str, str]:
    """Return the URIs of HL7's v2 and v3 code systems by their OIDs."""
    path = resources.files("uptake") / "content" / "terminology" / "oids.json"
    read: dict[str, str] = json.loads(path.read_text("utf-8"))
    return {oid: _THO + name for oid, name in read.items()}


@functools.lru_cache(maxsize=10_000)
def canonical(system: str) -> str | None:
    """Return the URI that a code system is known by; itself if it is that; None if it is not known.

    The URI of a SNOMED CT edition or version (`http://snomed.info/sct/731000124108`) says more than
    the bare one: it is its own canonical URI. WHO's ICD-10 is its own system: that a feed means
    ICD-10-CM by its URI cannot be told from the URI.
    """
    known = _known(system)
    if known is None and "|" in system:
        known = _known(system.partition("|")[0])
    return known


def is_standard(system: str) -> bool:
    """Return whether a system, however written, is an international or national terminology."""
    uri = canonical(system)
    return uri is not None and _table().standards.get(uri, True)


def code_rules(system: str) -> str | None:
    """Return the URI under which the rules of a system's codes stand; None if it is not known.

    It is the canonical URI, without the edition of SNOMED CT.
    """
    uri = canonical(system)
    return SNOMED if uri is not None and uri.startswith(SNOMED + "/") else uri


def _known(system: str) -> str | None:
    key = _key(system)
    if uri := _table().uris.get(key):
        return uri
    if edition := _EDITION.match(key):
        return "http://snomed.info/" + edition.group(1)
    if key.startswith(_V2_OID) and key.removeprefix(_V2_OID).isdecimal():
        return _V2 + key.removeprefix(_V2_OID).zfill(4)
    if word := _V2_WORD.match(key):
        return _V2 + word.group(1)
    return _of_family(system)


def _of_family(system: str) -> str | None:
    """Return a URI of HL7's; what follows the beginning keeps its case: `v3-ActCode`."""
    text = _bare(system)
    lowered = text.casefold()
    for beginning, uri, rest in _table().families:
        if lowered.startswith(beginning) and rest.match(text[len(beginning) :]):
            return str(uri + text[len(beginning) :])
    return None


def _key(name: str) -> str:
    """Return what all writings of a name have in common."""
    text = _bare(name).casefold()
    if ":" in text or "/" in text or "." in text:
        oid = re.sub(r"^(urn:)?oid:", "", text)
        return oid if _OID.match(oid) else text
    return re.sub(r"[^a-z0-9]", "", text)


def _beginning(uri: str) -> str:
    return re.sub(r"^https?://(www\.)?", "", uri.casefold())


def _bare(name: str) -> str:
    """Return a URI without scheme, `www.`, spaces around it and slashes at its end."""
    text = name.strip().rstrip("/#").rstrip()
    return re.sub(r"^https?:/{1,3}(www\.)?", "", text, flags=re.IGNORECASE)
