"""In: a seed. Out: people, what they take, and what is planted wrong in their lists.

Each kind is planted as the reference defines it: an omission takes an entry out of the chart, a
dose changes how much is taken at a time, and so on; nothing here knows how the engine works.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from benchmarks.medications.products import WEEKLY, Product, Taken, catalogue, usual


@dataclass
class Listed:
    """One entry of one list."""

    taken: Taken
    state: str = "active"
    """`active`, `stopped` or `draft`."""
    days_ago: int = 60
    coded: bool = True
    misspelt: bool = False
    """Of a text: two letters of the name are in the wrong order."""
    told_too: bool = False
    """The chart has it twice: prescribed, and told by the patient."""
    refills: int = 0
    """How many older fills the pharmacy has."""
    refilled: str = ""
    """The strength of the older fills, where it was another one."""


@dataclass
class Person:
    """Two lists of one person, and what is planted in them."""

    number: int
    chart: list[Listed] = field(default_factory=list)
    outside: list[Listed] = field(default_factory=list)
    allergies: list[str] = field(default_factory=list)
    planted: list[tuple[str, str]] = field(default_factory=list)
    """Kind and ingredient."""


ALLERGENS = {"nsaid": "NSAID", "opioid": "opioid", "penicillin": "penicillin", "statin": "statin",
             "ace": "ACE inhibitor"}  # fmt: skip
Plant = Callable[[random.Random, Person, Listed, Listed], bool]
"""Changes one drug that both lists have; False where that drug cannot have this."""


def people(count: int, seed: int, planted: float = 1.6) -> Iterator[Person]:
    """Yield people with about so many planted discrepancies each, on drugs of their own."""
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        person = Person(number)
        drugs = list(_regimen(draw))
        pairs = []
        for taken in drugs:
            silent = draw.random() < 0.08
            mine = Listed(taken.but(says_how=not silent), days_ago=draw.randrange(20, 300))
            theirs = Listed(taken, days_ago=draw.randrange(1, 20))
            _clutter(draw, mine, theirs)
            person.chart.append(mine)
            person.outside.append(theirs)
            pairs.append((mine, theirs))
        draw.shuffle(pairs)
        wanted = min(len(pairs), int(planted) + (draw.random() < planted % 1) + draw.randrange(2))
        for mine, theirs in pairs[:wanted]:
            _plant(draw, person, mine, theirs)
        told = [one for one in person.planted if one[0] != "allergy"]
        person.planted = told + sorted(set(_concerned(person)))
        yield person


def _clutter(draw: random.Random, mine: Listed, theirs: Listed) -> None:
    """Add what real lists have and what is no discrepancy."""
    mine.told_too = draw.random() < 0.15
    if draw.random() < 0.5:
        theirs.refills = draw.randrange(1, 5)
    rest = [s for s in mine.taken.product.strengths if s != mine.taken.strength]
    if theirs.refills and rest and draw.random() < 0.2:
        theirs.refilled = draw.choice(rest)


def _regimen(draw: random.Random) -> Iterator[Taken]:
    """Yield three to eleven drugs, none twice and no two of one group."""
    seen: set[str] = set()
    wanted = draw.randrange(3, 12)
    for product in draw.sample(catalogue(), len(catalogue())):
        names = {product.ingredient, product.group} - {""}
        if not seen & names:
            seen |= names
            yield usual(draw, product)
            wanted -= 1
            if not wanted:
                return


def _plant(draw: random.Random, person: Person, mine: Listed, theirs: Listed) -> None:
    for kind, plant in draw.sample(list(KINDS.items()), len(KINDS)):
        if plant(draw, person, mine, theirs):
            person.planted.append((kind, mine.taken.product.ingredient))
            return


def _others(taken: Taken) -> list[Product]:
    """Return other products of the ingredient: another release or form."""
    own = taken.product
    return [p for p in catalogue() if p.ingredient == own.ingredient and p is not own]


def _omission(_: random.Random, person: Person, mine: Listed, __: Listed) -> bool:
    person.chart.remove(mine)
    return True


def _addition(_: random.Random, person: Person, __: Listed, theirs: Listed) -> bool:
    person.outside.remove(theirs)
    return True


def _duplicate(draw: random.Random, person: Person, mine: Listed, _: Listed) -> bool:
    others = [usual(draw, p) for p in _others(mine.taken) if p.form != "Oral Solution"]
    rest = [s for s in mine.taken.product.strengths if s != mine.taken.strength]
    others += [mine.taken.but(strength=draw.choice(rest))] if rest else []
    if not others:
        return False
    person.chart.append(Listed(draw.choice(others), days_ago=draw.randrange(20, 300)))
    return True


def _same_class(draw: random.Random, person: Person, mine: Listed, _: Listed) -> bool:
    own = mine.taken.product
    others = [p for p in catalogue() if p.group == own.group and p.ingredient != own.ingredient]
    if not own.group or not others:
        return False
    other = Listed(usual(draw, draw.choice(others)), days_ago=draw.randrange(1, 20))
    draw.choice([person.chart, person.outside]).append(other)
    return True


def _dose(draw: random.Random, _: Person, mine: Listed, theirs: Listed) -> bool:
    rest = [s for s in mine.taken.product.strengths if s != mine.taken.strength]
    theirs.taken = theirs.taken.but(says_how=True)
    mine.taken = mine.taken.but(says_how=True)
    if rest and mine.taken.product.is_solid and draw.random() < 0.5:
        theirs.taken = theirs.taken.but(strength=draw.choice(rest))
    else:
        theirs.taken = theirs.taken.but(count=theirs.taken.count * draw.choice([2, 3]))
    return True


def _frequency(draw: random.Random, _: Person, mine: Listed, theirs: Listed) -> bool:
    mine.taken = mine.taken.but(says_how=True)
    if draw.random() < 0.15:
        theirs.taken = theirs.taken.but(as_needed=True)
        return True
    rest = [n for n in (WEEKLY, Decimal(1), Decimal(2), Decimal(3), Decimal(4))
            if n != mine.taken.times and (n != WEEKLY or draw.random() < 0.3)]  # fmt: skip
    theirs.taken = theirs.taken.but(times=draw.choice(rest))
    return True


def _form(draw: random.Random, _: Person, mine: Listed, theirs: Listed) -> bool:
    others = _others(mine.taken)
    if not others:
        return False
    theirs.taken = usual(draw, draw.choice(others))
    return True


def _strength(draw: random.Random, _: Person, mine: Listed, theirs: Listed) -> bool:
    """Another strength, where one of the two does not say how it is taken."""
    rest = [s for s in mine.taken.product.strengths if s != mine.taken.strength]
    if not rest:
        return False
    theirs.taken = theirs.taken.but(strength=draw.choice(rest))
    mine.taken = mine.taken.but(says_how=False)
    return True


def _same_dose(_: random.Random, __: Person, mine: Listed, theirs: Listed) -> bool:
    mine.taken, own = mine.taken.but(says_how=True), mine.taken.product
    half = [s for s in own.strengths if Decimal(s) * 2 == Decimal(mine.taken.strength)]
    if not half or not own.is_solid or own.unit != "MG":
        return False
    theirs.taken = theirs.taken.but(strength=half[0], count=theirs.taken.count * 2)
    return True


def _stopped(draw: random.Random, _: Person, mine: Listed, theirs: Listed) -> bool:
    draw.choice([mine, theirs]).state = "stopped"
    mine.told_too = False
    return True


def _stale(draw: random.Random, person: Person, mine: Listed, theirs: Listed) -> bool:
    person.outside.remove(theirs)
    mine.days_ago, mine.told_too = draw.randrange(400, 2000), False
    return True


def _draft(draw: random.Random, person: Person, mine: Listed, theirs: Listed) -> bool:
    mine.told_too, theirs.refills = False, 0
    if draw.random() < 0.5:
        mine.state = "draft"
    else:
        theirs.state = "draft"
        person.chart.remove(mine)
    return True


def _unmapped(draw: random.Random, _: Person, mine: Listed, theirs: Listed) -> bool:
    one = draw.choice([mine, theirs])
    one.coded, one.misspelt = False, draw.random() < 0.3
    theirs.refills, mine.told_too = 0, False
    return True


def _allergy(draw: random.Random, person: Person, mine: Listed, _: Listed) -> bool:
    own = mine.taken.product
    group = _allergens(own)
    person.allergies.append(draw.choice([own.ingredient, *([group] if group else [])]))
    return True


def _allergens(product: Product) -> str:
    """Return the group whose members an allergy to one of them concerns, empty where none is."""
    return "NSAID" if product.ingredient == "aspirin" else ALLERGENS.get(product.group, "")


def _concerned(person: Person) -> Iterator[tuple[str, str]]:
    """Yield every drug of the lists that an allergy concerns, each once."""
    taken = {e.taken.product for e in (*person.chart, *person.outside) if e.state == "active"}
    groups = {p.ingredient: _allergens(p) for p in catalogue()}
    for name in person.allergies:
        group = groups.get(name, name)
        for ingredient in {p.ingredient for p in taken if name == p.ingredient
                           or (group and group == _allergens(p))}:  # fmt: skip
            yield "allergy", ingredient


KINDS: dict[str, Plant] = {
    "omission": _omission, "addition": _addition, "duplicate": _duplicate,
    "duplicate-class": _same_class, "dose": _dose, "frequency": _frequency, "form": _form,
    "strength": _strength, "same-dose": _same_dose, "stopped": _stopped, "stale": _stale,
    "draft": _draft, "unmapped": _unmapped, "allergy": _allergy,
}  # fmt: skip
