"""Feedback. In: what people report and do about it; out: the queue, an item, a form, an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from uptake.rollout import feedback
from uptake.rollout.errors import RolloutError
from uptake.web.people import Person, person, remember, typed
from uptake.web.templating import page, site_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.requests import Request

    from uptake.rollout.feedback import Figures, Item
    from uptake.web.site import Site

JSON = "application/json"


class Sent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report as a program sends it."""

    id: str
    kind: str
    text: str
    use_case: str = ""
    about_kind: str = "nothing"
    about: str = ""
    reporter: str = ""
    role: str = ""
    unit: str = ""


class Taken(msgspec.Struct, frozen=True):
    """A report was kept, or it was here already."""

    id: str
    new: bool
    link: str


def index(request: Request) -> Response:
    """Show what was reported, the worst first."""
    site = site_of(request)
    items = site.of_state("feedback", lambda: _queue(site))
    return page(
        request,
        "feedback.html",
        items=items,
        lead=_lead(feedback.figures(items)),
        figures_=feedback.figures(items),
        span=span,
        cases=site.definitions().use_cases,
    )


def _queue(site: Site) -> tuple[Item, ...]:
    return feedback.queue(site.state, site.real_now(), site.definitions().checks)


def _lead(told: Figures) -> str:
    if not told.reports:
        return "Nothing was reported yet."
    open_ = f"{told.open} of {told.reports} reports {'is' if told.open == 1 else 'are'} open"
    answered = f"{told.answered} {'was' if told.answered == 1 else 'were'} answered"
    return f"{open_}; {answered}."


