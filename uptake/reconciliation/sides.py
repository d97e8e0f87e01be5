"""One side of a comparison. In: the entries of one list; out: what counts of them.

Of several outside entries of one drug the newest counts: a pharmacy's record is a history. The
chart is a list that somebody keeps: what stands there twice stands there twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from uptake.reconciliation.doses import compare
from uptake.reconciliation.drugs import Basis
from uptake.reconciliation.entries import Entry, Role, Standing
from uptake.reconciliation.matching import Piece, parts_of
from uptake.reconciliation.tables import rules

_TAKEN = (Standing.ACTIVE, Standing.ON_HOLD)
_TWICE = 2
"""An entry that stands there a hundred times is shown as standing there twice."""
Whole = tuple[Piece, ...]
"""What counts of one entry: its ingredients, without those that a newer entry has."""


@dataclass(frozen=True, slots=True)
class Side:
    """What counts of one list, the newest first."""

    wholes: Sequence[Whole]
    """What is taken and has a code."""
    loose: Sequence[Entry]
    """What is taken and is only a text."""
    ended: Sequence[Whole]
    """What ended, where nothing says that it is taken all the same."""
    drafts: Sequence[Whole]

    @property
    def pieces(self) -> Iterator[Piece]:
        """Yield each ingredient of what is taken."""
        for whole in self.wholes:
            yield from whole


def build_side(entries: Iterable[Entry], role: Role) -> Side:
    """Return what counts of a list; an entry that was sent twice counts once."""
    once = {(e.sent.feed, e.sent.type, e.sent.id, e.sent.rid): e for e in entries}
    ordered = sorted(once.values(), key=newest_first)
    taken = [whole_of(e) for e in ordered if e.sent.standing in _TAKEN and _has_code(e)]
    ended = [whole_of(e) for e in ordered if e.sent.standing is Standing.ENDED and _has_code(e)]
    drafts = [whole_of(e) for e in ordered if e.sent.standing is Standing.DRAFT and _has_code(e)]
    if role == "outside":
        taken = list(_newest(taken, ended))
    if len(taken) > 1:
        taken = _once(taken, role)
    if ended:
        held = {(p.ingredient, p.place) for whole in taken for p in whole}
        ended = [w for w in ended if not any((p.ingredient, p.place) in held for p in w)]
    texts = {
        " ".join(e.drug.name.lower().split()): e
        for e in reversed(ordered)
        if e.sent.standing in _TAKEN and not _has_code(e)
    }
    return Side(taken, sorted(texts.values(), key=newest_first), ended, drafts)


def newest_first(entry: Entry) -> tuple[object, ...]:
    """Return what entries are ordered by, whatever order they came in."""
    sent = entry.sent
    return -entry.day.toordinal(), sent.type, sent.feed, sent.id, sent.rid


def whole_of(entry: Entry) -> Whole:
    """Return the ingredients of an entry; a code that is not read is one of its own."""
    parts = entry.drug.parts
    return tuple(Piece(entry, part) for part in parts) if parts else (Piece(entry, None),)


def _has_code(entry: Entry) -> bool:
    return entry.drug.basis is not Basis.TEXT


def _newest(taken: Sequence[Whole], ended: Sequence[Whole]) -> Iterator[Whole]:
    """Yield what counts of a history: of each drug the newest, unless it ended after that.

    A code of an ingredient alone may be any of its products: the newest of all counts.
    """
    newest: dict[str, date] = {}
    for whole in taken:
        for piece in whole:
            for key in piece.keys:
                newest[key] = max(newest.get(key, date.min), piece.entry.day)
    over: dict[str, date] = {}
    for whole in ended:
        for piece in whole:
            last = piece.entry.sent.ended or piece.entry.day
            for key in piece.keys:
                over[key] = max(over.get(key, date.min), last)
    for whole in taken:
        kept = tuple(piece for piece in whole if _counts(piece, newest, over))
        if len(kept) == len(whole):
            yield whole
        elif kept:
            yield kept


def _counts(piece: Piece, newest: Mapping[str, date], over: Mapping[str, date]) -> bool:
    """Tell whether nothing newer says something else of a drug, or that it ended."""
    day = piece.entry.day
    rivals = [piece.key, piece.loose_key] if piece.key != piece.loose_key else [piece.any_key]
    latest = max(newest.get(key, date.min) for key in rivals)
    return day >= latest and day >= max(over.get(key, date.min) for key in rivals)


def _once(taken: Sequence[Whole], role: Role) -> list[Whole]:
    """Return the list without what says one thing again: another kind of record, another source.

    What says most is kept. The chart's own list may say it again in the same kind of record: that
    is a duplicate.
    """
    if len({piece.ingredient for whole in taken for piece in whole}) == sum(map(len, taken)):
        return list(taken)
    kept: dict[int, Whole] = {}
    alike: dict[object, list[Whole]] = {}
    for whole in sorted(taken, key=lambda w: w[0].entry.drug.basis):
        before = alike.setdefault(frozenset(p.ingredient for p in whole), [])
        again = [w for w in before[: rules().exact_up_to] if _says_the_same(w, whole)]
        own = [w for w in again if w[0].entry.sent.type == whole[0].entry.sent.type]
        if not again or (role == "chart" and len(own) == len(again) < _TWICE):
            before.append(whole)
            kept[id(whole)] = whole
    return [whole for whole in taken if id(whole) in kept]


def _says_the_same(one: Whole, two: Whole) -> bool:
    first, second = one[0].entry, two[0].entry
    if first.sent.standing is not second.sent.standing or one[0].place != two[0].place:
        return False
    return compare(first, second, parts_of(one, two)).kind == "same"
