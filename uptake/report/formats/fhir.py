"""Findings and numbers as FHIR. In: a run; out: operation-outcomes.ndjson, measure-reports.ndjson.

Both are for systems of the same hospital: OperationOutcomes name records and say what was found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.report.formats import measure_reports, operation_outcomes

if TYPE_CHECKING:
    from uptake.report.formats import Run


def write(run: Run) -> None:
    """Write both files; raises StorageError."""
    operation_outcomes.write(run)
    measure_reports.write(run)
