"""Before the visits. In: the newest run, a day; out: who comes, what is due: page, CSV, FHIR."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from uptake.care_gaps.deqm import Document, gaps_bundle
from uptake.care_gaps.lists import WORDS, Visit, as_csv, gaps_of, visits_on
from uptake.care_gaps.records import records
from uptake.care_gaps.rules import FOLDER, read_rules
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from uptake.care_gaps.rules import GapRule
    from uptake.web.site import Site

REPORTER = "Uptake"
"""Who says what is due; `uptake gaps export` takes another name, where a payer asks for one."""


def index(request: Request) -> Response:
    """Show who comes on a day, tomorrow if none is given, and their gaps."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    day = _day(request, site)
    found = visits_on(run, day)
    return page(
        request,
        "visits.html",
        day=day,
        judged=found is not None,
        visits=found or (),
        lead=_lead(found, day, site),
        unheard=_unheard(found or ()),
        words=WORDS,
    )


def download(request: Request) -> Response:
    """Give the same list as CSV."""
    site = site_of(request)
    run = site.run()
    day = _day(request, site)
    found = visits_on(run, day) if run else None
    if found is None:
        raise HTTPException(404)
    name = f"gaps-{day.isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)


def bundle(request: Request) -> Response:
    """Give one patient's gaps as a DEQM document Bundle."""
    site = site_of(request)
    run = site.run()
    rows = gaps_of(run, request.path_params["key"]) if run else []
    if not rows:
        raise HTTPException(404)
    patient = (rows[0]["patient_feed"], "Patient", rows[0]["patient_id"])
    keys = {(r["evidence_feed"], r["evidence_type"], r["evidence_id"]) for r in rows}
    found = records(site.store(), {patient, *keys})
    made = None
    if patient in found:
        document = Document(f"{site.base_url.rstrip('/')}/fhir", site.now(), REPORTER)
        made = gaps_bundle(rows, _rules(site), found[patient], found, document)
    if made is None:
        raise HTTPException(404)
    headers = {"Content-Disposition": 'attachment; filename="gaps-in-care.json"'}
    return JSONResponse(made, media_type="application/fhir+json", headers=headers)


def _rules(site: Site) -> Mapping[str, GapRule]:
    return site.of_run("gap rules", lambda: read_rules(site.project.content(FOLDER), verify=[]))


def _day(request: Request, site: Site) -> date:
    """Return the day asked for; raises HTTPException 400 where it is none."""
    text = request.query_params.get("day", "")
    if not text:
        return site.now().date() + timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise HTTPException(400) from error


def _lead(visits: Sequence[Visit] | None, day: date, site: Site) -> str:
    """Return the answer of the page."""
    if visits is None:
        return "Nothing can be told: the newest run worked out no care gaps."
    tomorrow = day == site.now().date() + timedelta(days=1)
    when = f"Tomorrow, {day.isoformat()}," if tomorrow else f"On {day.isoformat()}"
    if not visits:
        return f"{when} no visit is planned in what the EHR sent."
    people = {v.key: v for v in visits}
    due = [row for v in people.values() for row in (*v.of("due"), *v.of("elsewhere"))]
    with_gaps = sum(bool(v.of("due") or v.of("elsewhere")) for v in people.values())
    untold = sum(len(v.of("cannot-tell")) + len(v.of("withheld")) for v in people.values())
    told = f"{when} {_many(len(people), 'patient')} {'comes' if len(people) == 1 else 'come'}"
    told += f"; {with_gaps} of them {'has' if with_gaps == 1 else 'have'} {_many(len(due), 'gap')}"
    return f"{told}, and {_many(untold, 'gap')} cannot be told."


def _unheard(visits: Sequence[Visit]) -> str:
    """Return what to do about gaps of which no source can tell."""
    whys = sorted({row["why"] for v in visits for row in v.unheard})
    types = ", ".join(why.rsplit(" ", 1)[-1] for why in whys)
    if not types:
        return ""
    return (
        f"Where a source has all of them, declare it complete for {types} (complete_for in "
        "uptake.toml): then what is not there is known not to be."
    )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


routes = [
    Route("/visits", index),
    Route("/visits.csv", download),
    Route("/visits/{key}/gaps-in-care.json", bundle),
]
