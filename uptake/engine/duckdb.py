"""DuckDB in memory, every setting that changes an answer made explicit. In: SQL; out: rows."""

from __future__ import annotations

import copy
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import duckdb

from uptake.errors import EngineError, StorageError

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
R = TypeVar("R")
Parameters: TypeAlias = "Sequence[object] | Mapping[str, object]"
"""Values for `?`, or by name for `$name`."""


def in_utc(at: datetime) -> datetime:
    """Return an instant as the tables have it: UTC, without a zone."""
    return at.astimezone(UTC).replace(tzinfo=None)


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def listed(texts: Iterable[str]) -> str:
    """Return texts as an SQL list, as `read_parquet` takes it."""
    return f"[{', '.join(map(quoted, texts))}]"


class Database:
    """One in-memory database that spills to `spill` beyond `memory`; close it when done."""

    def __init__(self, threads: int, memory: str, spill: Path) -> None:
        with _explained():
            self._connection = duckdb.connect(
                config={
                    "threads": threads,
                    "memory_limit": memory,
                    "temp_directory": str(spill),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                }
            )
        self._threads = threads
        self.run("set preserve_insertion_order = false")
        self._settle()

    def _settle(self) -> None:
        """Set what each connection has of its own."""
        self.run("set TimeZone = 'UTC'")
        self.run("set enable_progress_bar = false")

    def each(self, work: Callable[[Database, T], R], items: Iterable[T]) -> list[R]:
        """Return what `work` gives for each item, in order; items are worked on side by side.

        Each is given a connection of its own to this database: tables are shared, temporary tables
        are not. A query over fewer than some hundred thousand rows uses one core only, so this is
        what keeps all of them busy.
        """
        idle: SimpleQueue[Database] = SimpleQueue()
        beside = [self._beside() for _ in range(self._threads)]
        for own in beside:
            idle.put(own)

        def one(item: T) -> R:
            db = idle.get()
            try:
                return work(db, item)
            finally:
                idle.put(db)

        try:
            with ThreadPoolExecutor(self._threads) as pool:
                return list(pool.map(one, items))
        finally:
            for own in beside:
                own.close()

    def _beside(self) -> Database:
        other = copy.copy(self)
        other._connection = self._connection.cursor()
        other._settle()
        return other

    def run(self, sql: str, parameters: Parameters = ()) -> None:
        """Run a statement; raises EngineError, or StorageError when the disk is full."""
        with _explained():
            self._connection.execute(sql, parameters or None)

    def rows(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        with _explained():
            return self._connection.execute(sql, parameters or None).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> tuple[Any, ...]:
        """Return the one row of a query."""
        return self.rows(sql, parameters)[0]

    def batches(self, sql: str, size: int = 1 << 13) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query in Arrow batches; other queries may run meanwhile."""
        beside = self._beside()
        try:
            with _explained():
                yield from beside._connection.sql(sql).to_arrow_reader(size)
        finally:
            beside.close()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Append rows to a table, all columns as text or numbers that the table's types take."""
        import pyarrow as pa

        if not rows:
            return
        arrays = [pa.array(list(column)) for column in zip(*rows, strict=True)]
        batch = pa.table(arrays, names=list(columns))
        with _explained():
            self._connection.register("_batch", batch)
            names = ", ".join(columns)
            self._connection.execute(f"insert into {table} ({names}) select {names} from _batch")
            self._connection.unregister("_batch")

    def load(self, table: str, rows: pa.Table, columns: str) -> None:
        """Make a table from these columns of an Arrow table."""
        with _explained():
            self._connection.register("_rows", rows)
            self._connection.execute(f"create table {table} as select {columns} from _rows")
            self._connection.unregister("_rows")

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Return DuckDB's own connection, for a library that works in the same database."""
        return self._connection

    def close(self) -> None:
        """Free the memory and the spill files."""
        self._connection.close()


@contextmanager
def brief_database(memory: str = "512MB", threads: int = 1) -> Iterator[Database]:
    """Give a database for a question or two; it is closed, and its spill is gone, afterwards."""
    with tempfile.TemporaryDirectory(prefix="uptake-") as spill:
        db = Database(threads, memory, Path(spill))
        try:
            yield db
        finally:
            db.close()


_VALUE = re.compile(r"""(?<!\w)(?P<quote>['"])(?:.*(?P=quote)|.*)|(?<=with value )\S+|[(]-?\d.*""")
"""What of an error over data is a value: it may be a patient's, and the error stands in reports."""


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except duckdb.IOException as error:
        raise StorageError(f"the disk cannot be read or written: {_first_line(error)}") from error
    except duckdb.OutOfMemoryException as error:
        raise EngineError(f"out of memory; raise --memory: {_first_line(error)}") from error
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        raise EngineError(_VALUE.sub("…", _first_line(error))) from error
    except duckdb.Error as error:
        raise EngineError(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
