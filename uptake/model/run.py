"""What a run says. In: definitions; out: the nouns of an assessment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.model.definitions import Check, Requirement, UseCase, Verdict

LEFT_OUT = "left out by --checks"
"""Why a check that nobody chose was not run."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file read: its counts always add up, records = resources + quarantined."""

    feed: str
    path: str
    sha256: str
    records: int
    resources: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's numbers over a load; distinct resources (or units), never rows."""

    check: Check
    verdict: Verdict
    numerator: int = 0
    denominator: int = 0
    not_judged: int = 0
    patients: int = 0
    reason: str = ""
    """Why it was not run: `unavailable` or `error`."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far verdicts on the codes of a system reach: what is not covered is never a defect."""

    system: str
    name: str
    codes: int
    """Distinct codes of the load."""
    covered: int
    complete: bool
    """True: a code that is not there does not exist."""
    source: str
    """What was asked, in words."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """A check's numbers for one feed, resource type and month (None when undated)."""

    check: str
    feed: str
    type: str
    month: str | None
    numerator: int
    denominator: int
    not_judged: int


@dataclass(frozen=True, slots=True, order=True)
class Fix:
    """A cause that one person repairs at once."""

    check: str
    feed: str
    fix_key: str


@dataclass(frozen=True, slots=True)
class FixStep:
    """One step of the plan: a task, and the fitness it reaches when the steps before are done."""

    fixes: tuple[Fix, ...]
    task: str
    gain: int
    """Units that become fit."""
    reaches: int
    """Units fit after this step."""
    clears: int
    """Units with no defect left after this step; some may still be unknown."""


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """Fitness of one requirement."""

    requirement: Requirement
    fit: int
    unfit: int
    unknown: int
    verdict: str
    reason: str = ""
    absent: int = 0
    """Units nothing was received of; where a source is declared complete they are fit."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """Fitness of a use case: population = fit + unfit + unknown. FHIR: MeasureReport."""

    use_case: UseCase
    fit: int
    unfit: int
    unknown: int
    not_applicable: int
    verdict: str
    """`fit`, `at risk`, `unfit`, `cannot tell` or `not applicable`."""
    reason: str
    requirements: tuple[RequirementResult, ...] = ()
    fix_plan: tuple[FixStep, ...] = ()

    @property
    def population(self) -> int:
        """Units the use case applies to."""
        return self.fit + self.unfit + self.unknown


@dataclass(frozen=True, slots=True)
class ExampleFinding:
    """A finding as a shared report may show it: where and what, nobody's name or number."""

    fingerprint: str
    feed: str
    type: str
    expression: str
    fix_key: str


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a check's findings in one feed since an earlier run."""

    check: str
    feed: str
    new: int
    persisting: int
    resolved: int
    not_judged: int
    """Found then, and not looked for now: the check did not run, or the feed was not read."""


@dataclass(frozen=True, slots=True)
class FitBefore:
    """Units fit in an earlier run, of those the use case applied to."""

    fit: int
    population: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since an earlier run."""

    run: str
    as_of: datetime
    """What "now" was in it."""
    rows: tuple[Change, ...]
    fitness: Mapping[str, FitBefore]
    """Use case to its fitness then; one that could not be told is left out."""

    @property
    def new(self) -> int:
        """Findings that were not there."""
        return sum(row.new for row in self.rows)

    @property
    def persisting(self) -> int:
        """Findings that were there, too."""
        return sum(row.persisting for row in self.rows)

    @property
    def resolved(self) -> int:
        """Findings that are gone, of checks that ran and feeds that were read again."""
        return sum(row.resolved for row in self.rows)


@dataclass(frozen=True, slots=True)
class Assessment:
    """One run: what was read, what every check said, what the data are fit for."""

    run: str
    as_of: datetime
    as_of_date: date
    inputs: tuple[InputFile, ...]
    checks: tuple[CheckResult, ...]
    strata: tuple[Stratum, ...]
    fitness: tuple[Fitness, ...]
    resources: Mapping[str, Mapping[str, int]]
    """Feed to resource type to number of resources."""
    notes: tuple[str, ...]
    """What a reader must know first: a feed refused whole, data years older than the as-of date."""
    examples: Mapping[str, tuple[ExampleFinding, ...]]
    """Check code to a few findings."""
    seconds: float
    received: Mapping[str, datetime] = field(default_factory=dict)
    """Feed to when its newest resource was at its sender's server."""
    terminology: tuple[Coverage, ...] = ()
    """Of each system of the load, how many of its codes could be looked up."""
    changes: Changes | None = None
    """Since the run to compare with; None: there is none."""
