"""A run with pairs of every kind: a project of two feeds, and the files that linking writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq
import web_cases

from uptake.identity.decisions import Pair, pair
from uptake.identity.explain import probability

Record: TypeAlias = tuple[str, str]
SCRIPT = web_cases.SCRIPT
ANA, ANNA, A = ("ehr", "secret-ana"), ("lab", "secret-anna"), ("lab", "secret-a")
TWIN, OTHER = ("ehr", "secret-twin-1"), ("ehr", "secret-twin-2")
BO, BOB = ("ehr", "secret-bo"), ("lab", "secret-bo")
GONE = ("lab", "secret-gone")
WAITS, TWINS, LINKED, CHAIN, LOST = (
    pair(ANA, ANNA), pair(TWIN, OTHER), pair(BO, BOB), pair(A, ANNA), pair(BO, GONE),
)  # fmt: skip
PRIOR = -13.0
SURE = (
    ("given name", "the same given name", 7.5),
    ("birth date", "the same birth date", 14.0),
    ("gender", "the same gender", 1.0),
)
UNSURE = (
    ("given name", "two forms of one given name", 5.3),
    ("birth date", "one digit of the birth date differs", 6.5),
    ("gender", "the same gender", 1.0),
    ("middle name", "cannot tell", 0.0),
)
UNLIKE = (
    ("given name", "other given names", -5.6),
    ("birth date", "the same birth date", 14.0),
    ("family name, address and phone", "the same family name and address or phone", 6.0),
)
_LEVEL = pa.struct([("comparison", pa.string()), ("label", pa.string()), ("weight", pa.float64())])
_PAIRS = pa.schema([
    ("feed_l", pa.string()), ("id_l", pa.string()), ("feed_r", pa.string()), ("id_r", pa.string()),
    ("probability", pa.float64()), ("outcome", pa.string()), ("veto", pa.string()),
    ("weight", pa.float64()), ("levels", pa.list_(_LEVEL)), ("harm", pa.int32()),
    ("harm_reason", pa.string()), ("decided", pa.string()),
])  # fmt: skip


def patient(name: str, given: Sequence[str], family: str, born: str, **more: Any) -> dict[str, Any]:
    """Return a Patient as a feed sends it."""
    told = {"given": list(given), "family": family}
    return {"resourceType": "Patient", "id": name, "name": [told], "birthDate": born, **more}


def write_project(folder: Path) -> None:
    """Write a project of an EHR and a laboratory, without any clinical fact."""
    home = [{"line": ["12 Main Street"], "city": "Springfield", "postalCode": "62701"}]
    phone = [{"system": "phone", "value": "(312) 555-0147"}]
    number = [{"system": "http://ehr.example/mrn", "value": "MRN-1"}]
    ehr = [
        patient("secret-ana", ["Ana", "María"], "García", "1961-04-02", gender="female",
                address=home, telecom=phone, identifier=number),
        patient("secret-twin-1", ["Tom"], "Okafor", "2019-05-05", multipleBirthInteger=1),
        patient("secret-twin-2", ["Tim"], "Okafor", "2019-05-05", multipleBirthInteger=2),
        patient("secret-bo", [SCRIPT], SCRIPT, "1950-01-31", gender="male"),
    ]  # fmt: skip
    lab = [
        patient("secret-anna", ["Anna"], "Garcia", "1961-04-12", gender="female",
                telecom=[{"system": "phone", "value": "+1 312 555 0147"},
                         {"system": "email", "value": "anna@example.org"}],
                identifier=[{"system": "http://lab.example/mrn", "value": "7"}]),
        patient("secret-a", ["A"], "Garcia", "1961-04-12"),
        patient("secret-bo", [SCRIPT], SCRIPT, "1950-01-31"),
    ]  # fmt: skip
    for feed, records in (("ehr", ehr), ("lab", lab)):
        (folder / feed).mkdir(parents=True)
        text = "".join(json.dumps(record) + "\n" for record in records)
        (folder / feed / "Patient.ndjson").write_text(text)
    (folder / "uptake.toml").write_text(
        '[assess]\nas_of = "2026-11-01"\n\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n\n'
        '[feeds.lab]\npath = "lab"\nrole = "external"\n'
    )


def row(
    of: Pair,
    outcome: str,
    levels: Sequence[tuple[str, str, float]],
    *,
    veto: str = "",
    harm: int = 0,
    reason: str = "",
) -> dict[str, Any]:
    """Return a row of pairs.parquet."""
    told = [dict(zip(("comparison", "label", "weight"), level, strict=True)) for level in levels]
    weight = PRIOR + sum(level[2] for level in levels)
    return {
        "feed_l": of.feed_l, "id_l": of.id_l, "feed_r": of.feed_r, "id_r": of.id_r,
        "probability": probability(weight), "outcome": outcome, "veto": veto,
        "weight": weight, "levels": told, "harm": harm,
        "harm_reason": reason, "decided": "",
    }  # fmt: skip


ROWS = (
    row(CHAIN, "review", UNSURE, veto="one has an initial only"),
    row(WAITS, "review", UNSURE, harm=3,
        reason="2 medications and 1 allergy stand on one record only"),
    row(TWINS, "related", UNLIKE, veto="the given names differ, in one household"),
    row(LINKED, "auto", SURE),
    row(LOST, "review", UNSURE, veto=SCRIPT, harm=1, reason=SCRIPT),
)  # fmt: skip


def write_pairs(run: Path, rows: Sequence[dict[str, Any]] = ROWS, *, passed: bool = True) -> None:
    """Write the files of linking into a run's folder."""
    pq.write_table(pa.Table.from_pylist(list(rows), _PAIRS), run / "pairs.parquet")
    cluster = [(1, *BO), (1, *BOB)]
    names = ("cluster", "feed", "id")
    told = [dict(zip(names, member, strict=True)) for member in cluster]
    pq.write_table(pa.Table.from_pylist(told), run / "clusters.parquet")
    people = [
        (*ANA, "ana", "garcia", "1961-04-02"), (*ANNA, "anna", "garcia", "1961-04-12"),
        (*A, "a", "garcia", "1961-04-12"), (*TWIN, "tom", "okafor", "2019-05-05"),
        (*OTHER, "tim", "okafor", "2019-05-05"), (*BO, SCRIPT, SCRIPT, "1950-01-31"),
        (*BOB, SCRIPT, SCRIPT, "1950-01-31"), (*GONE, "bob", "gone", "1950-01-13"),
    ]  # fmt: skip
    persons = [
        dict(zip(("feed", "id", "given", "family", "birth_date"), person, strict=True))
        | {"middle": None, "suffix": None, "gender": None, "line": None, "city": None,
           "state": None, "zip": None, "phones": ["125550147"], "emails": [], "numbers": [],
           "mrns": ["http://lab.example/mrn|9"]}
        for person in people
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(persons), run / "persons.parquet")
    figure = {"name": "matched pairs of one household with other given names", "value": 0.31,
              "bound": 0.01, "passed": passed}  # fmt: skip
    linkage = {
        "records": 8, "candidate_pairs": 12, "outcomes": {}, "clusters": 1, "prevalence": 0.001,
        "model": "1", "sanity": {"passed": passed, "figures": [figure]}, "seconds": 0.1,
    }  # fmt: skip
    (run / "duplicates.json").write_text(json.dumps(linkage))
