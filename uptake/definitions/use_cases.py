"""Use cases. In: Markdown files; out: `UseCase`s, or a DefinitionError with every fault."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake import r4
from uptake.definitions.answers import Answers, defaults
from uptake.definitions.document import Document, nearest, read_folders
from uptake.definitions.elements import element_fault, flat_name, json_path
from uptake.definitions.queries import JUDGED, verify_condition, verify_query
from uptake.errors import DefinitionError
from uptake.model import Requirement, UseCase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NEEDS = ("latest", "every", "evidence")
ROLES = ("ehr", "external")
POPULATION = ("unit", "patient_rid", "anchor", "applicable")
"""The columns of a population query."""
OPPORTUNITY = ("opportunity", "rid", "patient_rid", "at_time", "opens", "due", "decided_at",
               "until", "place", "actionable")  # fmt: skip
"""The columns of an opportunity query."""
ACTED = ("opportunity", "acted", "acted_at", "acted_rid")
"""The columns of the query that tells whether care changed."""

_REQUIRED = ("code", "title", "unit", "threshold", "requirements")
_KNOWN = (*_REQUIRED, "unknown_limit", "moment")
_OF_REQUIREMENT = ("code", "title", "type", "elements", "needs")
_MORE_OF_REQUIREMENT = (
    "threshold", "codes", "words", "where", "role", "months", "minutes",
    "minutes_before", "of_unit",
)  # fmt: skip


def read_use_case(path: Path) -> UseCase:
    """Return the use case in a file; raises DefinitionError with every fault."""
    document = Document(path)
    use_case = _build(document, verify=True)
    if use_case is None:
        raise DefinitionError(document.reports())
    return use_case


def read_use_cases(
    folders: Sequence[Path], *, verify: Sequence[Path] | None = None
) -> dict[str, UseCase]:
    """Return the use cases of folders by code, as `read_checks` does."""
    return read_folders(folders, verify, lambda document, sql: _build(document, verify=sql))


def _build(document: Document, *, verify: bool) -> UseCase | None:
    """Return the use case of a document, None when the document has faults."""
    answers = Answers(document, document.front)
    if document.front:
        answers.only(_KNOWN, _REQUIRED)
    problem, population = document.section("Problem"), document.section("Population")
    query = document.sql("Population")
    if query is not None and verify:
        verify_query(document, query, required=POPULATION)
    if "Population" in document.sections and not population.prose.strip():
        document.fault(population.line, "the population is a query only; say who it is in words")
    threshold = answers.share("threshold", 0.0)
    opportunity = _optional_query(document, "Opportunity", OPPORTUNITY, verify=verify)
    acted = _optional_query(document, "Acted on", ACTED, verify=verify)
    if opportunity[0] and not answers.text("moment"):
        answers.fault("moment", "moment is missing; say what the opportunity is, as in 'visits'")
    use_case = UseCase(
        code=answers.code(),
        title=answers.text("title"),
        unit=answers.text("unit"),
        threshold=threshold,
        unknown_limit=answers.share("unknown_limit", defaults()["unknown_limit"]),
        problem=problem.prose.strip(),
        population=query.text if query is not None else "",
        population_text=population.prose.strip(),
        requirements=_requirements(answers, threshold, verify=verify),
        path=document.path,
        moment=answers.text("moment"),
        opportunity=opportunity[0],
        opportunity_text=opportunity[1],
        acted=acted[0],
        acted_text=acted[1],
    )
    return None if document.faults else use_case


def _optional_query(
    document: Document, title: str, columns: tuple[str, ...], *, verify: bool
) -> tuple[str, str]:
    """Return the query of a section that may be absent, and its prose."""
    if title not in document.sections:
        return "", ""
    query = document.sql(title)
    if query is None:
        return "", ""
    if verify:
        verify_query(document, query, required=columns, tables=JUDGED)
    return query.text, document.section(title).prose.strip()


def _requirements(answers: Answers, threshold: float, *, verify: bool) -> tuple[Requirement, ...]:
    tables: Any = answers.table.get("requirements", [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        answers.fault(
            "requirements", "requirements are no tables; write [[requirements]] above each"
        )
        return ()
    found: list[Requirement] = []
    for at, table in enumerate(tables):
        inner = Answers(answers.document, table, "requirements", str(at))
        requirement = _requirement(inner, threshold, verify=verify)
        if requirement.code and requirement.code in [r.code for r in found]:
            inner.fault("code", f"a second requirement {requirement.code!r}; give it another code")
        found.append(requirement)
    return tuple(found)


def _requirement(answers: Answers, threshold: float, *, verify: bool) -> Requirement:
    answers.only((*_OF_REQUIREMENT, *_MORE_OF_REQUIREMENT), _OF_REQUIREMENT)
    types = answers.texts("type", or_one=True)
    for name in types:
        if name not in r4.resource_types():
            hint = nearest(name, sorted(r4.resource_types())).split(" one of ")[0]
            hint = hint if hint.endswith("?") else "write a resource type"
            answers.fault("type", f"R4 has no resource type {name!r}; {hint}")
        elif flat_name(name) not in flat_tables():
            answers.fault("type", f"{name} has no flat table; write one of those in docs/tables.md")
    elements = answers.texts("elements")
    for path in [part.strip() for element in elements for part in element.split("|")]:
        if fault := element_fault(path):
            answers.fault("elements", fault)
    where = answers.text("where")
    if where and verify:
        line = answers.document.line_of(*answers.place, "where")
        for name in types:
            verify_condition(answers.document, line, flat_name(name), where)
    codes = answers.lists("codes")
    if codes and not any(_is_concept(e) for e in elements):
        answers.fault("codes", "codes has nothing to stand in; name the coded element in elements")
    return Requirement(
        code=answers.code(),
        title=answers.text("title"),
        type=types,
        elements=elements,
        needs=answers.word("needs", NEEDS),
        threshold=answers.share("threshold", threshold),
        codes=codes,
        words=answers.texts("words"),
        where=where,
        role=answers.word("role", ROLES),
        months=answers.number("months"),
        minutes=answers.number("minutes"),
        minutes_before=answers.number("minutes_before"),
        of_unit=answers.truth("of_unit"),
    )


def _is_concept(element: str) -> bool:
    """Tell whether an element, or one of its alternatives, is a CodeableConcept."""
    fields = (f for part in element.split("|") for f in r4.fields_at(json_path(part.strip())))
    return any(f.type == "CodeableConcept" for f in fields)


@cache
def flat_tables() -> frozenset[str]:
    """Return the names of the flat tables."""
    path = resources.files("uptake") / "content" / "tables.toml"
    return frozenset(tomllib.loads(path.read_text("utf-8"))["flat"])
