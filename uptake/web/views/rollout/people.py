"""The people. In: the access list, who was named and trained; out: champions, training, forms."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from starlette.routing import Route

from uptake.adoption.access import Person, read_access, with_access
from uptake.report.figures import Figures
from uptake.rollout.facts import unit_champions
from uptake.rollout.people import (
    WANTED,
    UnitChampions,
    add_champion,
    add_training,
    champions,
    end_champion,
    named_units,
    trained_people,
)
from uptake.rollout.roles import profession
from uptake.web.charts import Group, bars
from uptake.web.forms import Form, done, opened, posted
from uptake.web.templating import site_of
from uptake.web.views.rollout.frame import case_of, own_page, today

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.web.charts import Drawing
    from uptake.web.site import Site

LISTED = 300
"""People that a form offers; of more it asks for the id."""


@dataclass(frozen=True, slots=True)
class Training:
    """Who of those with access was trained."""

    trained: int
    open: tuple[Person, ...]

    @property
    def people(self) -> int:
        """Return how many have access."""
        return self.trained + len(self.open)


def people_of(site: Site, code: str) -> tuple[Person, ...]:
    """Return the people of the access list who may see a use case, by name."""
    surfaces = site.definitions().surfaces.values()
    found = with_access(read_access(site.state), surfaces, code)
    return tuple(sorted(found, key=lambda p: (p.name.casefold(), p.practitioner)))


def show(request: Request) -> Response:
    """Show who carries the use case, and who was trained."""
    return _page(request, opened(request))


def _page(request: Request, form: Form) -> Response:
    site, case = site_of(request), case_of(request)
    people = people_of(site, case.code)
    units = _units(site, case)
    training = _training(site, case, people)
    return own_page(
        request,
        "champions.html",
        case,
        form,
        lead=_lead(units, training),
        units=units,
        wanted=[p.value for p in WANTED],
        listed=bool(people),
        candidates=[p for p in people if profession(p.role) in WANTED][:LISTED],
        names={p.practitioner: p.name or p.practitioner for p in people},
        held=[c for unit in units for c in unit.champions],
        training=training,
        offered=training.open[:LISTED],
        drawing=_drawn(site, case, people),
        today=today(site),
    )


def _units(site: Site, case: UseCase) -> tuple[UnitChampions, ...]:
    """Return the champions of each unit: those with access, and those where somebody was named."""
    found = site.told(
        f"champions {case.code}", lambda situation: unit_champions(situation, case.code)
    )
    known = {unit.unit for unit in found or ()}
    more = [unit for unit in named_units(site.state, case.code) if unit not in known]
    others = champions(site.state, case.code, more, None, site.now().date())
    return (*(found or ()), *(unit for unit in others if unit.champions))


def _training(site: Site, case: UseCase, people: Sequence[Person]) -> Training:
    done_ = trained_people(site.state, case.code)
    open_ = tuple(p for p in people if p.practitioner not in done_)
    return Training(len(people) - len(open_), open_)


def _lead(units: Sequence[UnitChampions], training: Training) -> str:
    if not units and not training.people:
        return "Nobody is known yet: there is no access list, and no champion is named."
    figures = Figures()
    full = sum(not unit.missing for unit in units)
    told = "No unit is known"
    if units:
        have = "has" if full == 1 else "have"
        told = (
            f"{full} of {figures.count(len(units), 'units')} {have} a physician and a nurse as "
            "champions"
        )
    if training.people:
        told += f"; {training.trained} of {training.people} people with access are trained"
    return f"{told}."


def _drawn(site: Site, case: UseCase, people: Sequence[Person]) -> Drawing | None:
    """Return the share of people trained in each unit, None without an access list."""
    done_ = trained_people(site.state, case.code)
    whole = Counter(unit for p in people for unit in p.units)
    if not whole:
        return None
    part = Counter(unit for p in people if p.practitioner in done_ for unit in p.units)
    groups = [Group(u, part[u] / whole[u], part[u], whole[u]) for u in sorted(whole)]
    low = min(groups, key=lambda g: (g.value or 0, g.label))
    sentence = "Everybody with access is trained."
    if low.value is not None and low.value < 1:
        sentence = f"Fewest are trained in {low.label}: {low.numerator} of {low.denominator}."
    return bars(
        groups, title="Trained, of those with access", unit="%", target=None,
        sentence=sentence, by="Unit",
    )  # fmt: skip


def _take(request: Request, form: Form) -> Response:
    site, case = site_of(request), case_of(request)
    if form.name == "champion":
        _name(site, case, form)
    elif form.name == "end":
        _end(site, case, form)
    elif form.name == "training":
        _train(site, case, form)
    else:
        form.fault("Choose what to do.", "by")
    if form.faults:
        return _page(request, form)
    anchor = "training-h" if form.name == "training" else "champions"
    return done(form, f"/rollout/{case.code}/people#{anchor}")


def _name(site: Site, case: UseCase, form: Form) -> None:
    """Name a champion; of somebody on the access list the role is known."""
    people = people_of(site, case.code)
    who = _found(form, people)
    role = form.text("their_role") or (who.role if who else "")
    practitioner = who.practitioner if who else form.text("practitioner")
    form.attempt(
        partial(
            add_champion, site.state, case.code, form.text("their_unit"), practitioner, role,
            form.who.name, site.real_now(),
        ),
        *(name for name in ("their_unit", "practitioner", "by") if not form.text(name)),
        "their_role",
    )  # fmt: skip


def _found(form: Form, people: Sequence[Person]) -> Person | None:
    """Return whom a form means, by id or by a name that only one has."""
    text = form.text("practitioner")
    if not text or not people:
        return None
    held: Mapping[str, Person] = {p.practitioner: p for p in people}
    named = [p for p in people if p.name.casefold() == text.casefold()]
    if text in held or len(named) == 1:
        return held.get(text) or named[0]
    form.fault(
        "Choose one person of the access list, by id: the use of others is never seen.",
        "practitioner",
    )
    return None


def _end(site: Site, case: UseCase, form: Form) -> None:
    day = form.day("until")
    named = [(c.unit, c.practitioner) for u in _units(site, case) for c in u.champions]
    text = form.text("champion")
    chosen = next((key for key in named if "|".join(key) == text), None)
    if chosen is None:
        form.fault("Choose whose time as champion ends.", "champion")
    if not form.who.name:
        form.fault("Who writes it? A name is needed.", "by")
    if day and chosen:
        form.attempt(
            partial(
                end_champion, site.state, case.code, *chosen, day, form.who.name, site.real_now()
            ),
            "until",
        )


def _train(site: Site, case: UseCase, form: Form) -> None:
    """Keep the training of everybody ticked, and of the one whose id is written."""
    people = people_of(site, case.code)
    chosen = [name for name in form.values.get("trained", ()) if name]
    if form.text("practitioner"):
        who = _found(form, people)
        chosen.append(who.practitioner if who else form.text("practitioner"))
    if people and not {p.practitioner for p in people}.issuperset(chosen) and not form.faults:
        form.fault("Choose people of the access list.", "practitioner")
    if not chosen:
        form.fault("Who was trained? Choose at least one.", "practitioner")
    if not form.who.name:
        form.fault("Who writes it? A name is needed.", "by")
    day, by, at = form.day("day"), form.who.name, site.real_now()
    for practitioner in dict.fromkeys(chosen):
        if day:
            form.attempt(
                partial(add_training, site.state, case.code, practitioner, day, by, at), "day"
            )


routes = [
    Route("/rollout/{code}/people", show),
    Route("/rollout/{code}/people", posted(_take), methods=["POST"]),
]
