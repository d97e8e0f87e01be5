"""The pages of the practice EHR. In: a visit; out: HTML that needs no script.

Of a card only what the specification allows is drawn: Markdown without HTML, links and pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from uptake.demo.hospital.staff import clinicians
from uptake.demo.practice.authorization import Launch
from uptake.demo.practice.orders import choices
from uptake.demo.practice.vitals import ANSWERS, FIELDS, read_set

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.demo.hospital.fhir import Resource
    from uptake.demo.practice.records import Chart
    from uptake.demo.practice.visits import Desk, Visit

LISTED = 60
"""Patients on the first page."""
MOMENTS = {"encounter-start": "Start the stay", "encounter-discharge": "Send the patient home"}


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as lists show one."""

    id: str
    name: str
    born: str
    sex: str
    where: str


async def index(request: Request) -> Response:
    """Choose who is played, and whose chart is opened."""
    asked = request.query_params.get("name", "").strip()
    chart = _desk(request).chart
    lists = await run_in_threadpool(lambda: _named_so(chart, asked) if asked else _lately(chart))
    return _page("index.html", lists=lists, asked=asked, staff=clinicians())


async def open_chart(request: Request) -> Response:
    """Open a chart."""
    form = await request.form()
    patient, clinician = str(form.get("patient", "")), str(form.get("clinician", ""))
    desk = _desk(request)
    known = any(c.id == clinician for c in clinicians())
    if not known or desk.chart.read(f"Patient/{patient}") is None:
        raise HTTPException(404)
    visit = await desk.open(patient, f"Practitioner/{clinician}")
    return _back(visit)


async def chart(request: Request) -> Response:
    """Show a chart with its cards, and the panel where one is open."""
    desk, visit = _desk(request), _visit(request)
    return await run_in_threadpool(_chart, desk, visit, request.query_params.get("panel", ""))


def _chart(desk: Desk, visit: Visit, panel: str) -> Response:
    person = _person(desk.chart.read(f"Patient/{visit.patient}") or {}, "")
    clinician = next(c for c in clinicians() if visit.user.endswith(f"/{c.id}"))
    return _page(
        "chart.html",
        visit=visit,
        person=person,
        clinician=clinician,
        lists=list(_lists(desk.chart, visit.patient)),
        choices=choices().values(),
        order=_named(visit.order) if visit.order else "",
        moments=MOMENTS,
        in_stay=desk.in_stay(visit),
        fields=FIELDS,
        answers=tuple(ANSWERS),
        panel=panel,
    )


async def reach(request: Request) -> Response:
    """Come to another moment of the work."""
    form, visit, desk = await request.form(), _visit(request), _desk(request)
    steps = {"encounter-start": desk.start_stay, "encounter-discharge": desk.end_stay}
    step = steps.get(str(form.get("hook", "")))
    if step:
        await step(visit)
    return _back(visit)


async def order(request: Request) -> Response:
    """Choose, sign or remove an order."""
    form, visit, desk = await request.form(), _visit(request), _desk(request)
    what = form.get("what")
    if what == "choose":
        await desk.choose(visit, str(form.get("choice", "")))
    elif what in ("sign", "sign anyway"):
        await desk.sign(visit, sure=what != "sign")
    elif what == "remove":
        visit.order, visit.said = None, "The order is removed."
    return _back(visit)


async def chart_vitals(request: Request) -> Response:
    """Chart a set of vital signs."""
    form, visit = await request.form(), _visit(request)
    found = read_set(form)
    if found is None:
        visit.said = "Nothing was charted: a value is missing, or cannot be."
    else:
        await _desk(request).chart_vitals(visit, found)
    return _back(visit)


async def answer_card(request: Request) -> Response:
    """Accept a card or set it aside."""
    form, visit, desk = await request.form(), _visit(request), _desk(request)
    card = visit.card(request.path_params["card"])
    if card is None or card.outcome:
        raise HTTPException(404)
    if form.get("outcome") == "accepted":
        await desk.accept(visit, card, str(form.get("suggestion", "")))
    else:
        await desk.override(visit, card, str(form.get("reason", "")), str(form.get("comment", "")))
    return _back(visit)


def launch(request: Request) -> Response:
    """Follow a card's link inside the frame; a SMART link becomes an EHR launch."""
    desk, visit = _desk(request), _visit(request)
    card = visit.card(request.path_params["card"])
    links = card.content.get("links", ()) if card else ()
    number = request.path_params["link"]
    if number >= len(links):
        raise HTTPException(404)
    link = links[number]
    if not str(link["url"]).startswith(f"{desk.client.provider}/"):
        raise HTTPException(404)  # only the provider that is registered is framed
    if link["type"] != "smart":
        return RedirectResponse(link["url"], 303)
    return _launch(desk, visit, str(link["url"]), str(link.get("appContext", "")))


def launch_menu(request: Request) -> Response:
    """Open the panel from the EHR's own menu: an EHR launch without a card."""
    desk, visit = _desk(request), _visit(request)
    return _launch(desk, visit, f"{desk.client.provider}/smart/launch", "")


def _launch(desk: Desk, visit: Visit, url: str, app_context: str) -> Response:
    server = desk.client.server
    key = server.launch(Launch(visit.patient, visit.encounter, visit.user, app_context))
    asked = urlencode({"iss": server.fhir, "launch": key})
    joined = "&" if urlsplit(url).query else "?"
    return RedirectResponse(f"{url}{joined}{asked}", 303)


