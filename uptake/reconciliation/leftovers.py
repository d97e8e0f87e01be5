"""Why an entry has no partner. In: what is left of two sides; out: the reason, one an ingredient.

Each step explains some of what is left and takes it away; the first that explains it counts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from uptake.reconciliation.doses import compare
from uptake.reconciliation.drugs import telling_words
from uptake.reconciliation.matching import Level, Piece, parts_of
from uptake.reconciliation.pairs import Found, Left, names_of
from uptake.reconciliation.tables import rules

if TYPE_CHECKING:
    from uptake.reconciliation.entries import Entry
    from uptake.reconciliation.sides import Side, Whole

_OFF = 3
"""Letters: words that differ more in length are no misspellings of each other."""
Shared = Callable[[Piece], tuple[tuple[str, str], ...]]
"""What of a piece makes two of them a duplicate."""


def explain(left: Left, chart: Side, outside: Side, oldest: date) -> Iterator[Found]:
    """Yield what is said of everything that is left; what nobody wrote since `oldest` is stale."""
    if left.outside or left.chart:
        yield from _ended(left, chart, outside)
    yield from _drafts(left, chart, outside)
    yield from _unread(left, chart, outside)
    if left.outside or left.chart:
        yield from _twice(left, chart, outside, _drug_of, "duplicate")
        yield from _twice(left, chart, outside, _classes_of, "duplicate-class")
    for piece in left.outside:
        kind = "stale" if _is_old(piece.entry, oldest) else "omission"
        yield Found(kind, None, piece.entry, names_of([piece]))
    for piece in left.chart:
        kind = "stale" if _is_old(piece.entry, oldest) else "addition"
        yield Found(kind, piece.entry, None, names_of([piece]))


def _is_old(entry: Entry, oldest: date) -> bool:
    return entry.sent.day is not None and entry.sent.day < oldest


def _drug_of(piece: Piece) -> tuple[tuple[str, str], ...]:
    return ((piece.ingredient, piece.place),)


def _classes_of(piece: Piece) -> tuple[tuple[str, str], ...]:
    return tuple((name, piece.place) for name in piece.classes)


def _by_drug(wholes: Iterable[Whole]) -> dict[tuple[str, str], Piece]:
    """Return the newest entry's piece of each ingredient and place."""
    found: dict[tuple[str, str], Piece] = {}
    for whole in wholes:
        for piece in whole:
            found.setdefault(_drug_of(piece)[0], piece)
    return found


def _ended(left: Left, chart: Side, outside: Side) -> Iterator[Found]:
    """What is active in one list and ended in the other, unless that is plainly older news.

    An outside entry from before the chart's was written, which has ended since, says nothing new;
    nor does an end before the chart began the drug again.
    """
    over, rest = _by_drug(chart.ended), []
    for piece in left.outside:
        end = over.get(_drug_of(piece)[0])
        if end is None:
            rest.append(piece)
        elif piece.entry.sent.day is None or piece.entry.day >= end.entry.day:
            yield Found("stopped", end.entry, piece.entry, names_of([piece]))
    left.outside = rest
    over, rest = _by_drug(outside.ended), []
    for piece in left.chart:
        end = over.get(_drug_of(piece)[0])
        if end is None or (end.entry.sent.ended or date.max) < piece.entry.day:
            rest.append(piece)
        else:
            yield Found("stopped", piece.entry, end.entry, names_of([piece]))
    left.chart = rest


def _drafts(left: Left, chart: Side, outside: Side) -> Iterator[Found]:
    """What one list has as a draft or a plan: not as active, and not as absent."""
    if chart.drafts:
        planned, rest = _by_drug(chart.drafts), []
        for piece in left.outside:
            plan = planned.get(_drug_of(piece)[0])
            if plan is None:
                rest.append(piece)
            else:
                yield Found("draft", plan.entry, piece.entry, names_of([piece]))
        left.outside = rest
    if outside.drafts:
        taken, known = _by_drug(chart.wholes), _by_drug(outside.wholes)
        for drug, plan in _by_drug(outside.drafts).items():
            mine = taken.get(drug)
            if drug in known or (mine and not _differ(mine, plan)):
                continue
            yield Found("draft", mine.entry if mine else None, plan.entry, names_of([plan]))


def _differ(mine: Piece, theirs: Piece) -> bool:
    return compare(mine.entry, theirs.entry, parts_of([mine], [theirs])).kind != "same"


