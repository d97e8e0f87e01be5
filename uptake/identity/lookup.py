"""The records of a load on disk, found by what they share. In: a linked load; out: an index.

Two files lie open in memory, and a look-up touches some pages of them: every key with the records
under it, in order of the key, and the records in order of their number. With them lies all that a
record's normal form and weights rest on, so that a new one is read as the old ones were.
"""

from __future__ import annotations

import re
import shutil
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import msgspec
import pyarrow as pa

from uptake.engine.duckdb import quoted
from uptake.errors import StorageError
from uptake.identity import normal
from uptake.identity.keys import KEYS, KeyCount, parts_of
from uptake.identity.model import Model  # noqa: TC001 -- msgspec reads it
from uptake.identity.sanity import Sanity  # noqa: TC001 -- as above

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.engine.duckdb import Database
    from uptake.identity.keys import Key

FOLDER = "patient-index"
"""Within a run's folder."""
RECORDS, ENTRIES, NAMES, ABOUT = "records.arrow", "keys.arrow", "names.arrow", "about.json"
HELD = ("busy_contact", "busy_number", "busy_line", *sorted(normal.REFERENCE))
"""Tables that normal forms read: what too many share, and what words mean."""
VERSION = f"2 duckdb {duckdb.__version__}"
"""Keys are hashes of DuckDB, which it may change from version to version."""
BATCH = 1 << 18
"""Rows of a file that lie together: to take some out of a few places is quick."""


@dataclass(frozen=True, slots=True)
class Linked:
    """How the records of an index were compared with each other, as the table `linkage` has it."""

    model: Model
    records: int
    keys: tuple[KeyCount, ...]
    sanity: Sanity

    @property
    def whole(self) -> bool:
        """Tell whether every record was compared with every other one."""
        return not {count.name for count in self.keys} & {key.name for key in KEYS}


@dataclass(frozen=True, slots=True)
class About:
    """What an index holds."""

    version: str
    linkage: Linked


