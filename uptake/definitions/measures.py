"""Measures. In: Markdown files; out: `Measure`s, or a DefinitionError with every fault."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from uptake.definitions.answers import Answers
from uptake.definitions.document import Document, read_folders
from uptake.definitions.queries import JUDGED, verify_query
from uptake.model import Measure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROLES = ("outcome", "guardrail", "workflow")
STATISTICS = {"share": "counts", "count": "counts", "median": "value", "mean": "value"}
"""How the rows of a week become a number, and the column it is made of."""
BETTER = ("lower", "higher")

_REQUIRED = ("code", "title", "use_case", "role", "statistic", "unit", "better")


def read_measures(
    folders: Sequence[Path], *, verify: Sequence[Path] | None = None
) -> dict[str, Measure]:
    """Return the measures of folders by code, as `read_checks` does."""
    return read_folders(folders, verify, lambda document, sql: _build(document, verify=sql))


def _build(document: Document, *, verify: bool) -> Measure | None:
    """Return the measure of a document, None when the document has faults."""
    answers = Answers(document, document.front)
    if document.front:
        answers.only((*_REQUIRED, "target"), _REQUIRED)
    statistic = answers.word("statistic", list(STATISTICS))
    means, query = document.section("What it measures"), document.sql("Query")
    if query is not None and verify and statistic:
        columns = ("unit", "at_time", STATISTICS[statistic], "place")
        verify_query(document, query, required=columns, tables=JUDGED)
    measure = Measure(
        code=answers.code(),
        title=answers.text("title"),
        use_case=answers.text("use_case"),
        role=answers.word("role", ROLES),
        statistic=statistic,
        unit=answers.text("unit"),
        better=answers.word("better", BETTER),
        target=_target(answers),
        means=means.prose.strip(),
        query=query.text if query is not None else "",
        path=document.path,
    )
    return None if document.faults else measure


def _target(answers: Answers) -> float | None:
    value: Any = answers.table.get("target")
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return value
    answers.fault("target", f"target is {value!r}; write a number, in the measure's unit")
    return None
