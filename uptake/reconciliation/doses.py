"""Two entries of one drug. In: a pair and its components; out: what differs, if it can be told.

The daily dose is dose times frequency, with no tolerance; what is taken as needed has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from uptake.reconciliation.names import Component

if TYPE_CHECKING:
    from uptake.reconciliation.entries import Entry

_PER = {"ml": ("ml",), "actuat": ("puff", "spray")}
"""What a strength is in, and what is counted of it."""
_ABSOLUTE = ("mg", "unt")
"""Units of the drug itself; others count its containers."""
Parts = Sequence[tuple[Component, Component]]
"""Components of the chart's entry and of the outside's that are one ingredient each."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two entries of one drug."""

    kind: str
    untold: tuple[str, ...] = ()
    """What could not be compared: `form`, `strength`, `dose`, `frequency`."""


def compare(chart: Entry, outside: Entry, parts: Parts) -> Comparison:
    """Return how two entries differ: the gravest difference, of which there may be more."""
    if not parts:
        return _taken(chart, outside, parts, same_strength=True, untold=[])
    untold = [] if all(c.route and o.route for c, o in parts) else ["form"]
    if any(_differ_in_form(c, o) for c, o in parts) or _routes_differ(chart, outside):
        return Comparison("form", tuple(untold))
    strengths = [_same_strength(c, o) for c, o in parts]
    if None in strengths:
        untold.append("strength")
    return _taken(chart, outside, parts, same_strength=False not in strengths, untold=untold)


def _taken(
    chart: Entry, outside: Entry, parts: Parts, *, same_strength: bool, untold: list[str]
) -> Comparison:
    """Compare dose and frequency of what is one product, or the same in another strength."""
    mine, theirs = chart.sig, outside.sig
    if mine.as_needed and theirs.as_needed:
        return Comparison("same" if same_strength else "strength", tuple(untold))
    if None not in (mine.as_needed, theirs.as_needed) and mine.as_needed != theirs.as_needed:
        return Comparison("frequency", tuple(untold))
    doses = _doses(chart, outside, parts, same_strength=same_strength)
    same_dose = None if doses is None else doses[0] == doses[1]
    same_rate = None if mine.rate is None or theirs.rate is None else mine.rate == theirs.rate
    untold += ["dose"] if same_dose is None else []
    untold += ["frequency"] if same_rate is None else []
    return Comparison(
        _kind(doses, same_dose, same_rate, chart, outside, same_strength), tuple(untold)
    )


def _kind(
    doses: tuple[tuple[Decimal, ...], tuple[Decimal, ...]] | None,
    same_dose: bool | None,
    same_rate: bool | None,
    chart: Entry,
    outside: Entry,
    same_strength: bool,
) -> str:
    if same_dose is False and same_rate is False and doses:
        daily = [
            [Fraction(a) * (e.sig.rate or 0) for a in amounts]
            for e, amounts in ((chart, doses[0]), (outside, doses[1]))
        ]
        return "frequency" if daily[0] == daily[1] else "dose"
    if same_dose is False:
        return "dose"
    if same_rate is False:
        return "frequency"
    if same_strength:
        return "same"
    return "same-dose" if same_dose else "strength"


def _doses(
    chart: Entry, outside: Entry, parts: Parts, *, same_strength: bool
) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...]] | None:
    """Return both doses in one unit, an amount a component; None where that cannot be told."""
    mine = _amounts(chart, [c for c, _ in parts])
    theirs = _amounts(outside, [o for _, o in parts])
    if mine and theirs and mine[1] == theirs[1] and len(mine[0]) == len(theirs[0]):
        return mine[0], theirs[0]
    a, b = chart.sig, outside.sig
    if same_strength and a.amount is not None and b.amount is not None and a.unit == b.unit:
        return (a.amount,), (b.amount,)
    return None


def _amounts(entry: Entry, parts: Sequence[Component]) -> tuple[tuple[Decimal, ...], str] | None:
    """Return a dose as amounts of its components; tablets of a known strength become milligrams.

    Milligrams of a combination are none of one of its components.
    """
    amount, unit = entry.sig.amount, entry.sig.unit
    if amount is None or unit is None or not parts:
        return None
    if unit in _ABSOLUTE:
        return ((amount,), unit) if len(entry.drug.parts) == 1 else None
    found, units = [], set()
    for part in parts:
        mass, _, per = part.unit.partition("/")
        if part.amount is None or unit not in (_PER.get(per, ()) if per else ("unit",)):
            return None
        found.append(amount * part.amount)
        units.add(mass)
    return (tuple(found), units.pop()) if len(units) == 1 else None


def _differ_in_form(mine: Component, theirs: Component) -> bool:
    return bool(mine.route and theirs.route) and not mine.is_formed_as(theirs)


def _routes_differ(chart: Entry, outside: Entry) -> bool:
    """Tell whether both say how it is given, and differently: one vial, two ways."""
    return bool(chart.sig.route and outside.sig.route and chart.sig.route != outside.sig.route)


def _same_strength(mine: Component, theirs: Component) -> bool | None:
    if not mine.strength or not theirs.strength:
        return None
    return mine.strength == theirs.strength
