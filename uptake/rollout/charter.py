"""Why a use case is done. In: what people wrote in the state; out: its charter, drafted and signed.

An item is signed as long as it says what its owner signed: a change unsigns it, a new owner signs
anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from uptake.model import Measure, Stage, StageResult
from uptake.report.figures import clean, listed
from uptake.rollout.errors import RolloutError
from uptake.state.schema import charter_item, criterion, signature

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.model import UseCase
    from uptake.state.database import State

ITEMS = {
    "problem": "problem",
    "owner": "owner",
    "owner_role": "owner's role",
    "measure": "measure",
    "baseline": "baseline",
    "target": "target",
    "guardrails": "guardrails",
}
"""What a charter says, and how each is called in a sentence."""
FEWEST, MOST = 3, 7
"""How many acceptance criteria a charter has."""
BOUND = ("check", "requirement", "practice")
"""What shows that a criterion is met; `practice` is a test by the people who do the work."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed, as what, and when."""

    by: str
    role: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Item:
    """One thing a charter says."""

    name: str
    text: str
    drafted: bool
    """True: the product wrote it, from definitions and data."""
    by: str
    at: datetime
    signed: Signature | None = None
    """None: not signed, or changed since."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One acceptance criterion, and what shows that it is met."""

    position: int
    given: str
    when: str
    then: str
    bound_kind: str
    bound_to: str
    by: str
    at: datetime
    signed: Signature | None = None

    @property
    def name(self) -> str:
        """Return what a signature knows it by."""
        return f"criterion {self.position}"


