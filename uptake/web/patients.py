"""Patients as people call them. In: the raw store; out: Patients as sent, names and birth dates.

Pages show names to those who care for the patient; no address, log, error or shared file does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.engine.duckdb import brief_database, listed
from uptake.errors import StorageError
from uptake.identity.decisions import Record
from uptake.resources.elements import members
from uptake.resources.store import OFFSET_BITS, open_store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from uptake.web.site import Site

LONGEST = 500
"""Characters of one value that are shown; nobody reads a name of ten thousand."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a patient is called; empty: the record does not say, or cannot be read."""

    name: str = ""
    born: str = ""
    """As sent: a year, a month or a day."""


UNKNOWN = Called()


def called(site: Site, question: str, records: Collection[Record]) -> Mapping[Record, Called]:
    """Return what these patients are called, kept for the run under the question's name.

    A record that is not in the store is left out; all are, where the store cannot be read: a list
    then goes by ids.
    """

    def read() -> dict[Record, Called]:
        found = read_patients(site.store(), records)
        return {record: _called(patient) for record, patient in found.items()}

    try:
        return site.of_run(question, read)
    except StorageError:
        return {}


def read_patients(store_folder: Path, records: Iterable[Record]) -> dict[Record, dict[str, Any]]:
    """Return the newest version of each Patient; one that is not in the store is left out.

    The newest is the one updated last, or else the one that stands last. Raises StorageError where
    the store cannot be read.
    """
    store, wanted = open_store(store_folder), set(records)
    feeds = {index: file.feed for index, file in enumerate(store.files)}
    if not store.resource_parts or not wanted:
        return {}
    with brief_database() as db:
        rows = db.rows(
            f"select rid >> {OFFSET_BITS}, id, text from read_parquet("
            f"{listed(store.resource_parts)}) where type = 'Patient' and id in "
            "(select unnest(?)) order by try_cast(json_extract_string(text, "
            "'$.meta.lastUpdated') as timestamptz) nulls first, rid",
            [sorted({record.id for record in wanted})],
        )
    found = {Record(feeds[file], name): text for file, name, text in rows}
    return {record: json.loads(text) for record, text in found.items() if record in wanted}


def _called(patient: Mapping[str, Any]) -> Called:
    return Called(next(names(patient), ""), next(iter(texts(patient.get("birthDate"))), ""))


# What a Patient says, whatever it says: an element of the wrong type is passed over.


def names(patient: Mapping[str, Any]) -> Iterator[str]:
    """Yield each name: its parts in the order they are spoken, or else its text."""
    for name in members(patient.get("name")):
        told = joined(name.get("prefix"), name.get("given"), name.get("family"), name.get("suffix"))
        yield from filter(None, [told or joined(name.get("text"))])


def texts(value: object) -> list[str]:
    """Return the texts of a value: itself, or those of a list."""
    values = value if isinstance(value, list) else [value]
    return [" ".join(v.split())[:LONGEST] for v in values if isinstance(v, str) and v.strip()]


def joined(*values: object, by: str = " ") -> str:
    """Return the texts of several values as one."""
    return by.join(text for value in values for text in texts(value))
