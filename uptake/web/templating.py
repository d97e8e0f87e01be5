"""Templates. In: a template's name and values; out: HTML, every value escaped."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from uptake.report.figures import NOT_PEOPLE, Figures, clean, percent, threshold
from uptake.report.page import given, prose, told
from uptake.web import words

if TYPE_CHECKING:
    from starlette.requests import Request

    from uptake.web.site import Site

HERE = Path(__file__).parent
STATIC = HERE / "static"
PAGES = (
    ("/", "Use cases"),
    ("/findings", "Findings"),
    ("/feeds", "Feeds"),
    ("/patients/review", "Duplicates"),
    ("/mappings", "Mappings"),
    ("/adoption", "Adoption"),
    ("/feedback", "Feedback"),
    ("/rollout", "Rollout"),
)


def site_of(request: Request) -> Site:
    """Return the site a request is answered from."""
    found: Site = request.app.state.site
    return found


def page(request: Request, template: str, /, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; `here` is the entry of the navigation it belongs to.

    Templates write an instant with `clock`, by the project's zone, and what clinicians call a feed
    with `title_of`.
    """
    site = site_of(request)
    place = site.place()
    values.setdefault("here", _entry(request.url.path))
    run = site.run()
    values |= {"run_name": run.name if run else "", "clock": place.moment, "title_of": place.called}
    text = environment().get_template(template).render(values)
    return HTMLResponse(text, status)


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    found.filters |= {"told": told, "clean": clean, "given": given, "prose": prose}
    found.globals |= {
        "pages": PAGES,
        "version": version("uptake"),
        "static": _static,
        "figures": Figures(),
        "percent": percent,
        "threshold": threshold,
        "not_people": NOT_PEOPLE,
        "words": words,
    }
    return found


@cache
def _static(name: str) -> str:
    """Return the address of a file of ours; it changes with the file, so browsers may keep it."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


def _entry(path: str) -> str:
    if path.startswith("/use-cases"):
        return "/"
    if path.startswith("/finding"):
        return "/findings"
    return next((p for p, _ in PAGES[1:] if path.startswith(p)), path)
