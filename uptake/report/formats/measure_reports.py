"""The numbers of checks and use cases as FHIR. In: an Assessment; out: measure-reports.ndjson.

One MeasureReport a check, one a use case; counts are exact. What could not be judged is in the
denominator and in its exclusions, as a proportion measure has it: the score is
numerator / (denominator - exclusions). docs/spec-decisions.md says what else was read into FHIR.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.disk import write_whole
from uptake.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from uptake.model import Assessment, CheckResult, Fitness
    from uptake.report.formats import Run

_POPULATION = "http://terminology.hl7.org/CodeSystem/measure-population"
_NOTATION = "http://terminology.hl7.org/CodeSystem/measure-improvement-notation"


@dataclass(frozen=True, slots=True)
class Counts:
    """The populations of one group or stratum; the exclusions are part of the denominator."""

    initial: int
    denominator: int
    numerator: int
    exclusions: int = 0

    def said(self) -> dict[str, Any]:
        """Return the populations, and the score where there is something to divide by."""
        populations = {
            "initial-population": self.initial,
            "denominator": self.denominator,
            "denominator-exclusion": self.exclusions,
            "numerator": self.numerator,
        }
        said: dict[str, Any] = {
            "population": [
                {"code": {"coding": [{"system": _POPULATION, "code": code}]}, "count": n}
                for code, n in populations.items()
            ]
        }
        if judged := self.denominator - self.exclusions:
            said["measureScore"] = {"value": round(self.numerator / judged, 6)}
        return said


def write(run: Run) -> None:
    """Write measure-reports.ndjson; raises StorageError."""
    lines = (json.dumps(report, ensure_ascii=False) for report in measure_reports(run.assessment))
    text = "".join(f"{line}\n" for line in lines)
    write_whole(run.folder / "measure-reports.ndjson", text.encode("utf-8", "backslashreplace"))


def measure_reports(assessment: Assessment) -> Iterator[dict[str, Any]]:
    """Yield the MeasureReports: the checks by code, then the use cases."""
    by_feed = _by_feed(assessment)
    for result in assessment.checks:
        yield {
            **_head(assessment, "check", result.check.code, "decrease"),
            **_check(result, by_feed[result.check.code]),
        }
    for fitness in assessment.fitness:
        yield {
            **_head(assessment, "use-case", fitness.use_case.code, "increase"),
            "group": list(_use_case(fitness)),
        }


def _head(assessment: Assessment, kind: str, code: str, better: str) -> dict[str, Any]:
    return {
        "resourceType": "MeasureReport",
        "id": f"{kind}-{code}",
        "status": "complete",
        "type": "summary",
        "measure": f"urn:uptake:{kind}:{code}",
        "date": assessment.as_of.isoformat(timespec="seconds"),
        "period": {"end": assessment.as_of_date.isoformat()},
        "improvementNotation": {"coding": [{"system": _NOTATION, "code": better}]},
    }


def _check(result: CheckResult, feeds: Mapping[str, Counts]) -> dict[str, Any]:
    """Return a check's group, by feed; one that was not run has no numbers, and says so."""
    if result.verdict == Verdict.NOT_RUN:
        return {"status": "error"}
    whole = result.denominator + result.not_judged
    counts = Counts(whole, whole, result.numerator, result.not_judged)
    group = {"code": {"text": result.check.title}, **counts.said()}
    if feeds:
        strata = [{"value": {"text": feed}, **feeds[feed].said()} for feed in sorted(feeds)]
        group["stratifier"] = [{"code": [{"text": "feed"}], "stratum": strata}]
    return {"group": [group]}


def _use_case(fitness: Fitness) -> Iterator[dict[str, Any]]:
    """Yield the use case as a whole, then each requirement: how many units are fit.

    A unit of which nothing was received counts as not fit, as in fitness everywhere.
    """
    whole = Counts(fitness.population + fitness.not_applicable, fitness.population, fitness.fit)
    yield {"code": {"text": fitness.use_case.title}, **whole.said()}
    for part in fitness.requirements:
        units = part.fit + part.unfit + part.unknown
        yield {
            "code": {"text": part.requirement.title},
            **Counts(units, units, part.fit).said(),
        }


def _by_feed(assessment: Assessment) -> defaultdict[str, dict[str, Counts]]:
    """Return check code to feed to its counts."""
    sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in assessment.strata:
        for at, n in enumerate((row.numerator, row.denominator, row.not_judged)):
            sums[row.check, row.feed][at] += n
    found: defaultdict[str, dict[str, Counts]] = defaultdict(dict)
    for (code, feed), (bad, judged, unjudged) in sums.items():
        found[code][feed] = Counts(judged + unjudged, judged + unjudged, bad, unjudged)
    return found
