"""The raw store. In: source files; out: every record once, as sent, in Parquet beside its place.

`rid` is the file's index and the record's byte offset, so a record has the same rid whichever
process judged it. Parts are zstd Parquet, one row group a resource type.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from uptake.disk import write_whole
from uptake.errors import StorageError
from uptake.feeds.chunks import Chunk, Manifest, Piece, Refusal, file_hash, read_chunks
from uptake.feeds.exports import ExportedFile  # noqa: TC001 -- the manifest's types
from uptake.model import InputFile
from uptake.resources.gate import Judged, Record, Rejected, judge

if TYPE_CHECKING:
    from uptake.feeds.files import SourceFile
    from uptake.resources.datatypes import Fields

VERSION = 4
"""Raised when the gate or the layout changes, so that a store written before is not reused."""
OFFSET_BITS = 43
PART = 8 << 20
POOL_FROM = 24 << 20
"""Below this many bytes a second process costs more than it saves."""
MANIFEST = "manifest.json"


@dataclass(slots=True)
class Part:
    """What one task wrote: at most one Parquet file each of resources, quarantine and Bundles."""

    resources: str = ""
    quarantine: str = ""
    bundles: str = ""
    counts: dict[int, tuple[int, int]] = field(default_factory=dict)
    """File index to (resources, quarantined)."""
    keys: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """Resource type to the outlines met: a top-level key and the keys directly inside it."""
    exported: list[ExportedFile] = field(default_factory=list)
    """What the manifests of exports say."""


@dataclass(slots=True)
class Store:
    """A raw store on disk: its folder, its files and what they hold."""

    folder: Path
    files: list[InputFile]
    parts: list[Part]

    @property
    def resource_parts(self) -> list[str]:
        """The Parquet files of records let in."""
        return [str(self.folder / p.resources) for p in self.parts if p.resources]

    @property
    def quarantine_parts(self) -> list[str]:
        """The Parquet files of records kept out."""
        return [str(self.folder / p.quarantine) for p in self.parts if p.quarantine]

    @property
    def bundle_parts(self) -> list[str]:
        """The Parquet files of Bundles, as they came, without their entries."""
        return [str(self.folder / p.bundles) for p in self.parts if p.bundles]

    @property
    def exported(self) -> list[ExportedFile]:
        """The files that manifests of exports name."""
        return [file for part in self.parts for file in part.exported]

    @property
    def fields(self) -> dict[str, Fields]:
        """Resource type to every JSON field met in the load, with the fields met inside it."""
        found: dict[str, dict[str, frozenset[str]]] = {}
        for part in self.parts:
            for resource_type, outlines in part.keys.items():
                fields = found.setdefault(resource_type, {})
                for name, *inner in outlines:
                    fields[name] = fields.get(name, frozenset()).union(inner)
        return dict(sorted(found.items()))


def open_store(folder: Path) -> Store:
    """Return the store in a folder; raises StorageError where there is none."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(f"{folder}: no raw store here; run `uptake assess` again") from error
    return Store(folder, manifest.files, manifest.parts)


class _Manifest(msgspec.Struct):
    version: int
    content: str
    files: list[InputFile]
    parts: list[Part]


Progress = Callable[[int], None]
"""Called with the number of bytes on disk that were read since the last call."""


def load(files: Iterable[SourceFile], folder: Path, threads: int, progress: Progress) -> Store:
    """Return the store of these files in `folder`, written anew unless the same content is there.

    The folder appears whole or not at all. Raises StorageError when it cannot be written.
    """
    sources = list(files)
    hashes = [file_hash(f.path) for f in sources]
    content = _content_key(sources, hashes)
    growing = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(growing, ignore_errors=True)  # what a run that was killed left behind
    kept = _reuse(folder, content)
    if kept:
        progress(sum(max(f.size, 0) for f in sources))
        return kept
    try:
        growing.mkdir(parents=True)
        parts = list(_judge_all(sources, growing, threads, progress))
        inputs = [_input_file(f, h, parts) for f, h in zip(sources, hashes, strict=True)]
        manifest = msgspec.json.encode(_Manifest(VERSION, content, inputs, parts))
        write_whole(growing / MANIFEST, manifest)
        shutil.rmtree(folder, ignore_errors=True)
        growing.rename(folder)
    except OSError as error:
        shutil.rmtree(growing, ignore_errors=True)
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    except BrokenProcessPool as error:
        shutil.rmtree(growing, ignore_errors=True)
        raise StorageError(
            f"{folder}: a worker died, perhaps out of memory; use --threads 1"
        ) from error
    return Store(folder, inputs, parts)


