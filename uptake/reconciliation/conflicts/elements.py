"""Elements of a resource that several comparisons read. In: FHIR JSON; out: codes, days, parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

Resource = Mapping[str, Any]
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_DECEMBER = 12


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


def days_of(at: object) -> tuple[date | None, date | None]:
    """Return the first and the last day that a date, partial or not, can be; None of no date."""
    found = _PARTIAL.match(str(at or ""))
    if not found:
        return None, None
    year, month, day = (int(part) if part else 0 for part in found.groups())
    try:
        first = date(year, month or 1, day or 1)
        if day:
            return first, first
        turns = month in (0, _DECEMBER)
        over = date(year + 1, 1, 1) if turns else date(year, month + 1, 1)
    except ValueError:
        return None, None
    return first, over - timedelta(days=1)
