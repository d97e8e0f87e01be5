"""What two records were like when somebody decided. In: Patients as sent; out: a text to compare.

A snapshot holds no value of a patient, only hashes of what a reviewer looks at, and which records
were joined then: so that a page can say that a record changed since, and an undoing what it undoes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from uptake.identity.decisions import Record

DEMOGRAPHICS = (
    "active", "address", "birthDate", "deceasedBoolean", "deceasedDateTime", "gender", "identifier",
    "link", "multipleBirthBoolean", "multipleBirthInteger", "name", "telecom",
)  # fmt: skip
"""Elements of Patient that say who somebody is."""


def digest(patient: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a Patient's demographics, whatever the order of its elements."""
    kept = {name: patient[name] for name in DEMOGRAPHICS if name in patient}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def snapshot(digests: Mapping[Record, str], group: Iterable[Record]) -> str:
    """Return a snapshot: the records with their digests, and the members of their group."""
    records = [{"feed": r.feed, "id": r.id, "sha256": digests[r]} for r in sorted(digests)]
    return json.dumps({"records": records, "group": [list(member) for member in sorted(group)]})


def changed(text: str, digests: Mapping[Record, str]) -> tuple[Record, ...]:
    """Return the records that are not as they were; a record that is gone is not among them."""
    then = {Record(r["feed"], r["id"]): r["sha256"] for r in _read(text).get("records", ())}
    return tuple(r for r in sorted(then) if r in digests and digests[r] != then[r])


def members(text: str) -> tuple[Record, ...]:
    """Return the group as it was."""
    return tuple(Record(*member) for member in _read(text).get("group", ()))


def _read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
