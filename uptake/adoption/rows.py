"""Rows of a CSV export. In: a file; out: a row's fields, line and bytes, or why it has no fields.

Only UTF-8 is read, with or without a byte order mark: a byte that is none refuses its row, since
any other encoding would be a guess at somebody's name. A quote that is never closed costs one line.
"""

from __future__ import annotations

import csv
import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from uptake.errors import SourceError

LONGEST = 1 << 20
"""Bytes of a line that are read; what is longer is no row of an export."""
SPAN = 20
"""Lines that one row may take: a comment may have paragraphs, an open quote must not eat a file."""
DELIMITERS = (",", ";", "\t")

QUOTES = "the quotes do not pair"
TOO_LONG = "the line is over 1 MB"
NOT_UTF8 = "bytes that are no UTF-8"
NUL = "a NUL character"
COLUMNS = "the wrong number of columns"

BOM = b"\xef\xbb\xbf"
_OTHER = {
    b"\xff\xfe": "UTF-16; save it as CSV UTF-8",
    b"\xfe\xff": "UTF-16; save it as CSV UTF-8",
    b"\x1f\x8b": "compressed; unpack it first",
    b"PK": "a workbook or an archive; save the sheet as CSV UTF-8",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its fields, or the fault that keeps it out."""

    line: int
    raw: bytes
    fields: Sequence[str] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What any export says of one event, before anybody made sense of it."""

    line: int
    """The line, or the number of the entry in a Bundle."""
    raw: bytes
    fields: Mapping[str, str]
    codes: Sequence[Sequence[str]] = ()
    """Words that may say the action, the most telling first."""
    fault: str = ""


class _OpenQuoteError(Exception):
    """A row took more lines than a row may."""


class _Lines:
    """The lines of a file for the reader, and which of them the present row took."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead: deque[bytes] = deque()
        self._number = 0
        self.begin()

    def begin(self) -> None:
        """A new row begins with the next line."""
        self.first = self._number + 1
        self.taken: list[bytes] = []
        self.long = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) == SPAN:
            raise _OpenQuoteError
        line = self._ahead.popleft() if self._ahead else self._stream.readline(LONGEST)
        if not line:
            raise StopIteration
        if len(line) >= LONGEST and not line.endswith(b"\n"):
            self.long = True
            while (rest := self._stream.readline(LONGEST)) and not rest.endswith(b"\n"):
                pass
        self._number += 1
        self.taken.append(line)
        text = line.removeprefix(BOM) if self._number == 1 else line
        return text.decode("utf-8", "surrogateescape")

    def give_back(self) -> None:
        """Keep the row's first line; the others are rows of their own."""
        back = self.taken[1:]
        self._ahead.extendleft(reversed(back))
        self._number -= len(back)
        del self.taken[1:]


def read_rows(stream: BinaryIO, delimiter: str) -> Iterator[Row]:
    """Yield every row of a CSV with text in it, the header too."""
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (csv.Error, _OpenQuoteError):
            lines.give_back()
            yield Row(lines.first, lines.taken[0], fault=TOO_LONG if lines.long else QUOTES)
            continue
        raw = b"".join(lines.taken)
        if fault := TOO_LONG if lines.long else text_fault(raw):
            yield Row(lines.first, raw, fault=fault)
        elif raw.strip():
            yield Row(lines.first, raw, fields)


def text_fault(raw: bytes) -> str:
    """Return why bytes are no text that can be kept; empty when they are."""
    if b"\x00" in raw:
        return NUL  # PostgreSQL keeps none
    if raw.isascii():
        return ""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return NOT_UTF8
    return ""


def beginning(path: Path) -> bytes:
    """Return a file's first line with text; raises SourceError when there is nothing to read."""
    try:
        with path.open("rb") as stream:
            line = stream.readline(LONGEST)
            for sign, what in _OTHER.items():
                if line.startswith(sign):
                    raise SourceError(f"{path}: this is {what}")
            line = line.removeprefix(BOM)
            while line and not line.strip():
                line = stream.readline(LONGEST)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not line:
        raise SourceError(f"{path}: there is nothing in it")
    return line


def headers(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Return what the header says under each delimiter: names in small letters, single spaces."""
    found = []
    for delimiter in DELIMITERS:
        with path.open("rb") as stream:
            row = next(read_rows(stream, delimiter), None)
        if row is not None and not row.fault:
            found.append((delimiter, tuple(plain(name) for name in row.fields)))
    return found


def plain(name: str) -> str:
    """Return a column's name as it is compared."""
    return " ".join(name.split()).casefold()


def digest(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
