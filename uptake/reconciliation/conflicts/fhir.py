"""Conflicts as FHIR R4. In: rows of `conflict`; out: a DetectedIssue and its Provenance each.

The chart's record has a relative reference, for the EHR's own server; an outside record has its
feed and id as an identifier, since another server's `Type/17` would be another record there.
http://hl7.org/fhir/R4/detectedissue.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from uptake.reconciliation.conflicts.rules import rules
from uptake.reconciliation.tables import rules as drug_rules

Resource = dict[str, Any]
Row = Mapping[str, Any]
KINDS = "urn:uptake:conflict"
"""The system of the codes of kinds; they never change meaning."""
_SEVERITY = {"high": "high", "medium": "moderate", "low": "low"}
_V3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
_DUPLICATES = ("duplicate", "duplicate-class")
_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


def as_fhir(rows: Iterable[Row], at: datetime, version: str) -> Iterator[Resource]:
    """Yield a DetectedIssue and a Provenance for each row that is not withheld.

    `at` is when the conflicts were found. Ids follow from the records, so a repeat is equal.
    """
    for row in rows:
        if not row["withheld"]:
            issue = detected_issue(row, at)
            yield issue
            yield _provenance(row, issue["id"], at, version)


def detected_issue(row: Row, at: datetime) -> Resource:
    """Return a conflict as a DetectedIssue; it is preliminary until a clinician has judged it."""
    sides = [side for side in ("chart", "outside") if row[f"{side}_id"]]
    issue: Resource = {
        "resourceType": "DetectedIssue",
        "id": _id(row, "issue"),
        "status": "preliminary",
        "code": _code(row),
        "severity": _SEVERITY[row["severity"]],
        "patient": {"reference": f"Patient/{row['patient_id']}"},
        "identifiedDateTime": at.isoformat(timespec="seconds"),
        "implicated": [_reference(row, side) for side in sides],
        "detail": _detail(row),
        "evidence": [
            {"code": [{"text": _told(row, side)}], "detail": [_reference(row, side)]}
            for side in sides
        ],
    }  # fmt: skip
    for side in sides:
        if row[f"{side}_provenance"]:
            issue["evidence"].append({"detail": [_source(row, side, row[f"{side}_provenance"])]})
    return issue


def _provenance(row: Row, issue: str, at: datetime, version: str) -> Resource:
    """Return what a DetectedIssue was made from, and by what."""
    return {
        "resourceType": "Provenance",
        "id": _id(row, "provenance"),
        "target": [{"reference": f"DetectedIssue/{issue}"}],
        "recorded": at.isoformat(timespec="seconds"),
        "agent": [
            {
                "type": {"coding": [{"system": _AGENT, "code": "assembler"}]},
                "who": {"type": "Device", "display": f"Uptake {version}"},
            }
        ],
        "entity": [
            {"role": "source", "what": _reference(row, side)}
            for side in ("chart", "outside") if row[f"{side}_id"]
        ],
    }  # fmt: skip


def words_of(row: Row) -> str:
    """Return the kind of a conflict in words."""
    known = rules().kinds.get(row["kind"]) or drug_rules().kinds[row["kind"]]
    return known.words


def text_of(row: Row) -> str:
    """Return what a conflict is about, in words."""
    kind = row["kind"]
    if row["type"].startswith("Medication"):
        return drug_rules().kinds[kind].text.format(name=row["name"])
    return rules().kinds[kind].text.format(name=row["name"])


def _code(row: Row) -> Resource:
    coding = [{"system": KINDS, "code": row["kind"], "display": words_of(row)}]
    if row["kind"] in _DUPLICATES:
        coding.append({"system": _V3, "code": "DUPTHPY", "display": "Duplicate Therapy Alert"})
    return {"coding": coding, "text": words_of(row)}


def _detail(row: Row) -> str:
    """Return both sides in words, and what was compared."""
    told = [_told(row, side) for side in ("outside", "chart") if row[f"{side}_id"]]
    stance = "News from outside" if row["stance"] == "news" else "Conflict"
    parts = [f"{stance}. {text_of(row)}", *told, row["evidence"] or ""]
    return ". ".join(part for part in parts if part)


def _told(row: Row, side: str) -> str:
    """Return what a side says, who said so and when."""
    day, by = row[f"{side}_date"], row[f"{side}_by"]
    who = "the chart" if side == "chart" else row["outside_feed"]
    parts = [
        f"{who}: {row[f'{side}_text']}",
        by or "",
        day.isoformat() if isinstance(day, date) else "",
    ]
    return ", ".join(part for part in parts if part)


def _reference(row: Row, side: str) -> Resource:
    return _source(row, side, f"{row[f'{side}_type']}/{row[f'{side}_id']}")


def _source(row: Row, side: str, reference: str) -> Resource:
    feed = row[f"{side}_feed"]
    if feed == row["patient_feed"]:
        return {"reference": reference}
    kind, _, identity = reference.partition("/")
    system = f"urn:uptake:feed:{quote(feed, safe='')}"
    return {"type": kind, "identifier": {"system": system, "value": identity}, "display": feed}


def _id(row: Row, what: str) -> str:
    sides = [str(row[f"{side}_{part}"] or "") for side in ("chart", "outside")
             for part in ("feed", "type", "id")]  # fmt: skip
    return str(
        uuid5(NAMESPACE_URL, "/".join((KINDS, what, row["patient_id"], row["kind"], *sides)))
    )
