"""In: what is planted, what was said. Out: recall and precision of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.medications.people import KINDS, Person

if TYPE_CHECKING:
    from benchmarks.medications.finders import Said

SIG = frozenset(["dose", "frequency"])
"""A peer that says that sigs differ is right on either."""


@dataclass(frozen=True)
class Score:
    """How well one kind was found."""

    kind: str
    planted: int
    found: int
    said: int
    right: int

    @property
    def recall(self) -> float | None:
        """Return how much of what is planted was found."""
        return self.found / self.planted if self.planted else None

    @property
    def precision(self) -> float | None:
        """Return how much of what was said is planted."""
        return self.right / self.said if self.said else None


def score(people: Iterable[Person], said: Sequence[Said], known: Mapping[str, str]) -> list[Score]:
    """Return the score of each kind; what was said twice of one planted thing counts once."""
    truth = {(p.number, kind, name) for p in people for kind, name in p.planted}
    found: set[tuple[int, str, str]] = set()
    told: Counter[str] = Counter()
    right: Counter[str] = Counter()
    counted: set[tuple[int, str, frozenset[str]]] = set()
    for one in said:
        names = frozenset(known[i] for i in one.records if known.get(i))
        if (one.person, one.kind, names) in counted:
            continue
        counted.add((one.person, one.kind, names))
        kinds = SIG if one.kind == "sig" else {one.kind}
        hits = {(one.person, kind, name) for kind in kinds for name in names} & truth
        found |= hits
        kind = next(iter(hits))[1] if hits else min(kinds)
        told[kind] += 1
        right[kind] += bool(hits)
    planted = Counter(kind for _, kind, _ in truth)
    hit = Counter(kind for _, kind, _ in found)
    return [Score(kind, planted[kind], hit[kind], told[kind], right[kind]) for kind in KINDS]
