"""Small feeds by hand. In: FHIR resources, a use case; out: its opportunities and measure rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from uptake.definitions import read_measures, read_use_cases
from uptake.findings.assess import Request, assess
from uptake.model import CodeMapping, Feed, UseCase
from uptake.project import Project
from uptake.state.events import COLUMNS

from .assessing import Silent

Resource = dict[str, Any]
Row = dict[str, Any]
LOINC, SNOMED, ICD = (
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10-cm",
)
LOCAL, RXNORM = "http://lab.example/codes", "http://www.nlm.nih.gov/research/umls/rxnorm"
AS_OF = datetime(2026, 11, 1, 12, tzinfo=UTC)
ROLES = {"ehr": "ehr", "west": "ehr", "lab": "external", "pharmacy": "external"}
PROJECT = Project()


def at(text: str) -> datetime:
    """Return an instant as a table has it: UTC, without a zone."""
    return datetime.fromisoformat(text)


def coded(system: str, code: str, **more: Any) -> Resource:
    return {"coding": [{"system": system, "code": code, **more}]}


def patient(name: str, number: str = "", born: str = "1976-03-01", **more: Any) -> Resource:
    """Return a Patient; its medical record number is its name unless one is given."""
    kind = {"coding": [{"code": "MR"}]}
    held = {"type": kind, "system": "urn:mrn", "value": number or f"M-1{name}2"}
    return {"resourceType": "Patient", "id": name, "identifier": [held], "birthDate": born} | more


def about(kind: str, identity: str, who: str, **more: Any) -> Resource:
    """Return a resource about a patient."""
    element = "patient" if kind in ("Claim", "ClaimResponse", "Coverage") else "subject"
    return {
        "resourceType": kind, "id": identity, element: {"reference": f"Patient/{who}"}
    } | more  # fmt: skip


def stay(
    identity: str, who: str, start: str, *, kind: str = "AMB", end: str = "", **more: Any
) -> Resource:
    """Return an Encounter: a visit unless it is of another kind."""
    period = {"start": start, **({"end": end} if end else {})}
    whole = {"status": "finished", "class": {"code": kind}, "period": period}
    return about("Encounter", identity, who, **whole | more)


def observation(
    identity: str, who: str, code: Resource, when: str, value: float | None, **more: Any
) -> Resource:
    """Return a final Observation; `unit` and `received` are words of it."""
    unit, received = more.pop("unit", "1"), more.pop("received", "")
    held: Resource = {"status": "final", "code": code, "effectiveDateTime": when}
    if value is not None:
        held["valueQuantity"] = {"value": value, "code": unit, "unit": unit}
    if received:
        held["meta"] = {"lastUpdated": received}
    return about("Observation", identity, who, **held | more)


def event(number: int, patient: str, when: str, action: str = "served", **more: Any) -> Row:
    held: Row = dict.fromkeys(COLUMNS, "")
    held |= {"id": f"e{number}", "at": at(when), "action": action, "patient": patient}
    return held | {"seconds": None, "received_at": at(when)} | more


@dataclass(frozen=True)
class Run:
    """What a run found of one use case; resources are known by feed and id."""

    out: Path
    notes: tuple[str, ...]
    ids: Mapping[str, str]

    @property
    def opportunities(self) -> dict[str, Row]:
        """Return the opportunities by the id of the resource that each hangs on."""
        rows = read(self.out / "opportunity.parquet")
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows), "one opportunity a resource"
        return found

    @property
    def acted(self) -> dict[str, bool | None]:
        return {name: row["acted"] for name, row in self.opportunities.items()}

    def measure(self, code: str) -> dict[str, Any]:
        """Return a measure's numbers by the id of what each is of."""
        rows = [r for r in read(self.out / "measure_row.parquet") if r["measure"] == code]
        found = {
            self._name(r["unit"]): r["value"] if r["value"] is not None else r["counts"]
            for r in rows
        }
        assert len(found) == len(rows), "one row a unit"
        return found

    def _name(self, unit: str) -> str:
        return next((self.ids[word] for word in unit.split(" ") if word in self.ids), unit)


def read(path: Path) -> list[Row]:
    relation = duckdb.sql(f"select * from read_parquet('{path}')")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def write(folder: Path, feeds: Mapping[str, Sequence[Resource]]) -> None:
    """Write a file a feed."""
    for name, resources in feeds.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(r) + "\n" for r in resources)
        (folder / name / "all.ndjson").write_text(lines, "utf-8")


def run(
    folder: Path,
    case: str,
    feeds: Mapping[str, Sequence[Resource]] | None = None,
    *,
    complete: Mapping[str, Sequence[str]] | None = None,
    events: Sequence[Row] = (),
    mappings: Sequence[CodeMapping] = (),
    change: Callable[[UseCase], UseCase] = lambda case: case,
) -> Run:
    """Assess feeds, or those that `folder` has; no checks are run."""
    out = folder / "out"
    write(folder / "in", feeds or {})
    given = tuple(
        Feed(path.name, path, ROLES[path.name], tuple((complete or {}).get(path.name, ())))
        for path in sorted((folder / "in").iterdir())
    )
    use_cases = read_use_cases(PROJECT.content("use_cases"), verify=())
    measures = read_measures(PROJECT.content("measures"), verify=())
    request = Request(
        given, {}, {case: change(use_cases[case])}, AS_OF, "test", mappings=tuple(mappings),
        measures=measures, events=log(events) if events else None,
    )  # fmt: skip
    done = assess(request, out, out / "resources", Silent())
    stored = duckdb.sql(
        f"select hash, id from read_parquet('{out}/resources/**/*.parquet', "
        "union_by_name = true) where id is not null"
    ).fetchall()
    return Run(out, done.notes, {str(h): i for h, i in stored})


def log(events: Sequence[Row]) -> pa.Table:
    """Return events as the log has them."""
    instant = pa.timestamp("us")
    kinds = {"at": instant, "received_at": instant, "seconds": pa.float64()}
    return pa.table(
        {n: pa.array([e[n] for e in events], kinds.get(n, pa.string())) for n in COLUMNS}
    )
