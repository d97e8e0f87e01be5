"""Everybody the hospital knows. In: a number and a seed; out: persons, households, diabetics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from uptake.demo.hospital.people import NAMES, person, stream, with_diseases

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from uptake.demo.hospital.people import Person

OPEN, LEGACY, READABLE = 0.240, 0.071, 0.100
"""Shares of all patients: diabetics of 18 to 75 without an HbA1c that can be read; those of them
who had it at a draw site that sends its own code; and diabetics whose HbA1c can be read."""
IN_HOUSEHOLDS = 1 / 3
LAST_AGE = 75


class Gap(Enum):
    """What the outside laboratory has of a diabetic's HbA1c."""

    LEGACY = "under a local code"
    NONE = "not in the last 12 months"
    READABLE = "readable"


@dataclass(frozen=True, slots=True)
class Population:
    """The persons, and for each diabetic of 18 to 75, by number, what there is of HbA1c."""

    persons: tuple[Person, ...]
    gaps: dict[str, Gap]


def population(patients: int, seed: int) -> Population:
    """Return the persons of a seed."""
    persons = _households([person(seed, n) for n in range(1, patients + 1)], seed)
    candidates = [who for who in persons if 18 <= who.age <= LAST_AGE]
    rng = stream(seed, "diabetes")
    wanted = min(len(candidates), round(OPEN * patients) + round(READABLE * patients))
    # the older, the likelier; but their number is fixed
    ranked = sorted(candidates, key=lambda w: rng.random() ** (1 / max(4, w.age - 22)))[::-1]
    chosen = {who.number for who in ranked[:wanted]}
    told = tuple(
        with_diseases(who, seed, diabetic=who.number in chosen or _old_diabetic(who, seed))
        for who in persons
    )
    return Population(told, _gaps([w.number for w in told if w.number in chosen], patients, rng))


def _old_diabetic(who: Person, seed: int) -> bool:
    return who.age > LAST_AGE and stream(seed, "old diabetes", who.number).random() < 0.3


def _gaps(numbers: list[str], patients: int, rng: random.Random) -> dict[str, Gap]:
    shuffled = rng.sample(numbers, len(numbers))
    legacy, unread = round(LEGACY * patients), round(OPEN * patients)
    legacy = max(1, legacy)
    return {
        number: Gap.LEGACY if i < legacy else Gap.NONE if i < unread else Gap.READABLE
        for i, number in enumerate(shuffled)
    }


# Households


def _households(persons: list[Person], seed: int) -> tuple[Person, ...]:
    """Let about a third of the persons live with one to three others of believable ages."""
    rng = stream(seed, "households")
    wanted, housed = round(len(persons) * IN_HOUSEHOLDS), 0
    moved: dict[str, Person] = {}
    communities = [
        [who for who in persons if int(who.number) % len(NAMES) == c] for c in range(len(NAMES))
    ]
    for community in communities * len(persons):
        if housed >= wanted or not any(communities):
            break
        home = _home(community, rng)
        if len(home) > 1:
            head, housed = home[0], housed + len(home)
            moved |= {w.number: _moves_in(w, head) for w in home}
        for who in home:
            community.remove(who)
    return tuple(moved.get(who.number, who) for who in persons)


def _home(community: list[Person], rng: random.Random) -> list[Person]:
    """Choose a head, then a partner, children or an old parent who fit; alone if nobody does."""
    heads = [who for who in community if 26 <= who.age <= 84]
    if not heads:
        return community[:1]
    head = rng.choice(heads)
    others = [who for who in community if who is not head]
    home = [head]
    for fits in _relations(head, rng):
        home += [w for w in others if w not in home and fits(w.age)][:1]
    return home[:4]


def _relations(head: Person, rng: random.Random) -> Sequence[_Fits]:
    partner = _Fits(max(19, head.age - 7), head.age + 7)
    child = _Fits(3, 17, head.age - 42, head.age - 22)
    parent = _Fits(max(60, head.age + 22), head.age + 38)
    return (partner, child, child) if head.age < 56 else rng.choice(((partner,), (partner, parent)))


@dataclass(frozen=True, slots=True)
class _Fits:
    """Tells whether an age is in one range, and in another if there is one."""

    low: int
    high: int
    above: int = 0
    below: int = 200

    def __call__(self, age: int) -> bool:
        return max(self.low, self.above) <= age <= min(self.high, self.below)


def _moves_in(who: Person, head: Person) -> Person:
    return replace(who, family=head.family, line=head.line, town=head.town, phone=head.phone)
