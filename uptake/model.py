"""The nouns. In: nothing; out: the frozen types that stages hand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How much a failed check matters, worst first; a blocker stops the go-live gate."""

    BLOCKER = "blocker"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Verdict(StrEnum):
    """What a check says of a load."""

    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


LEFT_OUT = "left out by --checks"
"""Why a check that nobody chose was not run."""


@dataclass(frozen=True, slots=True)
class Example:
    """Resources, one a line, and what the check must say of them."""

    kind: str
    """`violates`, `passes` or `ignores`."""
    ndjson: str
    line: int
    """Where the block's first resource stands in the definition file."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: a query with its meaning, consequence and fix. FHIR: OperationOutcome.issue."""

    code: str
    title: str
    """Completes the sentence "this feed has …"."""
    category: str
    dimension: str
    severity: Severity
    effect: str
    """`defect` makes data unfit; `signal` is news for the clinician."""
    unit: str
    elements: tuple[str, ...]
    threshold: float
    """The largest share of violations that passes, 0 to 1."""
    fix_task: str
    """What one person does: `{feed}`, `{fix_key}` (a few of the keys), and `{n:local code}` for how
    many there are."""
    finds: str
    matters: str
    fix: str
    query: str
    examples: tuple[Example, ...]
    path: Path
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a use case needs of one kind of fact. FHIR: DataRequirement."""

    code: str
    title: str
    type: tuple[str, ...]
    elements: tuple[str, ...]
    """Element paths that must be there and trusted; `A | B` is met by either."""
    needs: str
    """`latest`, `every` or `evidence`."""
    threshold: float
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """System to codes; empty takes every fact of the type."""
    words: tuple[str, ...] = ()
    """Words in a local name that make an unreadable fact a candidate; never taken as the fact."""
    where: str = ""
    """A condition on the flat table of the type."""
    role: str = ""
    """`ehr` or `external`: only facts of feeds with that role count."""
    months: int | None = None
    """Look-back from the unit's anchor; None takes a lifetime."""
    minutes: int | None = None
    """Look-ahead from the unit's anchor, for observation sets."""
    minutes_before: int | None = None
    """Look-back beside `minutes`: how long a value may be carried into a set."""
    of_unit: bool = False
    """True: only the fact that is the unit itself counts (the order, not the patient's orders)."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """A clinical use case: who it is for and what it must trust. FHIR: PlanDefinition."""

    code: str
    title: str
    unit: str
    """The plural noun of what is counted: `patients`, `observation sets`, `orders`."""
    threshold: float
    unknown_limit: float
    """Above this share of unknown units the use case cannot be told."""
    problem: str
    population: str
    """SQL: `unit, patient_rid, anchor, applicable`, one row a unit."""
    population_text: str
    requirements: tuple[Requirement, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class Feed:
    """A source of data under one name. FHIR: Endpoint, Organization."""

    name: str
    path: Path
    role: str = ""
    """`ehr`, `external`, or empty when nobody said."""
    complete_for: tuple[str, ...] = ()
    """Resource types for which the absence of a fact means there is none."""
    sample: bool = False
    """True when the load is declared a sample: broken references cannot be judged."""


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
