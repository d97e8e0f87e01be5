"""What is injected: one module a category of the check catalogue, each a table of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.defects import coding, context, duplicates, structure, text, time

if TYPE_CHECKING:
    from benchmarks.defects.case import Case

CASES: tuple[Case, ...] = (
    *duplicates.CASES,
    *coding.CASES,
    *context.CASES,
    *time.CASES,
    *text.CASES,
    *structure.CASES,
)
CHECKS = tuple(sorted({case.check for case in CASES}))
