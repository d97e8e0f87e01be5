"""Care-gap rules. In: Markdown files; out: `GapRule`s, or a DefinitionError with every fault.

A rule says in codes what a recommendation says in words: who it is for, what counts as done, what
excludes. `docs/care-gaps.md` shows a complete one.
"""

from __future__ import annotations

import functools
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from uptake.definitions.answers import Answers
from uptake.definitions.document import Document, Section, nearest, read_folders
from uptake.definitions.queries import verify_query
from uptake.definitions.repeats import lines_of
from uptake.errors import DefinitionError

FOLDER = "care_gaps"
"""The folder of rules, in our content and in a project."""
PARTS = ("conditions", "evidence", "exclusions")
POPULATION = ("person", "applicable")
"""The columns of a population query."""
CLOSED = ("person", "closed", "rid", "next_due")
"""The columns of the query that tells whether the care was given."""
TABLES = ("member", "has", "evidence")
"""What the queries of a rule read, beside `run`."""
OUTCOMES = ("due", "closed", "elsewhere", "excluded", "cannot-tell", "withheld", "not-applicable")
"""What the Patients of an example are said to be."""

_REQUIRED = ("code", "title", "measure", "source", "evidence")
_KNOWN = (*_REQUIRED, "order", "conditions", "exclusions", "newest")
_OF_SOURCE = ("by", "title", "year", "url")
_OF_ORDER = ("system", "code", "display", "words")
_OF_ITEM = ("code", "title", "type")
_MORE_OF_ITEM = ("codes", "unclear", "words", "months", "active", "value", "units")
_CODES_OF_ITEM = re.compile(r"[a-z][a-z0-9_]*")
_EXAMPLE = re.compile(
    rf"ndjson +(?P<kind>{'|'.join(OUTCOMES)}|given)(?: +check=(?P<check>[\w-]+))?"
    r"(?: +complete=(?P<complete>[\w,]+))?(?: +role=(?P<role>ehr|external))?"
    r"(?: +group=(?P<group>[\w-]+))?"
)


