"""A run's folder by hand: opportunities, keys, findings; and an event log, an access list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from uptake.adoption.access import Access, Person
from uptake.adoption.reach import Reach, open_reach
from uptake.model import Surface
from uptake.state.events import COLUMNS

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIVE = datetime(2026, 6, 29, tzinfo=UTC)
CASE = "care"
PORTAL, LIST = "portal", "worklist"
SURFACES = {
    code: Surface(code, f"The {code}", "portal", (CASE,), "", {}, {}, "", Path())
    for code in (PORTAL, LIST)
}

_INSTANT = pa.timestamp("us")
_SCHEMAS: dict[str, dict[str, pa.DataType]] = {
    "opportunity": {
        "use_case": pa.string(), "opportunity": pa.string(), "key": pa.string(),
        "person": pa.int64(), "feed": pa.string(), "type": pa.string(), "id": pa.string(),
        "patient_feed": pa.string(), "patient_id": pa.string(), "at_time": _INSTANT,
        "opens": _INSTANT, "due": _INSTANT, "decided_at": _INSTANT, "until": _INSTANT,
        "place": pa.string(), "actionable": pa.bool_(), "acted": pa.bool_(),
        "acted_at": _INSTANT, "acted_feed": pa.string(), "acted_type": pa.string(),
        "acted_id": pa.string(),
    },
    "person_key": {
        "person": pa.int64(), "feed": pa.string(), "kind": pa.string(), "system": pa.string(),
        "value": pa.string(),
    },
    "unit": {"use_case": pa.string(), "unit": pa.string()},
    "unit_cause": {
        "use_case": pa.string(), "unit": pa.string(), "requirement": pa.string(),
        "check": pa.string(), "feed": pa.string(), "fix_key": pa.string(),
    },
    "measure_row": {
        "measure": pa.string(), "unit": pa.string(), "at_time": _INSTANT, "value": pa.float64(),
        "counts": pa.bool_(), "place": pa.string(),
    },
    "findings": {
        "check": pa.string(), "feed": pa.string(), "resource_type": pa.string(),
        "resource_id": pa.string(), "severity": pa.string(), "fix_key": pa.string(),
    },
}  # fmt: skip


def opportunity(number: int, **told: object) -> dict[str, object]:
    """Return an opportunity of yesterday, an hour to serve it, a day to act; person = number."""
    at = NOW - timedelta(days=7)
    held: dict[str, object] = dict.fromkeys(_SCHEMAS["opportunity"])
    held |= {
        "use_case": CASE, "opportunity": f"visit {number}", "key": f"k{number}",
        "person": number, "feed": "ehr", "type": "Encounter", "id": f"e{number}",
        "at_time": at, "opens": at - timedelta(hours=1), "due": at + timedelta(hours=1),
        "until": at + timedelta(days=1), "place": "4 East", "actionable": True, "acted": False,
    }  # fmt: skip
    return held | told


def event(number: int, action: str, minutes: float = 0, **told: object) -> dict[str, object]:
    """Return an event about person `number`, so many minutes after the opportunity's moment."""
    held: dict[str, object] = dict.fromkeys(COLUMNS, "")
    at = NOW - timedelta(days=7) + timedelta(minutes=minutes)
    held |= {"id": f"{number}-{action}-{minutes}", "at": at, "action": action, "surface": PORTAL}
    held |= {"use_case": CASE, "patient": f"mrn-{number}", "seconds": None, "received_at": NOW}
    return held | told


def person(
    code: str, role: str = "nurse", units: Sequence[str] = ("4 East",), surface: str = PORTAL
) -> Person:
    """Return somebody on the access list."""
    return Person(code, f"Name of {code}", role, tuple(units), frozenset({surface}))


def table(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return rows as a table of a run."""
    held = [*rows]
    return pa.table(
        {
            column: pa.array([_naive(row.get(column)) for row in held], kind)
            for column, kind in _SCHEMAS[name].items()
        }
    )


def reach(
    folder: Path,
    opportunities: Sequence[Mapping[str, Any]],
    events: Sequence[Mapping[str, Any]] = (),
    people: Sequence[Person] | None = None,
    **more: Sequence[Mapping[str, Any]],
) -> Reach:
    """Return what became of opportunities; `more` are rows of other tables of the run."""
    persons = sorted({int(o["person"]) for o in opportunities})
    keys = [
        {"person": n, "feed": "ehr", "kind": "identifier", "system": "", "value": f"mrn-{n}"}
        for n in persons
    ]
    tables = {"opportunity": opportunities, "person_key": keys, **more}
    for name in _SCHEMAS:
        pq.write_table(table(name, tables.get(name, ())), folder / f"{name}.parquet")
    access = Access(date(2026, 10, 26), tuple(people)) if people is not None else None
    return open_reach(folder, log(events), access, SURFACES, {CASE: LIVE}, NOW)


def log(events: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return events as the log has them."""
    kinds = {"at": _INSTANT, "received_at": _INSTANT, "seconds": pa.float64()}
    return pa.table(
        {
            name: pa.array([_naive(e[name]) for e in events], kinds.get(name, pa.string()))
            for name in COLUMNS
        }
    )


def _naive(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value
