"""The chain. In: the chains of every use case; out: the front page, a use case, status as JSON."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from uptake.web import run as runs
from uptake.web import strips, words
from uptake.web.outcome import measures
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import Chain
    from uptake.rollout.situation import Situation
    from uptake.web.site import Site

WORK_LISTS = {
    "care-gap-closure": ("/visits", "Open gaps of the next visits"),
    "prior-authorization": ("/authorizations", "Authorizations by their clocks"),
}
"""The page on which staff work on a use case, and what it is called."""


def index(request: Request) -> Response:
    """Show how far each use case gets."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    chains = site.chains()
    return page(
        request,
        "index.html",
        chains=chains,
        lead=words.headline(chains),
        technical=site.told("technical", partial(_technical, site, run)),
        people=site.told("people", strips.people),
    )


def use_case(request: Request) -> Response:
    """Show one use case: its chain, why it stalls, and what to fix."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    chain = _chain(site, request.path_params["code"])
    summary = site.of_run("summary", lambda: runs.read_summary(run))
    case = site.definitions().use_cases.get(chain.use_case)
    fitness = next((c for c in summary.use_cases if c.code == chain.use_case), None)
    return page(
        request,
        "use_case.html",
        chain=chain,
        case=case,
        fitness=fitness,
        work_list=WORK_LISTS.get(chain.use_case),
        drawings=site.told(f"measures {chain.use_case}", partial(measures, case=case))
        if case
        else (),
    )


def status(request: Request) -> Response:
    """Answer with the chain of every use case, as `uptake status --json` says it."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return JSONResponse({"error": "there is no run yet", "then": "run `uptake assess`"}, 503)
    summary = site.of_run("summary", lambda: runs.read_summary(run))
    return JSONResponse(
        {
            "run": summary.run,
            "as_of": summary.as_of,
            "use_cases": [asdict(chain) for chain in site.chains()],
        }
    )


def _technical(site: Site, run: Path, situation: Situation) -> strips.Technical:
    summary = site.of_run("summary", lambda: runs.read_summary(run))
    return strips.technical(summary, site.project.feeds, situation)


def _chain(site: Site, code: str) -> Chain:
    found = next((chain for chain in site.chains() if chain.use_case == code), None)
    if found is None:
        raise HTTPException(404)
    return found


routes = [
    Route("/", index),
    Route("/use-cases/{code}", use_case),
    Route("/api/status", status),
]
