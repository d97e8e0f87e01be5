"""The work list of who merges records. In: pairs of a run, and decisions; out: CSV, and FHIR R4.

Uptake merges nothing: the EHR's staff do, in the EHR. A pair that a reviewer called one person is a
Linkage; one that waits for a reviewer is a Task whose focus is the Linkage that it would become. No
name and no birth date is written, only where the records lie.
https://hl7.org/fhir/R4/linkage.html, https://hl7.org/fhir/R4/task.html
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from uptake.disk import write_whole
from uptake.engine.duckdb import brief_database, quoted
from uptake.identity.decisions import SAME, SEPARATE, UNLINKED, Record
from uptake.identity.model import shipped_model

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.identity.decisions import Decided

Pair: TypeAlias = tuple[Record, Record]
"""Two records, in text order."""
CSV, NDJSON = "duplicates.csv", "duplicates.ndjson"
MERGE, LINK, JUDGE, APART, MERGED = "merge", "link", "judge", "keep apart", "merged"
TASKS = (MERGE, LINK, JUDGE, APART, MERGED)
"""What is to be done with a pair, in the order of the list: records of one feed are merged there,
those of two senders are linked in the index of patients."""
REASONS = 3
"""Comparisons named where there is no veto: those that weigh most."""
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
"""What a spreadsheet takes for a formula when a cell begins with it.
https://owasp.org/www-community/attacks/CSV_Injection"""
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"


@dataclass(frozen=True, slots=True)
class Line:
    """One pair of the list; its fields are the columns of the CSV."""

    feed_l: str
    id_l: str
    feed_r: str
    id_r: str
    cluster: int | None = None
    """What the records of one group share; None outside of one."""
    outcome: str = ""
    """Empty where the run no longer finds the pair."""
    probability: float | None = None
    why: str = ""
    harm: int = 0
    harm_reason: str = ""
    decision: str = ""
    by: str = ""
    at: str = ""
    rank: int = 0
    task: str = ""

    @property
    def pair(self) -> Pair:
        """The two records."""
        return Record(self.feed_l, self.id_l), Record(self.feed_r, self.id_r)

    @property
    def across(self) -> bool:
        """Tell whether the records are of two senders: nobody can merge these."""
        return self.feed_l != self.feed_r


def write_worklist(
    run: Path,
    decisions: Iterable[Decided],
    out: Path,
    *,
    chart: Collection[str] = (),
    merged: Collection[Pair] = (),
) -> Mapping[str, int]:
    """Write `duplicates.csv` and `duplicates.ndjson` into `out`; return the pairs of each task.

    `chart` names the EHR's own feeds, `merged` what was merged there by now. Raises StorageError.
    """
    lines = worklist(run, decisions, merged)
    write_whole(out / CSV, _csv(lines).encode())
    told = (json.dumps(r, ensure_ascii=False) + "\n" for r in as_fhir(lines, chart))
    write_whole(out / NDJSON, "".join(told).encode())
    counted = Counter(line.task for line in lines)
    return {task: counted[task] for task in TASKS}


def worklist(
    run: Path, decisions: Iterable[Decided], merged: Collection[Pair] = ()
) -> tuple[Line, ...]:
    """Return the pairs to work on, by task: those of one feed first, then those with most harm.

    A related pair that nobody decided is no work. One that the run no longer finds is listed as
    long as a reviewer's decision stands.
    """
    decided = newest(decisions)
    found = {line.pair: line for line in _judged(run)}
    lines = []
    for pair in found.keys() | decided.keys():
        line = found.get(pair) or Line(*pair[0], *pair[1])
        said = decided.get(pair)
        if said is None and line.outcome == "related":
            continue
        if said is not None:
            line = replace(line, decision=said.decision, by=said.by, at=said.at.isoformat())
        lines.append(replace(line, task=MERGED if pair in merged else _task_of(line)))
    lines.sort(key=_urgency)
    return tuple(replace(line, rank=n) for n, line in enumerate(lines, 1))


def _task_of(line: Line) -> str:
    if line.decision == SAME:
        return LINK if line.across else MERGE
    return APART if line.decision in SEPARATE else JUDGE


def _urgency(line: Line) -> tuple[object, ...]:
    likely = line.probability or 0.0
    return TASKS.index(line.task), line.across, -line.harm, -likely, line.pair


def newest(decisions: Iterable[Decided]) -> dict[Pair, Decided]:
    """Return the decision that stands for each pair: the newest."""
    ordered = sorted(decisions, key=lambda d: d.at)
    return {d.records: d for d in ordered}


