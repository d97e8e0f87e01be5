"""What reviewers decided of two records. In: decisions, in the state; out: the newest of each pair.

A decision is a row that stays; the newest of a pair decides. *Same* joins two records, so that
facts may cross; *different* and *related* separate them for good; *unsure* leaves them in review;
*unlinked* takes a *same* back and keeps them apart until somebody decides again. What contradicts
the other decisions of a group is refused: a group cannot hold two records that are two people.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import func, select

from uptake.errors import UptakeError
from uptake.state.schema import identity_decision as table

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from uptake.state.database import State

SAME, DIFFERENT, RELATED, UNSURE, UNLINKED = "same", "different", "related", "unsure", "unlinked"
DECISIONS = (SAME, DIFFERENT, RELATED, UNSURE, UNLINKED)
SEPARATE = frozenset({DIFFERENT, RELATED, UNLINKED})
"""Decisions that keep two records apart."""
_PAIR = ("feed_l", "id_l", "feed_r", "id_r")
_COLUMNS = (*_PAIR, "decision", "note", "model", "probability", "snapshot", "by", "at")


class Record(NamedTuple):
    """A Patient as a feed names it."""

    feed: str
    id: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records; make it with `pair`, which puts them in text order."""

    feed_l: str
    id_l: str
    feed_r: str
    id_r: str

    @property
    def left(self) -> Record:
        """Return the record that is first in text order."""
        return Record(self.feed_l, self.id_l)

    @property
    def right(self) -> Record:
        """Return the other record."""
        return Record(self.feed_r, self.id_r)

    @property
    def records(self) -> tuple[Record, Record]:
        """Return both records."""
        return self.left, self.right


@dataclass(frozen=True, slots=True)
class Decided(Pair):
    """What was decided of a pair, by whom, when, and what was known then."""

    decision: str
    by: str
    at: datetime
    note: str = ""
    model: str = ""
    """The version of the model that had scored the pair; empty: none had."""
    probability: float | None = None
    snapshot: str = ""
    """JSON: what the records were like, and the members of their group."""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """A further pair that the same is decided of."""

    pair: Pair
    probability: float | None = None
    snapshot: str = ""


class DecisionError(UptakeError):
    """A decision that cannot be kept: the message says why, and names nobody."""

    def __init__(self, message: str, against: Sequence[Decided] = ()) -> None:
        super().__init__(message)
        self.against = tuple(against)
        """The decisions that contradict it."""


def pair(one: tuple[str, str], other: tuple[str, str]) -> Pair:
    """Return two records as a pair, the first in text order on the left."""
    first, second = sorted((one, other))
    return Pair(*first, *second)


def decide(
    state: State,
    of: Pair,
    decision: str,
    *,
    by: str,
    at: datetime,
    note: str = "",
    model: str = "",
    probability: float | None = None,
    snapshot: str = "",
    seen: int | None = None,
    also: Sequence[Judged] = (),
) -> tuple[Decided, ...]:
    """Keep a decision on a pair, and the same one on others, all or none; returns them as kept.

    `seen` is the number of the decision that the reviewer knew of, 0 for none. Raises DecisionError
    where it is none, where nobody signs, where somebody decided meanwhile, or where it contradicts
    what was decided of other records of the group. That two are the same is decided one by one.
    """
    if decision not in DECISIONS:
        raise DecisionError(f"{decision!r} is no decision; say one of {', '.join(DECISIONS)}")
    if not by.strip():
        raise DecisionError("a decision is signed: write your name")
    if also and decision in (SAME, UNLINKED):
        raise DecisionError("that two records are the same is decided one pair at a time")
    said = []
    for one in (Judged(of, probability, snapshot), *also):
        left, right = _checked(one.pair).records
        said.append(
            Decided(
                *left, *right, decision, by.strip(), at, note.strip(), model, one.probability,
                one.snapshot,
            )
        )  # fmt: skip
    with state.write() as connection:  # what is checked cannot change before it is kept
        held = {d.records: d for d in _newest(connection)}
        for n, d in enumerate(said):
            _allow(held, d, seen if n == 0 else None, first=n == 0)
            row = {name: getattr(d, name) for name in _COLUMNS}
            result = connection.execute(table.insert(), row)
            (number,) = result.inserted_primary_key or (0,)
            said[n] = held[d.records] = replace(d, number=number)
    return tuple(said)


