"""The gates. In: conditions with their evidence, decisions; out: what is shut, waivers, passing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import Route

from uptake.rollout.conditions import REVIEW, GateStage, Waiver
from uptake.rollout.gates import decide, review_outcome, waive
from uptake.web.forms import Form, done, opened, posted
from uptake.web.templating import site_of
from uptake.web.views.rollout.frame import case_of, facts_of, gates_of, own_page, today
from uptake.web.views.rollout.index import case_lead, following, stand

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.rollout.gates import Gate
    from uptake.web.site import Site


def show(request: Request) -> Response:
    """Show every gate with its conditions."""
    return _page(request, opened(request))


def _page(request: Request, form: Form) -> Response:
    site, case = site_of(request), case_of(request)
    gates, facts = gates_of(site, case.code), facts_of(site, case.code)
    stands = tuple(stand(g, facts.today) for g in gates)
    return own_page(
        request,
        "gates.html",
        case,
        form,
        stands=stands,
        lead=case_lead(stands),
        next=following(gates),
        today=today(site),
        as_of=facts.today,
        reviewed=next((d for d in facts.decisions if d.stage == REVIEW), None),
    )


def _take(request: Request, form: Form) -> Response:
    site, case = site_of(request), case_of(request)
    kind, _, rest = form.name.partition("-")
    if kind == "decide" and rest in list(GateStage):
        _decide(site, case, form, GateStage(rest))
    elif kind == "waive":
        rest = _waive(site, case, form, rest)
    elif form.name == "review":
        rest = GateStage.SUSTAIN.value
        _review(site, case, form)
    else:
        form.fault("Choose what to do.", "by")
    if form.faults:
        return _page(request, form)
    return done(form, f"/rollout/{case.code}/gates#{rest}")


def _decide(site: Site, case: UseCase, form: Form, stage: GateStage) -> None:
    gate = next(g for g in gates_of(site, case.code) if g.stage == stage)
    _signed(form, "Who decides? A name is needed.")
    if day := form.day("day"):
        form.attempt(partial(decide, site.state, gate, day, form.who.name, site.real_now()), "day")


def _review(site: Site, case: UseCase, form: Form) -> None:
    _signed(form, "Who reviewed it? A name is needed.")
    if day := form.day("day"):
        form.attempt(
            partial(review_outcome, site.state, case.code, day, form.who.name, site.real_now()),
            "day",
        )


def _signed(form: Form, asked: str) -> None:
    if not form.who.name:
        form.fault(asked, "by")


def _waive(site: Site, case: UseCase, form: Form, asked: str) -> str:
    """Keep a waiver; returns the gate that it is of."""
    gate, condition = _condition(gates_of(site, case.code), asked)
    until = form.day("until")
    if until:
        one = Waiver(gate, condition, form.text("reason"), until, form.who.name, site.real_now())
        form.attempt(
            partial(waive, site.state, case.code, one, facts_of(site, case.code).today),
            *(name for name in ("reason", "by") if not form.text(name)),
            "until",
        )
    return gate


def _condition(gates: tuple[Gate, ...], asked: str) -> tuple[str, str]:
    """Return gate and condition of `go-live-fitness`; of an unknown one, empty texts."""
    known = {
        f"{gate.stage}-{condition.code}": (gate.stage.value, condition.code)
        for gate in gates
        for condition in gate.conditions
    }
    return known.get(asked, ("", ""))


routes = [
    Route("/rollout/{code}/gates", show),
    Route("/rollout/{code}/gates", posted(_take), methods=["POST"]),
]
