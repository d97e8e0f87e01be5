"""Whether two values of one test agree. In: values as they were sent; out: yes, no or cannot tell.

Numbers agree where rounding can make one of the other, after both are turned into one unit: 13 and
13.4 g/dL may be one result, 13.4 and 13.5 are two. From mass to amount it takes the molar mass of
what is measured, so there nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from uptake.reconciliation.conflicts.rules import rules
from uptake.terminology import units
from uptake.terminology.dimensions import measure
from uptake.terminology.systems import canonical

if TYPE_CHECKING:
    from uptake.reconciliation.conflicts.elements import Resource

Span = tuple[Fraction, Fraction]
Bound = Fraction | None
_ZERO = {"Cel": Fraction(27315, 100), "[degF]": Fraction(45967, 100)}
"""Where the zero of a scale lies above the absolute one, in its own degrees (UCUM 2.2, 22)."""


@dataclass(frozen=True, slots=True)
class Number:
    """A Quantity as it was sent; the digits after the point say how it was rounded."""

    value: Decimal
    comparator: str
    unit: str
    """A UCUM code; empty where none was sent or it could not be read."""
    shown: str

    def span(self) -> tuple[Fraction, Fraction]:
        """Return from where up to where the value may lie that was rounded so, in its unit."""
        value, digits = Fraction(self.value), self.value.as_tuple().exponent
        half = Fraction(1, 2) * Fraction(10) ** min(digits if isinstance(digits, int) else 0, 0)
        return (value - half, value + half)


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded result; codes are of canonical systems."""

    codes: frozenset[tuple[str, str]]
    shown: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A result in words, or true and false."""

    shown: str


Value = Number | Coded | Plain


def read_value(part: Resource) -> Value | None:
    """Return the value of an Observation or component; None where it has none that is compared."""
    if isinstance(quantity := part.get("valueQuantity"), Mapping):
        return _number(quantity)
    if "valueInteger" in part:
        return _number({"value": part["valueInteger"]})
    if isinstance(concept := part.get("valueCodeableConcept"), Mapping):
        codings = [c for c in concept.get("coding") or () if c.get("system") and c.get("code")]
        codes = {(canonical(c["system"]) or c["system"], str(c["code"])) for c in codings}
        shown = next((c["display"] for c in codings if c.get("display")), "")
        shown = str(concept.get("text") or shown or next((c for _, c in sorted(codes)), ""))
        return Coded(frozenset(codes), shown) if codes else Plain(shown) if shown else None
    if "valueBoolean" in part:
        return Plain("true" if part["valueBoolean"] else "false")
    text = part.get("valueString")
    return Plain(str(text)) if text else None


def agree(one: Value, two: Value) -> bool | None:
    """Tell whether two values agree; None where that cannot be told."""
    if isinstance(one, Number) and isinstance(two, Number):
        return _numbers_agree(one, two)
    if isinstance(one, Coded) and isinstance(two, Coded):
        return _codes_agree(one, two)
    if isinstance(one, Plain) and isinstance(two, Plain):
        same = _folded(one.shown) == _folded(two.shown)
        # what words mean is not known; only yes and no deny each other
        booleans = {one.shown, two.shown} == {"true", "false"}
        return True if same else False if booleans else None
    return None


def side_of(value: Value) -> str:
    """Return `positive` or `negative` of a coded result that is either, else nothing."""
    if not isinstance(value, Coded):
        return ""
    codes, known = {code for _, code in value.codes}, rules().results
    return next((name for name in ("positive", "negative") if codes & known[name]), "")


def _number(quantity: Resource) -> Number | None:
    value = quantity.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    system, code, unit = (quantity.get(k) for k in ("system", "code", "unit"))
    comparator = str(quantity.get("comparator") or "")
    meant = units.suggest(unit, system, code) or ""
    shown = f"{comparator}{value} {unit or code or ''}".strip()
    return Number(Decimal(str(value)), comparator, meant or str(unit or ""), shown)


def _numbers_agree(one: Number, two: Number) -> bool | None:
    first: Span | None
    second: Span | None
    if one.unit == two.unit:
        first, second = one.span(), two.span()
    elif _one_dimension(one, two):
        first, second = _in_base(one), _in_base(two)
    else:
        return None
    if first is None or second is None:
        return None
    (low, high), (other_low, other_high) = (
        _bounded(span, number) for span, number in ((first, one), (second, two))
    )
    return not _is_below(high, other_low) and not _is_below(other_high, low)


def _bounded(span: Span, number: Number) -> tuple[Bound, Bound]:
    """Return the span of a number, open to one side where it is only said to be above or below."""
    low, high = span
    if number.comparator in ("<", "<="):
        return None, high
    if number.comparator in (">", ">="):
        return low, None
    return low, high


def _is_below(high: Bound, low: Bound) -> bool:
    """Tell whether a span ends where another begins, or before."""
    return high is not None and low is not None and high <= low


def _one_dimension(one: Number, two: Number) -> bool:
    first, second = measure(one.unit), measure(two.unit)
    return first is not None and second is not None and first.dimension == second.dimension


def _in_base(number: Number) -> Span | None:
    """Return the span of a number in base units of what it measures; None where not known."""
    span, size = number.span(), measure(number.unit)
    if size is None:
        return None
    if not size.shifted:
        return span[0] * size.size, span[1] * size.size
    zero = _ZERO.get(number.unit)
    return None if zero is None else ((span[0] + zero) * size.size, (span[1] + zero) * size.size)


def _codes_agree(one: Coded, two: Coded) -> bool | None:
    sides = {side_of(one), side_of(two)}
    if one.codes & two.codes or len(sides - {""}) == 1 == len(sides):
        return True
    one_system = {s for s, _ in one.codes} & {s for s, _ in two.codes}
    return False if one_system or sides == {"positive", "negative"} else None


def _folded(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")
