"""Elements of a resource as it was sent. In: decoded JSON of anybody; out: what R4 says is there.

What a stranger sends may be anything anywhere, so each of these gives nothing for what is not of
its kind, and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

Element = Mapping[str, Any]
_PARTIAL = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?")
_DECEMBER = 12


def parts(sent: object) -> Element:
    """Return what was sent where an object belongs; empty where it is none."""
    return sent if isinstance(sent, dict) else {}  # a fifth of the time of asking for a Mapping


def members(sent: object) -> list[Element]:
    """Return the objects of what was sent where an array of them belongs."""
    return [one for one in sent if isinstance(one, dict)] if isinstance(sent, list) else []


def codings(concept: object) -> list[tuple[str, str]]:
    """Return the (system, code) pairs of a CodeableConcept."""
    listed = members(parts(concept).get("coding"))
    return [(str(c.get("system", "")), str(c.get("code", ""))) for c in listed]


def words_of(concept: object) -> str:
    """Return how a CodeableConcept is called: its text, else its first display, else its code."""
    held = parts(concept)
    listed = members(held.get("coding"))
    names = [
        held.get("text"),
        *(c.get("display") for c in listed),
        *(c.get("code") for c in listed),
    ]
    return next((str(name) for name in names if name), "")


def reference_of(reference: object) -> str:
    """Return `Type/id` of a reference, without its server and version; else empty."""
    text = str(parts(reference).get("reference") or "").split("/_history/")[0]
    *_, kind, name = ["", "", *text.split("/")]
    return f"{kind}/{name}" if kind and name and not text.startswith("#") else ""


def id_of(reference: object, kind: str) -> str:
    """Return the id that a reference to a type names, empty where it names none."""
    before, _, name = reference_of(reference).partition("/")
    return name if before == kind else ""


def name_of(resource: Element) -> str:
    """Return `Type/id` of a resource."""
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def instant(text: object) -> datetime | None:
    """Return an instant; None for a day, a time without a zone, and what is no time."""
    try:
        at = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def day_of(text: object) -> date | None:
    """Return the civil day of a date or date-time as it was sent; None where it has none."""
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None


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


def extensions(element: object, url: str) -> Iterator[Element]:
    """Yield the extensions of an element with an url."""
    for one in members(parts(element).get("extension")):
        if one.get("url") == url:
            yield one


def value_of(extension: Element) -> Any:
    """Return the value of an extension, whatever its type; None where it has none."""
    return next((held for name, held in extension.items() if name.startswith("value")), None)
