"""Are the figures of a load what linkage expects? In: `judged_pair`; out: the sanity gate.

A model that takes households for persons, or a load that is not what it seems, shows in a few
figures before anybody sees a result: then nothing is linked by itself, and every pair is reviewed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.identity.outcomes import grouped

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.identity.model import Model

_SHARES = """
with level as (
  select l, r, probability, outcome, levels,
    list_filter(levels, lambda v: v.comparison = $given)[1].label as given,
    list_filter(levels, lambda v: v.comparison = $birth)[1].label as birth,
    list_filter(levels, lambda v: v.comparison = $household)[1].label as household,
    list_filter(levels, lambda v: v.comparison in $numbers and v.label in $same) = [] as by_likeness
  from judged_pair
)
select coalesce(sum(probability), 0),
  coalesce(sum(probability) filter (given = $other_given and by_likeness), 0),
  coalesce(sum(probability) filter (birth = $other_birth and by_likeness), 0),
  coalesce(sum(probability) filter (given = $other_given and household in $home
    and by_likeness), 0),
  count(*) filter (outcome = 'auto'),
  coalesce(sum(1 - probability) filter (outcome = 'auto'), 0)
from level
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the gate."""

    name: str
    value: float
    bound: float
    """The largest value that passes."""

    @property
    def passed(self) -> bool:
        """Tell whether the figure is what is expected."""
        return self.value <= self.bound


@dataclass(frozen=True, slots=True)
class Sanity:
    """What the gate says of a load."""

    figures: tuple[Figure, ...]

    @property
    def passed(self) -> bool:
        """Tell whether links may be taken; a load with too few pairs to tell passes."""
        return all(figure.passed for figure in self.figures)


def judge_sanity(db: Database, model: Model) -> Sanity:
    """Return the gate's figures of `judged_pair`, before groups are looked at."""
    bounds = model.settings["sanity"]
    levels = {c.name: c.levels for c in model.comparisons}
    pairs, given, birth, housemates, linked, false = db.row(
        _SHARES,
        {
            **{name: next(c.title for c in model.comparisons if c.name == name)
               for name in ("given", "birth", "household")},
            "numbers": [c.title for c in model.comparisons if c.name in ("number", "record")],
            "same": [levels[name][0].label for name in ("number", "record")],
            "other_given": levels["given"][-1].label,
            "other_birth": levels["birth"][-1].label,
            "home": [v.label for v in levels["household"] if "address or phone" in v.label],
        },
    )  # fmt: skip
    (records,) = db.row("select count(*) from person_record")
    crowded = _grown(db, model.settings["outcome"]["grown"])
    told = {
        "links expected to be wrong": (false, linked),
        "pairs with other given names": (given, pairs),
        "pairs with other birth dates": (birth, pairs),
        "pairs of one household with other given names": (housemates, pairs),
        "second records of somebody": (pairs, records),
        "linked records in groups that grew too large": (crowded, max(linked, 1)),
    }
    few = pairs < bounds["fewest"]
    return Sanity(
        tuple(
            Figure(name, round(part / whole, 6) if whole and not few else 0.0, bounds[name])
            for name, (part, whole) in told.items()
        )
    )


def _grown(db: Database, most: int) -> int:
    """Return how many records stand in groups of more than `most`."""
    roots: Sequence[int] = list(
        grouped(db.rows("select l, r from judged_pair where outcome = 'auto'")).values()
    )
    sizes: dict[int, int] = {}
    for root in roots:
        sizes[root] = sizes.get(root, 0) + 1
    return sum(size for size in sizes.values() if size > most)