@dataclass(frozen=True, slots=True)
class Coding:
    """A code of a system, with its name."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Order:
    """What a draft order asks for. FHIR: ActivityDefinition."""

    coding: Coding
    words: str
    """As clinicians call it, with its article: `a stool test (FIT)`."""


@dataclass(frozen=True, slots=True)
class Publication:
    """Where a recommendation stands."""

    by: str
    title: str
    year: int
    url: str


@dataclass(frozen=True, slots=True)
class Item:
    """A kind of fact that a rule looks for."""

    code: str
    title: str
    part: str
    """`conditions`, `evidence` or `exclusions`."""
    type: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    """System to codes; one that ends in * takes every code that begins so."""
    unclear: Mapping[str, tuple[str, ...]]
    """Codes that may mean it, and may not: they neither close nor exclude, they hide."""
    words: tuple[str, ...]
    """Words in a local name that make a fact a candidate; never taken as the fact."""
    months: int | None
    """Look-back from the day of the run; None takes a lifetime."""
    active: bool
    """Whether a Condition counts only while it is active."""
    value: bool
    """Whether a number is needed."""
    units: tuple[str, ...]
    """The UCUM codes in which the number is read."""


@dataclass(frozen=True, slots=True)
class GapExample:
    """Resources, one a line, and what the rule must say of each Patient among them."""

    kind: str
    """One of OUTCOMES, or `given`: records only."""
    ndjson: str
    line: int
    check: str
    """The check that must explain what cannot be told."""
    complete: tuple[str, ...]
    role: str
    group: str


@dataclass(frozen=True, slots=True)
class GapRule:
    """One rule. FHIR: Measure, PlanDefinition."""

    code: str
    title: str
    measure: str
    """What it measures: of rules with one measure a card shows one."""
    source: Publication
    order: Order | None
    newest: bool
    """Whether the newest fact decides: then an older one cannot stand in for an unreadable one."""
    items: tuple[Item, ...]
    guidance: str
    population: str
    """SQL: `person, applicable`, over `member` and `has`."""
    closed: str
    """SQL: `person, closed, rid, next_due`, over `evidence`; empty: any fact of its look-back."""
    examples: tuple[GapExample, ...]
    path: Path

    def part(self, name: str) -> tuple[Item, ...]:
        """Return the items of one part."""
        return tuple(item for item in self.items if item.part == name)


@functools.cache
def settings() -> Mapping[str, Any]:
    """Return what rules rest on: `content/care_gaps.toml`."""
    path = resources.files("uptake") / "content" / "care_gaps.toml"
    return tomllib.loads(path.read_text("utf-8"))


def read_rule(path: Path) -> GapRule:
    """Return the rule in a file; raises DefinitionError with every fault."""
    document = Document(path)
    rule = _build(document, verify=True)
    if rule is None:
        raise DefinitionError(document.reports())
    return rule


def read_rules(
    folders: Sequence[Path], *, verify: Sequence[Path] | None = None
) -> dict[str, GapRule]:
    """Return the rules of folders by code, as `read_checks` does."""
    return read_folders(folders, verify, lambda document, sql: _build(document, verify=sql))


def _build(document: Document, *, verify: bool) -> GapRule | None:
    """Return the rule of a document, None when the document has faults."""
    answers = Answers(document, document.front)
    if document.front:
        answers.only(_KNOWN, _REQUIRED)
    items = tuple(item for part in PARTS for item in _items(answers, part))
    for at, item in enumerate(items):
        if item.code in [other.code for other in items[:at]]:
            answers.fault(item.part, f"a second item {item.code!r}; give it another code")
    guidance = document.section("Guidance")
    population = document.sql("Population")
    if population is not None and verify:
        verify_query(document, population, required=POPULATION, tables=TABLES)
    closed = document.sql("Closed") if "Closed" in document.sections else None
    if closed is not None and verify:
        verify_query(document, closed, required=CLOSED, tables=TABLES)
    rule = GapRule(
        code=answers.code(),
        title=answers.text("title"),
        measure=answers.text("measure"),
        source=_publication(answers),
        order=_order(answers),
        newest=answers.truth("newest"),
        items=items,
        guidance=guidance.prose.strip(),
        population=population.text if population is not None else "",
        closed=closed.text if closed is not None else "",
        examples=_examples(document, document.section("Examples")),
        path=document.path,
    )
    return None if document.faults else rule


def _publication(answers: Answers) -> Publication:
    inner = _table(answers, "source", _OF_SOURCE)
    if (url := inner.text("url")) and not url.startswith("https://"):
        inner.fault("url", f"url is {url!r}; write an address that begins with https://")
    year = inner.number("year") or 0
    return Publication(inner.text("by"), inner.text("title"), year, url)


def _order(answers: Answers) -> Order | None:
    if "order" not in answers.table:
        return None
    inner = _table(answers, "order", _OF_ORDER)
    coding = Coding(inner.text("system"), inner.text("code"), inner.text("display"))
    return Order(coding, inner.text("words"))


def _table(answers: Answers, key: str, keys: Sequence[str]) -> Answers:
    """Return a table of the front matter whose keys are all required."""
    value: Any = answers.table.get(key, {})
    if not isinstance(value, dict):
        answers.fault(key, f"{key} is {value!r}; write a table, as in {key} = {{ … }}")
        value = {}
    inner = Answers(answers.document, value, *answers.place, key)
    if key in answers.table:
        inner.only(keys, keys)
    return inner


def _items(answers: Answers, part: str) -> list[Item]:
    tables: Any = answers.table.get(part, [])
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        answers.fault(part, f"{part} are no tables; write [[{part}]] above each")
        return []
    return [
        _item(Answers(answers.document, table, part, str(at)), part)
        for at, table in enumerate(tables)
    ]


def _item(answers: Answers, part: str) -> Item:
    answers.only((*_OF_ITEM, *_MORE_OF_ITEM), _OF_ITEM)
    known = settings()["type"]
    types = answers.texts("type", or_one=True)
    for name in types:
        if name not in known:
            answers.fault("type", f"rules do not read {name!r}; {nearest(name, sorted(known))}")
    code = answers.text("code")
    if code and not _CODES_OF_ITEM.fullmatch(code):
        answers.fault("code", f"code is {code!r}; write small letters, digits and _ only")
    codes, unclear = answers.lists("codes"), answers.lists("unclear")
    if not codes and not unclear:
        answers.fault("codes", "no codes; write a table, system = [codes]")
    return Item(
        code=code,
        title=answers.text("title"),
        part=part,
        type=types,
        codes=codes,
        unclear=unclear,
        words=answers.texts("words"),
        months=answers.number("months"),
        active=answers.truth("active"),
        value=answers.truth("value") or "units" in answers.table,
        units=answers.texts("units"),
    )


def _examples(document: Document, section: Section) -> tuple[GapExample, ...]:
    """Return the example blocks; who is due, who is not, and who cannot be told are shown."""
    examples = []
    for block in section.blocks:
        info = _EXAMPLE.fullmatch(block.info)
        if info is None:
            kinds = ", ".join(OUTCOMES)
            what = f"the block is ```{block.info}; write ```ndjson and one of {kinds} or given"
            document.fault(block.line - 1, f"{what}, then check=, complete=, role=, group=")
            continue
        for number, text in enumerate(block.text.split("\n"), start=block.line):
            if text.strip() and (fault := _line_fault(text)):
                document.fault(number, fault)
        complete = tuple((info["complete"] or "").split(",")) if info["complete"] else ()
        examples.append(
            GapExample(
                info["kind"], block.text, block.line, info["check"] or "", complete,
                info["role"] or "ehr", info["group"] or "",
            )
        )  # fmt: skip
    shown = {example.kind for example in examples}
    for kind in ("due", "closed", "cannot-tell", "not-applicable"):
        if section.title in document.sections and kind not in shown:
            document.fault(section.line, f"no example that is {kind}; add a block ```ndjson {kind}")
    return tuple(examples)


def _line_fault(text: str) -> str:
    """Return what is wrong with an example's resource."""
    try:
        value = json.loads(next(lines_of(text)))
    except ValueError as error:
        return f"the example is not JSON ({error}); write one resource a line"
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        return "the example is no resource with a resourceType; write one a line"
    return ""
