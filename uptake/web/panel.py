"""The panel in the EHR. In: a card's key or a SMART session; out: a page, answers, reports, events.

It works without scripts; one script tells how long sections were on the screen. A form carries the
view it was made for: when the browser has opened the chart of another patient, it changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from uptake.delivery.answers import (
    Answer,
    Given,
    answers_of,
    asked_of,
    choice_of,
    record_answer,
)
from uptake.delivery.cases import Case, Facts, Got
from uptake.delivery.hooks import Context
from uptake.delivery.panel import (
    HOOK,
    Look,
    Sources,
    Viewer,
    build_sections,
    of_card,
    of_session,
    panel_services,
    record_look,
    record_view,
    shared_notes,
)
from uptake.delivery.prefetch import resolve
from uptake.delivery.reads import read_all
from uptake.delivery.smart.errors import LaunchError
from uptake.model import Action
from uptake.resources.elements import members
from uptake.rollout import feedback
from uptake.rollout.errors import RolloutError
from uptake.web.cds import known_of
from uptake.web.people import person
from uptake.web.smart import closed, launches_of, session_of
from uptake.web.templating import page, site_of

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from uptake.delivery.cases import Known, Service
    from uptake.delivery.smart.sessions import Session
    from uptake.web.site import Site

BANNER = "banner"
"""The key of the Patient that is read where the EHR shows no banner."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A panel that may be shown: to whom, and what was read for it from the EHR."""

    viewer: Viewer
    session: Session | None = None
    facts: Mapping[str, Facts] = field(default_factory=dict)


async def show(request: Request) -> Response:
    """Show what differs from the chart, who said so and when."""
    try:
        opened = await _open(request)
    except LaunchError as error:
        return closed(request, error)
    if opened is None:
        return _nothing_open(request)
    return await run_in_threadpool(_show, request, opened)


async def _open(request: Request) -> Opened | None:
    """Return the panel a request may see: a card's by its link, or the session's."""
    site, now = site_of(request), site_of(request).now()
    if uuid := request.query_params.get("card", ""):
        viewer = await _by_card(request, uuid)
        return Opened(viewer) if viewer else None
    session = session_of(request)
    if session is None:
        return None
    session = await launches_of(request).renewed(session)
    viewer = await run_in_threadpool(of_session, site.state, session, now)
    facts = await _read(request, session, now)
    return Opened(viewer, session, facts)


async def _by_card(request: Request, uuid: str) -> Viewer | None:
    """Return who was shown a card; nobody where every EHR signs its clinicians in."""
    ehrs = launches_of(request).ehrs
    if ehrs and all(ehr.issuer and ehr.client_id for ehr in ehrs):
        return None
    site = site_of(request)
    return await run_in_threadpool(of_card, site.state, uuid, site.now())


async def _read(request: Request, session: Session, now: datetime) -> dict[str, Facts]:
    """Return what the services need, read from the EHR with the session's token, all at once."""
    context = Context(session.patient, session.user, session.encounter or None)
    queries = {
        f"{service.id} {need.key}": query
        for service in panel_services(site_of(request).project.folder)
        for need in service.needs
        if (query := resolve(need.query, context, now))
    }
    if session.tokens.banner and (query := resolve("Patient/{{context.patientId}}", context, now)):
        queries[BANNER] = query
    client, token = launches_of(request).http(), session.tokens.access
    return await read_all(client, session.ehr.fhir, token, queries, session.patient)


@dataclass(frozen=True, slots=True)
class Refused:
    """A report that was not kept, as it was sent, and why."""

    faults: tuple[str, ...] = ()
    ticked: tuple[str, ...] = ()
    text: str = ""


