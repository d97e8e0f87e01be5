"""How a drug is taken. In: the dosage of a request or dispense; out: how much, how often.

What is structured counts before what is written. A dosage in several steps, a range, or a text that
this does not read gives None: then two sigs cannot be compared, and nobody is told they differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import msgspec

from uptake.reconciliation.names import route_of
from uptake.resources.elements import codings, members

_WORDS = {
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "half": "0.5",
    "once": "1 time", "twice": "2 times", "thrice": "3 times", "qd": "1 time daily",
    "bid": "2 times daily", "tid": "3 times daily", "qid": "4 times daily", "qhs": "1 time daily",
    "qod": "every other day",
}  # fmt: skip
_DAYS = {
    "s": Fraction(1, 86400), "min": Fraction(1, 1440), "h": Fraction(1, 24), "d": Fraction(1),
    "wk": Fraction(7), "mo": Fraction(30), "a": Fraction(365),
}  # fmt: skip
_CODES = {
    "QD": Fraction(1), "BID": Fraction(2), "TID": Fraction(3), "QID": Fraction(4),
    "AM": Fraction(1), "PM": Fraction(1), "BED": Fraction(1), "QOD": Fraction(1, 2),
    "WK": Fraction(1, 7), "MO": Fraction(1, 30), "Q24H": Fraction(1), "Q12H": Fraction(2),
    "Q8H": Fraction(3), "Q6H": Fraction(4), "Q4H": Fraction(6), "Q3H": Fraction(8),
    "Q2H": Fraction(12), "Q1H": Fraction(24),
}  # fmt: skip
"""GTS abbreviations, which Timing.code is bound to."""
_COUNTED = {"tablet": "unit", "tab": "unit", "capsule": "unit", "cap": "unit", "pill": "unit",
            "unit": "unt", "unt": "unt", "iu": "unt", "puff": "puff", "inhalation": "puff",
            "actuat": "puff", "drop": "drop", "spray": "spray", "patch": "patch",
            "tbl": "unit", "each": "unit", "ml": "ml", "milliliter": "ml"}  # fmt: skip
_MASS = {"mg": Decimal(1), "g": Decimal(1000), "ug": Decimal("0.001"), "mcg": Decimal("0.001")}
_ROUTES = {
    "26643006": "by mouth", "34206005": "injected", "78421000": "injected", "47625008": "injected",
    "54485002": "eye", "10547007": "ear", "46713006": "nose", "37161004": "rectal",
    "16857009": "vaginal", "6064005": "on the skin", "45890007": "through the skin",
    "37839007": "under the tongue", "54471007": "in the cheek", "447694001": "inhaled",
    "18679011000001101": "inhaled", "421606006": "inhaled",
}  # fmt: skip
"""SNOMED CT routes in the words of RxNorm's forms."""
_DOSE = re.compile(
    r"(?:^|\b(?:take|takes|inject|inhale|apply|instill|use|give|chew|dissolve|place) )"
    r"(?P<count>[0-9]+(?:\.[0-9]+)?)(?P<more> ?(?:-|to|or|/) ?[0-9])? ?"
    r"(?P<unit>tablet|tab|capsule|cap|pill|puff|inhalation|unit|drop|spray|patch|mg|mcg|ml|g)"
    r"(?:e?s)?\b"
)
_OFTEN = re.compile(
    r"\b(?P<times>[0-9]+)(?P<a> ?x| times?)? ?(?:\b(?:a|per|each|every)\b|/) ?(?P<per>day|week)\b"
    r"|\b(?P<daily>[0-9]+)(?P<b> ?x| times?)? (?P<how>daily|weekly)\b"
    r"|\bevery (?P<hours>[0-9]+) (?:hours?|hrs?)\b"
    r"|\bq ?(?P<short>[0-9]+) ?h\b"
    r"|\bevery (?P<other>other) day\b"
    r"|\b(?:every|each|in the) (?:morning|evening|night|day)\b"
    r"|(?<!times )(?<!x )\b(?P<plain>daily|weekly|nightly)\b|\bat (?:bedtime|night)\b"
)
_PARTS_OF_DAY = (
    re.compile(r"\b(?:morning|breakfast)\b"),
    re.compile(r"\b(?:noon|lunch)\b"),
    re.compile(r"\b(?:evening|dinner|supper)\b"),
    re.compile(r"\b(?:night|nightly|bedtime)\b"),
)
"""A text that names two of them may have a dose for each."""
_NEEDED = re.compile(r"\b(?:as needed|prn|if needed)\b")
_STEPS = re.compile(
    r"\b(?:then|and|except|taper|alternat\w*|divided|bi-?weekly|semi-?weekly"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b"
)
_LONGEST = 12
"""Digits of a number that a dose can have; what is longer is no dose."""


@dataclass(frozen=True, slots=True)
class Sig:
    """What can be told; None is what cannot."""

    amount: Decimal | None = None
    unit: str | None = None
    """`mg`, or what is counted: `unit` is a tablet or capsule."""
    rate: Fraction | None = None
    """Times a day, exactly: once a week is a seventh."""
    as_needed: bool | None = None
    text: str = ""
    route: str = ""
    """In the words of RxNorm's forms; empty where it was not sent."""


def read_sig(dosages: str | None) -> Sig:
    """Return the sig of a list of FHIR Dosage, given as JSON."""
    return read_dosages(msgspec.json.decode(dosages) if dosages else ())


