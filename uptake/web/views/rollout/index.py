"""Where each use case stands. In: the gates of each; out: all of them, or one with what is next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.report.figures import Figures, listed
from uptake.rollout.charter import defined
from uptake.rollout.conditions import GateStage
from uptake.rollout.people import trained
from uptake.rollout.workflow import mapped
from uptake.web import words
from uptake.web.forms import opened
from uptake.web.templating import page, site_of
from uptake.web.views.rollout.frame import facts_of, gates_of, own_page
from uptake.web.views.rollout.people import people_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.rollout.conditions import GateFacts
    from uptake.rollout.gates import Gate
    from uptake.web.site import Site


@dataclass(frozen=True, slots=True)
class Stand:
    """How one gate stands, as a page says it."""

    gate: Gate
    verdict: str
    """`met`, `under` or `cannot tell`: how it is marked."""
    told: str
    note: str


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be done next, and where."""

    told: str
    label: str
    link: str


@dataclass(frozen=True, slots=True)
class Row:
    """One use case in the list of all."""

    case: UseCase
    stands: tuple[Stand, ...]
    next: Next | None


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a use case, and what stands on it in a sentence."""

    name: str
    verdict: str
    told: str
    link: str


def index(request: Request) -> Response:
    """Show every use case and its gates, or the one that is asked for."""
    site = site_of(request)
    cases = site.definitions().use_cases
    code = request.query_params.get("use_case", "")
    if code and code not in cases:
        raise HTTPException(404)
    if code:
        return _one(request, cases[code])
    rows = []
    for case in cases.values():
        gates = gates_of(site, case.code)
        today = facts_of(site, case.code).today
        rows.append(Row(case, tuple(stand(g, today) for g in gates), following(gates)))
    return page(request, "rollout.html", rows=rows, lead=_lead(rows))


def stand(gate: Gate, today: date) -> Stand:
    """Return how a gate stands, in words."""
    whole, open_ = len(gate.conditions), len(gate.blocking)
    if gate.decided and gate.decided.day > today:
        return Stand(gate, "met", f"on {gate.decided.day}", "decided, still to come")
    if gate.decided and gate.open:
        waived = sum(c.met is not True for c in gate.conditions)
        told = f"{gate.decided.day}" + (f", {waived} waived" if waived else "")
        return Stand(gate, "met", "passed", told)
    if gate.decided:
        return Stand(gate, "under", "shut again", f"passed on {gate.decided.day}")
    if gate.open:
        return Stand(gate, "cannot tell", "open", "to be decided")
    if not open_:
        return Stand(gate, "cannot tell", "waits", f"for {listed(gate.waits_for)}")
    return Stand(gate, "under", "shut", f"by {open_} of {whole} conditions")


def following(gates: Sequence[Gate]) -> Next | None:
    """Return what the first gate that is shut or undecided waits for; None: nothing."""
    for gate in gates:
        own = f"/rollout/{gate.use_case}/gates#{gate.stage}"
        if gate.blocking:
            evidence = gate.blocking[0].evidence
            told = f"{gate.stage.capitalize()} is shut. {evidence.sentence}"
            return Next(told, _label(evidence.link), evidence.link or own)
        if gate.decided is None:
            told = f"Everything that {gate.stage} asks for is there; somebody decides."
            return Next(told, f"Decide on {gate.stage}", own)
    return None


def _label(link: str) -> str:
    """Return what a page is opened for."""
    return next((label for end, label in _DONE_AT.items() if link.endswith(end)), "See why")


_DONE_AT = {
    "/charter": "Open the charter",
    "/map": "Open the map",
    "/people": "Open the people",
    "#review": "Review the outcome",
    "/feedback": "Answer feedback",
    "/adoption": "See who uses it",
    "/feeds": "See the feeds",
}


def _lead(rows: Sequence[Row]) -> str:
    """Return how many use cases wait at which gate, in one sentence."""
    if not rows:
        return "There is no use case."
    waits = [_waits(row.stands) for row in rows]
    whole, done = len(rows), waits.count("")
    every = f"All {words.counted(whole)} use cases" if whole > 1 else "The use case"
    if done == whole:
        return f"{every} passed every gate."
    if not done and len(set(waits)) == 1:
        return f"{every} {'wait' if whole > 1 else 'waits'} at {waits[0]}."
    parts = [
        f"{words.counted(n)} {'waits' if n == 1 else 'wait'} at {gate}"
        for gate in GateStage
        if (n := waits.count(gate))
    ]
    passed = f"; {words.counted(done)} passed every gate" if done else ""
    count = words.counted(whole).capitalize()
    return f"{count} use cases: {listed(parts)}{passed}."


def _waits(stands: Sequence[Stand]) -> str:
    """Return the first gate that is not passed, or no more; empty: all are."""
    return next((s.gate.stage.value for s in stands if s.verdict != "met"), "")


def _one(request: Request, case: UseCase) -> Response:
    site = site_of(request)
    gates = gates_of(site, case.code)
    found = facts_of(site, case.code)
    stands = tuple(stand(g, found.today) for g in gates)
    return own_page(
        request,
        "rollout_case.html",
        case,
        opened(request),
        stands=stands,
        lead=case_lead(stands),
        next=following(gates),
        parts=_parts(site, case, found),
    )


def case_lead(stands: Sequence[Stand]) -> str:
    """Return which gates a use case passed, and what shuts the next one."""
    passed = [s.gate.stage.value for s in stands if s.gate.decided]
    told = f"It passed {listed(passed)}" if passed else "It passed no gate yet"
    waits = next((s for s in stands if s.verdict != "met"), None)
    if waits is None:
        return f"{told}, and all of them are open."
    if waits.gate.blocking:
        whole = len(waits.gate.conditions)
        shut = "shut again," if waits.gate.decided else "shut"
        told += (
            f"; {waits.gate.stage} is {shut} by {len(waits.gate.blocking)} of {whole} conditions"
        )
    elif waits.gate.open:
        told += f"; {waits.gate.stage} is to be decided"
    return f"{told}."


def _parts(site: Site, case: UseCase, found: GateFacts) -> tuple[Part, ...]:
    """Return the three pages where people do something, and how far they are."""
    charter = defined(found.charter)
    placed = mapped(case, found.maps, found.placements)
    base = f"/rollout/{case.code}"
    return (
        Part("Charter", charter.verdict, charter.sentence, f"{base}/charter"),
        Part("Map of the work", placed.verdict, placed.sentence, f"{base}/map"),
        Part("People", *_people(site, case, found), f"{base}/people"),
    )


def _people(site: Site, case: UseCase, found: GateFacts) -> tuple[str, str]:
    if found.champions is None:
        return "cannot tell", "There is no access list, so nobody knows who needs a champion."
    units = len(found.champions)
    full = sum(not unit.missing for unit in found.champions)
    people = [p.practitioner for p in people_of(site, case.code)]
    share = trained(site.state, case.code, people)
    have = "has" if full == 1 else "have"
    told = (
        f"{full} of {Figures().count(units, 'units')} {have} a physician and a nurse as champions; "
        f"{share.trained} of {share.people} people with access are trained."
    )
    return "met" if full == units else "under", told


routes = [Route("/rollout", index)]
