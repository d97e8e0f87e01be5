"""Which entry is which. In: the entries of one ingredient on both sides; out: the best pairs.

The assignment is exact (the Hungarian method): the most pairs, and among these the closest. Lists
are short once they are split by ingredient: scipy (35 MB) is not needed for that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from uptake.reconciliation.doses import Parts, compare
from uptake.reconciliation.tables import ingredients, rules

if TYPE_CHECKING:
    from uptake.reconciliation.entries import Entry
    from uptake.reconciliation.names import Component

T = TypeVar("T")
C = TypeVar("C", contravariant=True)
_LOCAL = frozenset(["eye", "ear", "nose", "inhaled", "vaginal", "rectal", "on the skin"])
"""Ways that treat where they are put: eye drops are never a form of a tablet."""
_APART = 1_000_000
"""The cost of a pair that cannot be one; two entries left alone cost less."""


class Cost(Protocol[C]):
    """What it costs to call two things one; `alone`: there is no other to choose."""

    def __call__(self, row: C, column: C, alone: bool, /) -> int:
        """Return the cost."""


class Level(IntEnum):
    """How near two entries are; a greater number is further apart."""

    PRODUCT = 1
    STRENGTH = 2
    """The same ingredient, strength and form: a brand is its generic."""
    FORM = 3
    """The same ingredient and form, another strength."""
    INGREDIENT = 4
    CLASS = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """One ingredient of an entry; a code that is not read is an ingredient of its own."""

    entry: Entry
    part: Component | None

    @property
    def ingredient(self) -> str:
        """Return what pieces of one drug share."""
        return self.part.ingredient if self.part else self.entry.drug.identity

    @property
    def key(self) -> str:
        """Return what pieces of one drug in one release and route share."""
        return self.part.key if self.part else self.entry.drug.identity

    @property
    def loose_key(self) -> str:
        """Return the key it would have if its name had no form."""
        return f"{self.ingredient}||" if self.part else self.key

    @property
    def any_key(self) -> str:
        """Return what all pieces of an ingredient share, whatever their release and route."""
        return f"{self.ingredient}|*"

    @property
    def keys(self) -> tuple[str, str]:
        """Return what a newer piece takes the place of it by."""
        return self.key, self.any_key

    @property
    def place(self) -> str:
        """Return where it acts: empty for the whole body, and where that is not known."""
        return self.part.route if self.part and self.part.route in _LOCAL else ""

    @property
    def classes(self) -> frozenset[str]:
        """Return the classes it is of, none where they are not known."""
        whole = len(self.entry.drug.parts) < 2
        if whole or not self.part:
            return self.entry.drug.classes
        known = ingredients().get(self.part.ingredient)
        return frozenset((known.drug_class,)) - {""} if known else frozenset()


def level_of(chart: Entry, outside: Entry, parts: Parts) -> Level | None:
    """Return how near two entries of one ingredient are, None where one is for another place."""
    if chart.drug.identity and chart.drug.identity == outside.drug.identity:
        return Level.PRODUCT
    if chart.drug.codes & outside.drug.codes:
        return Level.PRODUCT
    if not parts:
        return None
    nearest = Level.STRENGTH
    for mine, theirs in parts:
        ways = {way for part in (mine, theirs) if (way := part.route)}
        if len(ways) == 2 and ways & _LOCAL:
            return None
        if not mine.is_formed_as(theirs):
            return Level.INGREDIENT
        if not mine.strength or mine.strength != theirs.strength:
            nearest = Level.FORM
    return nearest


def parts_of(mine: Sequence[Piece], theirs: Sequence[Piece]) -> Parts:
    """Return the components of two entries side by side, by ingredient."""
    other = {piece.ingredient: piece.part for piece in theirs}
    return [
        (piece.part, part)
        for piece in mine
        if piece.part and (part := other.get(piece.ingredient)) is not None
    ]


def cost_of(chart: Entry, outside: Entry, parts: Parts, *, alone: bool) -> int:
    """Return what it costs to call two entries one: first the level, then what differs.

    Where they are `alone` there is nothing to choose, and what differs is not asked.
    """
    level = level_of(chart, outside, parts)
    if level is None:
        return _APART
    if alone:
        return level
    differs = compare(chart, outside, parts).kind not in ("same", "same-dose")
    return level * 10 + differs


def assign(
    rows: Sequence[T], columns: Sequence[T], cost: Cost[T], key: Callable[[T], object]
) -> list[tuple[T, T]]:
    """Return the pairs of least cost, as many as there can be; what costs too much is no pair.

    Of very many, those of one `key` are paired first and the rest as they come.
    """
    if max(len(rows), len(columns)) > rules().exact_up_to:
        return _roughly(rows, columns, cost, key)
    if not rows or not columns:
        return []
    if len(rows) == len(columns) == 1:
        (row,), (column,) = rows, columns
        return [(row, column)] if cost(row, column, True) < _APART else []
    table = [[cost(row, column, False) for column in columns] for row in rows]
    if len(rows) <= len(columns):
        chosen = hungarian(table)
    else:
        turned = [list(column) for column in zip(*table, strict=True)]
        chosen = [(j, i) for i, j in hungarian(turned)]
    return [(rows[i], columns[j]) for i, j in sorted(chosen) if table[i][j] < _APART]


def hungarian(table: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the assignment of every row to a column of its own with the least sum.

    Rows may not be more than columns. The method of Kuhn and Munkres with potentials, cubic:
    https://doi.org/10.1002/nav.3800020109
    """
    size = len(table[0])
    left, right = [0] * (len(table) + 1), [0] * (size + 1)
    owner, way = [0] * (size + 1), [0] * (size + 1)
    for row in range(1, len(table) + 1):
        owner[0], column = row, 0
        least: list[float] = [float("inf")] * (size + 1)
        used = [False] * (size + 1)
        while owner[column]:
            used[column] = True
            held, step, following = owner[column], float("inf"), 0
            for j in range(1, size + 1):
                if used[j]:
                    continue
                reduced = table[held - 1][j - 1] - left[held] - right[j]
                if reduced < least[j]:
                    least[j], way[j] = reduced, column
                if least[j] < step:
                    step, following = least[j], j
            for j in range(size + 1):
                if used[j]:
                    left[owner[j]] += int(step)
                    right[j] -= int(step)
                else:
                    least[j] -= step
            column = following
        while column:
            owner[column], column = owner[way[column]], way[column]
    return [(owner[j] - 1, j - 1) for j in range(1, size + 1) if owner[j]]


def _roughly(
    rows: Sequence[T], columns: Sequence[T], cost: Cost[T], key: Callable[[T], object]
) -> list[tuple[T, T]]:
    waiting: dict[object, deque[T]] = {}
    for column in columns:
        waiting.setdefault(key(column), deque()).append(column)
    chosen, alone = [], []
    for row in rows:
        alike = waiting.get(key(row))
        if alike:
            chosen.append((row, alike.popleft()))
        else:
            alone.append(row)
    rest = [column for several in waiting.values() for column in several]
    chosen += zip(alone, rest, strict=False)
    return [(row, column) for row, column in chosen if cost(row, column, True) < _APART]