def _named_so(chart: Chart, asked: str) -> list[tuple[str, list[Person]]]:
    """Return those whose name has a text, under a title."""
    found = [_person(p, "") for p in chart.every("Patient")]
    hits = [p for p in found if asked.casefold() in p.name.casefold()]
    title = f"Patients whose name has “{asked}”"
    return [(title, sorted(hits, key=lambda p: p.name)[:LISTED])]


def _lately(chart: Chart) -> list[tuple[str, list[Person]]]:
    """Return who is in the house, by place, and who was here last, each under a title."""
    places = {f"Location/{p['id']}": str(p.get("name", "")) for p in chart.every("Location")}
    here: dict[str, Person] = {}
    last: dict[str, str] = {}
    for encounter in chart.every("Encounter"):
        subject = str((encounter.get("subject") or {}).get("reference", ""))
        if encounter.get("status") == "in-progress":
            at = [(p.get("location") or {}).get("reference") for p in encounter.get("location", ())]
            if patient := chart.read(subject):
                here[subject] = _person(patient, places.get(at[-1] or "", "") if at else "")
        start = str((encounter.get("period") or {}).get("start", ""))
        last[subject] = max(last.get(subject, ""), start)
    before = sorted(last.keys() - here.keys(), key=lambda s: (last[s], s), reverse=True)
    seen = [
        _person(patient, f"last here {last[subject][:10]}")
        for subject in before[:LISTED]
        if (patient := chart.read(subject))
    ]
    now = sorted(here.values(), key=lambda p: (p.where, p.name))[:LISTED]
    return [("In the house now", now), ("Here lately", seen)]


def _person(patient: Resource, where: str) -> Person:
    name: Resource = next(iter(patient.get("name", ())), {})
    said = [*name.get("given", ()), name.get("family", "")]
    return Person(
        str(patient.get("id", "")),
        " ".join(str(part) for part in said if part) or "no name",
        str(patient.get("birthDate", "")),
        str(patient.get("gender", "")),
        where,
    )


def _lists(chart: Chart, patient: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the lists of the chart: a title, and each entry with its day."""
    for title, kinds in (
        ("Medications", ("MedicationStatement", "MedicationRequest")),
        ("Allergies", ("AllergyIntolerance",)),
        ("Problems", ("Condition",)),
        ("Orders", ("ServiceRequest",)),
        ("Newest observations", ("Observation",)),
    ):
        rows = [
            (_named(resource), _day(resource))
            for kind in kinds
            for resource in chart.of(kind, patient)
            if resource.get("status") in (None, "active", "final", "amended", "completed")
        ]
        rows.sort(key=lambda row: row[1], reverse=True)
        yield title, rows[:8]


def _named(resource: Resource) -> str:
    """Return what an entry is called, with its value; of several parts, with each of theirs."""
    name = _words(resource.get("medicationCodeableConcept") or resource.get("code")) or "no name"
    parts = [resource, *resource.get("component", ())]
    values = [v for p in parts if "value" in (v := p.get("valueQuantity") or {})]
    if values:
        return f"{name} {'/'.join(str(v['value']) for v in values)} {values[0].get('unit', '')}"
    answer = _words(resource.get("valueCodeableConcept"))
    return f"{name}: {answer}" if answer else name


def _words(concept: Resource | None) -> str:
    codings = (concept or {}).get("coding") or [{}]
    return str((concept or {}).get("text") or codings[0].get("display") or "")


def _day(resource: Resource) -> str:
    names = ("effectiveDateTime", "authoredOn", "recordedDate", "onsetDateTime", "dateAsserted")
    return next((str(resource[n])[:10] for n in names if resource.get(n)), "")


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


def _visit(request: Request) -> Visit:
    found = _desk(request).visits.get(request.path_params["visit"])
    if found is None:
        raise HTTPException(404)
    return found


def _back(visit: Visit) -> Response:
    return RedirectResponse(f"/chart/{visit.key}", 303)


def _page(template: str, /, status: int = 200, **values: Any) -> Response:
    return HTMLResponse(_templates().get_template(template).render(**values), status)


def missing(_: Request, __: Exception) -> Response:
    """Say that a page is not there; charts close when the practice EHR stops."""
    return _page("missing.html", 404)


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    found.filters["markdown"] = markdown
    return found


def markdown(text: str) -> Markup:
    """Return a card's detail as HTML; what would be HTML, a link or a picture in it stays text."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.disable(["link", "image", "autolink", "html_inline", "html_block"])
    return Markup(reader.render(text))  # noqa: S704 -- rendered without HTML of its own


routes = [
    Route("/", index),
    Route("/open", open_chart, methods=["POST"]),
    Route("/chart/{visit}", chart),
    Route("/chart/{visit}/moment", reach, methods=["POST"]),
    Route("/chart/{visit}/order", order, methods=["POST"]),
    Route("/chart/{visit}/vitals", chart_vitals, methods=["POST"]),
    Route("/chart/{visit}/card/{card}", answer_card, methods=["POST"]),
    Route("/chart/{visit}/card/{card}/link/{link:int}", launch),
    Route("/chart/{visit}/panel", launch_menu),
]
