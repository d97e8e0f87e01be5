"""How a drug is taken. In: the dosage of a request or dispense; out: how much, how often.

What is structured counts before what is written. A dosage in several steps, a range, or a text that
this does not read gives NULL: then two sigs cannot be compared, and nobody is told they differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import msgspec

_WORDS = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "half": "0.5",
    "once": "1",
    "twice": "2",
}
_DAYS = {"s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1, "wk": 7, "mo": 30, "a": 365}
_CODES = {"QD": 1, "BID": 2, "TID": 3, "QID": 4, "AM": 1, "PM": 1, "BED": 1,
          "Q24H": 1, "Q12H": 2, "Q8H": 3, "Q6H": 4, "Q4H": 6}  # fmt: skip
_COUNTED = {"tablet": "unit", "tab": "unit", "capsule": "unit", "cap": "unit", "pill": "unit",
            "unit": "unt", "unt": "unt", "iu": "unt", "puff": "puff", "inhalation": "puff",
            "actuat": "puff", "drop": "drop", "spray": "spray", "patch": "patch",
            "tbl": "unit", "each": "unit"}  # fmt: skip
_MASS = {"mg": 1.0, "g": 1000.0, "ug": 0.001, "mcg": 0.001}
_DOSE = re.compile(
    r"\b(?:take|takes|inject|inhale|apply|instill|use|give|chew|dissolve|place) "
    r"(?P<count>[0-9]+(?:\.[0-9]+)?)(?P<more> ?(?:-|to|or|/) ?[0-9])? "
    r"(?P<unit>tablet|tab|capsule|cap|pill|puff|inhalation|unit|drop|spray|patch|mg|mcg|g)s?\b"
)
_OFTEN = re.compile(
    r"\b(?P<times>[0-9]+)(?: time(?:s)?)? (?:a|per|each|every) (?P<per>day|week)\b"
    r"|\b(?P<daily>[0-9]+)(?: times?)? (?P<how>daily|weekly)\b"
    r"|\bevery (?P<hours>[0-9]+) (?:hours?|hrs?)\b"
    r"|\b(?:every|each|in the) (?:morning|evening|night|day)\b"
    r"|\b(?P<plain>daily|weekly|nightly)\b|\bat (?:bedtime|night)\b"
)
_NEEDED = re.compile(r"\b(?:as needed|prn|if needed)\b")
_STEPS = re.compile(
    r"\b(?:then|and|except|taper|alternat\w*"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b"
)


@dataclass(frozen=True, slots=True)
class Sig:
    """What can be told; None is what cannot."""

    amount: float | None = None
    unit: str | None = None
    """`mg`, or what is counted: `unit` is a tablet or capsule."""
    rate: float | None = None
    """Times a day."""
    as_needed: bool | None = None
    text: str = ""


def read_sig(dosages: str | None) -> Sig:
    """Return the sig of a list of FHIR Dosage, given as JSON."""
    steps: list[dict[str, Any]] = msgspec.json.decode(dosages) if dosages else []
    steps = [step for step in steps if step]
    if len(steps) != 1:
        return Sig(text="; ".join(s["text"] for s in steps if s.get("text")))
    (dosage,) = steps
    sent = dosage.get("text") or ""
    written = _read_text(sent)
    amount, unit = _dose(dosage)
    rate = _rate(dosage.get("timing") or {})
    needed = dosage.get("asNeededBoolean")
    return Sig(
        written.amount if amount is None else amount,
        written.unit if amount is None else unit,
        written.rate if rate is None else rate,
        written.as_needed if needed is None else needed == "true",
        sent,
    )


def _read_text(text: str) -> Sig:
    """Return what a sig in words says; nothing when it has several steps."""
    words = re.sub(r"[a-z]+", lambda m: _WORDS.get(m[0], m[0]), text.lower())
    if not words or _STEPS.search(words):
        return Sig()
    needed = bool(_NEEDED.search(words))
    dose = _DOSE.search(words)
    amount, unit = (
        _counted(float(dose["count"]), dose["unit"]) if dose and not dose["more"] else (None, None)
    )
    rates = {_often(found) for found in _OFTEN.finditer(words)}
    return Sig(amount, unit, rates.pop() if len(rates) == 1 else None, needed)


def _often(found: re.Match[str]) -> float:
    if found["hours"]:
        return 24 / max(float(found["hours"]), 1)
    times = float(found["times"] or found["daily"] or 1)
    weekly = "week" in (found["per"] or found["how"] or found["plain"] or "")
    return times / 7 if weekly else times


def _dose(dosage: dict[str, Any]) -> tuple[float | None, str | None]:
    doses = [d.get("doseQuantity") for d in dosage.get("doseAndRate") or [] if d]
    if len(doses) != 1 or not doses[0] or doses[0].get("value") is None:
        return None, None
    return _counted(float(doses[0]["value"]), doses[0].get("code") or doses[0].get("unit") or "")


def _counted(value: float, unit: str) -> tuple[float | None, str | None]:
    name = unit.lower().strip("{}[] ").removesuffix("s")
    if name in _MASS:
        return value * _MASS[name], "mg"
    if counted := _COUNTED.get(name):
        return value, counted
    return None, None


def _rate(timing: dict[str, Any]) -> float | None:
    """Return times a day: without a frequency once a period, as R4 says of Timing."""
    repeat = timing.get("repeat") or {}
    if any(repeat.get(name) for name in ("frequencyMax", "periodMax", "dayOfWeek")):
        return None
    if repeat.get("period") and repeat.get("periodUnit") in _DAYS:
        span = float(repeat["period"]) * _DAYS[repeat["periodUnit"]]
        return float(repeat.get("frequency") or 1) / span if span else None
    if when := repeat.get("when"):
        return float(len(when))
    codes = (timing.get("code") or {}).get("coding") or []
    rates = {_CODES[c["code"]] for c in codes if c and c.get("code") in _CODES}
    return float(rates.pop()) if len(rates) == 1 else None
