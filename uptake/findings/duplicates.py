"""Link the Patients of feeds, and nothing else. In: feeds; out: linkage, and its files on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import Database, quoted
from uptake.errors import SourceError, StorageError
from uptake.feeds.files import files_of
from uptake.findings.assess import write_quarantine
from uptake.findings.knowledge import SHIPPED, Knowledge
from uptake.findings.load import prepare, tables_needed
from uptake.identity import results
from uptake.identity.lookup import FOLDER, write_index
from uptake.identity.match import link_new
from uptake.resources.store import load

if TYPE_CHECKING:
    from uptake.findings.assess import Watch
    from uptake.identity.decisions import Decided
    from uptake.identity.linkage import Linkage
    from uptake.model import Feed

NEW = "new-pairs.parquet"
"""What new records were found to be, when they are held against an index."""
_COLUMNS = "feed, id, known_feed, known_id, probability, outcome, veto, weight, levels"


@dataclass(frozen=True, slots=True)
class Search:
    """Where to look for duplicate patients, and with which means."""

    feeds: tuple[Feed, ...]
    as_of: datetime
    threads: int = 2
    memory: str = "2GB"
    knowledge: Knowledge = SHIPPED
    decided: Sequence[Decided] = ()


def find_duplicates(search: Search, out: Path, watch: Watch) -> tuple[Linkage, int]:
    """Link the Patients of all feeds; returns what it came to, and how many lines were kept out.

    Writes pairs, clusters, summary.json and an index to `out`.

    Raises SourceError when nothing could be read, StorageError when `out` cannot be written.
    """
    tables = tables_needed(
        f"select 1 from {name}" for name in ("patient_link", *results.HARM_READS)
    )
    with _loaded(search, out, tables, watch) as (db, kept_out):
        watch.begin("Writing", 1)
        results.write_duplicates(db, out)
        linkage = results.read_linkage(db)
        if linkage is None:
            raise SourceError("no Patient was linked: the load was not read")
        write_index(db, out / FOLDER)
        (out / results.FIGURES).replace(out / "summary.json")
        watch.advance(1)
        return linkage, kept_out


def find_known(
    search: Search, against: Path, out: Path, watch: Watch
) -> tuple[dict[str, int], int]:
    """Hold the Patients of the feeds against an earlier search.

    Returns the pairs by outcome, and how many lines were kept out.

    Writes `new-pairs.parquet` to `out`. Only the new records are compared, so it takes seconds
    where a whole search takes minutes. Raises as `find_duplicates`, and StorageError where the
    earlier search left no index.
    """
    folder = against / FOLDER
    with _loaded(search, out, frozenset({"sent_patient"}), watch) as (db, kept_out):
        watch.begin("Comparing", 1)
        link_new(folder, db)
        db.run(
            f"copy (select {_COLUMNS} from new_link order by feed, id, known_feed, known_id) "
            f"to {quoted(str(out / f'{NEW}.tmp'))} (format parquet, compression zstd)"
        )
        (out / f"{NEW}.tmp").replace(out / NEW)
        watch.advance(1)
        known = dict(db.rows("select outcome, count(*) from new_link group by outcome"))
        return known, kept_out


@contextmanager
def _loaded(
    search: Search, out: Path, tables: frozenset[str], watch: Watch
) -> Iterator[tuple[Database, int]]:
    """Give a database with these tables of the feeds, and how many lines were kept out.

    Raises as `find_duplicates`.
    """
    files = files_of(search.feeds)
    watch.begin("Reading", sum(max(f.size, 0) for f in files))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror}") from error
    with tempfile.TemporaryDirectory(prefix="uptake-", dir=out) as folder:
        store = load(files, Path(folder) / "resources", search.threads, watch.advance)
        if not any(f.records for f in store.files):
            names = ", ".join(f.name for f in files[:3])
            raise SourceError(f"nothing could be read: no records in {names}")
        db = Database(search.threads, search.memory, Path(folder) / "spill")
        try:
            watch.begin("Linking", len(store.fields))
            prepare(
                db,
                store,
                search.feeds,
                search.as_of,
                tables,
                lambda name: watch.advance(1, name),
                knowledge=search.knowledge,
                decided=search.decided,
            )
            write_quarantine(db, out)
            yield db, sum(file.quarantined for file in store.files)
        finally:
            db.close()
