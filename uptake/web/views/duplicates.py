"""Who may be registered twice. In: findings of the DUP checks; out: pairs for a person to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from uptake.report.figures import Figures
from uptake.web import run as runs
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def index(request: Request) -> Response:
    """Show the records that may be one patient twice."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    pairs = site.of_run("pairs", lambda: runs.pairs(run))
    checks = site.definitions().checks
    found: dict[str, list[runs.Pair]] = {}
    for pair in pairs:
        found.setdefault(pair.check, []).append(pair)
    records = {(pair.feed, name) for pair in pairs for _, name in pair.records}
    told = f"{Figures().count(len(records), 'records')} may be the same patient as another one"
    return page(
        request,
        "duplicates.html",
        groups=[(checks[code], rows) for code, rows in found.items() if code in checks],
        shown=runs.CLUSTERS_SHOWN,
        lead=f"{told}; nothing is merged here."
        if pairs
        else "No two records were found that may be one patient.",
    )


routes = [Route("/patients/review", index)]
