"""The state: both databases, migrations, and an event log that keeps each event once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import insert, select

from uptake.errors import StorageError
from uptake.model import Action, UsageEvent
from uptake.state import events
from uptake.state.database import State, open_state
from uptake.state.schema import champion, decision, event_inbox, mapping, metadata, refused_row

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(number: int, at: datetime = NOW) -> UsageEvent:
    return UsageEvent(f"e{number}", at, Action.VIEWED, "portal", "case", "pr-1", "p-1")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of its own, on a free port.

    Its folder is not pytest's: those of older sessions are removed while a new one runs.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs PostgreSQL")
    programs, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="uptake-postgresql-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data, port = folder / "data", 20_000 + os.getpid() % 20_000
    command = [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "uptake", "-A", "trust"]
    subprocess.run(command, check=True, capture_output=True, cwd="/")
    control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    start = [*control, "-l", str(folder / "log"), "-o", settings, "start"]
    subprocess.run(start, check=True, capture_output=True, cwd="/")
    yield f"postgresql+pg8000://uptake@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd="/")
    shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "sqlite":
        opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    else:
        opened = open_state(request.getfixturevalue("postgresql"))
        with opened.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    yield opened
    opened.close()


def test_an_instant_comes_back_in_utc(state: State) -> None:
    at = datetime(2026, 11, 1, 7, tzinfo=timezone(timedelta(hours=-5)))
    row = {"use_case": "c", "stage": "go-live", "day": at.date(), "by": "A", "at": at}
    with state.write() as connection:
        connection.execute(insert(decision), row)
    with state.read() as connection:
        found = connection.execute(select(decision)).one()
    assert found.at == NOW
    assert found.at.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(state: State) -> None:
    row = {"use_case": "c", "stage": "s", "day": NOW.date(), "by": "A"}
    row |= {"at": NOW.replace(tzinfo=None)}
    with pytest.raises(StorageError), state.write() as connection:
        connection.execute(insert(decision), row)


def test_what_fails_leaves_nothing(state: State) -> None:
    row = {"use_case": "c", "unit": "u", "practitioner": "p", "profession": "nurse", "by": "A"}

    def half() -> None:
        with state.write() as connection:
            connection.execute(insert(champion), row | {"at": NOW})
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        half()
    with state.read() as connection:
        assert not connection.execute(select(champion)).all()


def test_bytes_are_kept_as_they_came(state: State) -> None:
    raw = bytes(range(256))
    with state.write() as connection:
        connection.execute(insert(refused_row), {"sha256": "s", "line": 1, "raw": raw})
    with state.read() as connection:
        assert connection.execute(select(refused_row.c.raw)).scalar_one() == raw


def test_an_error_tells_no_value(state: State) -> None:
    with pytest.raises(StorageError) as failed, state.write() as connection:
        connection.execute(insert(event_inbox), {"id": None, "patient": "Villaseñor"})
    assert "Villaseñor" not in str(failed.value)


def test_an_event_is_kept_once(state: State) -> None:
    sent = [event(1), event(2), event(1)]
    assert events.record(state, sent, NOW) == (2, 0)
    assert events.record(state, [*sent, event(3)], NOW) == (1, 2)
    assert events.inbox(state)["id"].to_pylist() == ["e1", "e2", "e3"]


def test_events_move_to_the_month_they_happened_in(state: State, tmp_path: Path) -> None:
    events.record(state, [event(1), event(2, NOW - timedelta(days=40))], NOW)
    assert events.compact(state, tmp_path) == 2
    assert [path.stem for path in events.files(tmp_path)] == ["2026-09", "2026-11"]
    assert events.inbox(state).num_rows == 0
    assert sorted(events.everything(state, tmp_path)["id"].to_pylist()) == ["e1", "e2"]


def test_a_crash_between_the_file_and_the_inbox_doubles_nothing(
    state: State, tmp_path: Path
) -> None:
    events.record(state, [event(1), event(2)], NOW)
    held = events.inbox(state)
    events.compact(state, tmp_path)
    # As if the inbox had not been emptied: the same events are there again.
    events.record(state, [event(1), event(2), event(3)], NOW)
    assert events.everything(state, tmp_path).num_rows == 5
    events.compact(state, tmp_path)
    (path,) = events.files(tmp_path)
    assert pq.read_table(path)["id"].to_pylist() == ["e1", "e2", "e3"]
    assert pq.read_table(path).schema.names == held.schema.names


def test_what_is_moved_while_the_log_is_read_is_in_it(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.record(state, [event(1)], NOW)
    found = events.files

    def moved(folder: Path) -> list[Path]:
        before = found(folder)
        events.compact(state, folder)
        return before

    monkeypatch.setattr(events, "files", moved)
    assert set(events.everything(state, tmp_path)["id"].to_pylist()) == {"e1"}


def test_two_that_move_events_lose_none(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events.record(state, [event(1)], NOW)
    write, others = events.write_whole, []

    def interrupted(path: Path, data: bytes) -> None:
        if not others:  # the first is about to write; another one comes with a newer event
            events.record(state, [event(2)], NOW)
            others.append(threading.Thread(target=events.compact, args=(state, tmp_path)))
            others[0].start()
            others[0].join(0.5)
        write(path, data)

    monkeypatch.setattr(events, "write_whole", interrupted)
    events.compact(state, tmp_path)
    others[0].join()
    assert sorted(events.everything(state, tmp_path)["id"].to_pylist()) == ["e1", "e2"]


def test_opening_twice_is_opening_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    first = open_state(url)
    events.record(first, [event(1)], NOW)
    second = open_state(url)
    assert events.newest(second) == 1
    assert first is not second
    first.close()
    second.close()


def test_a_state_of_before_gains_the_new_columns(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    open_state(url).close()
    older = sqlite3.connect(tmp_path / "state.db")
    for name in ("equivalence", "specimen", "unit"):
        older.execute(f"alter table mapping drop column {name}")
    older.execute("update alembic_version set version_num = '0001'")
    older.execute(
        "insert into mapping (feed, system, code, display, target_system, target_code, "
        "target_display, decision, by, at) values ('lab', 'urn:x', 'K', '', '', '', '', "
        "'flagged', 'Ada', '2026-10-01 00:00:00')"
    )
    older.commit()
    older.close()
    state = open_state(url)
    with state.read() as connection:
        rows = connection.execute(select(mapping)).mappings().all()
    state.close()
    assert [(r["code"], r["equivalence"], r["unit"]) for r in rows] == [("K", "", "")]


def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    writer, reader = open_state(url), open_state(url)
    with writer.write() as connection:
        connection.execute(insert(refused_row), {"sha256": "s", "line": 1, "raw": b""})
        with reader.read() as other:
            assert not other.execute(select(refused_row)).all()
    with reader.read() as other:
        assert len(other.execute(select(refused_row)).all()) == 1


def test_many_processes_write_side_by_side(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'state.db'}"
    code = f"""
import sys
from datetime import UTC, datetime
from uptake.model import Action, UsageEvent
from uptake.state import events
from uptake.state.database import open_state
state, at = open_state({url!r}), datetime(2026, 11, 1, tzinfo=UTC)
for number in range(20):
    found = [UsageEvent(f"{{sys.argv[1]}}-{{number}}", at, Action.VIEWED, "s", "c")]
    events.record(state, found, at)
"""
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    state = open_state(url)
    assert events.inbox(state).num_rows == 60
    state.close()


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////nowhere/at/all/state.db", "mysql2://x/y"])
def test_a_wrong_url_says_what_to_write(url: str) -> None:
    with pytest.raises(StorageError) as failed:
        open_state(url)
    assert "\n" not in str(failed.value)
