"""In: a folder of NDJSON. Out: its resources in memory, and a folder written back from them."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
LARGE = SHARED / "synthea-467"
SMALL = SHARED / "synthea-30"

Resource = dict[str, Any]

# The element that holds a resource's clinical time in Synthea; a Period gives its start.
CLINICAL_TIME = {
    "AllergyIntolerance": "recordedDate",
    "Condition": "onsetDateTime",
    "DiagnosticReport": "effectiveDateTime",
    "Encounter": "period",
    "Immunization": "occurrenceDateTime",
    "MedicationRequest": "authoredOn",
    "Observation": "effectiveDateTime",
    "Procedure": "performedPeriod",
}


@dataclass
class Corpus:
    """Resources by type, in the order of their files; `find` follows a reference."""

    resources: dict[str, list[Resource]]
    by_reference: dict[str, Resource] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, rows in self.resources.items():
            self.by_reference.update((f"{name}/{row['id']}", row) for row in rows)

    def find(self, reference: Resource | None) -> Resource | None:
        """The resource that a Reference names, or None."""
        return self.by_reference.get((reference or {}).get("reference", ""))

    def patient_of(self, resource: Resource) -> Resource | None:
        """The Patient a resource is about, or None."""
        return self.find(resource.get("subject") or resource.get("patient"))


def clinical_time(resource: Resource) -> str | None:
    """The clinical time as sent, or None where the type has none."""
    value = resource.get(CLINICAL_TIME.get(resource["resourceType"], ""))
    return value.get("start") if isinstance(value, dict) else value


def read_lines(folder: Path) -> dict[str, list[bytes]]:
    """Every record of a folder as sent, by resource type (the file's first word)."""
    lines: dict[str, list[bytes]] = {}
    for path in sorted(folder.glob("*.ndjson*")):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        records = [line for line in raw.split(b"\n") if line.strip()]
        lines.setdefault(path.name.split(".")[0], []).extend(records)
    return lines


def read_corpus(folder: Path) -> Corpus:
    """The resources of a folder."""
    return Corpus(
        {name: [orjson.loads(line) for line in lines] for name, lines in read_lines(folder).items()}
    )


def write_lines(folder: Path, lines: dict[str, list[bytes]]) -> None:
    """One gzipped NDJSON file a type, one record a line, the same bytes for the same lines."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in lines.items():
        body = b"".join(record + b"\n" for record in records)
        packed = gzip.compress(body, compresslevel=1, mtime=0)
        (folder / f"{name}.ndjson.gz").write_bytes(packed)


def write_corpus(folder: Path, corpus: Corpus) -> None:
    """The resources as NDJSON, one file a type."""
    write_lines(
        folder,
        {name: [orjson.dumps(row) for row in rows] for name, rows in corpus.resources.items()},
    )
