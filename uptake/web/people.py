"""Who sits at the screen. In: what was typed; out: a name, kept in a cookie, never a proof.

This version has no sign-in: a name says who is asked when something is unclear, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

COOKIE = "uptake_person"
LONGEST = 80
YEAR = 365 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Person:
    """A name as it was typed, with role and unit where these were asked."""

    name: str = ""
    role: str = ""
    unit: str = ""


def person(request: Request) -> Person:
    """Return who was last typed at this browser."""
    parts = [unquote(part)[:LONGEST] for part in request.cookies.get(COOKIE, "").split("&")]
    return Person(*[*parts, "", "", ""][:3])


def typed(form: Mapping[str, object], known: Person) -> Person:
    """Return who a form names; a field it has not is as known."""

    def field(name: str, otherwise: str) -> str:
        value = form.get(name, otherwise)
        return " ".join(value.split())[:LONGEST] if isinstance(value, str) else otherwise

    return Person(field("by", known.name), field("role", known.role), field("unit", known.unit))


def remember(response: Response, who: Person) -> None:
    """Keep a name for the next form; no script reads it, and no other page sends it."""
    value = "&".join(quote(part, safe="") for part in (who.name, who.role, who.unit))
    response.set_cookie(COOKIE, value, max_age=YEAR, httponly=True, samesite="strict")
