"""Adoption. In: a use case, or none; out: who uses it, who sees it, why it is passed over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.model import Stage
from uptake.web import usage
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.web.site import Site


def index(request: Request) -> Response:
    """Show who uses each use case, or one of them."""
    site = site_of(request)
    if site.run() is None:
        return no_run(request)
    code = request.query_params.get("use_case", "")
    if code:
        return _one(request, site, code)
    chains = site.chains()
    lines = site.told("adoption", partial(usage.lines, chains=chains))
    least = lines[0].chain
    return page(
        request,
        "adoption.html",
        lines=lines,
        lead=usage.lead(lines),
        drawing=usage.used_by_case(lines),
        action=f"Look at who uses {least.title}",
        link=f"/adoption?use_case={quote(least.use_case)}",
    )


def _one(request: Request, site: Site, code: str) -> Response:
    chain = next((c for c in site.chains() if c.use_case == code), None)
    if chain is None:
        raise HTTPException(404)
    case = site.definitions().use_cases[code]
    return page(
        request,
        "adoption_case.html",
        chain=chain,
        used=usage.stage_of(chain, Stage.USED),
        found=site.told(f"adoption {code}", partial(usage.usage, chain=chain, case=case)),
    )


routes = [Route("/adoption", index)]