def _unread(left: Left, chart: Side, outside: Side) -> Iterator[Found]:
    """What cannot be compared; a drug is not absent where an unread name may be of it."""
    mine = [*chart.loose, *(p.entry for p in left.chart if not p.part)]
    theirs = [*outside.loose, *(p.entry for p in left.outside if not p.part)]
    used: set[int] = set()
    for one in theirs:
        other = next((e for e in mine if _may_be_one_code(e, one)), None)
        if other:
            used |= {id(one), id(other)}
            yield Found("unmapped", other, one, ())
    read = [p for p in left.outside if p.part]
    left.outside = []
    for piece in read:
        other = next((e for e in mine if _may_be(e, piece)), None)
        if other:
            used |= {id(other), id(piece.entry)}
            yield Found("unmapped", other, piece.entry, names_of([piece]))
        else:
            left.outside.append(piece)
    read = [p for p in left.chart if p.part]
    left.chart = []
    for piece in read:
        other = next((e for e in theirs if _may_be(e, piece)), None)
        if other:
            used |= {id(other), id(piece.entry)}
            yield Found("unmapped", piece.entry, other, names_of([piece]))
        else:
            left.chart.append(piece)
    yield from (Found("unmapped", e, None, ()) for e in mine if id(e) not in used)
    yield from (Found("unmapped", None, e, ()) for e in theirs if id(e) not in used)


def _may_be(unread: Entry, piece: Piece) -> bool:
    """Tell whether an unread name or code may be of this ingredient.

    A word that is part of another known name says nothing: insulin lispro is no insulin glargine.
    """
    if piece.ingredient in unread.drug.hints or unread.drug.maybe & piece.entry.drug.codes:
        return True
    name = unread.drug.name.lower()
    explained = {word for hint in unread.drug.hints for word in telling_words(hint)}
    words = [w for w in telling_words(piece.ingredient) if w not in explained]
    return any(w in name or (not explained and _is_misspelt(w, name)) for w in words)


@functools.lru_cache(maxsize=20_000)
def _is_misspelt(word: str, name: str) -> bool:
    """Tell whether a name has a word that is nearly this one; its first letter is seldom wrong."""
    likeness = SequenceMatcher(b=word)
    for other in name.split():
        if other[0] == word[0] and abs(len(other) - len(word)) < _OFF:
            likeness.set_seq1(other)
            if likeness.ratio() >= rules().misspelt:
                return True
    return False


def _may_be_one_code(one: Entry, two: Entry) -> bool:
    """Tell whether ten digits of an NDC may be the eleven of the other."""
    return bool(one.drug.maybe & two.drug.codes or two.drug.maybe & one.drug.codes)


def _twice(
    left: Left,
    chart: Side,
    outside: Side,
    shared: Shared,
    kind: str,
) -> Iterator[Found]:
    """What is left of one list and shares its drug, or class, with another entry.

    An outside entry is held against the chart first: taken over, it would stand there twice.
    """
    level = Level.CLASS if kind == "duplicate-class" else Level.INGREDIENT
    mine, theirs = _shared(chart, shared), _shared(outside, shared)
    told: set[frozenset[int]] = set()
    waiting = {id(piece) for piece in left.chart}
    rest = []
    for piece in left.outside:
        held, own = _alike(piece, mine, shared, level), _alike(piece, theirs, shared, level)
        met = next((p for p in held if id(p) in waiting), held[0] if held else None)
        twin = _twin(piece, own, told)
        if met:
            waiting.discard(id(met))
            yield Found(kind, met.entry, piece.entry, names_of([piece, met]), None, level)
        elif twin:
            yield Found(kind, None, piece.entry, names_of([piece, twin]), twin.entry, level)
        else:
            rest.append(piece)
    left.outside = rest
    rest = []
    for piece in left.chart:
        if id(piece) not in waiting:
            continue
        twin = _twin(piece, _alike(piece, mine, shared, level), told)
        if twin:
            yield Found(kind, piece.entry, None, names_of([piece, twin]), twin.entry, level)
        else:
            rest.append(piece)
    left.chart = rest


def _alike(
    piece: Piece,
    pieces: Mapping[tuple[str, str], list[Piece]],
    shared: Shared,
    level: Level,
) -> list[Piece]:
    """Return the pieces that share something with one; of a class, those of other drugs."""
    found = [p for key in shared(piece) for p in pieces.get(key, ())]
    if level is Level.CLASS:
        return [p for p in found if p.ingredient != piece.ingredient]
    return found


def _shared(side: Side, shared: Shared) -> dict[tuple[str, str], list[Piece]]:
    found: dict[tuple[str, str], list[Piece]] = {}
    for whole in side.wholes:
        for piece in whole:
            for key in shared(piece):
                found.setdefault(key, []).append(piece)
    return found


def _twin(piece: Piece, alike: list[Piece], told: set[frozenset[int]]) -> Piece | None:
    """Return another entry of the list that shares something, if the two were not told yet."""
    for other in alike:
        both = frozenset((id(piece), id(other)))
        if other.entry is not piece.entry and both not in told:
            told.add(both)
            return other
    return None
