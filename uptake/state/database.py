"""The state database. In: its URL; out: connections for reading and writing, at the newest schema.

SQLite in WAL mode unless a project names PostgreSQL: readers never wait for a writer, and a process
that dies leaves what was committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from uptake.errors import StorageError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

WAIT_SECONDS = 20
"""How long a writer waits for another one."""


class State:
    """One state database; close it when done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(writes=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the database."""
        with _explained(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes are kept together when the block ends well."""
        with _explained(self._engine), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def open_state(url: str) -> State:
    """Return the state at a SQLAlchemy URL, made or brought to the newest schema.

    Raises StorageError where it cannot be opened.
    """
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StorageError(
            f"the state's url cannot be used ({error}); write sqlite:///state.db or "
            "postgresql+pg8000://user@host/name"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settle)
        event.listen(engine, "begin", _begin)
    with _explained(engine):
        _migrate(engine)
    return State(engine)


def _settle(connection: Any, _: object) -> None:
    """Set what each connection of SQLite has of its own."""
    connection.isolation_level = None  # transactions begin where _begin says
    cursor = connection.cursor()
    cursor.execute(f"pragma busy_timeout = {WAIT_SECONDS * 1000}")
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = full")
    cursor.execute("pragma foreign_keys = on")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin at once: otherwise two reads could see two states, and a reader that comes to write
    would be refused where a writer waits its turn.
    """
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def _migrate(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    newest = ScriptDirectory.from_config(config).get_current_head()
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == newest:
            return
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")  # nothing, where another process was first


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Turn what the driver says into a line without values: they may be a patient's."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        where = engine.url.render_as_string(hide_password=True)
        raise StorageError(f"the state {where} cannot be used: {_said(engine, error)}") from error
    except SQLAlchemyError as error:
        raise StorageError(f"the state refuses this: {_said(engine, error)}") from error


def _said(engine: Engine, error: SQLAlchemyError) -> str:
    """Return what SQLite says, which names columns only; of PostgreSQL the kind of error."""
    said = getattr(error, "orig", None)
    if said is None or engine.dialect.name != "sqlite":
        return type(error).__name__
    return str(said)
