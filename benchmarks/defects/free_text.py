"""TXT-03, TXT-08, TXT-09: answers, residue of conversions and placeholders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.defects.case import Case, Draw, laboratory, put, replace
from benchmarks.defects.plausibility import (
    HEIGHT,
    WEIGHT,
    amount,
    between,
    is_pressure,
    measured,
    pressures,
)

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

ANSWERS = ("POS", "Neg.", "Not Detected", "NON-REACTIVE", "positiv", "Equivocal", "POSITIVE (A)")
NO_ANSWERS = ("ND", "+", "no growth after 48 h", "HIV positive mother", "Positive?", "pending")
RESIDUE = (
    r"Fasting\.br\sample",
    r"H\T\P on file",
    r"Result\X0D\confirmed",
    "GLU^Glucose^L",
    "Lab &amp; Blood Bank",
    "patientâ€™s own meter",
    "MÃ¼ller",
    "mittel\ufffdig",
)
NO_RESIDUE = (
    "Smith & Sons",
    "10^3/uL",
    "about ~5 min late",
    "Cortisol^1H post XXX challenge",
    "Müller, São Paulo",
    r"see C:\E\scans",
    "5 < 6 > 4",
)
SENTENCE = (
    "sample taken after breakfast by the night team of ward nine and sent by tube patient says she "
    "slept badly last week before her visit drew twice because the first tube had clotted again"
)
LENGTH = 80
"""Where notes are cut."""


def words(draw: Draw, number: int) -> str:
    """So many words of the sentence, in any order."""
    return " ".join(draw.random.sample(SENTENCE.split(), number))


def noted(text: str, minute: int) -> Callable[[Draw], Resource]:
    """The drawn result some minutes later, with a note."""

    def more(draw: Draw) -> Resource:
        at = (draw.at + timedelta(minutes=minute)).isoformat()
        return draw.twin(effectiveDateTime=at, issued=at, note=[{"text": text}])

    return more


def cut_notes(draw: Draw) -> list[Resource]:
    """Ten long notes, each cut at the same length, among six that are short enough."""
    for number in range(6):
        noted(words(draw, 4 + number), 20 + number)(draw)
    return [noted(words(draw, 24)[:LENGTH].ljust(LENGTH, "s"), n)(draw) for n in range(1, 11)]


def whole_note(draw: Draw) -> list[dict[str, str]]:
    """A note that ends where it ends."""
    return [{"text": words(draw, draw.random.randrange(4, 20))[: LENGTH - 1].rstrip()}]


CASES = (
    *(
        Case("TXT-03", t, "Observation", replace("valueQuantity", valueString=t), where=laboratory)
        for t in ANSWERS
    ),
    *(
        Case(
            "TXT-03",
            t,
            "Observation",
            replace("valueQuantity", valueString=t),
            False,
            where=laboratory,
        )
        for t in NO_ANSWERS
    ),
    *(
        Case("TXT-08", t, "Observation", put("method", {"text": t}), where=laboratory)
        for t in RESIDUE
    ),
    Case(
        "TXT-08",
        "cut notes",
        "Observation",
        cut_notes,
        where=laboratory,
    ),
    *(
        Case("TXT-08", t, "Observation", put("method", {"text": t}), False, where=laboratory)
        for t in NO_RESIDUE
    ),
    Case(
        "TXT-08",
        "whole notes",
        "Observation",
        put("note", whole_note),
        False,
        where=laboratory,
    ),
    Case(
        "TXT-09",
        "a weight of 0",
        "Observation",
        amount(0, "kg"),
        also=("PLA-01", "PLA-06"),
        where=measured(WEIGHT),
    ),
    Case(
        "TXT-09",
        "a weight of 999",
        "Observation",
        amount(999, "kg"),
        also=("PLA-01", "PLA-06"),
        where=measured(WEIGHT),
    ),
    Case(
        "TXT-09",
        "a height of -1",
        "Observation",
        amount(-1, "cm"),
        also=("PLA-01", "PLA-06"),
        where=measured(HEIGHT),
    ),
    Case(
        "TXT-09",
        "pressures of 999",
        "Observation",
        pressures(999, 999),
        also=("PLA-01", "PLA-07"),
        where=is_pressure,
    ),
    Case(
        "TXT-09",
        "a pain score of 0",
        "Observation",
        amount(0, "{score}"),
        False,
        where=measured("72514-3"),
    ),
    Case(
        "TXT-09",
        "a weight of 99",
        "Observation",
        between(98, 100, "kg"),
        False,
        ("PLA-06",),
        measured(WEIGHT),
    ),
    Case(
        "TXT-09",
        "platelets of a thousand",
        "Observation",
        between(900, 1100, "10*3/uL"),
        False,
        ("PLA-06",),
        measured("777-3"),
    ),
)
