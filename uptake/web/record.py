"""One record as it was sent. In: the raw store; out: its text, pretty-printed."""

from __future__ import annotations

import json
from pathlib import Path

from uptake.engine.duckdb import brief_database, listed
from uptake.resources.store import OFFSET_BITS, open_store


def as_sent(store_folder: Path, feed: str, kind: str, name: str) -> str:
    """Return the newest record of a feed with this type and id; empty where there is none."""
    store = open_store(store_folder)
    files = [index for index, file in enumerate(store.files) if file.feed == feed]
    if not store.resource_parts or not files:
        return ""
    with brief_database() as db:
        rows = db.rows(
            f"select text from read_parquet({listed(store.resource_parts)}) "
            f"where rid >> {OFFSET_BITS} in ? and type = ? and id = ? "
            "order by rid desc limit 1",
            [files, kind, name],
        )
    return json.dumps(json.loads(rows[0][0]), indent=2, ensure_ascii=False) if rows else ""
