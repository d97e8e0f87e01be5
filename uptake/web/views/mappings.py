"""Local codes. In: the worklist, what people decide; out: what to map first, what it gained."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import Route

from uptake.findings.local_codes import Coverage, read_coverage
from uptake.findings.worklist import Kept, LocalCode, judged, kept, worklist
from uptake.report.figures import Figures
from uptake.runs import history
from uptake.terminology.loinc import table_of
from uptake.terminology.mappings import (
    APPROVED,
    EQUIVALENCES,
    EQUIVALENT,
    FLAGGED,
    REJECTED,
    MappingError,
    checked,
    decide,
    decisions,
)
from uptake.terminology.releases import folder_of
from uptake.web.evidence import cut
from uptake.web.people import Person, person, remember, typed
from uptake.web.run import opaque
from uptake.web.running import PHASES
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import CodeMapping
    from uptake.web.site import Site

LISTED = 100
SHOWN = 2
"""Suggestions in sight; the others unfold."""
CHOICES = {APPROVED: "Approve", FLAGGED: "Ask the sender", REJECTED: "Reject"}
MEANINGS = dict(zip(EQUIVALENCES, ("the same", "more", "less", "something near"), strict=True))
"""What a standard code means beside the local one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A local code with what a form says of it."""

    code: LocalCode
    key: str
    target: str
    """The system and code that are chosen; empty where none is."""
    other: str = ""
    """What is typed beside the suggestions."""
    equivalence: str = EQUIVALENT
    chosen: str = ""
    fault: str = ""

    @property
    def text(self) -> str:
        """Return what stands in the field for another code: what is none of the suggestions."""
        listed = self.target in (s.target for s in self.code.suggestions)
        return self.other or ("" if listed else self.target)

    @property
    def unfolded(self) -> bool:
        """Tell whether what is chosen, typed or wrong is among what is folded away."""
        beyond = [s.target for s in self.code.suggestions[SHOWN:]]
        unusual = self.target in beyond or self.equivalence != EQUIVALENT
        return unusual or bool(self.text or self.fault) or not self.code.suggestions


@dataclass(slots=True)
class Asked:
    """What a form asks for: what to keep, and what is wrong with it."""

    by_decision: dict[str, list[CodeMapping]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


def index(request: Request) -> Response:
    """Show the local codes, those first whose mapping gains most."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    return _page(request, _rows(site, run), person(request))


def _rows(site: Site, run: Path) -> list[Row]:
    def read() -> tuple[LocalCode, ...]:
        cases, pool = site.definitions().use_cases.values(), table_of(folder_of(site.project))
        return worklist(run, cases, decisions(site.state), pool)

    return [_row(c) for c in site.of_state("worklist", read)]


def _row(code: LocalCode) -> Row:
    """Return a code as it stands: what was decided is chosen, or what a use case looks for."""
    held = code.decided.mapping if code.decided else None
    known = held if held and held.target_code else code.suggestion
    target = f"{known.target_system}|{known.target_code}" if known else ""
    equivalence = known.equivalence if known else EQUIVALENT
    return Row(code, opaque("\x1f".join(code.key)), target, equivalence=equivalence)


def _page(
    request: Request, rows: list[Row], who: Person, status: int = 200, *, unsigned: bool = False
) -> Response:
    site, shown = site_of(request), _shown(rows)
    return page(
        request,
        "mappings.html",
        status,
        rows=shown,
        note=cut(len(rows), len(shown)),
        choices=CHOICES,
        first=SHOWN,
        meanings=MEANINGS,
        coverage=site.of_run("coverage", lambda: _coverage(site)),
        lead=_lead(rows),
        who=who,
        unsigned=unsigned,
        most=max((row.code.patients for row in rows), default=0) or 1,
        promises=site.of_run("promises", lambda: _promises(site)),
        progress=site.assessing.progress(),
        phases=PHASES,
        suggested=sum(r.code.suggestion is not None and not r.code.decided for r in shown),
        waiting=sum(row.code.decided is not None and row.code.decided.decision == APPROVED
                    for row in rows),
    )  # fmt: skip


def _shown(rows: list[Row]) -> list[Row]:
    """Return the rows that a page has: nobody decides on what they do not see."""
    return rows[:LISTED]


