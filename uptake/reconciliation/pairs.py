"""Which entries are one drug. In: two sides; out: their pairs, and what is left of each.

Products first, then ingredients: a combination in one list and its components in the other are the
same drugs, each component used once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from uptake.reconciliation.doses import Parts, compare
from uptake.reconciliation.matching import Level, Piece, assign, cost_of, level_of, parts_of

if TYPE_CHECKING:
    from uptake.reconciliation.allergies import Allergy
    from uptake.reconciliation.entries import Entry
    from uptake.reconciliation.sides import Side, Whole


@dataclass(frozen=True, slots=True)
class Found:
    """What is found of one ingredient, or of one product."""

    kind: str
    chart: Entry | None
    outside: Entry | None
    ingredients: tuple[str, ...]
    other: Entry | Allergy | None = None
    level: Level | None = None
    untold: tuple[str, ...] = ()


@dataclass(slots=True)
class Left:
    """What is not paired yet, of both sides."""

    chart: list[Piece]
    outside: list[Piece]


def pair(chart: Side, outside: Side, oldest: date) -> tuple[list[Found], Left]:
    """Return the pairs of two sides, and the ingredients that are left.

    What an outside source wrote before `oldest` is no news where it differs: it is stale.
    """
    found: list[Found] = []
    done: set[int] = set()
    mine, theirs = _by_ingredients(chart.wholes), _by_ingredients(outside.wholes)
    for names, wholes in mine.items():
        for one, two in assign(wholes, theirs.get(names, ()), _cost, _strengths):
            found.append(_compared(one, two))
            done.update((id(one), id(two)))
    left = Left(
        [p for whole in chart.wholes if id(whole) not in done for p in whole],
        [p for whole in outside.wholes if id(whole) not in done for p in whole],
    )
    if left.chart and left.outside:
        found += _pair_pieces(left)
        found += _pair_codes(left)
    return [_not_stale(one, oldest) for one in found], left


def _not_stale(one: Found, oldest: date) -> Found:
    told = one.outside
    if told is None or one.kind == "same" or told.sent.day is None or told.day >= oldest:
        return one
    return replace(one, kind="stale")


def names_of(pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Return the ingredients of pieces whose names are read."""
    return tuple(piece.part.ingredient for piece in pieces if piece.part)


def _pair_pieces(left: Left) -> list[Found]:
    """Pair the single ingredients that are left."""
    mine, theirs = (
        _by_ingredients([(piece,) for piece in pieces]) for pieces in (left.chart, left.outside)
    )
    pairs = [
        both
        for names, wholes in mine.items()
        for both in assign(wholes, theirs.get(names, ()), _cost, _strengths)
    ]
    _take(left, pairs)
    return [_compared(one, two) for one, two in pairs]


def _pair_codes(left: Left) -> list[Found]:
    """Pair what has no name that is read, but one code of several in common."""
    codes = {
        code: piece for piece in reversed(left.outside) if not piece.part
        for code in piece.entry.drug.codes
    }  # fmt: skip
    pairs: list[tuple[Whole, Whole]] = []
    used: set[int] = set()
    for piece in left.chart:
        if piece.part:
            continue
        met = (codes.get(code) for code in sorted(piece.entry.drug.codes))
        other = next((p for p in met if p and id(p) not in used), None)
        if other:
            used.add(id(other))
            pairs.append(((piece,), (other,)))
    _take(left, pairs)
    return [_compared(one, two) for one, two in pairs]


def _take(left: Left, pairs: Sequence[tuple[Whole, Whole]]) -> None:
    done = {id(piece) for both in pairs for whole in both for piece in whole}
    left.chart = [p for p in left.chart if id(p) not in done]
    left.outside = [p for p in left.outside if id(p) not in done]


def _by_ingredients(wholes: Iterable[Whole]) -> dict[frozenset[str], list[Whole]]:
    found: dict[frozenset[str], list[Whole]] = {}
    for whole in wholes:
        found.setdefault(frozenset(piece.ingredient for piece in whole), []).append(whole)
    return found


def _strengths(whole: Whole) -> object:
    return frozenset((p.part.key, p.part.strength) if p.part else p.ingredient for p in whole)


def _cost(chart: Whole, outside: Whole, alone: bool, /) -> int:
    return cost_of(chart[0].entry, outside[0].entry, parts_of(chart, outside), alone=alone)


def _compared(chart: Whole, outside: Whole) -> Found:
    """Return a pair with what differs; one that is on hold in one list only is stopped there."""
    mine, theirs = chart[0].entry, outside[0].entry
    parts: Parts = parts_of(chart, outside)
    level = level_of(mine, theirs, parts)
    compared = compare(mine, theirs, parts)
    kind = compared.kind if mine.sent.standing is theirs.sent.standing else "stopped"
    return Found(kind, mine, theirs, names_of(chart), None, level, compared.untold)
