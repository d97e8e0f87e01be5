"""Two lists of medications, reconciled. In: the entries of one person; out: what differs.

Nothing is read, asked or changed here, and neither list is preferred. What cannot be compared is
said to be so: a text is never matched, and what a text may name is never said to be absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from uptake.reconciliation.allergies import Allergy, reactions_to
from uptake.reconciliation.entries import Entry
from uptake.reconciliation.leftovers import explain
from uptake.reconciliation.pairs import Found, names_of, pair
from uptake.reconciliation.sides import Side, build_side, newest_first
from uptake.reconciliation.tables import Severity, rules

if TYPE_CHECKING:
    from uptake.reconciliation.matching import Level

_WORST = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One drug, and how the two lists differ on it."""

    kind: str
    """A kind of discrepancies.toml; `same` where they do not differ."""
    severity: Severity
    ingredient: str
    """What it is about, several joined by ` / `; empty where no name could be read."""
    chart: Entry | None
    outside: Entry | None
    other: Entry | Allergy | None = None
    """The second entry of one list, of a duplicate; the allergy."""
    level: Level | None = None
    untold: tuple[str, ...] = ()
    """What could not be compared: `form`, `strength`, `dose`, `frequency`."""

    @property
    def is_news(self) -> bool:
        """Tell whether the outside has what the chart has not, as far as can be told."""
        unread = self.kind == "unmapped" and self.chart is None
        return rules().kinds[self.kind].news or unread


def reconcile(
    chart: Sequence[Entry],
    outside: Sequence[Entry],
    *,
    as_of: date,
    allergies: Sequence[Allergy] = (),
) -> tuple[Discrepancy, ...]:
    """Return how the two lists of one person compare, the gravest difference first.

    `as_of` is the day that stale is reckoned from. The same entries in any order give the same
    answer. That both are one person's lists is for the caller to know.
    """
    mine, theirs = build_side(chart, "chart"), build_side(outside, "outside")
    oldest = months_before(as_of, rules().months)
    found, left = pair(mine, theirs, oldest)
    found += explain(left, mine, theirs, oldest)
    if allergies:
        found += _reactions(mine, theirs, allergies)
    told: dict[tuple[object, ...], list[Found]] = {}
    for one in found:
        key = (one.kind, id(one.chart), id(one.outside), id(one.other))
        told.setdefault(key, []).append(one)
    return tuple(sorted(map(_discrepancy, told.values()), key=_worst_first))


def months_before(day: date, months: int) -> date:
    """Return the day so many months before; the last of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, date.fromordinal(following.toordinal() - 1).day))


def _discrepancy(found: Sequence[Found]) -> Discrepancy:
    """Return what was found of several ingredients of one pair as one."""
    first = found[0]
    kind = rules().kinds[first.kind]
    sides = (first.chart, first.outside, first.other)
    alert = any(isinstance(side, Entry) and side.drug.high_alert for side in sides)
    names, untold = first.ingredients, first.untold
    if len(found) > 1:
        names = tuple(name for one in found for name in one.ingredients)
        untold = tuple(dict.fromkeys(name for one in found for name in one.untold))
    return Discrepancy(
        first.kind,
        kind.high_alert if alert else kind.severity,
        " / ".join(sorted(set(names))) if len(names) > 1 else "".join(names),
        *sides,
        max((one.level for one in found if one.level is not None), default=None),
        untold,
    )


def _worst_first(one: Discrepancy) -> tuple[object, ...]:
    sides = [newest_first(e) if e else (0,) for e in (one.outside, one.chart)]
    return (_WORST.index(one.severity), rules().ranks[one.kind], *sides, one.ingredient,
            one.other.id if isinstance(one.other, Allergy) else "")  # fmt: skip


def _reactions(chart: Side, outside: Side, allergies: Sequence[Allergy]) -> Iterator[Found]:
    """Yield each drug that somebody is allergic to, once for an allergy that both lists have."""
    known = _once(allergies)
    other = {frozenset(names_of(w)): w[0].entry for w in reversed(outside.wholes)}
    told: set[tuple[object, Allergy]] = set()
    for entry, side in _taken(chart, outside):
        names = frozenset(part.ingredient for part in entry.drug.parts)
        for reaction in reactions_to(entry.drug, known):
            key = (names or entry.drug.hints, reaction.allergy)
            if key in told:
                continue
            told.add(key)
            untold = (() if entry.drug.is_read else ("drug",)) + (
                () if reaction.allergy.coded else ("allergy",)
            )
            mine, theirs = (entry, other.get(names)) if side == "chart" else (None, entry)
            found = tuple(sorted(names or entry.drug.hints))
            yield Found("allergy", mine, theirs, found, reaction.allergy, None, untold)


def _taken(chart: Side, outside: Side) -> Iterator[tuple[Entry, str]]:
    """Yield what is taken, of both lists; texts, too: here a hint is worth a look."""
    for side, name in ((chart, "chart"), (outside, "outside")):
        for whole in side.wholes:
            yield whole[0].entry, name
        for entry in side.loose:
            yield entry, name


def _once(allergies: Iterable[Allergy]) -> list[Allergy]:
    """Return the allergies, the chart's where both lists have one."""
    ordered = sorted(allergies, key=lambda a: (a.role, a.feed, a.id, a.rid))
    found: dict[object, Allergy] = {}
    for one in ordered:
        if one.ingredients or one.groups:
            found.setdefault((one.ingredients, one.groups), one)
    return list(found.values())
