"""The event log. In: usage events; out: each kept once, in the inbox, later in monthly Parquet.

The inbox is transactional: a request is answered when its events are in it. `compact` moves them
to `events/YYYY-MM.parquet`, written whole, one process at a time; a crash between the two leaves an
event in both, and readers take each id once.
"""

from __future__ import annotations

import fcntl
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from uptake.disk import write_whole
from uptake.errors import StorageError
from uptake.state.schema import event_inbox

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from sqlalchemy import Connection

    from uptake.model import UsageEvent
    from uptake.state.database import State

FOLDER = "events"
LOCK = ".lock"
COLUMNS = (
    "id", "at", "action", "surface", "use_case", "practitioner", "patient", "encounter", "card",
    "reason", "comment", "seconds", "received_at",
)  # fmt: skip
_BATCH = 500


def record(state: State, events: Iterable[UsageEvent], received_at: datetime) -> tuple[int, int]:
    """Keep events that are not in the inbox yet; return how many were new, and how many repeated.

    All are kept, or none.
    """
    found = {event.id: event for event in events}
    with state.write() as connection:
        held = waiting(connection, found)
        new = [event for key, event in found.items() if key not in held]
        put(connection, new, received_at)
    return len(new), len(found) - len(new)


def waiting(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Return which of these events are in the inbox."""
    asked, held = list(ids), set[str]()
    for at in range(0, len(asked), _BATCH):
        query = select(event_inbox.c.id).where(event_inbox.c.id.in_(asked[at : at + _BATCH]))
        held |= set(connection.scalars(query))
    return held


def put(connection: Connection, events: Iterable[UsageEvent], received_at: datetime) -> None:
    """Put events into the inbox; none of them is there yet."""
    rows: list[dict[str, Any]] = [
        {name: getattr(event, name) for name in COLUMNS[:-1]}
        | {"action": event.action.value, "received_at": received_at}
        for event in events
    ]
    if rows:
        connection.execute(event_inbox.insert(), rows)


def compact(state: State, folder: Path) -> int:
    """Move the inbox to Parquet, a file a month of `at`; return how many events were moved."""
    with _alone(folder / FOLDER):
        return _compact(state, folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for whoever moves events: of two that write one month, the later would lose events."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = (folder / LOCK).open("w")
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _compact(state: State, folder: Path) -> int:
    import pyarrow.parquet as pq

    with state.read() as connection:
        rows = [r._asdict() for r in connection.execute(select(event_inbox))]
    if not rows:
        return 0
    months: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        plain = {name: _plain(value) for name, value in row.items()}
        months[f"{plain['at']:%Y-%m}"].append(plain)
    for month, found in sorted(months.items()):
        path = folder / FOLDER / f"{month}.parquet"
        held = pq.read_table(path).to_pylist() if path.exists() else []
        merged = {row["id"]: row for row in (*found, *held)}  # what is held came first, so it stays
        write_whole(path, _parquet(sorted(merged.values(), key=lambda r: (r["at"], r["id"]))))
    moved = [row["seq"] for row in rows]
    with state.write() as connection:
        for at in range(0, len(moved), _BATCH):
            some = moved[at : at + _BATCH]
            connection.execute(delete(event_inbox).where(event_inbox.c.seq.in_(some)))
    return len(rows)


def files(folder: Path) -> list[Path]:
    """Return the Parquet files of a project's events."""
    return sorted((folder / FOLDER).glob("*.parquet"))


def inbox(state: State) -> pa.Table:
    """Return the events of the inbox, with the columns of the files."""
    query = select(*(event_inbox.c[name] for name in COLUMNS)).order_by(event_inbox.c.seq)
    with state.read() as connection:
        rows = connection.execute(query).all()
    return _columns(list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS))


def count(state: State) -> int:
    """Return how many events wait in the inbox."""
    with state.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(event_inbox)) or 0)


def everything(state: State, folder: Path) -> pa.Table:
    """Return the whole log; an event may be in it twice, with one id."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    unmoved = inbox(state)  # first: what is moved meanwhile is then in both, not in neither
    return pa.concat_tables([*(pq.read_table(path) for path in files(folder)), unmoved])


def newest(state: State) -> int:
    """Return the number of the newest event of the inbox, 0 when it is empty."""
    with state.read() as connection:
        return int(connection.scalar(select(func.max(event_inbox.c.seq))) or 0)


def _columns(columns: Sequence[Sequence[object]]) -> pa.Table:
    """Return the values of COLUMNS as a table."""
    import pyarrow as pa

    instant = pa.timestamp("us")
    kinds: dict[str, pa.DataType] = {"at": instant, "received_at": instant, "seconds": pa.float64()}
    return pa.table(
        {
            name: pa.array(
                [_plain(v) for v in values] if kinds.get(name) == instant else list(values),
                kinds.get(name, pa.string()),
            )
            for name, values in zip(COLUMNS, columns, strict=True)
        }
    )


def _plain(value: object) -> object:
    """Return an instant as UTC without a zone, as DuckDB's `timestamp` is."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    table = _columns([[row[name] for row in rows] for name in COLUMNS])
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()
