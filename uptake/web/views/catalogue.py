"""The catalogue of checks. In: definition files; out: what is looked for, and one check, whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.definitions.checks import CATEGORIES
from uptake.findings.impact import use_cases_of
from uptake.web import run as runs
from uptake.web.templating import page, site_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import Check, UseCase
    from uptake.web.site import Site

EXAMPLES = {
    "violates": "Found in these",
    "passes": "Not found in these",
    "ignores": "Says nothing of these",
}
"""What blocks of examples show, as a heading."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A check in the catalogue."""

    check: Check
    use_cases: tuple[UseCase, ...]
    verdict: str
    """What it said of the newest run; empty before the first."""

    @property
    def waits(self) -> str:
        """Return why it cannot run yet; empty: it can."""
        return str(self.check.options.get("unavailable", ""))


def index(request: Request) -> Response:
    """Show every check by category."""
    site = site_of(request)
    entries = site.of_run("catalogue", lambda: _entries(site))
    groups = [
        (category, found)
        for category in (*CATEGORIES, *sorted({e.check.category for e in entries} - {*CATEGORIES}))
        if (found := [e for e in entries if e.check.category == category])
    ]
    return page(request, "catalogue.html", groups=groups, lead=_lead(entries), here="/findings")


def one(request: Request) -> Response:
    """Show one check as its file defines it."""
    site, code = site_of(request), request.path_params["code"]
    entries = site.of_run("catalogue", lambda: _entries(site))
    entry = next((e for e in entries if e.check.code == code), None)
    if entry is None:
        raise HTTPException(404)
    blocks = {
        heading: [e.ndjson.strip() for e in entry.check.examples if e.kind == kind]
        for kind, heading in EXAMPLES.items()
    }
    examples = [(heading, [b for b in told if b]) for heading, told in blocks.items()]
    return page(
        request,
        "definition.html",
        entry=entry,
        check=entry.check,
        examples=examples,
        here="/findings",
    )


def _entries(site: Site) -> tuple[Entry, ...]:
    known, run = site.definitions(), site.run()
    said = {c.code: c.verdict for c in runs.read_summary(run).checks} if run else {}
    return tuple(
        Entry(
            check,
            tuple(known.use_cases[code] for code in use_cases_of(check, known.use_cases.values())),
            said.get(check.code, ""),
        )
        for check in known.checks.values()
    )


def _lead(entries: Sequence[Entry]) -> str:
    waiting = sum(1 for e in entries if e.waits)
    told = f"{len(entries)} checks look for what keeps data from being used"
    if not waiting:
        return f"{told}."
    wait = "waits" if waiting == 1 else "wait"
    return f"{told}; {waiting} of them {wait} for something that is not here yet."


routes = [Route("/checks", index), Route("/checks/{code}", one)]