def _lead(rows: list[Row]) -> str:
    """Return how many codes are open, and what the first of them would gain."""
    figures = Figures()
    if not rows:
        return "Every code of this run has a standard code beside it."
    done = sum(row.code.decided is not None for row in rows)
    told = f"{figures.count(len(rows), 'local codes')} have no standard code beside them"
    if done:
        told += f", {'all' if done == len(rows) else done} of them decided"
    best = next(
        (b for row in rows if not row.code.decided for b in row.code.blocks if b.gain), None
    )
    if best:
        many = "all" if best.codes == len(rows) else f"{best.codes}"
        gain = figures.count(best.gain, best.unit)
        title = f"{best.title[:1].lower()}{best.title[1:]}"
        told += f"; mapping {many} of them makes {gain} fit for {title}"
    return f"{told}."


def _coverage(site: Site) -> tuple[Coverage | None, Coverage | None]:
    """Return how far standard codes reach in the run before and in this one."""
    told = [None, None, *(read_coverage(run) for run in history(site.project)[-2:])]
    return told[-2], told[-1]


def _promises(site: Site) -> tuple[Kept, ...]:
    """Return what the run before promised of the codes mapped since, and what came of it."""
    before, after = ([None, None, *history(site.project)])[-2:]
    if before is None or after is None:
        return ()
    both = set(judged(after)).intersection(judged(before))
    found = (kept(before, after, code) for code in sorted(both))
    return tuple(k for k in found if k.codes and k.promise.gain)


async def save(request: Request) -> Response:
    """Keep what was decided, or show what is wrong with it; nothing is kept then."""
    form = await request.form()
    return await run_in_threadpool(_save, request, form)


def _save(request: Request, form: FormData) -> Response:
    site = site_of(request)
    run = site.run()
    if run is None:
        raise HTTPException(404)
    who = typed(form, person(request))
    rows = _rows(site, run)
    asked = _asked(_shown(rows), form)
    if asked.faults or not who.name:
        again = [
            replace(
                row,
                target=str(form.get(f"target-{row.key}", "")),
                other=_typed(row, form),
                equivalence=str(form.get(f"equivalence-{row.key}", row.equivalence)),
                chosen=str(form.get(f"decision-{row.key}", "")),
                fault=asked.faults.get(row.key, ""),
            )
            for row in rows
        ]
        return _page(request, again, who, 400, unsigned=not who.name)
    for decision, mappings in asked.by_decision.items():
        decide(site.state, mappings, decision, by=who.name, at=site.real_now())
    response = RedirectResponse("/mappings", 303)
    remember(response, who)
    return response


def _asked(rows: list[Row], form: FormData) -> Asked:
    found = Asked()
    for row in rows:
        decision = str(form.get(f"decision-{row.key}", ""))
        if not decision and "all" in form and row.code.suggestion and not row.code.decided:
            decision = APPROVED
        if decision not in CHOICES:
            continue
        wanted = _wanted(row, form)
        try:
            if decision == APPROVED:
                _refuse_two(row, form)
            checked(wanted, targeted=decision == APPROVED)
        except MappingError as error:
            found.faults[row.key] = str(error)
        else:
            found.by_decision.setdefault(decision, []).append(wanted)
    return found


def _wanted(row: Row, form: FormData) -> CodeMapping:
    """Return the mapping that a form asks for: to what is chosen, or else typed."""
    target = str(form.get(f"target-{row.key}", "")) or _typed(row, form)
    if f"target-{row.key}" not in form and "all" in form:
        target = row.target
    system, _, code = target.strip().rpartition("|")
    return row.code.mapping(system, code, str(form.get(f"equivalence-{row.key}", row.equivalence)))


def _typed(row: Row, form: FormData) -> str:
    return str(form.get(f"other-{row.key}", "")).strip()


def _refuse_two(row: Row, form: FormData) -> None:
    """Raise MappingError where one code is chosen and another is typed."""
    chosen, other = str(form.get(f"target-{row.key}", "")).strip(), _typed(row, form)
    if chosen and other and chosen != other:
        name = row.code.display or row.code.code
        raise MappingError(f"{name}: a code is chosen and another is typed; leave one of them")


def start(request: Request) -> Response:
    """Assess again, unless a run is under way."""
    site = site_of(request)
    if site.project.folder is None:
        raise HTTPException(404)
    site.assessing.start(site.project.folder)
    return RedirectResponse("/mappings#run", 303)


def progress(request: Request) -> Response:
    """Show how far the run is; a page asks for it every second."""
    return page(
        request,
        "progress.html",
        progress=site_of(request).assessing.progress(),
        phases=PHASES,
    )


routes = [
    Route("/mappings", index),
    Route("/mappings", save, methods=["POST"]),
    Route("/runs", start, methods=["POST"]),
    Route("/runs/progress", progress),
]
