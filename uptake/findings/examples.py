"""Run a check's own examples. In: a check; out: what they do not show, in sentences.

The examples go the way of any feed: gate, tables, query. Each block is a feed of its own;
those without a group are one load, and those of a group are another.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from uptake.definitions.reference import read_reference_tables, shipped_reference_tables
from uptake.definitions.repeats import expand
from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.checks import TABLES, answer
from uptake.findings.knowledge import Knowledge
from uptake.findings.load import prepare, tables_needed
from uptake.model import Check, Feed
from uptake.resources.store import load

NOW = datetime(2026, 1, 1, tzinfo=UTC)
"""What "now" means in examples."""


def run_examples(check: Check) -> list[str]:
    """Return one sentence for each example that does not come out as its block says."""
    if not check.query:
        return []
    faults: list[str] = []
    for group in sorted({example.group for example in check.examples}):
        with tempfile.TemporaryDirectory(prefix="uptake-examples-") as folder:
            faults += _faults_of_load(check, group, Path(folder))
    return faults


def _faults_of_load(check: Check, group: str, folder: Path) -> list[str]:
    """Load the blocks of one group side by side, and say which come out wrong."""
    feeds = []
    for number, example in enumerate(check.examples):
        if example.group == group:
            feed = folder / f"{number:02}"
            feed.mkdir()
            (feed / "example.ndjson").write_text(expand(example.ndjson), "utf-8")
            feeds.append(Feed(feed.name, feed, example.role))
    db = Database(threads=1, memory="1GB", spill=folder / "spill")
    try:
        return _faults(db, check, feeds, folder / "store")
    finally:
        db.close()


def _faults(db: Database, check: Check, feeds: list[Feed], folder: Path) -> list[str]:
    store = load(files_of(feeds), folder, threads=1, progress=lambda _: None)
    # A project's own reference tables lie beside its own checks.
    own = read_reference_tables([check.path.parent.parent / "reference"])
    tables = {**shipped_reference_tables(), **own}
    prepare(db, store, feeds, NOW, tables_needed([check.query]), knowledge=Knowledge(tables))
    db.run(TABLES)
    answer(db, check)
    said = dict[str, list[bool | None]]()
    for feed, violates in db.rows(
        "select coalesce(p.feed, a.feed), a.violates from answer a "
        "left join place_of p on p.rid = a.key where p.entered_in_error is not true or ?",
        [bool(check.options.get("entered_in_error"))],
    ):
        said.setdefault(feed, []).append(violates)
    kept_out = {feed for (feed,) in db.rows("select distinct feed from quarantine")}
    faults = []
    for feed in (f.name for f in feeds):
        example = check.examples[int(feed)]
        answers = said.get(feed, [])
        fault = _fault(example.kind, answers)
        if fault:
            stopped = " (the gate kept a line out)" if feed in kept_out else ""
            faults.append(f"{check.path.name}:{example.line}: {fault}{stopped}")
    return faults


def _fault(kind: str, answers: list[bool | None]) -> str:
    violations, passes = answers.count(True), answers.count(False)
    if kind == "violates" and not violations:
        return f"should violate, but gives {passes} passes and {answers.count(None)} not judged"
    if kind == "passes" and (violations or not passes):
        return f"should pass, but gives {violations} violations and {passes} passes"
    if kind == "ignores" and (violations or passes):
        return f"should be ignored, but gives {violations} violations and {passes} passes"
    return ""
