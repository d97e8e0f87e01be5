"""What the rollout pages of a use case share. In: a request; out: the use case, its page, days."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException

from uptake.rollout.facts import facts
from uptake.rollout.gates import Gate, judge_gates
from uptake.runs import history
from uptake.web.templating import page, site_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import Measure, UseCase
    from uptake.rollout.conditions import GateFacts
    from uptake.web.forms import Form
    from uptake.web.site import Site

TABS = (
    ("charter", "Charter"),
    ("map", "Map of the work"),
    ("people", "People"),
    ("gates", "Gates"),
)


def case_of(request: Request) -> UseCase:
    """Return the use case of an address, or raise HTTPException 404."""
    found = site_of(request).definitions().use_cases.get(request.path_params["code"])
    if found is None:
        raise HTTPException(404)
    return found


def measures_of(site: Site, case: UseCase) -> list[Measure]:
    """Return the measures of a use case."""
    return [m for m in site.definitions().measures.values() if m.use_case == case.code]


def own_page(
    request: Request, template: str, case: UseCase, form: Form, /, **values: Any
) -> Response:
    """Return a page of a use case; with faults it is shown again, and nothing was kept."""
    return page(
        request,
        template,
        400 if form.faults else 200,
        case=case,
        sent=form,
        who=form.who,
        tabs=TABS,
        **values,
    )


def facts_of(site: Site, code: str) -> GateFacts:
    """Return what the gates of a use case look at."""
    return site.told(
        f"rollout {code}", lambda situation: facts(situation, code, history(site.project))
    )


def gates_of(site: Site, code: str) -> tuple[Gate, ...]:
    """Return the gates of a use case, first to last."""
    return judge_gates(facts_of(site, code))


def today(site: Site) -> date:
    """Return the day a form proposes: the data's, unless that is still to come."""
    return min(site.now(), site.real_now()).date()
