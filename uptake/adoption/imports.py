"""Audit logs into the event log. In: a CSV export or FHIR AuditEvents; out: events, each once.

A file is read as a stream and kept in one transaction: after a crash all of it is there or nothing.
What cannot be read for sure is refused, byte for byte, with its line and the reason.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from msgspec import Struct

from uptake.adoption import import_log
from uptake.adoption.access import read_access
from uptake.adoption.import_log import Imported, RefusedRow, Tally
from uptake.adoption.rows import Record, digest
from uptake.adoption.times import RefusalError, Times
from uptake.adoption.usage_files import open_usage
from uptake.errors import SourceError
from uptake.model import Action, Surface, UsageEvent
from uptake.state import events

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

    from uptake.state.database import State

AHEAD = timedelta(minutes=5)
"""How far a sender's clock may be before ours."""
NO_ACTION = "an action that the surface does not name"
ACTIONS = "the event names several actions"
FUTURE = "the time is in the future"
SECONDS = "the seconds are no number"

_BATCH = 5000
_KEY = ("practitioner", "patient", "encounter", "card", "reason")

KnownPatients = Callable[[Collection[str]], Collection[str]]
"""Of the patients of a file, those somebody knows."""


@dataclass(slots=True)
class _Seen:
    """Who and whom the accepted events are about, for the notes."""

    people: dict[str, int] = field(default_factory=dict)
    patients: dict[str, int] = field(default_factory=dict)

    def add(self, event: UsageEvent) -> None:
        for who, counts in ((event.practitioner, self.people), (event.patient, self.patients)):
            if who:
                counts[who] = counts.get(who, 0) + 1


def import_usage(
    state: State,
    surfaces: Mapping[str, Surface],
    path: Path,
    *,
    surface: str | None,
    now: datetime,
    known_patients: KnownPatients | None = None,
    folder: Path | None = None,
) -> Imported:
    """Return what became of a file of a surface's events; the surface is found by its header.

    `folder` is the project's: events that were moved to its Parquet files are known, too. Raises
    SourceError when the file cannot be read or the surface cannot be told; then nothing is kept.
    """
    chosen, records = open_usage(surfaces, path, surface)
    sha256 = digest(path)
    before = import_log.entry(state, sha256)
    if before and before.surface == chosen.code and not before.refused:
        rows = before.accepted + before.repeated
        return Imported(path.name, "events", chosen.code, 0, rows, 0, {}, (), before.at)
    tally = Tally(sha256, path.name, "events", chosen.code)
    seen, known = _Seen(), _Known(folder)
    with TemporaryFile() as spool:
        _spool(_Reader(chosen, now), records, spool, path)
        with state.write() as connection:
            tally.begin(connection)
            for batch in _spooled(spool):
                new = known.unknown(connection, {event.id: event for event in batch.events})
                events.put(connection, new.values(), now)
                for event in new.values():
                    seen.add(event)
                tally.refuse(connection, batch.refused)
                tally.accepted += len(new)
                tally.repeated += batch.read - len(new)
            tally.end(connection, now)
    return tally.result(_notes(state, seen, known_patients), before.at if before else None)


class _Batch(Struct):
    """A part of a file, read."""

    read: int
    """Rows that are events, those that stand there twice too."""
    events: list[UsageEvent]
    refused: list[RefusedRow]


def _spool(reader: _Reader, records: Iterator[Record], spool: BinaryIO, path: Path) -> None:
    """Read a whole file before the state is locked: others write while a long one is read."""
    while some := list(islice(records, _BATCH)):
        events, refused = reader.read(some)
        batch = _Batch(len(some) - len(refused), events, refused)
        data = msgspec.msgpack.encode(batch)
        spool.write(len(data).to_bytes(8))
        spool.write(data)
    try:
        reader.times.settle()
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error


def _spooled(spool: BinaryIO) -> Iterator[_Batch]:
    spool.seek(0)
    decode = msgspec.msgpack.Decoder(_Batch).decode
    while size := spool.read(8):
        yield decode(spool.read(int.from_bytes(size)))


