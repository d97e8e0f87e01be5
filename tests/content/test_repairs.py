"""Every repair of every example repairs: it applies, the finding goes, nothing worse comes."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import uptake
from uptake.definitions import read_check
from uptake.errors import DefinitionError
from uptake.findings.assess import Request, assess
from uptake.findings.repairs import Repair, decode, merged, repair_of
from uptake.model import Check, Feed

Row = dict[str, Any]
CHECKS: dict[str, Check] = {}
for _path in sorted((Path(uptake.__file__).parent / "content" / "checks").glob("*.md")):
    with suppress(DefinitionError):  # test_checks.py says what is wrong with the file
        CHECKS[_path.stem] = read_check(_path)
REPAIRING = sorted(code for code, check in CHECKS.items() if " as repair" in check.query)
WATCHED = ("blocker", "high")


class Silent:
    """A watch that says nothing."""

    def begin(self, phase: str, total: int) -> None:
        pass

    def advance(self, steps: int, at: str = "") -> None:
        pass


def parent_of(document: Any, pointer: str) -> tuple[Any, Any]:
    """Return the holder of a place and its key there."""
    *steps, last = [s.replace("~1", "/").replace("~0", "~") for s in pointer.split("/")[1:]]
    for step in steps:
        document = document[int(step) if isinstance(document, list) else step]
    return document, int(last) if isinstance(document, list) else last


def patched(document: Any, operations: list[dict[str, Any]]) -> Any:
    """Apply a JSON Patch (RFC 6902) of the operations that repairs use; raises if a test fails."""
    document = copy.deepcopy(document)
    for operation in operations:
        holder, key = parent_of(document, operation["path"])
        match operation["op"]:
            case "test":
                assert holder[key] == operation["value"]
            case "remove":
                del holder[key]
            case "replace":
                assert key in holder or isinstance(holder, list)
                holder[key] = operation["value"]
            case "add":
                holder[key] = operation["value"]
            case other:
                raise AssertionError(other)
    return document


def found(sent: dict[str, list[str]], folder: Path) -> dict[str, list[Row]]:
    """Return what is found in resources, one a line, of the checks' examples: a feed a check."""
    feeds = []
    for code, lines in sent.items():
        (folder / code).mkdir()
        (folder / code / "example.ndjson").write_text("\n".join(lines), "utf-8")
        feeds.append(Feed(code, folder / code))
    checks = {c: k for c, k in CHECKS.items() if c in sent or k.severity.value in WATCHED}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    request = Request(tuple(feeds), checks, {}, now, "test", threads=1)
    assess(request, folder / "out", folder / "store", Silent())
    rows = duckdb.sql(f"select * from read_parquet('{folder}/out/findings.parquet')")
    held: dict[str, list[Row]] = {code: [] for code in sent}
    for values in rows.fetchall():
        row = dict(zip(rows.columns, values, strict=True))
        if row["check"] == row["feed"] or CHECKS[row["check"]].severity.value in WATCHED:
            held[row["feed"]].append(row)
    return held


@pytest.fixture(scope="module")
def sent() -> dict[str, list[str]]:
    """Return the lines of each check's examples that violate it."""
    return {
        code: [
            line
            for example in CHECKS[code].examples
            if example.kind == "violates"
            for line in example.ndjson.split("\n")
            if line.strip()
        ]
        for code in REPAIRING
    }


@pytest.fixture(scope="module")
def before(
    sent: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Row]]:
    return found(sent, tmp_path_factory.mktemp("before"))


@pytest.fixture(scope="module")
def after(
    sent: dict[str, list[str]],
    before: dict[str, list[Row]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[Row]]:
    mended = {code: mend(lines, repairs(code, before[code])) for code, lines in sent.items()}
    return found(mended, tmp_path_factory.mktemp("after"))


def repairs(code: str, rows: list[Row]) -> list[Row]:
    """Return the findings of a check that say how to repair."""
    return [row for row in rows if row["check"] == code and row["repair"]]


def repair(lines: list[str], row: Row) -> Repair:
    """Return the repair of a finding in these lines."""
    return repair_of(lines[row["source_line"] - 1], row["expression"], row["repair"])


def mend(lines: list[str], rows: list[Row]) -> list[str]:
    """Return the lines after every repair."""
    mended = list(lines)
    for row in rows:
        at = row["source_line"] - 1
        document = patched(json.loads(mended[at]), json.loads(repair(lines, row).json_patch))
        mended[at] = json.dumps(document)
    return mended


@pytest.mark.parametrize("code", REPAIRING)
def test_a_repair_repairs(
    code: str,
    sent: dict[str, list[str]],
    before: dict[str, list[Row]],
    after: dict[str, list[Row]],
) -> None:
    repaired = repairs(code, before[code])
    assert repaired, "no example has a repair"
    for row in repaired:
        made = repair(sent[code], row)
        assert made.after == merged(made.before, decode(row["repair"]))
        document = json.loads(sent[code][row["source_line"] - 1])
        assert patched(document, json.loads(made.json_patch)) != document
    places = {(row["source_line"], row["expression"]) for row in repaired}
    left = {(r["source_line"], r["expression"]) for r in after[code] if r["check"] == code}
    assert not places & left
    known = {(row["check"], row["source_line"]) for row in before[code]}
    changed = {row["source_line"] for row in repaired}
    new = {(r["check"], r["source_line"]) for r in after[code] if r["source_line"] in changed}
    assert not new - known