def _checked(of: Pair) -> Pair:
    """Return a pair in text order; raises DecisionError where it is none."""
    of = pair(of.left, of.right)
    if not all((*of.left, *of.right)):
        raise DecisionError("a record without an id is not known again; have its sender give one")
    if of.left == of.right:
        raise DecisionError("a record is compared with another one, not with itself")
    return of


def _allow(
    held: Mapping[tuple[Record, Record], Decided], d: Decided, seen: int | None, *, first: bool
) -> None:
    """Raise DecisionError where a decision cannot stand beside those that are held."""
    known = held.get(d.records)
    late = seen is not None and seen != (known.number if known else 0)
    if late or (not first and known and known.decision != UNSURE):
        raise DecisionError("somebody decided on this pair meanwhile: look at it again")
    if d.decision == UNLINKED and (known is None or known.decision != SAME):
        raise DecisionError("only two records that were decided to be the same can be unlinked")
    if against := contradictions(held.values(), d, d.decision):
        said = "another decision says that records of this group are two people"
        if d.decision != SAME:
            said = "other decisions join these records through a third one"
        raise DecisionError(f"{said}; change that first", against)


def contradictions(held: Iterable[Decided], of: Pair, decision: str) -> tuple[Decided, ...]:
    """Return the decisions of other pairs that cannot stand beside this one.

    Beside *same* none can that separates the two groups; beside one that separates, none of those
    that join the two records through others. `held` is the newest decision of each pair.
    """
    others = [d for d in held if d.records != of.records]
    joined = _joined(others)
    if decision in SEPARATE:
        return _path(joined, of.left, of.right)
    if decision != SAME:
        return ()
    ours, theirs = (_members(joined, record) for record in of.records)
    return tuple(
        d
        for d in others
        if d.decision in SEPARATE
        and ((d.left in ours and d.right in theirs) or (d.left in theirs and d.right in ours))
    )


def group_of(held: Iterable[Decided], record: tuple[str, str]) -> frozenset[Record]:
    """Return the records that decisions join with this one, itself among them."""
    return frozenset(_members(_joined(held), Record(*record)))


def _joined(held: Iterable[Decided]) -> dict[Record, list[Decided]]:
    """Return, by record, the decisions that join it with another."""
    found: dict[Record, list[Decided]] = defaultdict(list)
    for d in held:
        if d.decision == SAME:
            found[d.left].append(d)
            found[d.right].append(d)
    return found


def _members(joined: dict[Record, list[Decided]], start: Record) -> set[Record]:
    found, open_ = {start}, [start]
    while open_:
        for d in joined.get(open_.pop(), ()):
            new = set(d.records) - found
            found |= new
            open_ += new
    return found


def _path(joined: dict[Record, list[Decided]], start: Record, end: Record) -> tuple[Decided, ...]:
    """Return the fewest decisions that lead from one record to the other; empty: none do."""
    ways: dict[Record, tuple[Decided, ...]] = {start: ()}
    open_ = deque([start])
    while open_:
        at = open_.popleft()
        if at == end:
            return ways[at]
        for d in joined.get(at, ()):
            for record in d.records:
                if record not in ways:
                    ways[record] = (*ways[at], d)
                    open_.append(record)
    return ()


def decisions(state: State) -> tuple[Decided, ...]:
    """Return what was decided last of each pair, in order of the records."""
    with state.read() as connection:
        return _newest(connection)


def history(state: State, of: Pair) -> tuple[Decided, ...]:
    """Return everything that was decided of a pair, the newest first."""
    of = pair(of.left, of.right)
    query = select(table).order_by(table.c.id.desc())
    for name in _PAIR:
        query = query.where(table.c[name] == getattr(of, name))
    with state.read() as connection:
        return tuple(_decided(row) for row in connection.execute(query))


def _newest(connection: Connection) -> tuple[Decided, ...]:
    newest = select(func.max(table.c.id)).group_by(*(table.c[name] for name in _PAIR))
    rows = connection.execute(select(table).where(table.c.id.in_(newest)))
    return tuple(sorted((_decided(row) for row in rows), key=lambda d: d.records))


def _decided(row: Row[tuple[object, ...]]) -> Decided:
    told = dict(row._mapping)
    return Decided(number=told.pop("id"), **told)