def _show(request: Request, opened: Opened, refused: Refused = Refused()) -> Response:
    site, viewer, now = site_of(request), opened.viewer, site_of(request).now()
    known = known_of(site, viewer.patient)
    sections = build_sections(
        panel_services(site.project.folder),
        viewer.use_case,
        partial(_case, viewer, opened.facts, known, now, site.project.titles),
        partial(answers_of, site.state, viewer.patient),
        _sources(site),
    )
    ahead = request.headers.get("sec-purpose", "").split(";")[0] == "prefetch"
    if request.method == "GET" and not ahead:
        first = viewer.use_case or (sections[0].use_case if sections else "")
        record_view(site.state, viewer, first, now)
    return page(
        request,
        "panel.html",
        400 if refused.faults else 200,
        viewer=viewer,
        sections=sections,
        known=known,
        banner=_banner(opened),
        signed_in=opened.session is not None,
        make_id=lambda: str(uuid4()),
        shared=shared_notes(sections),
        label_of=_label_of,
        who=person(request),
        said=request.query_params.get("said", ""),
        refused=refused,
    )


def _label_of(answer: Answer, use_case: str) -> str:
    """Return an answer in words; its code where content no longer has it."""
    choice = choice_of(answer, use_case)
    return choice.label if choice else answer.choice


def _sources(site: Site) -> Sources:
    feeds = site.project.feeds
    charts = frozenset(feed.name for feed in feeds if feed.role == "ehr")
    return Sources(frozenset(feed.name for feed in feeds), charts)


def _case(
    viewer: Viewer,
    facts: Mapping[str, Facts],
    known: Known,
    now: datetime,
    titles: Mapping[str, str],
    service: Service,
) -> Case:
    mine = {need.key: facts.get(f"{service.id} {need.key}", Facts()) for need in service.needs}
    return Case(
        HOOK, viewer.patient, viewer.practitioner, viewer.encounter, now, mine, known,
        titles=titles,
    )  # fmt: skip


def _banner(opened: Opened) -> str:
    """Return whose chart it is, where the EHR does not say so beside the panel."""
    if opened.session is None or not opened.session.tokens.banner:
        return ""
    facts = opened.facts.get(BANNER, Facts())
    if facts.got is not Got.GIVEN:
        return "The EHR did not say whose chart this is. Check the patient before you act."
    patient = facts.resources[0]
    name = next(iter(members(patient.get("name"))), {})
    given = name.get("given")
    every = (*(given if isinstance(given, list) else ()), name.get("family"))
    said = " ".join(str(part) for part in every if part)
    born, sex = patient.get("birthDate", "not known"), patient.get("gender", "not known")
    return f"{said or 'No name'}, born {born}, sex {sex}"


async def answer(request: Request) -> Response:
    """Keep what a clinician answered to an item."""
    form = await _form(request)
    viewer = await _viewer(request, form)
    if viewer is None:
        return _another(request)
    use_case = form.get("use_case", "")
    choice = asked_of(use_case).choice(form.get("choice", ""))
    key, item = _uuid(form.get("id", "")), form.get("item", "")
    if choice is None or not key or not item.isalnum():
        return _another(request)
    site = site_of(request)
    event = viewer.event(Action.ACTED, use_case, key, site.now())
    given = Given(key, use_case, item, choice, " ".join(form.get("reason", "").split()))
    await run_in_threadpool(record_answer, site.state, event, given)
    return _back(form, f"#i-{item}")


async def tell(request: Request) -> Response:
    """Keep a report that something is wrong: one, of whatever was ticked."""
    form = await _form(request)
    viewer = await _viewer(request, form)
    if viewer is None:
        return _another(request)
    site = site_of(request)
    ticked, text = await _ticked(request), form.get("text", "")
    who = form.get("by", "") or viewer.practitioner
    card = [viewer.card] if viewer.card else []
    report = feedback.Report(
        id=_uuid(form.get("id", "")) or str(uuid4()),
        kind="data quality",
        use_case=ticked.use_case(viewer.use_case),
        about_kind="resource" if ticked.about else "card" if card else "nothing",
        about=feedback.joined([*(ticked.about or card), *ticked.words]),
        text=text,
        reporter=" ".join(who.split()),
        role=form.get("role", ""),
        unit=form.get("unit", ""),
        at=site.real_now(),
    )
    if faults := await run_in_threadpool(_keep, site, report):
        refused = Refused(faults, (*ticked.about, *ticked.words), text)
        opened = await _open(request) or Opened(viewer)
        return await run_in_threadpool(_show, request, opened, refused)
    return _back(form, "#said", "reported")


