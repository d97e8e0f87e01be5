"""What is compared and what is found. In: nothing; out: the types of this package."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Role = Literal["chart", "outside"]
Severity = Literal["high", "medium", "low"]
Stance = Literal["conflict", "news", "same", "untold"]
"""`news`: the outside has it, and the chart does not say that there is none. `untold`: whether they
agree cannot be told."""
Coding = tuple[str, str, str]
"""System (its canonical URI where that is known), code and display."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One resource: whose it is, and when it was written."""

    role: Role
    feed: str
    type: str
    id: str
    rid: int
    """Its number in the tables of a run."""
    day: date | None = None
    """When it was written; of a partial date its first day."""


@dataclass(frozen=True, slots=True)
class Side:
    """What one source says."""

    origin: Origin
    says: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one thing that an outside source says, or the chart alone."""

    stance: Stance
    kind: str
    """A kind of conflicts.toml; empty where both say the same, or it cannot be told."""
    name: str
    """What it is about: the allergen, the problem, the test."""
    chart: Side | None
    outside: Side | None
    severity: Severity = "low"
    evidence: str = ""
    """What was compared, or why that could not be, in words."""
