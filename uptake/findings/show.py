"""One finding and the record behind it. In: a fingerprint; out: the row, the place, the text, and
what its repair would do.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import Database, brief_database, listed, quoted
from uptake.errors import SourceError
from uptake.findings.repairs import NoRepairError, Repair, repair_of
from uptake.resources.store import OFFSET_BITS, Store, open_store

SHOWN = 100_000
"""Bytes of a record kept out that are shown."""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its record as it was sent."""

    row: dict[str, Any]
    place: str
    raw: str
    repair: Repair | None = None
    no_repair: str = ""
    """Why the check's repair cannot be made of this record; empty where there is none to make."""


def find(fingerprint: str, run: Path, store_folder: Path) -> Found:
    """Return the finding whose fingerprint begins so; raises SourceError if none or several do."""
    path = run / "findings.parquet"
    if not path.is_file():
        raise SourceError(f"{path}: no such file; name the folder of a run with --out")
    if len(fingerprint) < 4 or not all(c in "0123456789abcdef" for c in fingerprint.lower()):
        raise SourceError(
            f"{fingerprint[:20]!r} is no fingerprint: hexadecimal, 4 letters at least"
        )
    with brief_database("1GB") as db:
        return _find(db, fingerprint.lower(), path, open_store(store_folder))


def _find(db: Database, fingerprint: str, path: Path, store: Store) -> Found:
    db.run(f"create view finding as select * from read_parquet({quoted(str(path))})")
    names = [name for name, *_ in db.rows("describe finding")]
    rows = db.rows(
        "select * from finding where starts_with(fingerprint, ?) order by fingerprint limit 2",
        [fingerprint],
    )
    if not rows:
        raise SourceError(f"no finding begins with {fingerprint} in {path.parent}")
    if len(rows) > 1 and rows[0][0] != rows[1][0]:
        raise SourceError(f"several findings begin with {fingerprint}; give more of it")
    row = dict(zip(names, rows[0], strict=True))
    place = str(row["feed"])
    if row["source_file"] is not None:
        place += f", {row['source_file']} line {row['source_line']}"
    sent = _sent(db, row, store)
    if not row["resource_type"] or row["source_file"] is None:
        return Found(row, place, sent)
    raw = json.dumps(json.loads(sent), indent=2, ensure_ascii=False)
    if not row.get("repair"):  # a run of an older version has no such column
        return Found(row, place, raw)
    try:
        return Found(row, place, raw, repair_of(sent, row["expression"], row["repair"]))
    except NoRepairError as error:
        return Found(row, place, raw, no_repair=str(error))


def _sent(db: Database, row: dict[str, Any], store: Store) -> str:
    """Return the record at the finding's place as sent; of one kept out, its bytes as text."""
    if row["source_file"] is None:
        return "(this finding is about no single record)"
    places = [(f.feed, f.path) for f in store.files]
    place = (row["feed"], row["source_file"])
    index = places.index(place) if place in places else -1
    if row["resource_type"]:
        texts = db.rows(
            "select text, coalesce(type || '/' || id, 'hash:' || hash) "
            f"from read_parquet({listed(store.resource_parts)}) where rid >> {OFFSET_BITS} = ? "
            "and line = ? and type = ? and id is not distinct from ?",
            [index, row["source_line"], row["resource_type"], row["resource_id"]],
        )
        return str(_meant(texts, row))
    raws = db.rows(
        f"select raw, 'raw:' || sha256(raw) from read_parquet({listed(store.quarantine_parts)}) "
        "where file_index = ? and line = ?",
        [index, row["source_line"]],
    )
    raw: bytes = _meant(raws, row)
    cut = f"\n… {len(raw) - SHOWN:,} bytes more" if len(raw) > SHOWN else ""
    return raw[:SHOWN].decode("utf-8", "backslashreplace") + cut


def _meant(records: list[tuple[Any, str]], row: dict[str, Any]) -> Any:
    """Return the record of a line that has the finding's fingerprint; never another one."""
    for record, key in records:
        parts = (row["check"], row["feed"], key, row["expression"] or "", row["other"] or "")
        if hashlib.sha256("\x1f".join(parts).encode()).hexdigest() == row["fingerprint"]:
            return record
    raise SourceError(
        "the record of this finding is not in the raw store any more: other data were loaded "
        "since; run `uptake assess` again"
    )