class _Reader:
    """Makes events of records, with the words and the zone of one surface."""

    def __init__(self, surface: Surface, now: datetime) -> None:
        self.times = Times(surface.zone)
        self._surface = surface
        self._use_case = surface.use_cases[0] if len(surface.use_cases) == 1 else ""
        self._actions = {word.casefold(): Action(a) for word, a in surface.actions.items()}
        self._latest = now + AHEAD

    def read(self, records: Iterable[Record]) -> tuple[list[UsageEvent], list[RefusedRow]]:
        """Return the events, and the rows refused."""
        found, refused = [], []
        for record in records:
            fault = record.fault
            if not fault:
                try:
                    found.append(self._event(record))
                except RefusalError as error:
                    fault = str(error)
            if fault:
                refused.append(RefusedRow(record.line, record.raw, fault))
        return found, refused

    def _event(self, record: Record) -> UsageEvent:
        fields, surface = record.fields, self._surface.code
        at = self.times.read(fields["at"])
        if at > self._latest:
            raise RefusalError(FUTURE)
        action = self._action(record.codes)
        who, whom, where, card, reason = (fields.get(name, "") for name in _KEY)
        parts = (surface, at.isoformat(), who, whom, where, action.value, card, reason)
        return UsageEvent(
            id=hashlib.sha256("\x1f".join(parts).encode()).hexdigest(),
            at=at,
            action=action,
            surface=surface,
            use_case=self._use_case,
            practitioner=who,
            patient=whom,
            encounter=where,
            card=card,
            reason=reason,
            seconds=_seconds(fields.get("seconds", "")),
        )

    def _action(self, codes: Sequence[Sequence[str]]) -> Action:
        """Return the action of the first rank of words that the surface knows."""
        for rank in codes:
            found = {a for word in rank if (a := self._actions.get(word.casefold()))}
            if len(found) > 1:
                raise RefusalError(ACTIONS)
            if found:
                return found.pop()
        raise RefusalError(NO_ACTION)


def _seconds(text: str) -> float | None:
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError as error:
        raise RefusalError(SECONDS) from error
    if not 0 <= seconds < math.inf:
        raise RefusalError(SECONDS)
    return seconds


class _Known:
    """Tells which events are there already: in the inbox, or in the files it was moved to."""

    def __init__(self, folder: Path | None) -> None:
        self._files = {path.stem: path for path in events.files(folder)} if folder else {}
        self._months: dict[str, pa.ChunkedArray[Any]] = {}

    def unknown(
        self, connection: Connection, found: dict[str, UsageEvent]
    ) -> dict[str, UsageEvent]:
        """Return the events that are not there yet."""
        known = self._moved(found) | events.waiting(connection, found)
        return {key: event for key, event in found.items() if key not in known}

    def _moved(self, found: Mapping[str, UsageEvent]) -> set[str]:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        months: dict[str, list[str]] = defaultdict(list)
        for event in found.values():
            months[f"{event.at:%Y-%m}"].append(event.id)
        known: set[str] = set()
        for month in months.keys() & self._files.keys():
            if month not in self._months:
                self._months[month] = pq.read_table(self._files[month], columns=["id"])["id"]
            ids = pa.array(months[month], pa.string())
            there = pc.is_in(ids, self._months[month]).to_pylist()
            known |= {key for key, is_there in zip(months[month], there, strict=True) if is_there}
        return known


def _notes(state: State, seen: _Seen, known_patients: KnownPatients | None) -> list[str]:
    """Return how many events are of people and patients nobody knows; they may come later."""
    notes = []
    access = read_access(state)
    if seen.people and access is None:
        notes.append("there is no access list yet, so nobody can tell who had access")
    elif access is not None:
        listed = {person.practitioner for person in access.people}
        strangers = {who: n for who, n in seen.people.items() if who not in listed}
        if strangers:
            notes.append(
                f"{counted(sum(strangers.values()), 'event is', 'events are')} of "
                f"{counted(len(strangers), 'person', 'people')} not on the access list of "
                f"{access.as_of}; kept"
            )
    if known_patients is not None and seen.patients:
        known = set(known_patients(seen.patients.keys()))
        strangers = {who: n for who, n in seen.patients.items() if who not in known}
        if strangers:
            notes.append(
                f"{counted(sum(strangers.values()), 'event is', 'events are')} about "
                f"{counted(len(strangers), 'patient', 'patients')} not in the data; kept"
            )
    return notes


def counted(number: int, one: str, many: str) -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else many}"
