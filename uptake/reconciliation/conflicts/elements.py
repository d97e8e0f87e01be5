"""Elements of a resource that several comparisons read. In: FHIR JSON; out: codes, days, parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Resource = Mapping[str, Any]


def inside(parent: Resource, name: str) -> Resource:
    """Return a member that is an object, empty where it is none."""
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}


def codings_in(concept: Resource) -> Iterator[tuple[str, str]]:
    """Yield system and code of each coding that has a code; a system may be empty."""
    for coding in concept.get("coding") or ():
        if coding.get("code"):
            yield str(coding.get("system") or ""), str(coding["code"])


def codes_in(concept: Resource) -> Iterator[str]:
    """Yield the codes of a concept, of whichever system."""
    return (code for _, code in codings_in(concept))


def displays_in(concept: Resource) -> Iterator[str]:
    """Yield the names of a concept's codes."""
    return (str(c["display"]) for c in concept.get("coding") or () if c.get("display"))
