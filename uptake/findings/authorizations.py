"""Prior authorizations of a run. In: its tables and the project's payers; out: three files.

`authorizations.ndjson` is the work list, `authorization_figures.ndjson` the figures by payer's
line, `authorization_metrics.ndjson` the metric data of the Da Vinci guides, which name no patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from uptake.authorization import batch
from uptake.disk import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.authorization.rules import Payer
    from uptake.engine.duckdb import Database

READS = batch.READS
"""Tables the loader must make."""
LIST, FIGURES, METRICS = (
    "authorizations.ndjson",
    "authorization_figures.ndjson",
    "authorization_metrics.ndjson",
)


def write_authorizations(
    db: Database, payers: Sequence[Payer], as_of: datetime, folder: Path
) -> None:
    """Track every authorization, and write the files into the run's folder."""
    found = batch.track_authorizations(db, payers, as_of)
    _write(folder / LIST, found.rows)
    _write(folder / FIGURES, (asdict(figure) for figure in found.figures))
    _write(folder / METRICS, found.metrics)


def _write(path: Path, rows: Iterable[object]) -> None:
    write_whole(path, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
