"""The charter. In: what people write; out: its items and criteria, drafted, kept and signed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import Route

from uptake.rollout.chain import measured
from uptake.rollout.charter import (
    BOUND,
    ITEMS,
    MOST,
    Charter,
    Item,
    defined,
    draft_charter,
    read_charter,
    remove_criterion,
    write_criterion,
    write_item,
)
from uptake.rollout.drafting import AUTHOR, baseline
from uptake.rollout.roles import Profession
from uptake.rollout.signing import Known, role_faults, sign, sign_faults, target_faults
from uptake.web.forms import Form, done, one_line, opened, posted
from uptake.web.templating import site_of
from uptake.web.views.rollout.frame import case_of, measures_of, own_page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.web.site import Site

DRAFTED = ("problem", "measure", "baseline", "guardrails")
"""Items that definitions and data can say."""
WORDS = ("given", "when", "then")
ROLES = tuple(p.value for p in Profession if p.clinical and p != Profession.OTHER_CLINICAL)


def show(request: Request) -> Response:
    """Show the charter with its forms."""
    return _page(request, opened(request))


def _page(request: Request, form: Form, note: str = "") -> Response:
    site, case = site_of(request), case_of(request)
    charter = read_charter(site.state, case.code)
    known, has_run = _known(site, case), site.run() is not None
    faults = sign_faults(charter, charter.text("owner"), charter.text("owner_role"), known)
    return own_page(
        request,
        "charter.html",
        case,
        form,
        charter=charter,
        items={item.name: item for item in charter.items},
        names=ITEMS,
        result=defined(charter),
        faults=faults,
        measures=known.measures,
        checks=site.definitions().checks,
        bound=BOUND,
        roles=ROLES,
        most=MOST,
        next_position=_free(charter),
        draftable=_draftable(charter, has_run),
        has_run=has_run,
        note=note,
    )


def _draftable(charter: Charter, has_run: bool) -> bool:
    """Return whether a draft may say something new; a baseline takes a run."""
    if has_run and any(item.drafted and not item.signed for item in charter.items):
        return True
    return any(n in charter.missing for n in DRAFTED if has_run or n != "baseline")


def _known(site: Site, case: UseCase) -> Known:
    requirements = [r.code for r in case.requirements]
    return Known(site.definitions().checks, requirements, measures_of(site, case))


def _free(charter: Charter) -> int:
    """Return the first number that no criterion has."""
    held = {part.position for part in charter.criteria}
    return next(n for n in range(1, len(held) + 2) if n not in held)


def _take(request: Request, form: Form) -> Response:
    site, case = site_of(request), case_of(request)
    kind, _, rest = form.name.partition("-")
    if kind == "draft":
        return _draft(request, case)
    if kind == "items":
        _keep_items(site, case, form)
    elif kind == "criterion" and rest.isascii() and rest.isdigit() and 1 <= int(rest) <= MOST:
        _keep_criterion(site, case, form, int(rest))
    elif kind == "sign":
        at, known, seen = site.real_now(), _known(site, case), form.text("seen")
        who = (form.who.name, form.who.role)
        # Without `seen` nobody knows which charter the owner read.
        form.attempt(partial(sign, site.state, case.code, *who, at, known, seen or "none"), "by")
    else:
        form.fault("Choose what to do.", "by")
    if form.faults:
        return _page(request, form)
    return done(form, f"/rollout/{case.code}/charter#{form.name}")


def _draft(request: Request, case: UseCase) -> Response:
    site = site_of(request)
    outcome = site.told(
        f"baseline {case.code}", lambda situation: baseline(measured(situation, case).outcome)
    )
    measures, at = measures_of(site, case), site.real_now()
    new = draft_charter(site.state, case, measures, outcome, AUTHOR, at)
    if not new:
        note = "Nothing is new: the draft already says what definitions and data say."
        return _page(request, opened(request), note)
    return done(opened(request), f"/rollout/{case.code}/charter#items")


def _keep_items(site: Site, case: UseCase, form: Form) -> None:
    """Keep the items that were changed; what can never be signed is refused here already."""
    charter, at = read_charter(site.state, case.code), site.real_now()
    texts = {name: form.text(name) for name in ITEMS if name in form.values}
    changed = {n: t for n, t in texts.items() if t != one_line(charter.text(n))}
    if "owner_role" in changed and texts["owner_role"]:
        for sentence in role_faults(texts["owner_role"]):
            form.fault(sentence, "owner_role")
    if "target" in changed or "measure" in changed:
        measures = measures_of(site, case)
        items = tuple(Item(n, t, drafted=False, by="", at=at) for n, t in texts.items() if t)
        for sentence in target_faults(Charter(case.code, items, ()), measures):
            form.fault(sentence, "measure" if sentence.startswith("The measure") else "target")
    if not form.who.name:
        form.fault("Who writes it? A name is needed.", "by")
    for name, text in changed.items():
        form.attempt(
            partial(write_item, site.state, case.code, name, text, form.who.name, at), name
        )


def _keep_criterion(site: Site, case: UseCase, form: Form, position: int) -> None:
    by, at = form.who.name, site.real_now()
    if form.text("do") == "remove":
        form.attempt(partial(remove_criterion, site.state, case.code, position, by, at), "by")
        return
    given, when, then = (form.text(name) for name in WORDS)
    kind, name = form.text("kind"), form.text("bound")
    known = {"check": site.definitions().checks, "requirement": [r.code for r in case.requirements]}
    if name and kind in known and name not in known[kind]:
        form.fault(f"There is no {kind} {name}; choose one of the list.", "bound")
    # The sentences come in this order; those of fields that are filled are not among them.
    fields = [n for n in (*WORDS, "kind", "bound") if not form.text(n)]
    form.attempt(
        partial(
            write_criterion, site.state, case.code, position, (given, when, then), (kind, name),
            by, at,
        ),
        *fields, "by",
    )  # fmt: skip


routes = [
    Route("/rollout/{code}/charter", show),
    Route("/rollout/{code}/charter", posted(_take), methods=["POST"]),
]
