"""What people write. In: nothing; out: the nouns of definition files and projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How much a failed check matters, worst first; a blocker stops the go-live gate."""

    BLOCKER = "blocker"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return its place, 0 for the worst."""
        return list(Severity).index(self)


SERIOUS = (Severity.BLOCKER, Severity.HIGH)
"""A fact that a defect of these stands on is not usable."""


class Verdict(StrEnum):
    """What a check says of a load."""

    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    FAIL = "fail"
    NOT_APPLICABLE = "not applicable"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Example:
    """Resources, one a line, and what the check must say of them."""

    kind: str
    """`violates`, `passes` or `ignores`."""
    ndjson: str
    line: int
    """Where the block's first resource stands in the definition file."""
    role: str = ""
    """The role of its feed: `ehr`, `external` or none."""
    group: str = ""
    """Blocks of one group are feeds of one load; a block without a group knows no other feed of a
    group."""


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

    @property
    def spoils(self) -> bool:
        """Return whether what it finds makes a fact unusable."""
        return self.severity in SERIOUS and self.effect == "defect"

    def fails(self, numerator: int, denominator: int) -> bool:
        """Tell whether so many violations are over its threshold."""
        return numerator > self.threshold * denominator


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
    opportunity: str = ""
    """SQL: an eligible patient at a workflow moment, one row each; empty: not defined."""
    opportunity_text: str = ""
    moment: str = ""
    """What the moment is, as it stands in a sentence: `at a visit with an open gap`."""
    acted: str = ""
    """SQL: `opportunity, acted, acted_at, acted_rid`: the FHIR evidence that care changed."""
    acted_text: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of care by week: an outcome, a guardrail or a workflow time. FHIR: Measure."""

    code: str
    title: str
    use_case: str
    role: str
    """`outcome`, `guardrail` or `workflow`."""
    statistic: str
    """`share` (of rows that count), `median` or `mean` of values, `count` of rows that count."""
    unit: str
    """The unit of the number: `days`, `%`."""
    better: str
    """`lower` or `higher`."""
    target: float | None
    means: str
    query: str
    """SQL: `unit, at_time, place` and `value` or `counts`, one row a unit."""
    path: Path


@dataclass(frozen=True, slots=True)
class Surface:
    """Where data are shown: ours, or somebody else's with the mapping of its audit events."""

    code: str
    title: str
    kind: str
    """`portal`, `viewer`, `native`, `worklist`, `alert`, `card` or `panel`."""
    use_cases: tuple[str, ...]
    zone: str
    """The time zone of an export whose times carry none; empty: such times are refused."""
    columns: Mapping[str, str]
    """Field of a UsageEvent to the column of the CSV export."""
    actions: Mapping[str, str]
    """The export's word, or an AuditEvent's subtype code, to an action."""
    what: str
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
    zone: str = ""
    """The sender's time zone by its IANA name; empty when nobody said."""
    title: str = ""
    """What clinicians call it; empty: its name."""


@dataclass(frozen=True, slots=True, order=True)
class CodeMapping:
    """What a local code of a feed means, as a person decided. FHIR: ConceptMap.group.element."""

    feed: str
    system: str
    code: str
    target_system: str = ""
    """The canonical URI of a standard system."""
    target_code: str = ""
    target_display: str = ""
    display: str = ""
    """What the feed calls it."""
    equivalence: str = "equivalent"
    """The target's meaning beside the local code's: equivalent, wider, narrower or inexact."""
    specimen: str = ""
    """What it is measured in, as sent; empty where that is not known."""
    unit: str = ""
    """A UCUM code; empty where that is not known."""

    @property
    def key(self) -> str:
        """Return what findings call the code: its system, a bar, the code."""
        return f"{self.system}|{self.code}"
