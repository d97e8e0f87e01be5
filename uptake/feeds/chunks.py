"""Cut files into pieces of whole records. In: a file, plain or gzip; out: chunks of bytes.

Lines end at a line feed alone: `splitlines` would also cut at a carriage return, or at U+2028
inside a string. A chunk never cuts a line, so any chunk can be judged alone, in any process.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import msgspec
from isal import isal_zlib

from uptake.feeds.exports import KEYS, ExportedFile, read_manifest
from uptake.feeds.files import REFUSED, SourceFile

CHUNK = 8 << 20
LONGEST_LINE = 128 << 20
LARGEST_DOCUMENT = 128 << 20
BOM = b"\xef\xbb\xbf"
BROKEN_GZIP = (EOFError, cast("type[Exception]", isal_zlib.error))
GZIP = 31
"""As zlib counts window bits: the largest window, with gzip's header and checksum."""
PACKED = 16 << 10
"""Bytes unpacked at a time; where they are damaged, these are lost."""
BYSTANDERS = (
    KEYS,  # the manifest of a Bulk Data export
    frozenset({"exportId", "eventId"}),  # the log of a Bulk Data client
    frozenset({"name", "version", "dependencies"}),  # package.json
)
"""JSON that lies beside exported FHIR, told by its keys: passed over, a file without records."""


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


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a Bulk Data export says of itself: no records, but how many there should be."""

    file: SourceFile
    files: tuple[ExportedFile, ...]


Piece = Chunk | Refusal | Manifest
"""What a file is cut into."""


def file_hash(path: Path) -> str:
    """Return the sha256 of the file as it lies on disk; empty when it cannot be read."""
    try:
        with _regular(path) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def read_chunks(file: SourceFile) -> Iterator[Piece]:
    """Yield the records of a file in chunks, and a Refusal for what cannot be read as records.

    Of a manifest of an export, yields what it says.
    """
    try:
        stream = _regular(file.path)
    except OSError as error:
        reason = error.strerror or str(error)
        yield Refusal(file, 0, 0, b"", f"the file cannot be read: {reason}")
        return
    with stream:
        yield from _read(file, _Reader(_parts(stream)))


def _regular(path: Path) -> BufferedReader:
    """Open a file; raises OSError for a pipe or a device too, which may have no end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(None, "it is no regular file")
    return path.open("rb")


def _read(file: SourceFile, reader: _Reader) -> Iterator[Piece]:
    head = reader.more(CHUNK)
    refused = _refuse(file, head)
    if refused:
        yield Refusal(file, 1, 0, head, refused)
        return
    text = head.removeprefix(BOM)
    start = len(head) - len(text)
    first = text.lstrip().partition(b"\n")[0]
    if _is_bystander(first):
        yield from _said(file, first)
        return
    if _opens_a_document(text):
        text += reader.more(LARGEST_DOCUMENT)
        whole = len(text) < LARGEST_DOCUMENT and not reader.error
        if whole and _decoded(text) is not None:
            yield from _document(file, text, start)
            return
        if not _has_lines(text):
            if whole:
                yield from _document(file, text, start)
            else:
                limit = f"a JSON document of over {LARGEST_DOCUMENT >> 20} MB; export NDJSON"
                yield Refusal(file, 1, start, text, reader.error or limit)
            return
    yield from _lines(file, reader, text, start)


def _document(file: SourceFile, text: bytes, start: int) -> Iterator[Chunk | Manifest]:
    whole = text.lstrip()
    if _is_bystander(whole):
        yield from _said(file, whole)
    else:
        blank = len(text) - len(whole)
        line = 1 + text.count(b"\n", 0, blank)
        yield Chunk(file, line, start + blank, whole, document=True)


class _Reader:
    """Reads bytes until they end or break; a break is kept as a sentence, what came is given."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""
        self.error = ""

    def more(self, size: int) -> bytes:
        """Return `size` bytes; fewer at the end, or where the stream breaks."""
        parts = [self._rest]
        held = len(self._rest)
        while held < size and (part := self._part()):
            parts.append(part)
            held += len(part)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]

    def _part(self) -> bytes:
        try:
            return next(self._parts, b"")
        except BROKEN_GZIP as error:
            self.error = f"the gzip stream breaks off here ({error}); transfer the file again"
        except OSError as error:
            self.error = f"the file cannot be read on from here: {error.strerror or error}"
        return b""


def _parts(stream: BufferedReader) -> Iterator[bytes]:
    if stream.peek(2)[:2] == b"\x1f\x8b":
        yield from _unpacked(stream)
    while part := stream.read(1 << 20):
        yield part


def _unpacked(stream: BufferedReader) -> Iterator[bytes]:
    """Yield the text of a gzip file, block by block: a reader would drop what precedes a break."""
    member = isal_zlib.decompressobj(wbits=GZIP)
    while block := stream.read(PACKED):
        while block:
            if member.eof:
                block = block.lstrip(b"\0")  # tapes and tar pad with zeros
                if not block:
                    break
                member = isal_zlib.decompressobj(wbits=GZIP)
            if part := member.decompress(block):
                yield part
            block = member.unused_data if member.eof else b""
    if not member.eof:
        raise EOFError("its end is missing")


def _refuse(file: SourceFile, head: bytes) -> str:
    """Return why a file is no FHIR JSON at all, or an empty string."""
    text = head.removeprefix(BOM).lstrip()
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{", b"<\0", b"\0<")):
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
    return first[:1] in (b"{", b"[") and _decoded(first) is None


def _has_lines(data: bytes) -> bool:
    """Tell lines of which the first is broken, or endless, from one broken JSON document."""
    _, newline, rest = data.partition(b"\n")
    return not newline or any(map(_opens_a_resource, rest.split(b"\n")))


def _opens_a_resource(line: bytes) -> bool:
    text = line.strip()
    if not text.startswith(b"{"):
        return False
    if line.startswith(b'{"resourceType"'):
        return True
    value = _decoded(text) if text.endswith(b"}") else None
    return isinstance(value, dict) and "resourceType" in value


def _is_bystander(text: bytes) -> bool:
    value = _decoded(text) if text.startswith(b"{") and b"resourceType" not in text else None
    return isinstance(value, dict) and any(keys <= value.keys() for keys in BYSTANDERS)


def _said(file: SourceFile, bystander: bytes) -> Iterator[Manifest]:
    """Yield what a bystander says of the files it lies beside: only a manifest does."""
    value = _decoded(bystander)
    if value.keys() >= KEYS:
        yield Manifest(file, tuple(read_manifest(file.index, value)))


def _decoded(text: bytes) -> Any:
    """Return the JSON value of a text; None when it is not one, or null."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


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
