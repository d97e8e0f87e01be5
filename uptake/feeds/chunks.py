"""Cut files into pieces of whole records. In: a file, plain or gzip; out: chunks of bytes.

Lines end at `\\n` alone: `splitlines` would also cut at a lone carriage return or at U+2028 inside
a string. A chunk never cuts a line, so any chunk can be judged alone, in any process.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from isal import igzip

from uptake.feeds.files import REFUSED, SourceFile

CHUNK = 8 << 20
LONGEST_LINE = 128 << 20
LARGEST_DOCUMENT = 128 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records of one file. Lines count from 1, offsets in the decompressed bytes from 0."""

    file: SourceFile
    line: int
    offset: int
    data: bytes
    document: bool
    """True: the data are one JSON document (a Bundle or a resource), not lines."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Bytes that are no records at all, and why; `raw` is kept as far as it was read."""

    file: SourceFile
    line: int
    offset: int
    raw: bytes
    error: str


def file_hash(path: Path) -> str:
    """Return the sha256 of the file as it lies on disk; empty when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def read_chunks(file: SourceFile) -> Iterator[Chunk | Refusal]:
    """Yield the records of a file in chunks, and a Refusal for what cannot be read as records."""
    try:
        with _open(file.path) as stream:
            yield from _read(file, stream)
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        yield Refusal(file, 0, 0, b"", f"the file cannot be read: {reason}")


def _open(path: Path) -> BinaryIO:
    raw = path.open("rb")
    head = raw.read(2)
    raw.seek(0)
    return cast("BinaryIO", igzip.GzipFile(fileobj=raw)) if head == b"\x1f\x8b" else raw


def _read(file: SourceFile, stream: BinaryIO) -> Iterator[Chunk | Refusal]:
    reader = _Reader(stream)
    head = reader.more(CHUNK)
    refused = _refuse(file, head)
    if refused:
        yield Refusal(file, 1, 0, head, refused)
        return
    offset = len(BOM) if head.startswith(BOM) else 0
    head = head[offset:]
    if _opens_a_document(head):
        whole = head + reader.more(LARGEST_DOCUMENT)
        if len(whole) < LARGEST_DOCUMENT and not reader.error and _is_document(whole):
            yield Chunk(file, 1, offset, whole, document=True)
            return
        head = whole
    yield from _lines(file, reader, head, offset)


class _Reader:
    """Reads a stream until it ends or breaks; a break is kept as a sentence, what came is given."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.error = ""

    def more(self, size: int) -> bytes:
        """Return up to `size` bytes; fewer at the end, or where the stream breaks."""
        parts: list[bytes] = []
        wanted = size
        while wanted > 0 and not self.error:
            part = self._part(min(wanted, 1 << 20))
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)

    def _part(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (EOFError, zlib.error, igzip.BadGzipFile, OSError) as error:
            self.error = f"the gzip stream breaks off here ({error}); transfer the file again"
            return b""


def _refuse(file: SourceFile, head: bytes) -> str:
    """Return why a file is no FHIR JSON at all, or an empty string."""
    text = head.removeprefix(BOM).lstrip()
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text; FHIR JSON is UTF-8: convert the file"
    if text.startswith(b"<"):
        return "FHIR XML; Uptake reads JSON: export NDJSON or JSON Bundles"
    if text.startswith((b"MSH|", b"\x0bMSH|", b"FHS|", b"BHS|")):
        return "HL7 v2; this version reads FHIR R4 JSON only"
    if file.name.lower().removesuffix(".gz").endswith(REFUSED) and text[:1] not in (b"{", b"["):
        return "not FHIR JSON; Uptake reads NDJSON and JSON Bundles"
    return ""


def _opens_a_document(head: bytes) -> bool:
    """Tell whether the first line opens a value that it does not close: pretty-printed JSON."""
    first = head.lstrip().partition(b"\n")[0].strip()
    return first[:1] in (b"{", b"[") and (len(first) == 1 or not first.endswith((b"}", b"]")))


def _is_document(data: bytes) -> bool:
    """Tell one (perhaps broken) JSON document from lines of which the first is broken."""
    try:
        msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return not any(_is_object(line) for line in data.split(b"\n")[1:])
    return True


def _is_object(line: bytes) -> bool:
    text = line.strip()
    if not (text.startswith(b'{"') and text.endswith(b"}")):
        return False
    try:
        return "resourceType" in msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def _lines(
    file: SourceFile, reader: _Reader, head: bytes, offset: int, line: int = 1
) -> Iterator[Chunk | Refusal]:
    data = head
    while more := reader.more(CHUNK):
        data += more
        cut = data.rfind(b"\n") + 1
        if cut:
            yield Chunk(file, line, offset, data[:cut], document=False)
            line += data.count(b"\n", 0, cut)
            offset += cut
            data = data[cut:]
        elif len(data) > LONGEST_LINE:
            yield from _skip_line(file, reader, data, offset, line)
            return
    cut = data.rfind(b"\n") + 1 if reader.error else len(data)
    if data[:cut].strip():
        yield Chunk(file, line, offset, data[:cut], document=False)
    if reader.error:
        line += data.count(b"\n", 0, cut)
        yield Refusal(file, line, offset + cut, data[cut:], reader.error)


def _skip_line(
    file: SourceFile, reader: _Reader, data: bytes, offset: int, line: int
) -> Iterator[Chunk | Refusal]:
    """Refuse a line over the limit, keeping what was read of it, and go on after its end."""
    length = len(data)
    while (more := reader.more(CHUNK)) and b"\n" not in more:
        length += len(more)
    cut = more.find(b"\n") + 1
    limit = f"a line of over {LONGEST_LINE >> 20} MB; is this NDJSON?"
    yield Refusal(file, line, offset, data, limit)
    yield from _lines(file, reader, more[cut:], offset + length + cut, line + 1)