def span(time: timedelta | None) -> str:
    """Return a span as people say it: `3 days`, `5 hours`, `under an hour`."""
    if time is None:
        return "not yet"
    hours = int(time.total_seconds() // 3600)
    if hours < 1:
        return "under an hour"
    if hours < 48:
        return "1 hour" if hours == 1 else f"{hours} hours"
    return f"{hours // 24} days"


def form(request: Request) -> Response:
    """Show the form of a report."""
    return _form(request, {}, person(request), ())


def _form(
    request: Request, given: Mapping[str, str], who: Person, faults: tuple[str, ...]
) -> Response:
    return page(
        request,
        "feedback_form.html",
        400 if faults else 200,
        given=given,
        report=given.get("id") or str(uuid4()),
        kinds=feedback.KINDS,
        cases=site_of(request).definitions().use_cases,
        who=who,
        faults=faults,
    )


def item(request: Request) -> Response:
    """Show one report with its history, and what can be done."""
    return _item(request, person(request), ())


def _item(request: Request, who: Person, faults: tuple[str, ...]) -> Response:
    site = site_of(request)
    found = _find(site, request.path_params["id"])
    return page(
        request,
        "feedback_item.html",
        400 if faults else 200,
        item=found,
        case=site.definitions().use_cases.get(found.use_case),
        checks=site.definitions().checks,
        actions=[(name, label, asks) for name, (label, asks) in _ACTIONS.items()
                 if _may(name, found)],
        who=who,
        span=span,
        faults=faults,
    )  # fmt: skip


def _find(site: Site, key: str) -> Item:
    found = next((i for i in _queue(site) if i.id == key), None)
    if found is None:
        raise HTTPException(404)
    return found


_ACTIONS = {
    "assign": ("Give it to", "Who looks at it?"),
    "change": ("Say what was changed", "What was changed?"),
    "verify": ("Let the newest run verify it", ""),
    "answer": ("Answer the reporter", "What became of it?"),
    "confirm": ("Confirm, as the reporter, that it helps", ""),
    "reopen": ("Open it again", "Why?"),
}


def _may(name: str, found: Item) -> bool:
    """Return whether an action is open to a report as it stands."""
    if name == "answer":
        return True
    if name == "reopen":
        return not found.is_open
    if name == "verify":
        return found.is_open and bool(found.causes) and found.change is not None
    if name == "confirm":
        return found.is_open and (not found.causes or found.verified)
    return found.is_open


async def act(request: Request) -> Response:
    """Do something about a report."""
    sent = await request.form()
    given = {name: value for name, value in sent.items() if isinstance(value, str)}
    return await run_in_threadpool(_act, request, given)


def _act(request: Request, given: Mapping[str, str]) -> Response:
    site, key = site_of(request), request.path_params["id"]
    _find(site, key)
    who = typed(given, person(request))
    try:
        _do(site, key, given.get("action", ""), given.get("note", ""), who.name)
    except RolloutError as error:
        return _item(request, who, error.faults)
    response = RedirectResponse(f"/feedback/{key}", 303)
    remember(response, who)
    return response


def _do(site: Site, key: str, action: str, note: str, by: str) -> None:
    """Take one step; raises RolloutError with every fault."""
    now, run = site.real_now(), site.run()
    if run is not None:  # it may have been reported before there was one
        feedback.link_new(site.state, key, run, now)
    if action == "verify":
        if run is not None:
            verdict = feedback.verify(site.state, key, run, now)
            if verdict.outcome == "cannot tell":
                raise RolloutError([verdict.sentence])
    elif action == "confirm":
        feedback.confirm(site.state, key, by=by, at=now)
    elif action == "assign":
        feedback.assign(site.state, key, note, by=by, at=now)
    elif action == "change":
        feedback.changed(site.state, key, note, by=by, at=now)
    elif action == "answer":
        feedback.answer(site.state, key, note, by=by, at=now)
    elif action == "reopen":
        feedback.reopen(site.state, key, note, by=by, at=now)
    else:
        raise RolloutError(["choose what to do"])


async def take(request: Request) -> Response:
    """Keep a report, sent as a form or as JSON; sent again it is the same report."""
    if request.headers.get("content-type", "").partition(";")[0].strip() == JSON:
        body = await request.body()
        return await run_in_threadpool(_take_json, site_of(request), body)
    sent = await request.form()
    given = {name: value for name, value in sent.items() if isinstance(value, str)}
    return await run_in_threadpool(_take_form, request, given)


def _take_json(site: Site, body: bytes) -> Response:
    try:
        sent = msgspec.json.decode(body, type=Sent)
        new = _keep(site, _report(msgspec.structs.asdict(sent), site.real_now()))
    except (msgspec.DecodeError, RolloutError) as error:
        # The decoder names a field and a type, RolloutError a rule: neither says a value.
        return JSONResponse({"error": str(error), "then": "see /api/openapi.json"}, 400)
    taken = Taken(sent.id, new, f"/feedback/{sent.id}")
    return Response(msgspec.json.encode(taken), 202 if new else 200, media_type=JSON)


def _take_form(request: Request, given: Mapping[str, str]) -> Response:
    site, who = site_of(request), typed(given, person(request))
    values = dict(given) | {"reporter": who.name, "role": who.role, "unit": who.unit}
    faults = [] if given.get("text", "").strip() else ["Say what is wrong."]
    try:
        report = _report(values, site.real_now())
        if not faults:
            _keep(site, report)
    except RolloutError as error:
        faults += error.faults
    if faults:
        return _form(request, given, who, tuple(faults))
    response = RedirectResponse(f"/feedback/{report.id}", 303)
    remember(response, who)
    return response


def _report(given: Mapping[str, str], at: datetime) -> feedback.Report:
    names = ("id", "kind", "use_case", "about_kind", "about", "text", "reporter", "role", "unit")
    values = {name: given.get(name, "") for name in names}
    return feedback.Report(**values | {"about_kind": values["about_kind"] or "nothing"}, at=at)


def _keep(site: Site, report: feedback.Report) -> bool:
    """Keep a report, and link it to what the checks find there.

    One that is sent again is linked if it was not: the first time may have ended in between.
    """
    new = feedback.report(site.state, report)
    run = site.run()
    if run is not None:
        feedback.link_new(site.state, report.id, run, site.real_now())
    return new


routes = [
    Route("/feedback", index),
    Route("/feedback/new", form),
    Route("/feedback/{id}", item),
    Route("/feedback/{id}", act, methods=["POST"]),
    Route("/api/feedback", take, methods=["POST"]),
]
