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
from uptake.findings.repairs import decode, merged, repair_of
from uptake.model import Check, Feed

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


def found(lines: list[str], checks: dict[str, Check], folder: Path) -> list[dict[str, Any]]:
    """Return the findings over resources, one a line."""
    folder.mkdir()
    (folder / "example.ndjson").write_text("\n".join(lines), "utf-8")
    request = Request(
        (Feed("example", folder),), checks, {}, datetime(2026, 1, 1, tzinfo=UTC), "test", threads=1
    )
    assess(request, folder / "out", folder / "store", Silent())
    rows = duckdb.sql(f"select * from read_parquet('{folder}/out/findings.parquet')")
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


@pytest.mark.parametrize("code", REPAIRING)
def test_a_repair_repairs(code: str, tmp_path: Path) -> None:
    lines = [
        line
        for example in CHECKS[code].examples
        if example.kind == "violates"
        for line in example.ndjson.split("\n")
        if line.strip()
    ]
    watched = {c: k for c, k in CHECKS.items() if c == code or k.severity.value in WATCHED}
    before = found(lines, watched, tmp_path / "before")
    repairs = [row for row in before if row["check"] == code and row["repair"]]
    assert repairs, "no example has a repair"
    mended = list(lines)
    for row in repairs:
        at = row["source_line"] - 1
        repair = repair_of(lines[at], row["expression"], row["repair"])
        document = patched(json.loads(mended[at]), json.loads(repair.json_patch))
        mended[at] = json.dumps(document)
        assert repair.after == merged(repair.before, decode(row["repair"]))
        assert patched(json.loads(lines[at]), json.loads(repair.json_patch)) != json.loads(
            lines[at]
        )
    after = found(mended, watched, tmp_path / "after")
    places = {(row["source_line"], row["expression"]) for row in repairs}
    left = {(r["source_line"], r["expression"]) for r in after if r["check"] == code}
    assert not places & left
    known = {(row["check"], row["source_line"]) for row in before}
    changed = {row["source_line"] for row in repairs}
    new = {(r["check"], r["source_line"]) for r in after if r["source_line"] in changed} - known
    assert not new
