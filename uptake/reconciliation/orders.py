"""An order beside what is taken. In: an order, both lists, allergies; out: what is against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.reconciliation.allergies import Allergy, reactions_to
from uptake.reconciliation.sides import build_side, whole_of

if TYPE_CHECKING:
    from uptake.reconciliation.entries import Entry


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason to look again before signing."""

    kind: str
    """`allergy`, `duplicate` or `duplicate-class`."""
    others: tuple[Entry | Allergy, ...]
    """What is on record, the surest first."""
    sure: bool
    """An allergy to the very ingredient, both known by their codes; a duplicate always is."""


def objections(
    order: Entry, chart: Sequence[Entry], outside: Sequence[Entry], allergies: Sequence[Allergy]
) -> list[Objection]:
    """Return what speaks against an order, at most one of a kind.

    An order whose code is not read is not compared with the lists; a name it may have is compared
    with allergies all the same, but that is not sure.
    """
    found = []
    if reactions := reactions_to(order.drug, allergies):
        first = reactions[0]
        sure = first.by == "ingredient" and first.allergy.coded and order.drug.is_read
        found.append(Objection("allergy", tuple(r.allergy for r in reactions), sure))
    same, alike = _twins(order, chart, outside)
    if same:
        found.append(Objection("duplicate", tuple(same), sure=True))
    elif alike:
        found.append(Objection("duplicate-class", tuple(alike), sure=True))
    return found


def _twins(
    order: Entry, chart: Sequence[Entry], outside: Sequence[Entry]
) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of the same drug, and those of its class."""
    mine = whole_of(order) if order.drug.identity else ()
    drugs = {(piece.ingredient, piece.place) for piece in mine}
    classes = {(name, piece.place) for piece in mine for name in piece.classes}
    same: dict[int, Entry] = {}
    alike: dict[int, Entry] = {}
    for side in (build_side(chart, "chart"), build_side(outside, "outside")):
        for piece in side.pieces:
            if (piece.ingredient, piece.place) in drugs:
                same[id(piece.entry)] = piece.entry
            elif classes & {(name, piece.place) for name in piece.classes}:
                alike[id(piece.entry)] = piece.entry
    return list(same.values()), [e for key, e in alike.items() if key not in same]
