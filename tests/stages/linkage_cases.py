"""Records as rows of a benchmark set, linked in a database; no two persons here share a detail."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.linkage.sets import COLUMNS, database, read_set
from uptake.identity.decisions import Decided
from uptake.identity.linkage import Linkage, link

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.identity.model import Model

Row = dict[str, str | None]
SOUNDS = [a + b for a, b in itertools.product("bdfgklmnprstvz", ("a", "e", "i", "o", "u"))]
FIRST = date(1935, 1, 1)
AT = datetime(2026, 11, 1, tzinfo=UTC)


def people(count: int, seed: int = 1) -> list[Row]:
    """Return so many persons; no two share a name, an address or a number."""
    rng = random.Random(seed)
    names: set[tuple[str, str]] = set()
    while len(names) < count:
        names.add((word(rng), word(rng)))
    return [
        {
            "given": given,
            "family": family,
            "birth_date": str(FIRST + timedelta(days=rng.randrange(30_000))),
            "gender": rng.choice(("male", "female")),
            "line": f"{rng.randint(1, 9999)} {word(rng)} St",
            "city": word(rng),
            "zip": f"{rng.randint(10000, 99999)}",
            "phone": f"{rng.randint(2010000000, 9890000000)}",
        }
        for given, family in sorted(names)
    ]


def word(rng: random.Random) -> str:
    """Return a word that can be said."""
    return "".join(rng.choices(SOUNDS, k=3)).capitalize()


@dataclass(frozen=True)
class Link:
    """One row of `patient_link`."""

    outcome: str
    probability: float
    veto: str
    levels: Mapping[str, str]
    """The label by comparison."""
    decided: str


@dataclass(frozen=True)
class Found:
    """What linking some rows gave."""

    pairs: Mapping[frozenset[str], Link]
    scored: Mapping[frozenset[str], float]
    """Probabilities of all pairs that scored at all."""
    clusters: frozenset[frozenset[str]]
    linkage: Linkage

    def of(self, one: str, other: str) -> Link | None:
        """Return the link of two records; None: it is not listed."""
        return self.pairs.get(frozenset((one, other)))

    def outcome(self, one: str, other: str) -> str:
        """Return the outcome of two records; empty: it is not listed."""
        found = self.of(one, other)
        return found.outcome if found else ""


def read(db: Database, rows: Sequence[Row]) -> None:
    """Make the tables that linkage reads; a row without rec_id is r0, r1, ..."""
    told = [{"rec_id": f"r{n}", "source": "A", **row} for n, row in enumerate(rows)]
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    read_set(db, pa.Table.from_pylist(told, schema=schema))


def linked(
    rows: Sequence[Row], decided: Iterable[Decided] = (), model: Model | None = None
) -> Found:
    """Link the rows."""
    with database() as db:
        read(db, rows)
        linkage = link(db, decided, model)
        return found(db, linkage)


def found(db: Database, linkage: Linkage) -> Found:
    """Return what stands in the tables after linking."""
    ids = dict(db.rows("select rid, id from person_record"))
    pairs = {
        frozenset((ids[left], ids[right])): Link(
            outcome, probability, veto, {v["comparison"]: v["label"] for v in levels}, decided
        )
        for left, right, outcome, probability, veto, levels, decided in db.rows(
            "select rid_l, rid_r, outcome, probability, veto, levels, decided from patient_link"
        )
    }
    scored = {
        frozenset((ids[left], ids[right])): probability
        for left, right, probability in db.rows("select rid_l, rid_r, probability from scored_pair")
    }
    members: dict[int, set[str]] = {}
    for cluster, rid in db.rows("select cluster, rid from patient_cluster"):
        members.setdefault(cluster, set()).add(ids[rid])
    return Found(pairs, scored, frozenset(map(frozenset, members.values())), linkage)


def decision(one: str, other: str, said: str) -> Decided:
    """Return what a reviewer said of two records of feed A."""
    left, right = sorted((one, other))
    return Decided("A", left, "A", right, said, "Dr. Reviewer", AT)
