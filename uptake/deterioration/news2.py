"""NEWS2, the National Early Warning Score 2. In: one set of values; out: points, total, response.

What is missing is never taken for normal: it adds nothing, and the total is then "at least". The
bands are rows of `content/reference/news2_band.csv`, the responses of `content/deterioration.toml`.
Royal College of Physicians, National Early Warning Score (NEWS) 2, London 2017, charts 1, 2 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache

from uptake.definitions.reference import shipped_reference_tables
from uptake.deterioration.settings import Response, settings

PARAMETERS = (
    "respiration", "saturation", "oxygen", "systolic", "pulse", "consciousness", "temperature",
)  # fmt: skip
"""In the order of the College's chart."""
WORST = 3
"""Points of one parameter that alone call for somebody."""
_STEP = {"temperature": Decimal("0.1")}
_WHOLE = Decimal(1)
Number = int | float | Decimal


class Answer(StrEnum):
    """How awake a patient is: ACVPU, and what other scales can tell of it."""

    ALERT = "Alert"
    CONFUSION = "Confusion"
    VOICE = "Voice"
    PAIN = "Pain"
    UNRESPONSIVE = "Unresponsive"
    ALERT_OR_CONFUSED = "Alert or confused"
    """Alert on the AVPU scale, which does not ask for new confusion: no points can be given."""
    NOT_ALERT = "Less than alert"
    """A Glasgow coma score under 15."""


class Band(StrEnum):
    """The clinical risk of a score."""

    LOW = "low"
    LOW_MEDIUM = "low-medium"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Values:
    """One set; None is what was not measured or cannot be read."""

    respiration: Number | None = None
    """Breaths a minute."""
    saturation: Number | None = None
    """Of oxygen, in percent."""
    oxygen: bool | None = None
    """True: oxygen is given. False: it was charted that the patient breathes air."""
    systolic: Number | None = None
    """In mmHg."""
    pulse: Number | None = None
    """Beats a minute."""
    consciousness: Answer | None = None
    temperature: Number | None = None
    """In degrees Celsius."""


@dataclass(frozen=True, slots=True)
class Part:
    """One parameter; points are None where they cannot be told."""

    parameter: str
    value: Decimal | bool | Answer | None
    """Rounded, as it is scored."""
    points: int | None


@dataclass(frozen=True, slots=True)
class Score:
    """A score with its parts."""

    parts: tuple[Part, ...]
    scale: int

    @property
    def total(self) -> int:
        """Return the total, or where the score is not complete what it is at least."""
        return sum(part.points or 0 for part in self.parts)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the parameters without points."""
        return tuple(part.parameter for part in self.parts if part.points is None)

    @property
    def complete(self) -> bool:
        """Tell whether every parameter has points."""
        return not self.missing

    @property
    def single(self) -> tuple[str, ...]:
        """Return the parameters with three points."""
        return tuple(part.parameter for part in self.parts if part.points == WORST)

    @property
    def band(self) -> Band | None:
        """Return the risk; None where a score that is not complete is in no higher one than low."""
        for band in (Band.HIGH, Band.MEDIUM):
            if self.total >= settings().bands[band].total:
                return band
        if self.single:
            return Band.LOW_MEDIUM
        return Band.LOW if self.complete else None

    @property
    def response(self) -> Response | None:
        """Return what the College asks for, None where the band cannot be told."""
        if self.band is None:
            return None
        return settings().bands["none" if self.total == 0 else self.band]

    @property
    def words(self) -> str:
        """Return `7` or `at least 7`."""
        return str(self.total) if self.complete else f"at least {self.total}"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table of bands."""

    parameter: str
    scale: int | None
    oxygen: bool | None
    low: float | None
    high: float | None
    points: int


def score(values: Values, scale: int = 1) -> Score:
    """Return the score of a set, on the scale of oxygen saturation a clinician prescribed.

    Values are rounded first, half up: temperature to 0.1, others to integers. Raises ValueError
    for another scale than 1 or 2, and for a value that is no finite number.
    """
    if scale not in (1, 2):
        raise ValueError(f"NEWS2 has no scale {scale}; it is 1, or 2 where that is prescribed")
    return Score(tuple(_part(name, values, scale) for name in PARAMETERS), scale)


def _part(name: str, values: Values, scale: int) -> Part:
    value = getattr(values, name)
    if value is None:
        return Part(name, None, None)
    if isinstance(value, Answer):
        return Part(name, value, _awake(value))
    if name == "oxygen":
        return Part(name, value, _points(name, None, None, on_oxygen=value))
    number = rounded(name, value)
    of = scale if name == "saturation" else None
    return Part(name, number, _points(name, number, of, on_oxygen=values.oxygen))


def rounded(parameter: str, value: Number) -> Decimal:
    """Return a value as it is scored: 38.05 is 38.1, and 90.5 mmHg is 91."""
    exact = Decimal(str(value))
    if not exact.is_finite():
        raise ValueError(f"{parameter} is {value}, which is no number")
    return exact.quantize(_STEP.get(parameter, _WHOLE), ROUND_HALF_UP)


def _awake(answer: Answer) -> int | None:
    if answer is Answer.ALERT_OR_CONFUSED:
        return None
    return 0 if answer is Answer.ALERT else WORST


def _points(
    parameter: str, value: Decimal | None, scale: int | None, *, on_oxygen: bool | None
) -> int | None:
    """Return the points; None where they hang on oxygen and nobody charted it."""
    held = [
        row
        for row in _bands()
        if row.parameter == parameter
        and row.scale == scale
        and (value is None or _holds(row, value))
        and (row.oxygen is None or row.oxygen is on_oxygen)
    ]
    return held[0].points if held else None


def _holds(row: _Row, value: Decimal) -> bool:
    # The table's numbers are doubles; their shortest text is the number that was written.
    low = row.low is None or Decimal(str(row.low)) <= value
    return low and (row.high is None or value <= Decimal(str(row.high)))


@cache
def _bands() -> tuple[_Row, ...]:
    table = shipped_reference_tables()["news2_band"]
    return tuple(_Row(*row) for row in table.rows)  # type: ignore[arg-type]
