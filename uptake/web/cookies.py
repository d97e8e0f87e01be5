"""The keys a browser holds for us inside an EHR's frame. In: a site's address; out: cookies.

A frame of another site sends a cookie only with `SameSite=None; Secure`, and browsers that block
or part third-party cookies keep one that says `Partitioned`: it is then of this page inside this
EHR only. Over plain http, which is for one machine alone, ports do not part sites, and Lax does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

BROWSER = "uptake-launch"
"""Binds a launch under way to the browser it began in."""
SESSION = "uptake-session"
DAY = 24 * 60 * 60


def cookie(request: Request, base_url: str, name: str) -> str:
    """Return what a cookie of ours holds, empty where the browser has none."""
    return request.cookies.get(_named(base_url, name), "")


def set_cookie(response: Response, base_url: str, name: str, value: str) -> None:
    """Give the browser a key that no script reads, for a day at most."""
    _write(response, base_url, name, value, DAY)


def drop_cookie(response: Response, base_url: str, name: str) -> None:
    """Take a key back."""
    _write(response, base_url, name, "", 0)


def _write(response: Response, base_url: str, name: str, value: str, seconds: int) -> None:
    # Written by hand: Python 3.14 is the first whose cookies know Partitioned.
    place = "SameSite=None; Secure; Partitioned" if _secure(base_url) else "SameSite=Lax"
    response.headers.append(
        "set-cookie",
        f"{_named(base_url, name)}={value}; Path=/; Max-Age={seconds}; HttpOnly; {place}",
    )


def _named(base_url: str, name: str) -> str:
    """Return the name; behind https no other host and no plain page can set one of it."""
    return f"__Host-{name}" if _secure(base_url) else name


def _secure(base_url: str) -> bool:
    return base_url.startswith("https://")
