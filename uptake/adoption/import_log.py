"""Which files came in. In: a file's numbers and the rows it was refused; out: the log of imports.

A file that came in whole is not read twice. One with refused rows is: a mended surface may take
them now, and its events that are there already are the same events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from uptake.state.schema import import_file, refused_row

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.state.database import State

KEPT_RAW = 1 << 20
"""Bytes of a refused row that are kept."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file's rows: accepted + repeated + refused is every row with text in it."""

    name: str
    kind: str
    """`events` or `access`."""
    surface: str
    accepted: int
    repeated: int
    """Events, or rows of a list, that are there already."""
    refused: int
    reasons: Mapping[str, int]
    """Why rows were refused, most frequent first; nothing of the rows themselves."""
    notes: tuple[str, ...] = ()
    """What a reader should know: people and patients nobody knows. No identifiers."""
    earlier: datetime | None = None
    """When the same file was imported before."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was kept out, byte for byte."""

    line: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file in the log."""

    sha256: str
    name: str
    kind: str
    surface: str
    accepted: int
    repeated: int
    refused: int
    at: datetime


@dataclass(slots=True)
class Tally:
    """Counts while a file is read."""

    sha256: str
    name: str
    kind: str
    surface: str = ""
    accepted: int = 0
    repeated: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def refuse(self, connection: Connection, rows: Sequence[RefusedRow]) -> None:
        """Keep refused rows."""
        self.reasons.update(row.reason for row in rows)
        if rows:
            connection.execute(
                refused_row.insert(),
                [
                    {
                        "sha256": self.sha256,
                        "line": row.line,
                        "raw": row.raw[:KEPT_RAW],
                        "reason": row.reason,
                    }
                    for row in rows
                ],
            )

    def begin(self, connection: Connection) -> None:
        """Forget what an earlier reading of the same bytes was refused."""
        connection.execute(delete(refused_row).where(refused_row.c.sha256 == self.sha256))
        connection.execute(delete(import_file).where(import_file.c.sha256 == self.sha256))

    def end(self, connection: Connection, at: datetime) -> None:
        """Write the file into the log."""
        row = {"sha256": self.sha256, "name": self.name, "kind": self.kind, "at": at}
        row |= {"surface": self.surface, "accepted": self.accepted, "repeated": self.repeated}
        connection.execute(import_file.insert(), row | {"refused": self.reasons.total()})

    def result(self, notes: Sequence[str], earlier: datetime | None) -> Imported:
        """Return the numbers."""
        return Imported(
            self.name,
            self.kind,
            self.surface,
            self.accepted,
            self.repeated,
            self.reasons.total(),
            dict(self.reasons.most_common()),
            tuple(notes),
            earlier,
        )


def entries(state: State) -> tuple[FileEntry, ...]:
    """Return the files of the log, the newest first."""
    names = [import_file.c[name] for name in FileEntry.__slots__]
    with state.read() as connection:
        rows = connection.execute(
            select(*names).order_by(import_file.c.at.desc(), import_file.c.sha256)
        )
        return tuple(FileEntry(*row) for row in rows)


def entry(state: State, sha256: str) -> FileEntry | None:
    """Return a file's entry, None when it never came in."""
    return next((e for e in entries(state) if e.sha256 == sha256), None)


def refused(state: State, sha256: str) -> tuple[RefusedRow, ...]:
    """Return the rows of a file that were refused, in the order of the file."""
    query = select(refused_row.c.line, refused_row.c.raw, refused_row.c.reason)
    query = query.where(refused_row.c.sha256 == sha256)
    with state.read() as connection:
        rows = connection.execute(query.order_by(refused_row.c.line, refused_row.c.id))
        return tuple(RefusedRow(*row) for row in rows)
