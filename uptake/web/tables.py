"""A table of a page. In: rows of texts; out: a noun that one template draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a text, which the template escapes, and where it leads."""

    text: str
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table; its first column heads each row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numbers: frozenset[int] = frozenset()
    """Columns that hold numbers, from 0."""
    note: str = ""
    """What is to be known of it: that it is cut, or why it is empty."""


def table(
    title: str,
    columns: tuple[str, ...],
    rows: Iterable[Iterable[str | Cell]],
    *,
    numbers: Iterable[int] = (),
    note: str = "",
) -> Table:
    """Return a table of texts and cells."""
    return Table(
        title,
        columns,
        tuple(tuple(c if isinstance(c, Cell) else Cell(c) for c in row) for row in rows),
        frozenset(numbers),
        note,
    )