class Column(Sequence[int]):
    """A column of integers without gaps, read where it lies."""

    def __init__(self, column: pa.ChunkedArray[Any], kind: Literal["Q", "i"]) -> None:
        self._parts = []
        for part in column.chunks:
            (_, values) = part.buffers()
            if values is not None:
                whole = memoryview(values).cast("B").cast(kind)
                self._parts.append(whole[part.offset :][: len(part)])
        self._ends = list(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        """Return how many there are."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, at: Any) -> Any:
        """Return the one at a place."""
        part = bisect_right(self._ends, at)
        return self._parts[part][at - (self._ends[part - 1] if part else 0)]


@dataclass(frozen=True, slots=True)
class Lookup:
    """An index on disk."""

    folder: Path
    linkage: Linked
    records: pa.Table
    """`person_record` in order of n, with how frequent its names are."""
    entries: pa.Table
    """key, and n of a record under it, in order of the key."""
    keys: Column
    """The keys of the entries."""
    places: Column
    """The numbers of the entries."""
    frequency: dict[str, int]
    """How many records have a given name."""
    _parts: list[pa.RecordBatch] = field(init=False)
    _starts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Note where the records lie."""
        parts = self.records.to_batches()
        object.__setattr__(self, "_parts", parts)
        starts = accumulate(map(len, parts), initial=0)
        object.__setattr__(self, "_starts", list(starts)[:-1])

    def numbers(self, keys: Iterable[int]) -> list[int]:
        """Return the n of the records under any of these keys, in order."""
        if self.linkage.whole:
            return list(range(self.linkage.records))
        return sorted({n for key in set(keys) for n in self._under(key)})

    def taken(self, numbers: Iterable[int]) -> list[pa.RecordBatch]:
        """Return the records of these numbers, which are in order.

        Not with `take` of the whole table, which copies every column to give a hundred rows.
        """
        found = []
        for part, group in groupby(numbers, lambda n: bisect_right(self._starts, n) - 1):
            here = pa.array([n - self._starts[part] for n in group], pa.int32())
            found.append(self._parts[part].take(here))
        return found

    def _under(self, key: int) -> Sequence[int]:
        first, end = bisect_left(self.keys, key), bisect_right(self.keys, key)
        return [self.places[at] for at in range(first, end)]


def key_query(source: str, keys: Iterable[Key] = KEYS, *, told: str = "distinct key, n") -> str:
    """Return the query of the keys of records: key and n; `source` is a table of person_record.

    A key of one kind never meets one of another, though its parts are the same. `told` is what is
    selected of them.
    """
    lists, hashes = [], []
    for k, key in enumerate(KEYS):
        if key not in keys:
            continue
        if key.each:
            lists.append(f"unnest({key.each}) as item_{k}")
        parts = [re.sub(r"\bitem\b", f"item_{k}", part) for part in parts_of(key)]
        known = " and ".join(f"({part}) is not null" for part in parts)
        hashes.append(f"case when {known} then hash({k}, {', '.join(parts)}) end")
    # several unnests go side by side, the shorter ones filled up with NULL
    return (
        f"select {told} from (select unnest([{', '.join(hashes)}]) as key, n "
        f"from (select {', '.join(('*', *lists))} from {source})) where key is not null"
    )


_NAMES = """
select given, min(given_count) as records from person_record
where given is not null group by given order by given
"""


def write_index(db: Database, folder: Path) -> None:
    """Write the index of a load that was just linked; the folder appears whole or not at all.

    Raises StorageError.
    """
    (told,) = db.row("select told from linkage")
    about = About(VERSION, msgspec.json.decode(told, type=Linked))
    draft = folder.with_name(folder.name + ".tmp")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        _write(db, _record_query(about.linkage.model), draft / RECORDS)
        _write(db, _NAMES, draft / NAMES)
        _write_entries(db, about.linkage, draft / ENTRIES)
        for name in HELD:
            db.run(f"copy {name} to {quoted(str(draft / name))} (format parquet)")
        (draft / ABOUT).write_bytes(msgspec.json.encode(about))
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error


def _record_query(model: Model) -> str:
    """Return the records in order, with how frequent the names are that go by frequency."""
    columns = [c.tf for c in model.comparisons if c.tf]
    told = ", ".join(f"f_{c}.tf_{c}" for c in columns)
    joins = " ".join(f"left join frequency_of_{c} f_{c} on f_{c}.{c} = p.{c}" for c in columns)
    return f"select p.*, {told} from person_record p {joins} order by p.n"


def _write_entries(db: Database, linkage: Linked, path: Path) -> None:
    """Write the keys, but those that more records share than were compared."""
    largest = {count.name: max(count.largest, 1) for count in linkage.keys}
    db.run("create or replace table index_entry (key ubigint, n integer)")
    for key in () if linkage.whole else KEYS:
        db.run(f"create or replace temp table key_entry as {key_query('person_record', [key])}")
        db.run(
            "insert into index_entry select key, n from key_entry where key not in ("
            f"select key from key_entry group by key having count(*) > {largest[key.name]})"
        )
    _write(db, "select key, n from index_entry order by key, n", path)
    db.run("drop table index_entry")
    db.run("drop table if exists key_entry")


def _write(db: Database, query: str, path: Path) -> None:
    """Write the rows of an ordered query as an Arrow file, which is read where it lies."""
    writer = None
    with pa.OSFile(str(path), "wb") as stream:
        for batch in _joined(db.batches(query, BATCH)):
            writer = writer or pa.ipc.new_file(stream, batch.schema)
            writer.write_batch(batch)
        if writer is None:
            columns = db.connection.sql(query).to_arrow_table().schema
            writer = pa.ipc.new_file(stream, columns)
        writer.close()


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches of at least `BATCH` rows but the last; a database gives them as it likes."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= BATCH:
            yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()
            waiting = []
    if waiting:
        yield from pa.Table.from_batches(waiting).combine_chunks().to_batches()


def open_lookup(folder: Path) -> Lookup:
    """Return the index in a folder; raises StorageError where there is none that can be read."""
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=About)
        records, entries, names = (
            pa.ipc.open_file(pa.memory_map(str(folder / name))).read_all()
            for name in (RECORDS, ENTRIES, NAMES)
        )
    except (OSError, msgspec.MsgspecError, pa.ArrowInvalid) as error:
        raise StorageError(
            f"{folder}: no index here; run `uptake assess` or `uptake duplicates` again"
        ) from error
    if about.version != VERSION:
        raise StorageError(f"{folder}: the index is of another version; run what wrote it again")
    return Lookup(
        folder,
        about.linkage,
        records,
        entries,
        Column(entries["key"], "Q"),
        Column(entries["n"], "i"),
        {row["given"]: row["records"] for row in names.to_pylist()},
    )


def load_tables(db: Database, folder: Path) -> None:
    """Make the tables in a database that normal forms read beside the Patients."""
    for name in HELD:
        path = quoted(str(folder / name))
        db.run(f"create or replace table {name} as from read_parquet({path})")
    normal.prepare_words(db)
