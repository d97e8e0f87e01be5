"""Allergies to drugs. In: AllergyIntolerances of both sides; out: which drugs they concern.

By ingredient, or by the group that drugs.csv names; never by what else might react: nothing free
says that completely.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal

from uptake.reconciliation.drugs import Coding, Drug, hints
from uptake.reconciliation.tables import ingredients, rules

if TYPE_CHECKING:
    from uptake.reconciliation.entries import Role

_WORD = re.compile(r"[a-z][a-z-]*")


@dataclass(frozen=True, slots=True)
class Allergy:
    """One entry of an allergy list."""

    role: Role
    feed: str
    id: str
    day: date | None
    by: str
    text: str
    coded: bool
    """Whether it has a code; of a text alone the name is what is read."""
    ingredients: frozenset[str]
    groups: frozenset[str]
    none_known: bool
    """It says that there is no allergy."""
    rid: int = 0

    @property
    def type(self) -> str:
        """Return the resource type."""
        return "AllergyIntolerance"


@dataclass(frozen=True, slots=True)
class Reaction:
    """A drug that an allergy concerns."""

    allergy: Allergy
    by: Literal["ingredient", "group"]


def read_allergy(
    role: Role,
    feed: str,
    identity: str,
    day: date | None,
    by: str,
    text: str,
    codings: Sequence[Coding],
    substances: Sequence[str] = (),
    rid: int = 0,
) -> Allergy:
    """Return an active allergy; `substances` are the names of what was reacted to."""
    displays = [display for _, _, display in codings if display]
    name = text or next(iter(displays), "")
    said = " / ".join([text, *displays, *substances]).lower()
    codes = {code for _, code, _ in codings}
    none = bool(codes & rules().no_allergy_codes)
    if not none and rules().no_allergy.search(said):  # none known, *except* …
        said = " / ".join(rules().but.split(said)[1:])
        none = not (hints(said) or _groups_in(said))
    return Allergy(
        role, feed, identity, day, by, name, bool(codes),
        frozenset() if none else hints(said), frozenset() if none else _groups_in(said), none, rid,
    )  # fmt: skip


def _groups_in(said: str) -> frozenset[str]:
    """Return the groups of drugs that words in small letters name."""
    known = rules().allergens
    return frozenset(known[word] for word in _WORD.findall(said) if word in known)


def reactions_to(drug: Drug, allergies: Collection[Allergy]) -> list[Reaction]:
    """Return the allergies that concern a drug, those to the very ingredient first.

    Of a drug whose name is not read, what its words hint at counts: that is not sure.
    """
    own = {part.ingredient for part in drug.parts} | {
        name for part in drug.parts for name in hints(part.ingredient)
    }
    own |= drug.hints
    groups = {ingredients()[name].allergen for name in own if name in ingredients()} - {""}
    found = []
    for allergy in allergies:
        if allergy.ingredients & own:
            found.append(Reaction(allergy, "ingredient"))
        elif (allergy.groups | _groups_of(allergy.ingredients)) & groups:
            found.append(Reaction(allergy, "group"))
    return sorted(found, key=lambda r: (r.by != "ingredient", r.allergy.role, r.allergy.id))


def _groups_of(names: Collection[str]) -> frozenset[str]:
    """Return the groups of ingredients that somebody is allergic to."""
    return frozenset(
        group for name in names if name in ingredients() and (group := ingredients()[name].allergen)
    )
