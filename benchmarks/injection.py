"""In: a folder of NDJSON. Out: its clean baseline, twins of it with known defects, the truth.

    python -m benchmarks.injection SOURCE OUT [--rows 60] [--rate 0.005] [--seed 1]

writes OUT/clean, OUT/dirty (gzipped NDJSON) and OUT/truth.ndjson; OUT/patterns has a dirty twin and
a truth of what shows only in many resources together. Each defect and each near-miss gets a
resource of its own, so that none masks another. A row of the truth is one unit: `check`,
`variant`, `found` (false: a near-miss, which must not be found), `resource_type`, `id`, `patient`,
`also` (checks that rightly fire too, for this resource or its patient), and for a whole record
`file` and `line`.
A case that runs out of resources is left there, and said. The same source, seed and sizes give the
same bytes.
"""

from __future__ import annotations

import argparse
import copy
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

import orjson

from benchmarks import baseline
from benchmarks.corpus import (
    CLINICAL_TIME,
    LARGE,
    Corpus,
    Resource,
    clinical_time,
    read_corpus,
    write_corpus,
    write_lines,
)
from benchmarks.defects import CASES, PATTERNS
from benchmarks.defects.case import Case, Draw, laboratory
from benchmarks.defects.time import AS_OF

# An event drawn lies so far from birth and from the end of the data that a few days' shift
# breaks no other rule.
MARGIN = timedelta(days=60)

# Problems and results that PLA-09 looks for: where one is spoilt, it rightly finds the patient.
LOOKED_FOR = re.compile("diabet|a1c|glyc|hypertens|kidney|renal|thyroid", re.IGNORECASE)

# Near-misses an injected defect: enough to show a false alarm, few enough to leave the data whole.
NEAR_MISSES = 1 / 3


TRIES = 5
"""Resources that are tried for one injection before the case is said to run short."""