def _judged(run: Path) -> Iterator[Line]:
    """Yield the pairs of a run, whatever is to be done with them."""
    pairs, clusters = (quoted(str(run / f"{name}.parquet")) for name in ("pairs", "clusters"))
    with brief_database("1GB") as db:
        rows = db.rows(
            "select p.feed_l, p.id_l, p.feed_r, p.id_r, r.cluster, p.outcome, p.probability, "
            "p.veto, p.levels, coalesce(p.harm, 0), coalesce(p.harm_reason, '') "
            f"from read_parquet({pairs}) p "
            f"left join read_parquet({clusters}) l on (l.feed, l.id) = (p.feed_l, p.id_l) "
            f"left join read_parquet({clusters}) r on (r.feed, r.id) = (p.feed_r, p.id_r) "
            "and r.cluster = l.cluster "
            # records of two senders that share a record number are joined by it: nobody has to look
            "where p.decided <> '' or p.outcome <> 'auto' or p.feed_l = p.feed_r "
            "or len(list_filter(p.levels, lambda v: v.label = $numbered)) = 0",
            {"numbered": _numbered()},
        )
    for feed_l, id_l, feed_r, id_r, cluster, outcome, probability, veto, levels, *harm in rows:
        why = veto or reasons(levels or ())
        yield Line(feed_l, id_l, feed_r, id_r, cluster, outcome, probability, why, *harm)


def _numbered() -> str:
    """Return what a comparison says of two records with one record number."""
    return next(c.levels[0].label for c in shipped_model().comparisons if c.name == "record")


def reasons(levels: Iterable[Mapping[str, Any]]) -> str:
    """Return the comparisons that weigh most, in words: no value of a patient is among them."""
    told = [level for level in levels if level["comparison"] != "prior"]
    told.sort(key=lambda level: -abs(level["weight"]))
    return "; ".join(f"{level['comparison']}: {level['label']}" for level in told[:REASONS])


def _csv(lines: Iterable[Line]) -> str:
    text = io.StringIO(newline="")
    names = list(dict.fromkeys(("rank", "task", *(field.name for field in fields(Line)))))
    writer = csv.writer(text)
    writer.writerow(names)
    for line in lines:
        writer.writerow(cell(getattr(line, name)) for name in names)
    return text.getvalue()


def cell(value: object) -> object:
    """Return a value as a cell that no spreadsheet runs: a text like a formula begins with '."""
    if isinstance(value, float):
        return f"{value:.6f}"
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def as_fhir(lines: Iterable[Line], chart: Collection[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield the Linkages and Tasks of a list; what is kept apart and never was linked is neither.

    A link that a reviewer took back is a Linkage that is not active: its id is that of the link.
    """
    told = tuple(lines)
    feeds = {feed for line in told for feed, _ in line.pair}
    local = chart if chart or len(feeds) > 1 else feeds
    for line in told:
        if line.decision in (SAME, UNLINKED) and line.task != MERGED:
            yield _linkage(line, chart, local)
        elif line.task == JUDGE:
            yield _task(line, chart, local)


def _linkage(line: Line, chart: Collection[str], local: Collection[str]) -> dict[str, Any]:
    """Return who says that two records are one person; the EHR's own is the source of the two."""
    from_chart = [feed in chart for feed, _ in line.pair]
    kinds = ("source" if own and not all(from_chart) else "alternate" for own in from_chart)
    author = {"author": {"display": line.by}} if line.by else {}
    return {
        "resourceType": "Linkage",
        "id": _key(line.pair),
        "active": line.decision == SAME,
        **author,
        "item": [
            {"type": kind, "resource": _reference(record, local)}
            for kind, record in zip(kinds, line.pair, strict=True)
        ],
    }


def _task(line: Line, chart: Collection[str], local: Collection[str]) -> dict[str, Any]:
    """Return what asks a reviewer to judge a pair."""
    linkage = _linkage(replace(line, by=""), chart, local) | {"id": "linkage"}
    for_whom = next((i for i in linkage["item"] if i["type"] == "source"), linkage["item"][0])
    task: dict[str, Any] = {
        "resourceType": "Task",
        "id": _key(line.pair),
        "contained": [linkage],
        "status": "requested",
        "intent": "proposal",
        "code": {
            "coding": [{"system": _TASK_CODE, "code": "approve"}],
            "text": "Judge whether two records are one patient",
        },
        "focus": {"reference": "#linkage"},
        "for": for_whom["resource"],
    }
    if line.decision:
        task["businessStatus"] = {"text": line.decision}
    if line.why:
        task["description"] = line.why
    if line.probability is not None:
        known = {"valueDecimal": round(line.probability, 6)}
        task["input"] = [{"type": {"text": "probability"}} | known]
    if line.harm:
        task.setdefault("input", []).append(
            {"type": {"text": "facts on one record only"}, "valueUnsignedInt": line.harm}
        )
    return task


def _reference(record: Record, local: Collection[str]) -> dict[str, Any]:
    """Return a reference to a record.

    A path is relative to the server that reads it, so only a record of the feed that is read there
    has one: another feed's Patient/17 would be another patient.
    """
    feed, name = record
    told: dict[str, Any] = {
        "type": "Patient",
        "identifier": {"system": f"urn:uptake:feed:{quote(feed, safe='')}", "value": name},
    }
    if feed in local and _ID.fullmatch(name):
        told["reference"] = f"Patient/{name}"
    return told


def _key(pair: Pair) -> str:
    """Return the id of what is said of a pair: the same in every run, and telling nothing."""
    text = "\x1f".join(part for record in pair for part in record)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
