"""Which patients the data know. In: a run; out: of the patients of events, those that are in it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

FILE = "person_key.parquet"


def patients_known(run: Path, patients: Collection[str]) -> set[str]:
    """Return the patients that are an id or an identifier of somebody in the run."""
    import pyarrow.parquet as pq

    keys = pq.read_table(run / FILE, columns=["value"])["value"]
    return set(patients).intersection(keys.to_pylist())