@dataclass(frozen=True, slots=True)
class Ticked:
    """What a report is about."""

    about: tuple[str, ...]
    """`feed|Type/id` of each record."""
    words: tuple[str, ...]
    """Of what is about no record of a feed: how the panel called it."""
    use_cases: tuple[str, ...]

    def use_case(self, first: str) -> str:
        """Return whose report it is: `first` if it is one of them, or where nothing was ticked."""
        return first if first in self.use_cases or not self.use_cases else self.use_cases[0]


async def _ticked(request: Request) -> Ticked:
    """Return what was ticked, in the order of the page; a record of two rows is named once."""
    sent = (await request.form()).multi_items()
    known = {service.use_case for service in panel_services(site_of(request).project.folder)}
    found: dict[str, dict[str, str]] = {"about": {}, "words": {}}
    for name, value in sent:
        what, _, use_case = name.partition(".")
        if what in found and use_case in known and isinstance(value, str) and value:
            found[what].setdefault(value, use_case)
    of = dict.fromkeys(use_case for one in found.values() for use_case in one.values())
    return Ticked(tuple(found["about"]), tuple(found["words"]), tuple(of))


def _keep(site: Site, report: feedback.Report) -> tuple[str, ...]:
    """Keep a report, and link it to what the checks find there; return the faults of another."""
    if not report.text.strip():
        return ("say what is wrong",)
    try:
        feedback.report(site.state, report)
    except RolloutError as error:
        return tuple(error.faults)
    run = site.run()
    if run is not None:
        feedback.link_new(site.state, report.id, run, site.real_now())
    return ()


async def left(request: Request) -> Response:
    """Take how long sections were on the screen; the page tells it when it is hidden."""
    form = await _form(request)
    viewer = await _viewer(request, form)
    key = _uuid(form.get("id", "").partition(".")[0])
    if viewer is not None and key:
        site = site_of(request)
        seconds = {name[4:]: _number(value) for name, value in form.items() if name[:4] == "sec."}
        look = Look(form["id"][:60], seconds)
        known = {service.use_case for service in panel_services(site.project.folder)}
        await run_in_threadpool(record_look, site.state, viewer, look, known, site.now())
    return Response(status_code=204)


async def _form(request: Request) -> dict[str, str]:
    sent = await request.form()
    return {name: value for name, value in sent.items() if isinstance(value, str)}


async def _viewer(request: Request, form: Mapping[str, str]) -> Viewer | None:
    """Return whose page a form is of, None where another patient's chart was opened since."""
    site = site_of(request)
    if uuid := form.get("card", ""):
        return await _by_card(request, uuid)
    session = session_of(request)
    if session is None or session.view != form.get("view", ""):
        return None
    return await run_in_threadpool(of_session, site.state, session, site.now())


def _back(form: Mapping[str, str], where: str, said: str = "") -> Response:
    """Return the way back to the panel the form was on."""
    asked = "&".join(f"{n}={v}" for n, v in (("card", form.get("card")), ("said", said)) if v)
    return RedirectResponse(f"/panel{'?' if asked else ''}{asked}{where}", 303)


def _nothing_open(request: Request) -> Response:
    return page(
        request, "panel_closed.html", 404, what="This panel is closed.",
        then="A card or the EHR's menu opens it. Open the chart again: a new card opens a new "
        "panel.",
    )  # fmt: skip


def _another(request: Request) -> Response:
    return page(
        request, "panel_closed.html", 409, what="Nothing was kept.",
        then="The chart of another patient was opened in this browser since, or the session has "
        "ended. Open the panel from the chart.",
    )  # fmt: skip


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return -1.0
    return found if math.isfinite(found) else -1.0


routes: list[Any] = [
    Route("/panel", show, methods=["GET"]),
    Route("/panel/answer", answer, methods=["POST"]),
    Route("/panel/report", tell, methods=["POST"]),
    Route("/panel/left", left, methods=["POST"]),
]