def read_dosages(dosages: object) -> Sig:
    """Return the sig of a list of FHIR Dosage; numbers may be texts, to be exact."""
    steps = [step for step in members(dosages) if step]
    if len(steps) != 1:
        return Sig(text="; ".join(str(s["text"]) for s in steps if s.get("text")))
    (dosage,) = steps
    sent = str(dosage.get("text") or "")
    written = _read_text(sent)
    amount, unit, told = _dose(dosage)
    timing = _inside(dosage, "timing")
    rate = _rate(timing)
    needed = _needed(dosage)
    return Sig(
        amount if told else written.amount,
        unit if told else written.unit,
        written.rate if rate is None and not _is_open(timing) else rate,
        written.as_needed if needed is None else needed,
        sent,
        _route(dosage),
    )


def _read_text(text: str) -> Sig:
    """Return what a sig in words says; nothing when it has several steps."""
    words = re.sub(r"[a-z]+", lambda m: _WORDS.get(m[0], m[0]), text.lower())
    if not words or _STEPS.search(words) or sum(bool(p.search(words)) for p in _PARTS_OF_DAY) > 1:
        return Sig()
    needed = bool(_NEEDED.search(words))
    dose = _DOSE.search(words)
    amount, unit = (
        _counted(dose["count"], dose["unit"]) if dose and not dose["more"] else (None, None)
    )
    rates = {_often(found) for found in _OFTEN.finditer(words)}
    return Sig(amount, unit, rates.pop() if len(rates) == 1 else None, needed)


def _often(found: re.Match[str]) -> Fraction | None:
    """Return times a day; of *take 2 daily* None: it may be two at once."""
    bare = not (found["a"] or found["b"])
    if bare and (found["times"] or found["daily"] or "1") != "1":
        return None
    if hours := _number(found["hours"] or found["short"]):
        return 24 / Fraction(hours)
    if found["other"]:
        return Fraction(1, 2)
    times = _number(found["times"] or found["daily"] or "1")
    weekly = "week" in (found["per"] or found["how"] or found["plain"] or "")
    return Fraction(times) / (7 if weekly else 1) if times else None


def _dose(dosage: Mapping[str, Any]) -> tuple[Decimal | None, str | None, bool]:
    """Return the dose, its unit, and whether one was sent: a range is one that cannot be told."""
    doses = [d for d in members(dosage.get("doseAndRate")) if d]
    if any(d.get("doseRange") for d in doses) or len(doses) > 1:
        return None, None, True
    quantity = _inside(doses[0], "doseQuantity") if doses else {}
    amount, unit = _counted(quantity.get("value"), quantity.get("code") or quantity.get("unit"))
    return amount, unit, amount is not None


def _counted(value: object, unit: object) -> tuple[Decimal | None, str | None]:
    amount = _number(value)
    name = str(unit or "").lower().strip("{}[] ").removesuffix("s")
    if amount is None:
        return None, None
    if name in _MASS:
        return amount * _MASS[name], "mg"
    if counted := _COUNTED.get(name):
        return amount, counted
    return None, None


def _number(value: object) -> Decimal | None:
    """Return a number that a dose or a rate can be, above nothing."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not number.is_finite() or number <= 0 or abs(number.adjusted()) > _LONGEST:
        return None
    return number


def _rate(timing: Mapping[str, Any]) -> Fraction | None:
    """Return times a day: without a frequency once a period, as R4 says of Timing.

    Where several events or times of day are named, each is one; a frequency that is another
    number cannot be told.
    """
    repeat = _inside(timing, "repeat")
    if _is_open(timing):
        return None
    named = len(_listed(repeat, "when")) or len(_listed(repeat, "timeOfDay"))
    unit = _DAYS.get(str(repeat.get("periodUnit")))
    if repeat.get("period") and unit:
        span, times = _number(repeat["period"]), _number(repeat.get("frequency") or named or 1)
        if not span or not times or (named > 1 and times != named):
            return None
        return Fraction(times) / (Fraction(span) * unit)
    if named:
        return Fraction(named)
    codes = {code for _, code in codings(timing.get("code"))}
    rates = {_CODES[code] for code in codes if code in _CODES}
    return rates.pop() if len(rates) == 1 else None


def _listed(parent: Mapping[str, Any], name: str) -> Sequence[object]:
    """Return a member that is an array, empty where it is none."""
    found = parent.get(name)
    return found if isinstance(found, list) else ()


def _is_open(timing: Mapping[str, Any]) -> bool:
    """Tell whether a timing is a range or names days: then no text says it better."""
    repeat = _inside(timing, "repeat")
    return any(repeat.get(name) for name in ("frequencyMax", "periodMax", "dayOfWeek"))


def _needed(dosage: Mapping[str, Any]) -> bool | None:
    if dosage.get("asNeededCodeableConcept"):
        return True
    sent = dosage.get("asNeededBoolean")
    return None if sent is None else str(sent).lower() == "true"


def _route(dosage: Mapping[str, Any]) -> str:
    """Return the route of a dosage, empty where it is not one of those known here."""
    route = _inside(dosage, "route")
    known = {_ROUTES[code] for _, code in codings(route) if code in _ROUTES}
    if len(known) == 1:
        return known.pop()
    displays = (c.get("display") for c in members(route.get("coding")))
    word = str(route.get("text") or next(displays, "") or "").lower()
    found = route_of(word)
    return found if found in _ROUTES.values() else ""


def _inside(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a member that is an object, empty where it is none."""
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}
