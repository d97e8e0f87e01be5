"""What is injected: one module a category of the check catalogue, each a table of cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.defects import (
    care,
    coding,
    conformance,
    context,
    course,
    demographics,
    duplicates,
    free_text,
    identity,
    mapping,
    plausibility,
    records,
    relations,
    statistics,
    structure,
    terminology,
    text,
    time,
)

if TYPE_CHECKING:
    from benchmarks.defects.case import Case

CASES: tuple[Case, ...] = (
    *duplicates.CASES,
    *coding.CASES,
    *context.CASES,
    *time.CASES,
    *text.CASES,
    *structure.CASES,
    *care.CASES,
    *course.CASES,
    *demographics.CASES,
    *relations.CASES,
    *records.CASES,
    *mapping.CASES,
    *terminology.CASES,
    *conformance.CASES,
    *plausibility.CASES,
    *free_text.CASES,
    *identity.CASES,
)
CASES = tuple(map(conformance.with_followers, CASES))
PATTERNS: tuple[Case, ...] = statistics.CASES
"""Injected into a twin of their own: so many single defects on one day are a pattern themselves."""
CHECKS = tuple(sorted({case.check for case in CASES}))
