"""The map of the work. In: steps that people draw; out: the work today, the design, the places."""

from __future__ import annotations

import re
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.rollout.errors import RolloutError
from uptake.rollout.workflow import (
    CURRENT,
    DESIGN,
    Step,
    mapped,
    newest,
    place,
    placed,
    read_maps,
    read_placements,
    save_map,
)
from uptake.web.forms import Form, done, opened, posted
from uptake.web.templating import site_of
from uptake.web.views.rollout.charter import ROLES
from uptake.web.views.rollout.frame import case_of, own_page, today

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.web.site import Site

FIELDS = ("actor", "action", "system", "data", "surface")
MOST_STEPS = 40
KINDS = {CURRENT: "How it is done today", DESIGN: "How it will be done"}
_STEP = re.compile(r"Step (\d+) ")


def show(request: Request) -> Response:
    """Show both maps, and where each requirement has its place."""
    return _page(request, opened(request))


def _page(request: Request, form: Form) -> Response:
    site, case = site_of(request), case_of(request)
    maps = read_maps(site.state, case.code)
    placements = read_placements(site.state, case.code)
    return own_page(
        request,
        "workflow.html",
        case,
        form,
        result=mapped(case, maps, placements),
        kinds=KINDS,
        drawn={kind: newest(maps, kind) for kind in KINDS},
        earlier=[m for m in reversed(maps) if m is not newest(maps, m.kind)],
        places=placed(maps, placements),
        surfaces=site.definitions().surfaces,
    )


def _place(request: Request, form: Form) -> Response:
    """Keep the places that were changed."""
    site, case = site_of(request), case_of(request)
    maps = read_maps(site.state, case.code)
    held = placed(maps, read_placements(site.state, case.code))
    design, at = newest(maps, DESIGN), site.real_now()
    known = {str(n) for n in range(len(design.steps) + 1)} if design else {"0"}
    asked = {r.code: text for r in case.requirements if (text := form.text(f"step-{r.code}"))}
    if not form.who.name:
        form.fault("Who places it? A name is needed.", "by")
    for code in (code for code, text in asked.items() if text not in known):
        form.fault("Choose a step of the design.", f"step-{code}")
    for code, position in ((c, int(t)) for c, t in asked.items() if t in known):
        if position != held.get(code, 0):
            form.attempt(
                partial(place, site.state, case, code, position, form.who.name, at), f"step-{code}"
            )
    if form.faults:
        return _page(request, form)
    return done(form, f"/rollout/{case.code}/map#places")


def draw(request: Request) -> Response:
    """Show the form of a new version, filled with the newest; a first design begins as today."""
    site, case, kind = site_of(request), case_of(request), _kind(request)
    maps = read_maps(site.state, case.code)
    base = newest(maps, kind) or newest(maps, CURRENT)
    steps = base.steps if base else (Step("", ""),) * 3
    return _form(request, case, opened(request), steps)


def _kind(request: Request) -> str:
    kind: str = request.path_params["kind"]
    if kind not in KINDS:
        raise HTTPException(404)
    return kind


def _form(request: Request, case: UseCase, form: Form, steps: Sequence[Step]) -> Response:
    site, kind = site_of(request), _kind(request)
    maps = read_maps(site.state, case.code)
    return own_page(
        request,
        "workflow_form.html",
        case,
        form,
        kind=kind,
        kinds=KINDS,
        steps=steps,
        last=newest(maps, kind),
        observed=newest(maps, CURRENT) is not None,
        surfaces=_surfaces(site, case),
        today=today(site),
        roles=ROLES,
        most=MOST_STEPS,
    )


def _surfaces(site: Site, case: UseCase) -> dict[str, str]:
    """Return the surfaces by code, those of the use case first."""
    every = site.definitions().surfaces.values()
    return {s.code: s.title for s in sorted(every, key=lambda s: case.code not in s.use_cases)}


def _drawn(request: Request, form: Form) -> Response:
    """Change the rows of the form, or keep what it shows as a new version."""
    case = case_of(request)
    steps = _steps(form)
    what = form.text("do")
    if what != "save":
        return _form(request, case, form, _rearranged(steps, what))
    steps = [step for step in steps if step != Step("", "")]
    day = form.day("dated")
    _save(request, case, form, steps, day)
    if form.faults:
        return _form(request, case, form, steps or [Step("", "")])
    return done(form, f"/rollout/{case.code}/map#{_kind(request)}")


def _steps(form: Form) -> list[Step]:
    """Return the rows as they were sent."""
    text = form.text("rows")
    rows = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
    numbers = range(1, min(rows, MOST_STEPS) + 1)
    return [Step(*(form.text(f"{name}-{n}") for name in FIELDS)) for n in numbers]


def _rearranged(steps: list[Step], what: str) -> list[Step]:
    """Return the rows after `add`, or after `remove-2`, `up-2` or `insert-2`."""
    verb, _, number = what.partition("-")
    if verb == "add":
        return [*steps, Step("", "")][:MOST_STEPS]
    at = int(number) - 1 if number.isascii() and number.isdigit() and len(number) < 4 else -1
    if not 0 <= at < len(steps):
        return steps
    if verb == "remove":
        return steps[:at] + steps[at + 1 :]
    if verb == "insert":
        return [*steps[:at], Step("", ""), *steps[at:]][:MOST_STEPS]
    if verb == "up" and at:
        return [*steps[: at - 1], steps[at], steps[at - 1], *steps[at + 1 :]]
    return steps


def _save(
    request: Request, case: UseCase, form: Form, steps: Sequence[Step], day: date | None
) -> None:
    """Keep a version; without a day the other faults are told all the same."""
    site, kind = site_of(request), _kind(request)
    who = (form.text("observer"), form.text("observer_role"))
    surfaces = site.definitions().surfaces
    if day is None:
        if not steps:
            form.fault("A map has at least one step.", "actor-1")
        return
    try:
        save_map(
            site.state, case.code, kind, day, *who, steps, form.who.name, site.real_now(), surfaces
        )
    except RolloutError as error:
        for sentence in error.faults:
            form.fault(sentence, _field(sentence, form))


def _field(sentence: str, form: Form) -> str:
    """Return the field that a sentence about a map means; of a step, its row."""
    if found := _STEP.match(sentence):
        number = found[1]
        if "surface" in sentence:
            return f"surface-{number}"
        return f"actor-{number}" if "actor" in sentence else f"action-{number}"
    if sentence.startswith("A map has"):
        return "actor-1"
    if "observe" in sentence and not sentence.startswith("The design"):
        return "observer_role" if form.text("observer") else "observer"
    return "dated" if "dated" in sentence else "by"


routes = [
    Route("/rollout/{code}/map", show),
    Route("/rollout/{code}/map", posted(_place), methods=["POST"]),
    Route("/rollout/{code}/map/{kind}", draw),
    Route("/rollout/{code}/map/{kind}", posted(_drawn), methods=["POST"]),
]
