"""The machine-readable result. In: an Assessment; out: summary.json, every count exact."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

from uptake.disk import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.model import (
        Assessment,
        Changes,
        CheckResult,
        Fitness,
        FixStep,
        InputFile,
        RequirementResult,
    )


def summary(assessment: Assessment) -> dict[str, object]:
    """Returns summary.json as plain values; counts are of resources, patients or units, exact."""
    return {
        "run": assessment.run,
        "uptake": version("uptake"),
        "as_of": assessment.as_of_date.isoformat(),
        "notes": list(assessment.notes),
        "inputs": [_input(f) for f in assessment.inputs],
        "resources": {feed: dict(types) for feed, types in assessment.resources.items()},
        "received": {
            feed: at.isoformat(timespec="seconds") for feed, at in assessment.received.items()
        },
        "checks": [_check(r) for r in assessment.checks],
        "use_cases": [_use_case(f) for f in assessment.fitness],
        "terminology": [asdict(c) for c in assessment.terminology],
        "changes": _changes(assessment.changes) if assessment.changes else None,
        "seconds": round(assessment.seconds, 3),
    }


def write_summary(assessment: Assessment, folder: Path) -> Path:
    """Writes `summary.json` into the folder and returns its path; raises StorageError."""
    path = folder / "summary.json"
    text = json.dumps(summary(assessment), ensure_ascii=False, indent=2) + "\n"
    # A lone surrogate of a file name becomes a JSON escape.
    write_whole(path, text.encode("utf-8", "backslashreplace"))
    return path


def _changes(changes: Changes) -> dict[str, object]:
    return {
        "since": changes.run,
        "as_of": changes.as_of.date().isoformat(),
        "new": changes.new,
        "persisting": changes.persisting,
        "resolved": changes.resolved,
        "checks": [
            {
                "code": row.check,
                "feed": row.feed,
                "new": row.new,
                "persisting": row.persisting,
                "resolved": row.resolved,
                "not_judged": row.not_judged,
            }
            for row in changes.rows
        ],
        "use_cases": [
            {"code": code, "fit": then.fit, "population": then.population}
            for code, then in changes.fitness.items()
        ],
    }


def _input(file: InputFile) -> dict[str, object]:
    return {
        "feed": file.feed,
        "path": file.path,
        "sha256": file.sha256,
        "records": file.records,
        "resources": file.resources,
        "quarantined": file.quarantined,
    }


def _check(result: CheckResult) -> dict[str, object]:
    check = result.check
    return {
        "code": check.code,
        "title": check.title,
        "category": check.category,
        "severity": check.severity.value,
        "numerator": result.numerator,
        "denominator": result.denominator,
        "not_judged": result.not_judged,
        "patients": result.patients,
        "threshold": check.threshold,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "detail": result.detail,
    }


def _use_case(fitness: Fitness) -> dict[str, object]:
    return {
        "code": fitness.use_case.code,
        "title": fitness.use_case.title,
        "unit": fitness.use_case.unit,
        "threshold": fitness.use_case.threshold,
        "population": fitness.population,
        "fit": fitness.fit,
        "unfit": fitness.unfit,
        "unknown": fitness.unknown,
        "not_applicable": fitness.not_applicable,
        "verdict": fitness.verdict,
        "reason": fitness.reason,
        "requirements": [_requirement(r) for r in fitness.requirements],
        "fix_plan": [_step(s) for s in fitness.fix_plan],
    }


def _requirement(result: RequirementResult) -> dict[str, object]:
    return {
        "code": result.requirement.code,
        "title": result.requirement.title,
        "threshold": result.requirement.threshold,
        "fit": result.fit,
        "unfit": result.unfit,
        "unknown": result.unknown,
        "absent": result.absent,
        "verdict": result.verdict,
        "reason": result.reason,
    }


def _step(step: FixStep) -> dict[str, object]:
    return {
        "fixes": [{"check": f.check, "feed": f.feed, "fix_key": f.fix_key} for f in step.fixes],
        "task": step.task,
        "gain": step.gain,
        "reaches": step.reaches,
        "clears": step.clears,
    }
