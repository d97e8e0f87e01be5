"""The value of a vital sign. In: an Observation or a component of it; out: a value the score knows.

Which codes mean what, in which units they come and how each becomes the score's, are rows of
`content/reference/news2_sign.csv` and `news2_answer.csv`; what is possible at all, of
`result_limit.csv`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from uptake.definitions.reference import shipped_reference_tables
from uptake.deterioration.news2 import Answer
from uptake.deterioration.settings import settings
from uptake.errors import UptakeError
from uptake.resources.elements import codings, parts

LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
GLASGOW = "9269-2"
PRESSURE = "85354-9"
"""The panel of blood pressure, whose components are the values."""
ALERT_AT = 15
"""The Glasgow coma score of a patient who is alert."""
ON_OXYGEN, ON_AIR = "371825009", "722742002"
_YES, _NO = "373066001", "373067005"
_WRITTEN = re.compile(r"\s*([+-]?[0-9]+(?:[.,][0-9]+)?)\s*([^0-9\s].*?)?\s*\Z")
_EXACT = Decimal("0.000001")
"""Conversions are rounded to it first, so that 96.89 degF is 36.05 and not a little less."""
Holder = Mapping[str, Any]


class UnreadError(UptakeError):
    """Why a value is not used, in words that hold no value of the patient."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit of a sign."""

    unit: str
    factor: Decimal
    offset: Decimal
    usual: tuple[Decimal, Decimal] | None


def sign_of(holder: Holder) -> tuple[str, str] | None:
    """Return the parameter and the code that says so, None where it is of another thing."""
    for system, code in codings(holder.get("code")):
        if system == LOINC and code in _signs():
            return _signs()[code], code
        if system in (LOINC, SNOMED) and code in _questions():
            return "consciousness", code
        if system == SNOMED and code in (ON_OXYGEN, ON_AIR):
            return "oxygen", code
    return None


def number_of(holder: Holder, code: str) -> tuple[Decimal, str]:
    """Return the value in the score's unit, and as it was charted."""
    value, unit = _sent(holder)
    known = _units()[code]
    if unit:
        row = next((u for u in known if u.unit == unit), None)
    else:
        fits = [u for u in known if u.usual and u.usual[0] <= value <= u.usual[1]]
        row = fits[0] if len(fits) == 1 else None
    if row is None:
        raise UnreadError("its unit is none of its kind" if unit else "it has no unit")
    converted = value * row.factor + row.offset
    low, high = _limits()[code]
    if not low <= converted <= high:
        raise UnreadError("it is not possible")
    named = parts(holder.get("valueQuantity")).get("unit") or unit or row.unit
    return converted.quantize(_EXACT), f"{value} {named}"


def oxygen_of(holder: Holder, code: str) -> tuple[bool, str]:
    """Return whether oxygen is given; of air it has to be said."""
    told = {c for system, c in codings(holder.get("valueCodeableConcept")) if system == SNOMED}
    if code in (ON_OXYGEN, ON_AIR):
        no = _NO in told or holder.get("valueBoolean") is False
        yes = _YES in told or holder.get("valueBoolean") is True or not _has_value(holder)
        if yes == no:
            raise UnreadError("it does not say yes or no")
        given = (code == ON_OXYGEN) == yes
        return given, "oxygen" if given else "air"
    if told & {ON_OXYGEN, ON_AIR}:
        return ON_OXYGEN in told, "oxygen" if ON_OXYGEN in told else "air"
    value, shown = number_of(holder, code)
    # The sign's own unit says which it is: a flow is in liters, a concentration in percent.
    least = settings().air_percent if "%" in {u.unit for u in _units()[code]} else 0
    return value > least, shown


def answer_of(holder: Holder, code: str) -> tuple[Answer, str]:
    """Return how awake the patient is."""
    if code == GLASGOW:
        value, shown = number_of(holder, code)
        return (Answer.ALERT if value >= ALERT_AT else Answer.NOT_ALERT), f"Glasgow {shown}"
    concept = parts(holder.get("valueCodeableConcept"))
    text = str(holder.get("valueString") or concept.get("text") or "").strip()
    for system, told in [*codings(concept), ("", text.casefold())]:
        if answer := _answers().get((code, system, told)):
            return answer, str(answer)
    raise UnreadError(_absent(holder) or "its answer is not one of its scale")


def _sent(holder: Holder) -> tuple[Decimal, str]:
    """Return the number and unit that were sent; a text is read where it is just that."""
    quantity = holder.get("valueQuantity")
    if isinstance(quantity, Mapping):
        if quantity.get("comparator"):
            raise UnreadError("it is a limit, not a value")
        unit = str(quantity.get("code") or quantity.get("unit") or "").strip()
        value, of_text = _number(quantity.get("value"))
        return value, unit or of_text
    for name in ("valueString", "valueInteger"):
        if holder.get(name) is not None:
            return _number(holder[name])
    raise UnreadError(_absent(holder) or "it has no value")


def _number(sent: object) -> tuple[Decimal, str]:
    """Return a number, and the unit where a text has one: `97%`."""
    if isinstance(sent, bool) or not isinstance(sent, int | float | Decimal | str):
        raise UnreadError("it has no value")
    written = _WRITTEN.match(sent if isinstance(sent, str) else f"{Decimal(str(sent)):f}")
    if written is None:
        raise UnreadError("it is no number")
    return Decimal(written[1].replace(",", ".")), written[2] or ""


def _absent(holder: Holder) -> str:
    return "it was not measured" if holder.get("dataAbsentReason") else ""


def _has_value(holder: Holder) -> bool:
    return any(name.startswith("value") for name in holder)


@cache
def _signs() -> Mapping[str, str]:
    """Return LOINC code to parameter."""
    rows = shipped_reference_tables()["news2_sign"].rows
    return {str(row[1]): str(row[0]) for row in rows}


@cache
def _questions() -> frozenset[str]:
    return frozenset(str(row[0]) for row in shipped_reference_tables()["news2_answer"].rows)


@cache
def _answers() -> Mapping[tuple[str, str, str], Answer]:
    rows = shipped_reference_tables()["news2_answer"].rows
    return {
        (str(q), str(s or ""), str(c) if s else str(c).casefold()): Answer(str(a))
        for q, s, c, a, _ in rows
    }


@cache
def _units() -> Mapping[str, tuple[_Unit, ...]]:
    """Return the units of each LOINC code."""
    found: dict[str, list[_Unit]] = {}
    for _, loinc, unit, factor, offset, low, high in shipped_reference_tables()["news2_sign"].rows:
        usual = None if low is None else (_decimal(low), _decimal(high))
        row = _Unit(str(unit), _decimal(factor), _decimal(offset), usual)
        found.setdefault(str(loinc), []).append(row)
    return {loinc: tuple(units) for loinc, units in found.items()}


@cache
def _limits() -> Mapping[str, tuple[Decimal, Decimal]]:
    """Return what is possible, in the score's unit: the limits are in it, too."""
    table = shipped_reference_tables()["result_limit"]
    at = {name: n for n, name in enumerate(table.columns)}
    return {
        str(row[at["loinc"]]): (_decimal(row[at["low"]]), _decimal(row[at["high"]]))
        for row in table.rows
        if row[at["from_age"]] is None
    }


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))
