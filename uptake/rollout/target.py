"""What is aimed at. In: a charter, measures; out: a number in its unit, a direction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.report.figures import clean, singular
from uptake.rollout.errors import RolloutError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uptake.model import Measure
    from uptake.rollout.charter import Charter

_SIDES = {
    "lower": ("<=", "<", "≤", "at most", "no more than", "less than", "under", "below", "maximum"),
    "higher": (">=", ">", "≥", "at least", "no less than", "more than", "over", "above", "minimum"),
}
_SIDE_OF = {word: side for side, words in _SIDES.items() for word in words}
_TARGET = re.compile(
    rf"(?P<side>{'|'.join(sorted(map(re.escape, _SIDE_OF), key=len, reverse=True))})?"
    r"\s*(?P<number>[-−]?\d+(?:\.\d+)?)\s*(?P<unit>.*)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Target:
    """A number in the measure's unit, and the side of it that is wanted."""

    value: float
    better: str
    """`lower` or `higher`."""


def read_target(text: str, measure: Measure | None) -> Target:
    """Return the target in a text: `at most 14 days`, `≥ 80 %`, or `14` on the measure's own side.

    Raises RolloutError where there is no number, or where side or unit are not the measure's.
    """
    found = _TARGET.fullmatch(text.strip())
    if not found:
        raise RolloutError([
            f"The target is no number: {clean(text)}. Write it as in: at most 14.5 days."
        ])  # fmt: skip
    side = _SIDE_OF.get((found["side"] or "").casefold(), "")
    value = float(found["number"].replace("−", "-"))
    if measure is None:
        if not side:
            raise RolloutError(
                ["Is the target an upper or a lower bound? Write at most or at least."]
            )
        return Target(value, side)
    faults = []
    if side and side != measure.better:
        word = "at most" if measure.better == "lower" else "at least"
        faults.append(
            f"Of {clean(measure.title)} {measure.better} is better: write the target as {word}."
        )
    faults += _unit_faults(found["unit"].strip(), value, measure.unit)
    if faults:
        raise RolloutError(faults)
    return Target(value, measure.better)


def charter_measure(charter: Charter, measures: Iterable[Measure]) -> Measure | None:
    """Return the measure that a charter names by code or title."""
    wanted = charter.text("measure").casefold()
    return next((m for m in measures if wanted in (m.code.casefold(), m.title.casefold())), None)


def charter_target(charter: Charter, measures: Iterable[Measure]) -> Target | None:
    """Return the target of a charter in its measure's unit; None where it has none to be told."""
    measure = charter_measure(charter, measures)
    if measure is None or not charter.text("target"):
        return None
    try:
        return read_target(charter.text("target"), measure)
    except RolloutError:
        return None


def _unit_faults(written: str, value: float, unit: str) -> list[str]:
    """Return what is wrong with a unit; without one the measure's is meant, unless in doubt."""
    if not written:
        # 0.8 of a measure in per cent may mean 80 %: nobody guesses.
        if unit == "%" and 0 < value <= 1:
            return [
                f"Does the target mean {value:g} % or {value * 100:g} %? Write it with the sign."
            ]
        return []
    words = written.casefold()
    known = {unit, singular(unit)} | ({"percent", "per cent"} if unit == "%" else set())
    if unit and not any(words.startswith(name.casefold()) for name in known):
        return [f"The measure is in {unit}; the target says {clean(written)}."]
    return []
