"""Files of many lines, written by the database. In: a query of texts; out: the file, whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import Database, brief_database, quoted
from uptake.errors import StorageError

if TYPE_CHECKING:
    from uptake.report.formats import Run

_AS_TEXT = r"format csv, header false, quote '', escape '', delimiter E'\x01'"
"""Plain lines: JSON text has no control character that could be taken for the delimiter."""


@contextmanager
def findings_of(run: Run) -> Iterator[Database]:
    """Give a database with the view `finding`: what `findings.parquet` says."""
    with brief_database("1GB") as db:
        path = quoted(str(run.findings))
        db.run(f"create view finding as select * from read_parquet({path})")
        yield db


def write_lines(
    db: Database, query: str, path: Path, *, head: str = "", end: str = "", between: str = ""
) -> None:
    """Write the one text column of an ordered query, a line a row, between `head` and `end`.

    `between` begins every line but the first. Raises StorageError; the file is whole or not there.
    """
    rows = path.with_name(path.name + ".rows")
    draft = path.with_name(path.name + ".tmp")
    try:
        db.run(f"copy ({query}) to {quoted(str(rows))} ({_AS_TEXT})")
        with draft.open("wb") as stream, rows.open("rb") as told:
            stream.write(head.encode())
            for n, line in enumerate(told):
                stream.write(between.encode() + line if n else line)
            stream.write(end.encode())
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        rows.unlink(missing_ok=True)
        draft.unlink(missing_ok=True)
