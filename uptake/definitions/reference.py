"""Reference tables: what checks know of medicine. In: CSV files; out: their columns and rows.

A file begins with comment lines (`# …`) that say where its rows come from; then a header whose
cells are a column's name, and its type where that is not text; an empty cell is NULL.

    # Sources: …
    loinc,low double,high double,unit
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path

from uptake.errors import DefinitionError

_TRUTH = {"true": True, "false": False}
TYPES: Mapping[str, Callable[[str], object]] = {
    "varchar": str,
    "double": float,
    "integer": int,
    "boolean": lambda text: _TRUTH[text],
    "date": date.fromisoformat,
}
"""What a column may hold, and how a cell is read."""


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """A table that checks read by its name, the file's."""

    name: str
    columns: Mapping[str, str]
    """Name to type, in the order of the file."""
    rows: tuple[tuple[object, ...], ...]
    sources: str
    """What the comment lines at the top say."""


def names_in(folders: Iterable[Path]) -> frozenset[str]:
    """Return the names of the reference tables in folders, whether they can be read or not."""
    return frozenset(path.stem for folder in folders for path in folder.glob("*.csv"))


def read_reference_tables(folders: Sequence[Path]) -> dict[str, ReferenceTable]:
    """Return the tables by name, a later folder's file in place of an earlier's.

    Raises DefinitionError with every fault of every file.
    """
    found: dict[str, ReferenceTable] = {}
    faults: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.csv")):
            table, wrong = _read(path)
            found[table.name] = table
            faults += [f"{path}:{line}: {what}" for line, what in wrong]
    if faults:
        raise DefinitionError(faults)
    return found


@cache
def shipped_reference_tables() -> Mapping[str, ReferenceTable]:
    """Return the tables that ship."""
    return read_reference_tables([Path(str(resources.files("uptake"))) / "content" / "reference"])


def _read(path: Path) -> tuple[ReferenceTable, list[tuple[int, str]]]:
    """Return the table of a file, and its faults as (line, what is wrong and what to do)."""
    lines = path.read_text("utf-8").splitlines()
    comments = [line[1:].strip() for line in lines if line.startswith("#")]
    wrong = [] if comments else [(1, "no source; begin with a line `# where the rows come from`")]
    numbered = [(n, r) for n, r in enumerate(lines, 1) if r.strip() and not r.startswith("#")]
    cells = csv.reader(row for _, row in numbered)
    columns: dict[str, str] = {}
    rows: list[tuple[object, ...]] = []
    for (number, _), row in zip(numbered, cells, strict=True):
        if not columns:
            columns, faults = _header(row)
        elif len(row) != len(columns):
            faults = [f"{len(row)} cells; the header has {len(columns)}"]
        else:
            values, faults = _cells(row, columns)
            rows.append(values)
        wrong += [(number, fault) for fault in faults]
    return ReferenceTable(path.stem, columns, tuple(rows), "\n".join(comments)), wrong


def _header(row: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    columns: dict[str, str] = {}
    faults = []
    for cell in row:
        name, _, kind = cell.strip().partition(" ")
        kind = kind.strip() or "varchar"
        if not name.isidentifier() or name in columns:
            faults.append(f"a column named {name!r}; give each a word of its own")
        if kind not in TYPES:
            faults.append(f"{name} is of type {kind!r}; write one of {', '.join(TYPES)}")
        if (kind == "double") != (name.rsplit("_", 1)[-1] in _doubles()):
            endings = ", ".join(_doubles())
            faults.append(f"{name} is {kind}; columns of doubles, and no others, end in {endings}")
        columns[name] = kind
    return columns, faults


def _cells(row: Sequence[str], columns: Mapping[str, str]) -> tuple[tuple[object, ...], list[str]]:
    values: list[object] = []
    faults = []
    for text, (name, kind) in zip(row, columns.items(), strict=True):
        try:
            values.append(TYPES[kind](text.strip()) if text.strip() else None)
        except (ValueError, KeyError):
            faults.append(f"{name} is {text!r}, which is no {kind}; correct it or leave it empty")
            values.append(None)
    return tuple(values), faults


@cache
def _doubles() -> tuple[str, ...]:
    """Return the words that names of columns of doubles end in: the dialect tells them by it."""
    path = resources.files("uptake") / "content" / "tables.toml"
    return tuple(tomllib.loads(path.read_text("utf-8"))["doubles"])
