"""What every page reads from. In: a project and its state; out: the newest run, now, a cache."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Integer, func, select

from uptake.delivery.cards import Place
from uptake.errors import UptakeError
from uptake.project import local, now
from uptake.rollout.chain import chains
from uptake.rollout.facts import definitions as read_definitions
from uptake.rollout.situation import Situation, read_situation
from uptake.runs import CURRENT, STORE
from uptake.state import events
from uptake.state.schema import card, event_inbox, metadata, panel_answer
from uptake.web.running import Assessing

if TYPE_CHECKING:
    from uptake.model import Chain
    from uptake.project import Project
    from uptake.rollout.situation import Definitions
    from uptake.state.database import State

T = TypeVar("T")
Stamp = tuple[tuple[object, ...], int]
"""What was decided, and the newest event: an answer may be behind in events only."""
KEPT = 400
"""Answers kept; the largest is some 50 KB."""
HEARD = 15.0
"""Seconds."""
MOVED = 5000
"""An inbox with more events than this is moved to its files: they are read ten times as fast."""


@dataclass(slots=True)
class Site:
    """One project as the web shows it; its methods may be called from several threads."""

    project: Project
    state: State
    base_url: str
    assessing: Assessing = field(default_factory=Assessing)
    _kept: OrderedDict[str, tuple[Stamp, Any]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    _asking: Lock = field(default_factory=Lock)
    _renewing: set[str] = field(default_factory=set)
    _log: tuple[float, int] = (-math.inf, 0)

    def run(self) -> Path | None:
        """Return the folder of the newest run, None before the first; a run never changes."""
        if self.project.folder is None:
            return None
        link = self.project.folder / CURRENT
        return link.resolve() if link.is_dir() else None

    def store(self) -> Path:
        """Return the folder of the raw store."""
        return (self.project.folder or Path()) / STORE

    def now(self) -> datetime:
        """Return what "now" means by the project's clock: the project's as-of, or the real now."""
        return now(self.project, datetime.now(UTC))

    def real_now(self) -> datetime:
        """Return when somebody decides something: the clock's time, whatever the data's is."""
        return local(datetime.now(UTC), self.project.zone or UTC)

    def place(self, *, smart: bool = False) -> Place:
        """Return where cards and the panel are shown; `smart`: the EHR can launch the panel."""
        return Place(self.base_url, smart, self.project.titles, self.project.zone)

    def definitions(self) -> Definitions:
        """Return the definitions; they are read again when there is a new run."""
        return self.of_run("definitions", lambda: read_definitions(self.project))

    def chains(self) -> tuple[Chain, ...]:
        """Return the chain of every use case."""
        return self.told("chains", chains)

    def warm(self) -> None:
        """Begin in the background to tell the chains: the first visitor then waits less."""
        if self.run() is not None:
            stamp: Stamp = ((), 0)
            self._renew("warm", stamp, lambda _: self.chains())

    def told(self, name: str, make: Callable[[Situation], T]) -> T:
        """Return what `make` tells from the situation, kept as `of_state` does.

        One asks at a time: the situation's database has one connection.
        """

        def ask(stamp: Stamp) -> T:
            with self._asking:
                return make(self._make("situation", stamp, lambda _: self._read_situation()))

        return self._of_state(name, ask)

    def of_run(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gives, kept as long as the run is the newest."""
        return self._make(name, ((self.run(),), 0), lambda _: make())

    def of_state(self, name: str, make: Callable[[], T]) -> T:
        """Return what `make` gives, kept until a run, a decision or the day is new.

        Events come all day long: they are looked for every HEARD seconds, and what is kept is
        answered until somebody has made it anew in the background. Nobody waits for them.
        """
        return self._of_state(name, lambda _: make())

    def _of_state(self, name: str, make: Callable[[Stamp], T]) -> T:
        decided = (self.run(), *self._newest_rows(), self.now().date())
        stamp = (decided, self._newest_event())
        with self._lock:
            held = self._kept.get(name)
        if held is None or held[0][0] != decided:
            return self._make(name, stamp, make)
        if held[0] != stamp:
            self._renew(name, stamp, make)
        found: T = held[1]
        return found

    def _renew(self, name: str, stamp: Stamp, make: Callable[[Stamp], object]) -> None:
        """Make an answer anew in the background, unless somebody does."""

        def work() -> None:
            try:
                self._make(name, stamp, make)
            except UptakeError:  # what is kept goes on being answered; the next one tries again
                return
            finally:
                with self._lock:
                    self._renewing.discard(name)

        with self._lock:
            if name in self._renewing:
                return
            self._renewing.add(name)
        Thread(target=work, name="renew", daemon=True).start()

    def _make(self, name: str, stamp: Stamp, make: Callable[[Stamp], T]) -> T:
        """Return what is kept under this stamp, or make and keep it."""
        with self._lock:
            held = self._kept.get(name)
            if held is not None and held[0] == stamp:
                self._kept.move_to_end(name)
                found: T = held[1]
                return found
        found = make(stamp)
        with self._lock:
            self._kept[name] = (stamp, found)
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def _newest_rows(self) -> tuple[object, ...]:
        """Return the newest row of every table: rows are appended, so these say what is new."""
        with self.state.read() as connection:
            return tuple(connection.execute(_NEWEST).one())

    def _newest_event(self) -> int:
        heard, newest = self._log
        if time.monotonic() - heard > HEARD:
            newest = events.newest(self.state)
            self._log = (time.monotonic(), newest)
        return newest

    def _read_situation(self) -> Situation:
        folder = self.project.folder or Path()
        if events.count(self.state) > MOVED:
            events.compact(self.state, folder)
        return read_situation(self.definitions(), self.state, folder, self.run(), self.now())


def _newest() -> list[Any]:
    found: list[Any] = []
    for table in metadata.sorted_tables:
        if table in (event_inbox, card, panel_answer):
            continue
        (key,) = table.primary_key.columns
        what = func.max(key) if isinstance(key.type, Integer) else func.count(key)
        found.append(select(what).scalar_subquery().label(table.name))
    return found


_NEWEST = select(*_newest())
