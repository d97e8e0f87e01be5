"""Measure engines. In: a patient's resources; out: which populations of a measure they are in.

Rules of ours are judged set by set (`judge.py`). An official measure is somebody else's logic: an
engine runs it patient by patient, as a batch, never while a clinician waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What an engine says of one patient. FHIR: an individual MeasureReport."""

    patient: str
    groups: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """Group of the measure to population (`initial-population`, `numerator`, …) to membership."""
    fault: str = ""
    """Why the patient was not evaluated; then no population is said, not even false."""


@dataclass(frozen=True, slots=True)
class NeededData:
    """What a measure reads of one resource type. FHIR: DataRequirement."""

    type: str
    elements: tuple[str, ...]
    value_sets: tuple[str, ...]


class MeasureEngine(Protocol):
    """Runs one measure."""

    def evaluate(self, patients: Iterable[tuple[str, Sequence[Resource]]]) -> Iterator[Evaluated]:
        """Yield what the measure says of each patient, in order."""

    def needs(self) -> tuple[NeededData, ...]:
        """Return what the measure reads: what fitness is to be judged on."""

    def close(self) -> None:
        """End the engine."""
