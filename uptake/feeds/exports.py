"""The manifest of a Bulk Data export. In: its JSON; out: the files it names, with their counts.

A server writes it beside the files: https://hl7.org/fhir/uv/bulkdata/export.html. It is read to
tell a whole export from half of one; it is never followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEYS = frozenset({"transactionTime", "output"})
"""A JSON object with these is a manifest."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file that an export says it wrote."""

    file: int
    """The index of the manifest's own file."""
    type: str
    count: int | None
    """Lines, where the server says so."""
    error: bool
    """True: it holds what went wrong, as OperationOutcomes, and no data."""


def read_manifest(file: int, manifest: dict[str, Any]) -> list[ExportedFile]:
    """Return the files that a manifest lists; what is no list of files is passed over."""
    return [
        ExportedFile(file, _text(entry.get("type")), _count(entry.get("count")), error)
        for name, error in (("output", False), ("error", True))
        for entry in _listed(manifest.get(name))
    ]


def _listed(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