@dataclass(frozen=True, slots=True)
class Charter:
    """Everything a charter says today; an item nobody wrote is not there."""

    use_case: str
    items: tuple[Item, ...]
    criteria: tuple[Criterion, ...]

    def text(self, name: str) -> str:
        """Return what an item says; empty when nobody wrote it."""
        return next((item.text for item in self.items if item.name == name), "")

    @property
    def parts(self) -> tuple[Item | Criterion, ...]:
        """Return everything that is to be signed."""
        return (*self.items, *self.criteria)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the names of the items nobody wrote."""
        return tuple(name for name in ITEMS if not self.text(name))

    @property
    def signed(self) -> int:
        """Return how many items and criteria are signed."""
        return sum(part.signed is not None for part in self.parts)

    @property
    def required(self) -> int:
        """Return how many items and criteria have to be signed."""
        return len(ITEMS) + max(len(self.criteria), FEWEST)

    @property
    def digest(self) -> str:
        """Return what changes when anything in the charter changes."""
        return _digest(*(digest_of(part) for part in self.parts))


def read_charter(state: State, use_case: str) -> Charter:
    """Return the charter of a use case; an empty one where nobody wrote anything."""
    with state.read() as connection:
        return read(connection, use_case)


def write_item(state: State, use_case: str, item: str, text: str, by: str, at: datetime) -> None:
    """Keep what a person says an item is; an empty text takes it back."""
    if item not in ITEMS:
        raise RolloutError([f"A charter has no {clean(item)}; it has: {', '.join(ITEMS)}."])
    if not by.strip():
        raise RolloutError(["Who writes it? A name is needed."])
    with state.write() as connection:
        _keep(connection, use_case, {item: text}, by, at, drafted=False)


def write_criterion(
    state: State,
    use_case: str,
    position: int,
    words: tuple[str, str, str],
    bound: tuple[str, str],
    by: str,
    at: datetime,
) -> None:
    """Keep a criterion: `words` are given, when and then, `bound` the kind and what it names."""
    kind, name = bound
    faults = [
        f"Criterion {position} has no {part}."
        for part, text in zip(("given", "when", "then"), words, strict=True)
        if not text.strip()
    ]
    if position < 1:
        faults.append("Criteria are numbered from 1.")
    if kind not in BOUND:
        faults.append(f"Criterion {position} is bound to nothing; known: {', '.join(BOUND)}.")
    if not name.strip():
        faults.append(f"Criterion {position} does not name what shows that it is met.")
    if not by.strip():
        faults.append("Who writes it? A name is needed.")
    if faults:
        raise RolloutError(faults)
    _write_criterion(state, use_case, position, (*words, kind, name), by, at)


def remove_criterion(state: State, use_case: str, position: int, by: str, at: datetime) -> None:
    """Take a criterion away; what it said is kept."""
    if not by.strip():
        raise RolloutError(["Who takes it away? A name is needed."])
    _write_criterion(state, use_case, position, ("", "", "", "", ""), by, at)


def draft_charter(
    state: State,
    use_case: UseCase,
    measures: Iterable[Measure],
    baseline: str | None,
    by: str,
    at: datetime,
) -> tuple[str, ...]:
    """Write what definitions and data say, where no person wrote and nobody signed.

    Returns the names of the items it wrote. Owner and target are for people to add.
    """
    own = [m for m in measures if m.use_case == use_case.code]
    outcome = next((m.code for m in own if m.role == "outcome"), "")
    guards = "; ".join(f"{m.title} ({m.code})" for m in own if m.role == "guardrail")
    found = {
        "problem": " ".join(use_case.problem.split()),
        "measure": outcome,
        "baseline": baseline or "",
        "guardrails": guards,
    }
    with state.write() as connection:
        held = {item.name: item for item in read(connection, use_case.code, blank=True).items}
        fresh = {
            name: text
            for name, text in found.items()
            if text and (name not in held or (held[name].drafted and not held[name].signed))
        }
        new = {n: t for n, t in fresh.items() if n not in held or held[n].text != t}
        _keep(connection, use_case.code, new, by, at, drafted=True)
    return tuple(new)


def defined(charter: Charter) -> StageResult:
    """Return the first stage of the chain: charter items signed, of those required."""
    signed, required = charter.signed, charter.required
    told = f"{signed} of {required} items of the charter are signed by its owner."
    if not charter.items and not charter.criteria:
        told = "Nobody has written a charter yet."
    elif lacks := _lacks(charter):
        told = f"{told} {lacks}"
    elif signed < required:
        open_ = [ITEMS.get(p.name, p.name) for p in charter.parts if p.signed is None]
        told += f" Not signed as it stands: {listed(open_)}."
    verdict = "met" if signed == required and len(charter.criteria) <= MOST else "under"
    number = f"{signed} of {required}"
    return StageResult(
        Stage.DEFINED,
        verdict,
        1.0,
        told,
        number,
        "all",
        numerator=signed,
        denominator=required,
    )


def _lacks(charter: Charter) -> str:
    """Return what a half-filled charter still needs, in sentences."""
    lacks = []
    if charter.missing:
        lacks.append(f"Still missing: {listed(ITEMS[name] for name in charter.missing)}.")
    if not FEWEST <= len(charter.criteria) <= MOST:
        lacks.append(f"It has {len(charter.criteria)} of {FEWEST} to {MOST} acceptance criteria.")
    return " ".join(lacks)


def read(connection: Connection, use_case: str, *, blank: bool = False) -> Charter:
    """Return the charter as a connection sees it; with `blank`, emptied items are there too."""
    signatures: dict[str, Any] = {}
    query = select(signature).where(signature.c.use_case == use_case).order_by(signature.c.id)
    for row in connection.execute(query):
        signatures[row.item] = row
    items = _items(connection, use_case)
    owner = items["owner"].text if "owner" in items else ""

    def signed(part: Item | Criterion) -> Signature | None:
        found = signatures.get(part.name)
        if not found or found.digest != digest_of(part) or folded(found.by) != folded(owner):
            return None
        return Signature(found.by, found.role, found.at)

    shown = [items[n] for n in ITEMS if n in items and (items[n].text or blank)]
    return Charter(
        use_case,
        tuple(replace(item, signed=signed(item)) for item in shown),
        tuple(replace(part, signed=signed(part)) for part in _criteria(connection, use_case)),
    )


def _items(connection: Connection, use_case: str) -> dict[str, Item]:
    table = charter_item
    query = select(table).where(table.c.use_case == use_case).order_by(table.c.id)
    return {
        row.item: Item(row.item, row.text, row.drafted, row.by, row.at)
        for row in connection.execute(query)
    }


def _criteria(connection: Connection, use_case: str) -> list[Criterion]:
    query = select(criterion).where(criterion.c.use_case == use_case).order_by(criterion.c.id)
    newest = {row.position: row._asdict() for row in connection.execute(query)}
    return [
        Criterion(**{name: value for name, value in row.items() if name not in ("id", "use_case")})
        for _, row in sorted(newest.items())
        if row["bound_kind"]
    ]


def _keep(
    connection: Connection,
    use_case: str,
    texts: dict[str, str],
    by: str,
    at: datetime,
    *,
    drafted: bool,
) -> None:
    rows = [
        {"use_case": use_case, "item": name, "text": text.strip(), "drafted": drafted}
        | {"by": by.strip(), "at": at}
        for name, text in texts.items()
    ]
    if rows:
        connection.execute(charter_item.insert(), rows)


def _write_criterion(
    state: State, use_case: str, position: int, texts: tuple[str, ...], by: str, at: datetime
) -> None:
    names = ("given", "when", "then", "bound_kind", "bound_to")
    row: dict[str, Any] = {n: text.strip() for n, text in zip(names, texts, strict=True)}
    row |= {"use_case": use_case, "position": position, "by": by.strip(), "at": at}
    with state.write() as connection:
        connection.execute(criterion.insert(), [row])


def digest_of(part: Item | Criterion) -> str:
    """Return what a signature covers."""
    if isinstance(part, Item):
        return _digest(part.name, part.text)
    return _digest(part.name, part.given, part.when, part.then, part.bound_kind, part.bound_to)


def _digest(*texts: str) -> str:
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()


def folded(text: str) -> str:
    """Return a person's name as it is compared."""
    return " ".join(text.split()).casefold()
