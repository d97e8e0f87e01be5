"""A run's conflicts with the chart as FHIR. In: a run's folder; out: two NDJSON files."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from uptake import __version__
from uptake.disk import write_whole
from uptake.engine.duckdb import brief_database, quoted
from uptake.errors import SourceError
from uptake.reconciliation.conflicts.fhir import as_fhir

if TYPE_CHECKING:
    from pathlib import Path

TYPES = ("DetectedIssue", "Provenance")


class _Summary(msgspec.Struct):
    run: str


def write_conflicts(run: Path, folder: Path) -> dict[str, int]:
    """Write DetectedIssue.ndjson and Provenance.ndjson; return how many conflicts were `written`.

    What is `withheld` is left out. Raises SourceError where the run looked for no conflicts,
    StorageError where the folder cannot be written.
    """
    rows = _rows(run / "delivery" / "conflict.parquet")
    name = msgspec.json.decode((run / "summary.json").read_bytes(), type=_Summary).run
    at = datetime.fromisoformat(name[: name.index("Z") + 1])  # a run is called when it began
    made = list(as_fhir(rows, at, __version__))
    folder.mkdir(parents=True, exist_ok=True)
    for kind in TYPES:
        lines = (json.dumps(r, ensure_ascii=False) for r in made if r["resourceType"] == kind)
        write_whole(folder / f"{kind}.ndjson", "".join(f"{line}\n" for line in lines).encode())
    withheld = sum(bool(row["withheld"]) for row in rows)
    return {"written": len(rows) - withheld, "withheld": withheld}


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise SourceError("no run has looked for conflicts; run `uptake assess` with use cases")
    with brief_database() as db:
        source = f"read_parquet({quoted(str(path))})"
        names = [name for name, *_ in db.rows(f"describe select * from {source}")]
        rows = db.rows(f"select * from {source} order by all")
    return [dict(zip(names, row, strict=True)) for row in rows]
