"""In: the demo hospital's clean record and laboratory. Out: every check's accuracy on them.

    python -m benchmarks.hospital [--patients 800] [--rows 30] [--seed 1] [--keep DIR]

The same cases as for Synthea, on data of another make: another sender, other types and habits. The
cases speak of Synthea's years, so all dates move back by whole weeks. A case that the hospital has
too few resources for is left out, and said.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import orjson

from benchmarks.accuracy import Accuracy, complaints, judge_twins, shortages, table
from benchmarks.baseline import nodes
from benchmarks.baseline_care import SOURCE, empty_lists
from benchmarks.corpus import Corpus, Resource
from benchmarks.defects.time import AS_OF
from benchmarks.injection import write_twins
from uptake.demo.hospital.clean import EHR, LAB, clean_world
from uptake.demo.hospital.fhir import AS_OF as TODAY

RATE = 0.005
DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T.+)?")
BACK = timedelta(weeks=1 + (TODAY.date() - date.fromisoformat(AS_OF)).days // 7)


def run(out: Path, *, patients: int, rows: int, seed: int) -> list[Accuracy]:
    """Simulate, inject, assess the twins, judge."""
    records = clean_world(patients, seed).records
    # Records share parts, which are moved once each: every record gets its own.
    own = orjson.loads(orjson.dumps(records))
    corpus = together(own[EHR], own[LAB])
    corpus.resources["List"] = list(empty_lists(corpus))
    for rows_of_type in corpus.resources.values():
        for row in rows_of_type:
            settle(row)
    as_of = (TODAY - BACK).date().isoformat()
    twins = write_twins(corpus, out, rows=rows, rate=RATE, seed=seed, as_of=as_of)
    return judge_twins(twins, out, as_of)


def together(ehr: Mapping[str, list[Resource]], lab: Mapping[str, list[Resource]]) -> Corpus:
    """One feed of two: a patient of the laboratory is the hospital's with the same number."""
    own = {number_of(row): f"Patient/{row['id']}" for row in ehr["Patient"]}
    theirs = {
        f"Patient/{row['id']}": own[number_of(row)]
        for row in lab["Patient"]
        if number_of(row) in own
    }
    merged = {name: list(rows) for name, rows in ehr.items()}
    for name, rows in lab.items():
        known = {row["id"] for row in merged.get(name, [])}
        for row in rows if name != "Patient" else ():
            if "subject" in row:
                if row["subject"]["reference"] not in theirs:
                    continue
                row["subject"] = {"reference": theirs[row["subject"]["reference"]]}
            if row["id"] not in known:
                merged.setdefault(name, []).append(row)
    return Corpus(merged)


def number_of(patient: Resource) -> str:
    """The medical record number."""
    return str(patient["identifier"][0]["value"])


def settle(resource: Resource) -> None:
    """In Synthea's years; without what Synthea has not, and the cases do not reckon with."""
    # What a case moves would have been received long before or after.
    resource.setdefault("meta", {"source": SOURCE}).pop("lastUpdated", None)
    if resource["resourceType"] == "Observation":
        resource.setdefault("performer", [{"reference": "Organization/org-lakeshore"}])
    recorded = resource.get("recordedDate", "")
    if resource["resourceType"] == "Condition" and "T" in recorded:
        resource["onsetDateTime"] = recorded
    for node in nodes(resource):
        if node.get("coding"):
            node.setdefault("text", node["coding"][0].get("display", node["coding"][0]["code"]))
        for name, value in node.items():
            if isinstance(value, str) and DATE.fullmatch(value):
                moved = datetime.fromisoformat(value) - BACK
                node[name] = moved.isoformat() if "T" in value else moved.date().isoformat()


def main() -> int:
    """The command line; exit 1 when a check was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=800)
    parser.add_argument("--rows", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the twins and their results here")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        results = run(
            told.keep or Path(scratch), patients=told.patients, rows=told.rows, seed=told.seed
        )
    print(table(results))
    wrong = complaints(results)
    print("\n".join(shortages(results) + wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
