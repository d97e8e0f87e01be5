"""What tests of the gate share: a file's bytes in, what the gate says of them out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from uptake.feeds.chunks import Chunk, Refusal, read_chunks
from uptake.feeds.files import SourceFile
from uptake.resources.gate import Record, Rejected, judge


@dataclass
class Verdict:
    """Records let in and records kept out, in the order of the file."""

    records: list[Record]
    rejected: list[Rejected | Refusal]

    @property
    def ids(self) -> list[str | None]:
        """The ids let in."""
        return [record.id for record in self.records]

    @property
    def only(self) -> Rejected | Refusal:
        """The one record kept out."""
        assert len(self.rejected) == 1, self.rejected
        return self.rejected[0]

    def places(self) -> list[tuple[int, int]]:
        """Line and offset of every record, let in or kept out."""
        return sorted((r.line, r.offset) for r in (*self.records, *self.rejected))


def read(path: Path) -> Verdict:
    """Return what the gate says of a file."""
    records: list[Record] = []
    rejected: list[Rejected | Refusal] = []
    for chunk in read_chunks(SourceFile(0, "feed", path, path.name, 0)):
        if isinstance(chunk, Refusal):
            rejected.append(chunk)
        elif isinstance(chunk, Chunk):
            judged = judge(chunk)
            records += judged.records
            rejected += judged.rejected
    offsets = [r.offset for r in (*records, *rejected)]
    assert len(set(offsets)) == len(offsets), "the offset is part of the rid"
    return Verdict(records, rejected)


def patients(*names: str) -> list[bytes]:
    """Return one small Patient a name."""
    return [b'{"resourceType":"Patient","id":"%s"}' % name.encode() for name in names]


def lines(*records: bytes) -> bytes:
    """Return the records as NDJSON."""
    return b"".join(record + b"\n" for record in records)


def bundle(*entries: bytes, more: bytes = b"") -> bytes:
    """Return a Bundle of entries as given."""
    return b'{"resourceType":"Bundle","type":"collection"%s,"entry":[%s]}' % (
        more,
        b",".join(entries),
    )


def entries(resources: Iterable[bytes]) -> list[bytes]:
    """Return each resource as an entry of a Bundle."""
    return [b'{"resource":%s}' % resource for resource in resources]