def _content_key(sources: list[SourceFile], hashes: list[str]) -> str:
    text = msgspec.json.encode([(s.feed, s.name, h) for s, h in zip(sources, hashes, strict=True)])
    return hashlib.sha256(text).hexdigest()


def _reuse(folder: Path, content: str) -> Store | None:
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    if manifest.version != VERSION or manifest.content != content:
        return None
    store = Store(folder, manifest.files, manifest.parts)
    parts = (*store.resource_parts, *store.quarantine_parts, *store.bundle_parts)
    return store if all(Path(part).is_file() for part in parts) else None


def _input_file(file: SourceFile, sha256: str, parts: list[Part]) -> InputFile:
    counts = [p.counts[file.index] for p in parts if file.index in p.counts]
    resources, quarantined = sum(c[0] for c in counts), sum(c[1] for c in counts)
    return InputFile(file.feed, file.name, sha256, resources + quarantined, resources, quarantined)


def _judge_all(
    files: list[SourceFile], folder: Path, threads: int, progress: Progress
) -> Iterator[Part]:
    tasks = _tasks(files, progress)
    size = sum(f.size * (12 if f.name.endswith(".gz") else 1) for f in files if f.size > 0)
    if threads < 2 or size < POOL_FROM:
        for number, chunks in enumerate(tasks):
            yield judge_part(chunks, folder, number)
        return
    context = multiprocessing.get_context(_start_method())
    with ProcessPoolExecutor(threads, mp_context=context) as pool:
        waiting: deque[Future[Part]] = deque()
        for number, chunks in enumerate(tasks):
            waiting.append(pool.submit(judge_part, chunks, folder, number))
            if len(waiting) > threads + 1:  # bounds what is read but not yet judged
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _start_method() -> str:
    """Return how to start processes: a fork saves two imports, but must not copy live threads."""
    alone = sys.platform == "linux" and threading.active_count() == 1
    return "fork" if alone else "spawn"


def _tasks(files: list[SourceFile], progress: Progress) -> Iterator[list[Piece]]:
    """Yield the chunks of all files in order, small ones together, about PART bytes a task."""
    batch: list[Piece] = []
    held = 0
    for file in files:
        for chunk in read_chunks(file):
            batch.append(chunk)
            held += _size(chunk)
            if held >= PART:
                yield batch
                batch, held = [], 0
        progress(max(file.size, 0))
    if batch:
        yield batch


def _size(piece: Piece) -> int:
    if isinstance(piece, Manifest):
        return 0
    return len(piece.data if isinstance(piece, Chunk) else piece.raw)


def judge_part(chunks: list[Piece], folder: Path, number: int) -> Part:
    """Judge the chunks of one task and write what they hold; returns what was written."""
    part = Part()
    judged: list[tuple[SourceFile, Judged]] = []
    for chunk in chunks:
        if isinstance(chunk, Manifest):
            part.exported += chunk.files
            continue
        verdict = _judge(chunk)
        judged.append((chunk.file, verdict))
        good, bad = part.counts.get(chunk.file.index, (0, 0))
        part.counts[chunk.file.index] = (
            good + len(verdict.records),
            bad + len(verdict.rejected),
        )
        for resource_type, keys in verdict.keys.items():
            known = set(part.keys.get(resource_type, ()))
            part.keys[resource_type] = sorted(known | keys)
    if any(v.records for _, v in judged):
        part.resources = f"resources-{number:06d}.parquet"
        _write_resources(judged, folder / part.resources)
    if any(v.rejected for _, v in judged):
        part.quarantine = f"quarantine-{number:06d}.parquet"
        _write_quarantine(judged, folder / part.quarantine)
    if any(v.bundles for _, v in judged):
        part.bundles = f"bundles-{number:06d}.parquet"
        _write_bundles(judged, folder / part.bundles)
    return part


