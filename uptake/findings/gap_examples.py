"""Run a rule's own examples. In: a rule and checks; out: what they do not show, in sentences.

The examples go the way of any feed: gate, tables, checks, rule. Each block is a feed of its own;
those without a group are one load, and those of a group are another.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.care_gaps.judge import judge_gaps
from uptake.definitions.reference import shipped_reference_tables
from uptake.definitions.repeats import expand
from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.care_gaps import READS
from uptake.findings.checks import run_checks
from uptake.findings.examples import NOW
from uptake.findings.knowledge import Knowledge
from uptake.findings.load import prepare, tables_needed
from uptake.identity import doubts
from uptake.model import Feed
from uptake.resources.store import load

if TYPE_CHECKING:
    from uptake.care_gaps.rules import GapExample, GapRule
    from uptake.model import Check


def run_gap_examples(rule: GapRule, checks: Mapping[str, Check]) -> list[str]:
    """Return one sentence for each Patient that is not told what its block says."""
    types = {"Patient", *(name for item in rule.items for name in item.type)}
    asked = [c for c in checks.values() if _is_of(c, types)]
    faults: list[str] = []
    for group in sorted({example.group for example in rule.examples}):
        with tempfile.TemporaryDirectory(prefix="uptake-examples-") as folder:
            faults += _faults_of_load(rule, asked, group, Path(folder))
    return faults


def _is_of(check: Check, types: Iterable[str]) -> bool:
    """Tell whether a check that spoils facts looks at elements of one of the types."""
    first = {path.split(".")[0] for path in check.elements}
    any_type = first & {"*", "Coding", "Reference", "Quantity", "Period", "Identifier"}
    return check.spoils and bool(check.query) and bool(first & set(types) or any_type)


def _faults_of_load(rule: GapRule, checks: list[Check], group: str, folder: Path) -> list[str]:
    feeds = []
    for number, example in enumerate(rule.examples):
        if example.group == group:
            path = folder / f"{number:02}"
            path.mkdir()
            (path / "example.ndjson").write_text(expand(example.ndjson), "utf-8")
            feeds.append(Feed(path.name, path, example.role, example.complete))
    db = Database(threads=1, memory="1GB", spill=folder / "spill")
    try:
        store = load(files_of(feeds), folder / "store", threads=1, progress=lambda _: None)
        wanted = tables_needed(
            [
                *(c.query for c in checks),
                *(f"select 1 from {name}" for name in sorted(READS)),
                *(q for q in (rule.population, rule.closed) if q),
            ]
        )
        knowledge = Knowledge(dict(shipped_reference_tables()))
        prepare(db, store, feeds, NOW, wanted, knowledge=knowledge)
        run_checks(db, checks, lambda _: None)
        doubts.build_doubts(db)
        judge_gaps(db, [rule], checks)
        told = db.rows(
            "select p.feed, coalesce(r.id, ''), coalesce(g.status, 'not-applicable'), "
            "coalesce(g.why, ''), coalesce(g.\"check\", '') "
            "from person p join record r using (rid) left join care_gap g using (person)"
        )
    finally:
        db.close()
    return [
        fault
        for feed, patient, status, why, check in sorted(told)
        if (fault := _fault(rule, rule.examples[int(feed)], patient, status, why, check))
    ]


def _fault(
    rule: GapRule, example: GapExample, patient: str, status: str, why: str, check: str
) -> str:
    if example.kind == "given":
        return ""
    said = f"{status} ({why}{', ' + check if check else ''})" if why else status
    place = f"{rule.path.name}:{example.line}: patient {patient}"
    if status != example.kind:
        return f"{place} should be {example.kind}, but is {said}"
    if example.check and check != example.check:
        return f"{place} should be explained by {example.check}, but is {said}"
    return ""
