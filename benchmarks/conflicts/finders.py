"""In: a folder with both feeds. Out: what the engine says, and what a comparison of codes says."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of
from uptake.findings.checks import TABLES
from uptake.findings.load import prepare, tables_needed
from uptake.identity import doubts
from uptake.model import Feed
from uptake.reconciliation.conflicts import batch
from uptake.resources.store import load

if TYPE_CHECKING:
    from benchmarks.conflicts.people import Pair

Said = tuple[int, str, str]
"""The patient's number, the type and the kind."""
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def write(pairs: Iterable[Pair], folder: Path) -> list[Feed]:
    """Write both sides as feeds; one outside source is declared complete for problems."""
    lines: dict[str, list[str]] = {"ehr": [], "hospital": [], "registry": []}
    for pair in pairs:
        outside = "registry" if pair.complete else "hospital"
        lines["ehr"] += map(json.dumps, (pair.who, *pair.chart))
        lines[outside] += map(json.dumps, (pair.other, *pair.outside))
    feeds = []
    for name, texts in lines.items():
        (folder / name).mkdir()
        (folder / name / "all.ndjson").write_text("\n".join(texts), "utf-8")
        complete = ("Condition",) if name == "registry" else ()
        feeds.append(Feed(name, folder / name, "ehr" if name == "ehr" else "external", complete))
    return feeds


def ours(feeds: Sequence[Feed], folder: Path) -> tuple[list[Said], int, float]:
    """Return what the engine says, how many of it are withheld, and its seconds of CPU."""
    spill = Path(tempfile.mkdtemp())
    store = load(files_of(feeds), folder / "store", 1, lambda *_: None)
    db = Database(1, "1GB", spill)
    try:
        wanted = tables_needed(f"from {table}" for table in ("conflict", *doubts.READS))
        prepare(db, store, feeds, AS_OF, wanted)
        db.run("drop table conflict; drop table list_verdict")
        began = time.process_time()
        batch.build_list_verdicts(db)
        batch.build_conflicts(db)
        seconds = time.process_time() - began
        db.run(TABLES)  # no check is run: nothing is found on a Patient
        doubts.build_doubts(db)
        rows = db.rows(f"select patient_id, type, kind, withheld <> '' from ({batch.FILE})")
    finally:
        db.close()
        shutil.rmtree(spill, ignore_errors=True)
    return [(int(p), t, k) for p, t, k, _ in rows], sum(w for *_, w in rows), seconds


def by_code(pairs: Iterable[Pair]) -> list[Said]:
    """Return what a comparison of first codes, statuses and values as they were sent says."""
    return [(p.number, *said) for p in pairs for said in {*_lists(p), *_results(p), *_patients(p)}]


def _lists(pair: Pair) -> Iterator[tuple[str, str]]:
    for kind in ("AllergyIntolerance", "Condition"):
        mine = {_code(r): r for r in pair.chart if r["resourceType"] == kind}
        theirs = {_code(r): r for r in pair.outside if r["resourceType"] == kind}
        for code, one in theirs.items():
            if code not in mine:
                yield kind, "absent"
            elif (_status(one), _status(mine[code])) != ("active", "active"):
                yield kind, "refuted" if "refuted" in (_status(one), _status(mine[code])) else (
                    "status")  # fmt: skip
            elif one.get("criticality") != mine[code].get("criticality"):
                yield kind, "criticality"
        if pair.complete and mine.keys() - theirs.keys():
            yield kind, "absent-outside"


def _results(pair: Pair) -> Iterator[tuple[str, str]]:
    def value(one: dict[str, Any]) -> Any:
        coded = one.get("valueCodeableConcept")
        return coded["coding"][0]["code"] if coded else one["valueQuantity"]["value"]

    def key(one: dict[str, Any]) -> tuple[str, str]:
        return _code(one), one["effectiveDateTime"][:10]

    mine = {key(r): value(r) for r in pair.chart if r["resourceType"] == "Observation"}
    for one in pair.outside:
        if one["resourceType"] == "Observation" and mine.get(key(one), value(one)) != value(one):
            yield "Observation", "value"


def _patients(pair: Pair) -> Iterator[tuple[str, str]]:
    for element, kind in (("birthDate", "birth-date"), ("gender", "sex"), ("name", "name"),
                          ("deceasedBoolean", "deceased")):  # fmt: skip
        if pair.who.get(element) != pair.other.get(element):
            yield "Patient", kind


def _code(one: dict[str, Any]) -> str:
    coding = one["code"].get("coding")
    return f"{coding[0]['system']}|{coding[0]['code']}" if coding else one["code"]["text"]


def _status(one: dict[str, Any]) -> str:
    status = one.get("verificationStatus") or one["clinicalStatus"]
    return str(status["coding"][0]["code"])
