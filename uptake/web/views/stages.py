"""One stage of a chain, opened. In: a situation; out: its number, what it is made of, one row."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.web import evidence, words
from uptake.web.record import as_sent
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.rollout.situation import Situation
    from uptake.web.evidence import Opened


def stage(request: Request) -> Response:
    """Show what the number of a stage is made of."""
    site, code = site_of(request), request.path_params["code"]
    if site.run() is None:
        return no_run(request)
    chain = next((c for c in site.chains() if c.use_case == code), None)
    named = request.path_params["stage"]
    results = chain.stages if chain else ()
    result = next((s for s in results if words.slug(s.stage) == named), None)
    if chain is None or result is None:
        raise HTTPException(404)
    case = site.definitions().use_cases[code]
    found = site.told(f"stage {code} {named}", partial(evidence.shown, case=case, result=result))
    return page(
        request,
        "stage.html",
        chain=chain,
        result=result,
        question=words.QUESTIONS[result.stage],
        found=found,
        stall=chain.stall if chain.stall and chain.stall.stage == result.stage else None,
    )


def unit(request: Request) -> Response:
    """Show one unit, with the records that keep it from being fit."""
    return _opened(request, evidence.unit, "fit")


def opportunity(request: Request) -> Response:
    """Show one opportunity, and what happened."""
    return _opened(request, evidence.opportunity, "delivered")


def _opened(
    request: Request,
    read: Callable[[Situation, UseCase, str], Opened | None],
    slug: str,
) -> Response:
    site, code, key = site_of(request), request.path_params["code"], request.path_params["key"]
    case = site.definitions().use_cases.get(code)
    if site.run() is None or case is None:
        raise HTTPException(404)
    found = site.told(f"{slug} {code} {key}", lambda situation: read(situation, case, key))
    if found is None:
        raise HTTPException(404)
    records = [
        (f"{kind}/{name} of {feed}", as_sent(site.store(), feed, kind, name))
        for feed, kind, name in found.records
    ]
    return page(request, "opened.html", case=case, found=found, slug=slug, records=records)


routes = [
    Route("/use-cases/{code}/unit/{key}", unit),
    Route("/use-cases/{code}/opportunity/{key}", opportunity),
    Route("/use-cases/{code}/{stage}", stage),
]
