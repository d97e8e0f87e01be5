"""What importers are given and give back. In: unpacked files; out: a release to save."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.errors import SourceError

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.terminology.releases import Release


@dataclass(frozen=True, slots=True)
class Job:
    """One file to compile: the tables of `new_tables` are there, empty."""

    db: Database
    parts: Mapping[str, Path]
    """The files the format asked for, unpacked, by the part they play."""
    names: Mapping[str, str]
    """What they are called in the archive."""
    day: date
    """The day of the newest of them, as the archive says."""
    folder: Path
    """The project's folder of releases."""
    source: str
    """The name of the file that was given."""
    dated: bool = True
    """False where `day` is that of a plain file, which says nothing of the release."""

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(self.db.row(f"select count(*) from {table}")[0])


@dataclass(frozen=True, slots=True)
class Compiled:
    """A release whose tables are filled, and what else goes into its folder."""

    release: Release
    more: Sequence[str] = ()
    """Further tables to write."""
    beside: Callable[[Path], None] = lambda _: None
    """Writes further files."""
    package: bool = False
    """True: it goes among the FHIR packages."""


def tabbed(path: Path) -> str:
    """Return the relation of a file with tabs and a header, where quotes mean nothing (RF2)."""
    return (
        f"read_csv({quoted(str(path))}, header = true, delim = '\\t', quote = '', escape = '', "
        "all_varchar = true)"
    )


def barred(path: Path, columns: Sequence[str]) -> str:
    """Return the relation of a file with bars and no header (RRF: each line ends in a bar)."""
    named = ", ".join(f"{quoted(name)}: 'varchar'" for name in (*columns, "_end"))
    return (
        f"read_csv({quoted(str(path))}, header = false, delim = '|', quote = '', escape = '', "
        f"auto_detect = false, columns = {{{named}}})"
    )


def refused(what: str, source: str, why: str) -> SourceError:
    """Return the error of a file that is of a known kind and cannot be used."""
    return SourceError(f"{source}: {what}, but {why}")