def _judge(chunk: Chunk | Refusal) -> Judged:
    if isinstance(chunk, Chunk):
        return judge(chunk)
    refused = Rejected(chunk.line, chunk.offset, chunk.raw, chunk.error, "")
    return Judged(rejected=[refused])


def _write_resources(judged: list[tuple[SourceFile, Judged]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    typed: dict[str, list[tuple[int, Record]]] = {}
    for file, verdict in judged:
        base = file.index << OFFSET_BITS
        for record in verdict.records:
            typed.setdefault(record.type, []).append((base, record))
    schema = pa.schema(
        {  # type: ignore[arg-type]
            "rid": pa.int64(),
            "line": pa.int64(),
            "type": pa.string(),
            "id": pa.string(),
            "full_url": pa.string(),
            "bundle": pa.int64(),
            "hash": pa.uint64(),
            "text": pa.binary(),
            "method": pa.string(),
        }
    )
    stored = schema.set(7, pa.field("text", pa.string()))
    with pq.ParquetWriter(
        path,
        stored,
        compression="zstd",
        compression_level=1,
        use_dictionary=["type"],  # type: ignore[arg-type]
    ) as writer:
        for _, records in sorted(typed.items()):
            columns = [
                pa.array(values, field.type)
                for values, field in zip(_columns(records), schema, strict=True)
            ]
            columns[7] = columns[7].view(pa.string())  # the gate has judged the UTF-8
            writer.write_table(pa.Table.from_arrays(columns, schema=stored))


def _columns(records: list[tuple[int, Record]]) -> Iterator[list[Any]]:
    """Yield the columns of the schema: a column at a time is several times faster than a row."""
    yield [base | r.offset for base, r in records]
    yield [r.line for _, r in records]
    yield [r.type for _, r in records]
    yield [r.id for _, r in records]
    yield [r.full_url for _, r in records]
    yield [None if r.bundle is None else base | r.bundle for base, r in records]
    hashed, number = hashlib.blake2b, int.from_bytes
    yield [number(hashed(r.text, digest_size=8).digest(), "little") for _, r in records]
    yield [r.text for _, r in records]
    yield [r.method for _, r in records]


def _write_quarantine(judged: list[tuple[SourceFile, Judged]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "file_index": file.index,
            "line": r.line,
            "byte_offset": r.offset,
            "raw": r.raw,
            "error": r.error,
            "path": r.path,
        }
        for file, verdict in judged
        for r in verdict.rejected
    ]
    schema = pa.schema(
        {
            "file_index": pa.int64(),  # type: ignore[arg-type]
            "line": pa.int64(),
            "byte_offset": pa.int64(),
            "raw": pa.binary(),
            "error": pa.string(),
            "path": pa.string(),
        }
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


def _write_bundles(judged: list[tuple[SourceFile, Judged]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {
            "bundle": (file.index << OFFSET_BITS) | b.offset,
            "file_index": file.index,
            "line": b.line,
            "type": b.type,
            "total": b.total,
            "matches": b.matches,
            "self_url": b.self_url,
            "next_url": b.next_url,
        }
        for file, verdict in judged
        for b in verdict.bundles
    ]
    whole = dict.fromkeys(("bundle", "file_index", "line", "total", "matches"), pa.int64())
    words = dict.fromkeys(("type", "self_url", "next_url"), pa.string())
    schema = pa.schema({**whole, **words})  # type: ignore[arg-type]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")
