"""One pair. In: two records, what a reviewer decides; out: the page to judge by, the next pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from uptake.identity import snapshots
from uptake.identity.decisions import (
    DIFFERENT,
    RELATED,
    SAME,
    UNLINKED,
    UNSURE,
    Decided,
    DecisionError,
    decide,
)
from uptake.identity.explain import told
from uptake.web.forms import one_line
from uptake.web.people import Person, person, remember, typed
from uptake.web.templating import page, site_of
from uptake.web.views.duplicates import pairs, reasons
from uptake.web.views.duplicates.case import judged, read_case
from uptake.web.views.duplicates.patients import MAIN, NEITHER, side_by_side
from uptake.web.views.duplicates.queue import (
    DECISIONS,
    QUEUES,
    View,
    asked_view,
    decided_of,
    kept_now,
)
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response


LONGEST = 1000
"""Characters of a note."""
CHOICES = {
    "same": ("The same person", "facts count together from the next run"),
    "different": ("Two different people", "never proposed again"),
    "related": ("Two people of one household", "never proposed again"),
    "unsure": ("Unsure", "to the end of the queue"),
}
ALIKE = frozenset({DIFFERENT, RELATED, UNSURE})
"""What may be decided of several pairs at once: that two are the same is seen one by one."""
BACK = ("Take “the same” back", "kept apart until somebody decides again")


@dataclass(frozen=True, slots=True)
class Given:
    """What a form said, and what is wrong with it; empty on a page that was only opened."""

    decision: str = ""
    note: str = ""
    also: bool = False
    """The other pairs between the two groups as well."""
    faults: tuple[str, ...] = ()
    against: tuple[Decided, ...] = ()
    """The decisions that contradict it."""


def show(request: Request) -> Response:
    """Show two records side by side, what speaks for and against, and the form."""
    if site_of(request).run() is None:
        return no_run(request)
    return _page(request, asked_view(request.query_params), person(request), Given())


async def save(request: Request) -> Response:
    """Keep what was decided and go on to the next pair, or show what is wrong with it."""
    form = await request.form()
    return await run_in_threadpool(_save, request, form)


def _save(request: Request, form: FormData) -> Response:
    site, key = site_of(request), request.path_params["key"]
    if (run := site.run()) is None:
        raise HTTPException(404)
    view, who = asked_view(form), typed(form, person(request))
    before, case = decided_of(site), read_case(site, run, view, key)
    decision, note = str(form.get("decision", "")), one_line(str(form.get("note", "")))[:LONGEST]
    seen, also = str(form.get("seen", "0")), "also" in form
    if decision not in DECISIONS:
        fault = "Choose what the two records are."
        return _page(request, view, who, Given("", note, also, (fault,)))
    alike = case.alike if also and decision in ALIKE else ()
    try:
        decide(
            site.state,
            case.row.pair,
            decision,
            by=who.name,
            at=site.real_now(),
            note=note,
            model=site.of_run("linkage", lambda: pairs.read_linkage(run)).model,
            probability=case.row.probability,
            snapshot=snapshots.snapshot(case.digests, case.group),
            seen=int(seen) if seen.isascii() and seen.isdigit() else 0,
            also=judged(site, case, alike),
        )
    except DecisionError as error:
        again = "" if who.name else decision  # what was refused is chosen anew, not sent again
        return _page(request, view, who, Given(again, note, also, (str(error),), error.against))
    after = case.place.after
    if after in (done := {row.key for row in alike}):
        with pairs.opened(run, before) as found:
            after = found.place(view.queue, view.feed, key, without=done).after
    response = RedirectResponse(view.address(after, kept=key), 303)
    remember(response, who)
    return response


def _page(request: Request, view: View, who: Person, given: Given) -> Response:
    site, key = site_of(request), request.path_params["key"]
    run = site.run()
    if run is None:
        raise HTTPException(404)
    case = read_case(site, run, view, key)
    newest = case.newest
    details = side_by_side(*(case.shown(record) for record in case.row.pair.records))
    return page(
        request,
        "duplicates_pair.html",
        400 if given.faults else 200,
        case=case,
        row=case.row,
        lead=reasons.lead(case),
        details=[d for d in details if d.found != NEITHER],
        silent=[d.title for d in details if d.found == NEITHER and d.title in MAIN],
        view=view,
        queue=QUEUES[view.queue],
        place=case.place,
        choices=_choices(newest),
        drawing=reasons.drawing(case),
        changes=reasons.changes(site, run, case) if case.levels else (),
        others=case.others,
        changed=snapshots.changed(newest.snapshot, case.digests) if newest else (),
        joined=len(snapshots.members(newest.snapshot)) if newest else 0,
        decisions=DECISIONS,
        chance=told,
        who=who,
        given=given,
        against=[pairs.key_of(d) for d in given.against],
        kept=kept_now(request),
    )


def _choices(newest: Decided | None) -> dict[str, tuple[str, str]]:
    """Return what may be decided: what is *same* is taken back, not said again."""
    if newest is None or newest.decision != SAME:
        return CHOICES
    return {UNLINKED: BACK, **{name: said for name, said in CHOICES.items() if name != SAME}}


routes = [
    Route("/patients/review/{key}", show),
    Route("/patients/review/{key}", save, methods=["POST"]),
]
