"""Surfaces, files and a state for the tests of what people did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from uptake.model import Surface
from uptake.state.database import State, open_state
from uptake.state.schema import event_inbox

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

PORTAL = Surface(
    code="portal",
    title="The outside-records portal",
    kind="portal",
    use_cases=("medication-reconciliation",),
    zone="America/Chicago",
    columns={
        "at": "Event Time",
        "action": "Event",
        "practitioner": "User ID",
        "patient": "MRN",
        "reason": "Reason",
        "seconds": "Seconds",
    },
    actions={"Records available": "served", "Opened": "viewed", "Reconciled": "acted"},
    what="",
    path=Path("portal.md"),
)
LIST = Surface(
    code="list",
    title="The pre-visit list",
    kind="worklist",
    use_cases=("care-gap-closure",),
    zone="",
    columns={"at": "when", "action": "what", "practitioner": "staff", "patient": "patient"},
    actions={"opened": "viewed", "ordered": "acted"},
    what="",
    path=Path("list.md"),
)
ALERT = Surface(
    code="alert",
    title="Deterioration alerts",
    kind="alert",
    use_cases=("deterioration-alerts", "sepsis"),
    zone="",
    columns={},
    actions={"alert-sent": "served", "alert-read": "viewed", "alert-overridden": "overridden"},
    what="",
    path=Path("alert.md"),
)
SURFACES = {s.code: s for s in (PORTAL, LIST, ALERT)}
HEADER = "User ID,MRN,Event Time,Event,Seconds,Reason,Workstation"


def new_state(folder: Path) -> State:
    """Return an empty state in a folder."""
    return open_state(f"sqlite:///{folder}/state.db")


def write(path: Path, *lines: str | bytes, header: str = HEADER) -> Path:
    """Write a CSV and return it."""
    rows = [header, *lines]
    raw = [row if isinstance(row, bytes) else row.encode() for row in rows]
    path.write_bytes(b"".join(row + b"\n" for row in raw))
    return path


def inbox(state: State) -> list[dict[str, Any]]:
    """Return the events kept, in the order of their times."""
    with state.read() as connection:
        rows = connection.execute(select(event_inbox).order_by(event_inbox.c.at, event_inbox.c.id))
        return [row._asdict() for row in rows]


def audit_event(code: str = "alert-read", **more: Any) -> dict[str, Any]:
    """Return an AuditEvent as the Basic Audit Log Patterns write it."""
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": "e",
        "type": {"code": "rest"},
        "subtype": [{"system": "http://ehr.example.org/audit", "code": code}],
        "action": "R",
        "recorded": "2026-11-02T10:00:00-06:00",
        "outcome": "0",
        "agent": [
            {"type": {"coding": [{"code": "110153"}]}, "who": {"display": "x"}, "requestor": False},
            {"who": {"reference": "Practitioner/pr-001"}, "requestor": True},
        ],
        "source": {"observer": {"display": "engine"}},
        "entity": [
            {"what": {"reference": "Patient/p1"}, "type": {"code": "1"}, "role": {"code": "1"}},
            {"what": {"reference": "Encounter/v1"}},
            {"what": {"reference": "Observation/o1"}},
        ],
    }
    return event | more


def ndjson(path: Path, *resources: Mapping[str, Any] | str) -> Path:
    """Write NDJSON and return its path."""
    lines = [r if isinstance(r, str) else json.dumps(r) for r in resources]
    path.write_text("".join(line + "\n" for line in lines), "utf-8")
    return path