@dataclass
class Injection:
    """The dirty twin as it grows: what was changed, added and told."""

    corpus: Corpus
    random: Random
    rows: int
    rate: float
    as_of: str = AS_OF
    truth: list[dict[str, Any]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)
    changed: dict[int, Resource] = field(default_factory=dict)
    added: dict[str, list[tuple[bytes, int | None]]] = field(default_factory=dict)
    pools: dict[object, Iterator[Resource]] = field(default_factory=dict)
    short: dict[str, list[str]] = field(default_factory=dict)
    """By check, the variants that this corpus has too little for, and how many of how many."""

    def inject(self, cases: tuple[Case, ...]) -> None:
        """Every case, as often as the sizes say or until its resources run out."""
        variants = Counter((case.check, case.found) for case in cases)
        for case in cases:
            candidates = len(self.corpus.resources.get(case.on, []))
            wanted = max(self.rows, self.rate * candidates) * (1 if case.found else NEAR_MISSES)
            number = -(-round(wanted) // variants[case.check, case.found])
            for done in range(number):
                if not any(self.spoiled(case) for _ in range(TRIES)):
                    told = f"{case.variant}: {done} of {number}"
                    self.short.setdefault(case.check, []).append(told)
                    break

    def spoiled(self, case: Case) -> bool:
        """One case on one resource; false where that has not the element to be spoilt, or is none.

        A case of a resource that cannot be spoilt leaves nothing behind but that it was drawn.
        """
        try:
            self.spoil(case)
        except (ValueError, KeyError, IndexError, StopIteration, AssertionError):
            return False
        return True

    def spoil(self, case: Case) -> None:
        """One case on one resource."""
        model = self.draw(case)
        resource = copy.deepcopy(model)
        draw = Draw(resource, self.corpus, self.random)
        if case.fresh:
            refresh(draw)
        units = case.edit(draw)
        for other in draw.added:
            self.add(other["resourceType"], orjson.dumps(other))
        if isinstance(units, bytes):
            row = self.tell(case, resource)
            self.add(case.on, units, row)
            return
        if case.fresh:
            self.add(case.on, orjson.dumps(resource))
        else:
            self.changed[id(model)] = resource
        for unit in [resource] if units is None else units:
            self.tell(case, unit)

    def draw(self, case: Case) -> Resource:
        """A resource that no other case has, and that this one can use."""
        key = (case.on, case.where)
        if key not in self.pools:
            rows = list(self.corpus.resources.get(case.on, []))
            self.random.shuffle(rows)
            suitable = (row for row in rows if self.suits(case, row))
            # Patients are few, and copies of one are as good as copies of two.
            self.pools[key] = cycle(suitable) if case.on == "Patient" else suitable
        for row in self.pools[key]:
            if id(row) not in self.used:
                if case.on != "Patient":
                    self.used.add(id(row))
                return row
        raise ValueError(f"{case.check} {case.variant}: no {case.on} is left to inject into")

    def suits(self, case: Case, row: Resource) -> bool:
        """Whether a resource is of the kind a case needs, and no edge of the data."""
        general = case.on == "Condition" or case.where is laboratory
        if general and LOOKED_FOR.search(row["code"].get("text", "")):
            return False
        sent, patient = clinical_time(row), self.corpus.patient_of(row)
        if sent is not None and "T" not in sent:
            return False  # of a day alone most rules can tell nothing
        if sent is not None and patient is not None:
            day = datetime.fromisoformat(sent[:10])
            born, end = patient["birthDate"], self.as_of
            if not (
                datetime.fromisoformat(born) + MARGIN < day < datetime.fromisoformat(end) - MARGIN
            ):
                return False
        return case.where is None or case.where(row)

    def add(self, name: str, record: bytes, truth: int | None = None) -> None:
        """A record that the clean corpus has not."""
        self.added.setdefault(name, []).append((record, truth))

    def tell(self, case: Case, unit: Resource) -> int:
        """A row of the truth; its index."""
        self.truth.append(
            {
                "check": case.check,
                "variant": case.variant,
                "found": case.found,
                "resource_type": unit["resourceType"],
                "id": unit["id"],
                "patient": (unit.get("subject") or unit.get("patient") or {})
                .get("reference", "")
                .removeprefix("Patient/"),
                "also": list(case.also),
                "file": None,
                "line": None,
            }
        )
        return len(self.truth) - 1

    def lines(self) -> dict[str, list[bytes]]:
        """The dirty records by type; records of the truth learn their file and line here."""
        files: dict[str, list[bytes]] = {}
        for name in sorted({*self.corpus.resources, *self.added}):
            records: list[tuple[bytes, int | None]] = [
                (orjson.dumps(self.changed.get(id(row), row)), None)
                for row in self.corpus.resources.get(name, [])
            ]
            for entry in self.added.get(name, []):
                records.insert(self.random.randrange(len(records) + 1), entry)
            for number, (_, row) in enumerate(records, 1):
                if row is not None:
                    self.truth[row] |= {"file": f"{name}.ndjson.gz", "line": number}
            files[name] = [record for record, _ in records]
        return files


def refresh(draw: Draw) -> None:
    """Turn a copy into a resource of its own: its id, its identifiers, its time; a new person."""
    resource = draw.resource
    resource["id"] = draw.new_id()
    for identifier in resource.get("identifier", []):
        identifier["value"] = draw.new_id()
    if resource["resourceType"] == "Patient":
        draw.somebody_else(resource)
    element = CLINICAL_TIME.get(resource["resourceType"])
    if element:
        later = timedelta(minutes=draw.random.randrange(61, 1000))
        baseline.move(resource, element, later)
        if "issued" in resource:  # a result is not told before it is
            baseline.move(resource, "issued", later)


def write_injection(
    source: Path, out: Path, *, rows: int = 60, rate: float = 0.005, seed: int = 1
) -> tuple[Injection, Injection]:
    """The twins of a folder, cleaned first; see `write_twins`."""
    corpus = baseline.clean(read_corpus(source))
    return write_twins(corpus, out, rows=rows, rate=rate, seed=seed)


def write_twins(
    corpus: Corpus, out: Path, *, rows: int, rate: float, seed: int, as_of: str = AS_OF
) -> tuple[Injection, Injection]:
    """Write a clean corpus and its two dirty twins; what was injected: single defects, patterns."""
    write_corpus(out / "clean", corpus)
    injections = []
    for folder, cases in ((out, CASES), (out / "patterns", PATTERNS)):
        injection = Injection(corpus, Random(seed), rows, rate, as_of)
        injection.inject(cases)
        write_lines(folder / "dirty", injection.lines())
        body = b"".join(orjson.dumps(row) + b"\n" for row in injection.truth)
        (folder / "truth.ndjson").write_bytes(body)
        injections.append(injection)
    singles, patterns = injections
    return singles, patterns


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, nargs="?", default=LARGE)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    if not told.source.is_dir():
        print(f"{told.source}: no such folder; the benchmark needs its data there")
        return 2
    for injection in write_injection(
        told.source, told.out, rows=told.rows, rate=told.rate, seed=told.seed
    ):
        counts = Counter((row["check"], row["found"]) for row in injection.truth)
        for (check, found), count in sorted(counts.items()):
            print(f"{check}  {'defects' if found else 'near-misses':12} {count:6}")
        for check, variants in sorted(injection.short.items()):
            print(f"{check}  too few resources: {'; '.join(variants)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
