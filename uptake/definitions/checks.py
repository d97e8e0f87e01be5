"""Checks. In: Markdown files; out: `Check`s, or a DefinitionError with every fault."""

from __future__ import annotations

import json
import re
from string import Formatter
from typing import TYPE_CHECKING

from uptake.definitions.answers import Answers, defaults
from uptake.definitions.document import Document, read_folders
from uptake.definitions.elements import element_fault
from uptake.definitions.queries import verify_query
from uptake.definitions.repeats import lines_of
from uptake.errors import DefinitionError
from uptake.model import Check, Example, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from uptake.definitions.document import Section

CATEGORIES = (
    "duplicates", "coding", "context", "time", "free-text", "conformance", "plausibility",
    "migration",
)  # fmt: skip
DIMENSIONS = ("conformance", "completeness", "plausibility", "timeliness")
EFFECTS = ("defect", "signal")
UNITS = {
    "resource": ("rid",),
    "patient": ("patient_rid",),
    "feed": ("feed",),
    "feed-type": ("feed", "type"),
    "feed-code": ("feed", "code_system", "code"),
}
"""What one row of a check is about, and the columns that name it."""

_REQUIRED = ("code", "title", "category", "dimension", "severity", "elements")
_OPTIONAL = ("threshold", "effect", "unit", "fix_task", "entered_in_error", "unavailable")
_EXAMPLE = re.compile(
    r"ndjson +(?P<kind>violates|passes|ignores)"
    r"(?: +role=(?P<role>ehr|external))?(?: +group=(?P<group>[\w-]+))?"
)
"""The words behind an example's fence: what it shows, and of which feed it is."""
_MORE_COLUMNS = ("expression", "other", "suggestion", "fix_key", "repair")


def read_check(path: Path) -> Check:
    """Return the check in a file; raises DefinitionError with every fault."""
    document = Document(path)
    check = _build(document, verify=True)
    if check is None:
        raise DefinitionError(document.reports())
    return check


def read_checks(
    folders: Sequence[Path], *, verify: Sequence[Path] | None = None
) -> dict[str, Check]:
    """Return the checks of folders by code, a later folder's in place of an earlier's.

    `verify` names the folders whose SQL is verified (None: all of them): the checks that ship are
    verified by tests, and loading the parser takes longer than reading a hundred files. Raises
    DefinitionError with every fault of every file.
    """
    return read_folders(folders, verify, lambda document, sql: _build(document, verify=sql))


def _build(document: Document, *, verify: bool) -> Check | None:
    """Return the check of a document, None when the document has faults."""
    answers = Answers(document, document.front)
    if document.front:
        answers.only((*_REQUIRED, *_OPTIONAL), _REQUIRED)
    severity = answers.word("severity", [s.value for s in Severity])
    unit = answers.word("unit", list(UNITS), defaults()["unit"])
    for path in (elements := answers.texts("elements")):
        if fault := element_fault(path):
            answers.fault("elements", fault)
    prose = [document.section(t) for t in ("What it finds", "Why it matters", "How to fix")]
    # A check that cannot run yet says what it will find; its query comes with what it needs.
    waits = "unavailable" in document.front and "Query" not in document.sections
    query = None if waits else document.sql("Query")
    if query is not None and verify:
        more = ("violates", "evidence")
        verify_query(document, query, required=(*UNITS[unit], *more), optional=_MORE_COLUMNS)
    check = Check(
        code=answers.code(),
        title=answers.text("title"),
        category=answers.word("category", CATEGORIES),
        dimension=answers.word("dimension", DIMENSIONS),
        severity=Severity(severity or Severity.INFO),
        effect=answers.word("effect", EFFECTS, defaults()["effect"]),
        unit=unit,
        elements=elements,
        threshold=answers.share("threshold", defaults()["threshold"][severity or "info"]),
        fix_task=_fix_task(answers),
        finds=prose[0].prose.strip(),
        matters=prose[1].prose.strip(),
        fix=prose[2].prose.strip(),
        query=query.text if query is not None else "",
        examples=() if waits else _examples(document, document.section("Examples")),
        path=document.path,
        options=_options(answers),
    )
    return None if document.faults else check


def _fix_task(answers: Answers) -> str:
    task = answers.text("fix_task")
    try:
        fields = {name for _, name, _, _ in Formatter().parse(task) if name is not None}
    except ValueError as error:
        answers.fault("fix_task", f"fix_task has a brace too many or too few ({error}); pair them")
        return task
    for name in sorted(fields - {"n", "feed", "fix_key"}):
        written = "{" + name + "}"
        answers.fault(
            "fix_task", f"fix_task has {written}; it may have {{n}}, {{feed}}, {{fix_key}}"
        )
    return task


def _options(answers: Answers) -> dict[str, object]:
    options: dict[str, object] = {}
    if answers.truth("entered_in_error"):
        options["entered_in_error"] = True
    if reason := answers.text("unavailable"):
        options["unavailable"] = reason
    return options


def _examples(document: Document, section: Section) -> tuple[Example, ...]:
    """Return the example blocks; each line is a resource, and both verdicts are shown."""
    examples = []
    for block in section.blocks:
        info = _EXAMPLE.fullmatch(block.info)
        if info is None:
            what = f"the block is ```{block.info}"
            remedy = "write ```ndjson violates, passes or ignores"
            if block.info.split()[:1] == ["ndjson"] and "=" in block.info:
                remedy += ", then role=ehr or role=external, then group=NAME"
            document.fault(block.line - 1, f"{what}; {remedy}")
            continue
        for number, text in enumerate(block.text.split("\n"), start=block.line):
            if text.strip() and (fault := _line_fault(text)):
                document.fault(number, fault)
        role, group = info["role"] or "", info["group"] or ""
        examples.append(Example(info["kind"], block.text, block.line, role, group))
    for kind in ("violates", "passes"):
        if section.title in document.sections and not any(
            e.kind == kind and e.ndjson.strip() for e in examples
        ):
            document.fault(section.line, f"no example that {kind}; add a block ```ndjson {kind}")
    return tuple(examples)


def _line_fault(text: str) -> str:
    """Return what is wrong with a resource, or with the first of repeated ones."""
    try:
        return _resource_fault(next(lines_of(text)))
    except ValueError as error:
        return str(error)


def _resource_fault(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"the example is not JSON ({error}); write one resource a line"
    if not isinstance(value, dict):
        return "the example is not a JSON object; write one resource a line"
    if not isinstance(value.get("resourceType"), str):
        return "the example has no resourceType; add it"
    return ""
