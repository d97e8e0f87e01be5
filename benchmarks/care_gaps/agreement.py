"""Our HbA1c rule against `fqm-execution`, population by population, on patients made at random.

The engine knows two answers only; where ours is *cannot tell*, that is counted apart.
"""

from __future__ import annotations

import json
import resource
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import uptake
from benchmarks.care_gaps.elm import measure_bundle
from benchmarks.care_gaps.patients import AS_OF, CLINICAL, ICD, LOINC, SCT, UCUM
from benchmarks.care_gaps.truth import assess, statuses
from uptake.care_gaps.fqm import FqmEngine
from uptake.care_gaps.rules import read_rule
from uptake.findings.examples import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Resource = dict[str, Any]
RULE = Path(uptake.__file__).parent / "content" / "care_gaps" / "hba1c-test.md"
DIABETES = ("E11.9", "E11.65", "E10.9", "E13.8", "E08.22")
CODES = {
    "diabetes": {ICD: [*DIABETES, "E10.65", "E09.9"], SCT: ["44054006", "46635009", "73211009"]},
    "hba1c": {LOINC: ["4548-4", "4549-2", "17856-6", "59261-8"]},
    "hospice": {ICD: ["Z51.5"]},
}
"""The rule's codes with its prefixes written out: an engine takes expansions."""
POPULATIONS = ("initial-population", "denominator-exclusion", "numerator")


@dataclass(frozen=True)
class Agreement:
    """Counts of a population: both in, both out, ours alone, the engine's alone, cannot tell."""

    counts: Mapping[str, Counter[str]]
    patients: int
    failed: int
    seconds: float
    """CPU time of the worker, with what it needs to read the measure."""


def engine(folder: Path, modules: Path, as_of: date) -> FqmEngine:
    """Return the engine with the measure that says what our rule says."""
    path = folder / "measure.json"
    path.write_text(json.dumps(measure_bundle(read_rule(RULE), as_of, CODES)), "utf-8")
    return FqmEngine(path, modules)


def agreement(count: int, seed: int, folder: Path, modules: Path) -> Agreement:
    """Make patients, judge them by both, compare."""
    random = Random(seed)
    people = {f"q{n}": _person(f"q{n}", random) for n in range(count)}
    project = folder / "project"
    (project / "ehr").mkdir(parents=True)
    lines = "".join(json.dumps(r) + "\n" for records in people.values() for r in records)
    (project / "ehr" / "all.ndjson").write_text(lines, "utf-8")
    (project / "uptake.toml").write_text(
        f"[assess]\nas_of = '{AS_OF}'\n[feeds.ehr]\npath = 'ehr'\nrole = 'ehr'\n"
        "complete_for = ['Condition', 'Observation']\n",
        "utf-8",
    )
    said = statuses(assess(project))
    began = _children_seconds()
    running = engine(folder, modules, AS_OF)
    found = list(running.evaluate(list(people.items())))
    running.close()
    seconds = _children_seconds() - began
    counts: dict[str, Counter[str]] = {name: Counter() for name in POPULATIONS}
    for one in found:
        if not one.fault:
            _compare(counts, one.groups["group"], said.get(("hba1c-test", one.patient), ""))
    return Agreement(counts, count, sum(bool(one.fault) for one in found), seconds)


def _children_seconds() -> float:
    """Return the CPU seconds of processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _compare(counts: dict[str, Counter[str]], theirs: Mapping[str, bool], ours: str) -> None:
    """Count one patient; an exclusion and a numerator are of those in the population alone."""
    member = theirs["initial-population"]
    counts["initial-population"][_both(bool(ours), member)] += 1
    if not (ours and member):
        return
    excluded = theirs["denominator-exclusion"]
    if ours == "cannot-tell":
        counts["denominator-exclusion"]["cannot tell"] += 1
        counts["numerator"]["cannot tell"] += 1
        return
    counts["denominator-exclusion"][_both(ours == "excluded", excluded)] += 1
    if ours != "excluded" and not excluded:
        counts["numerator"][_both(ours == "closed", theirs["numerator"])] += 1


def _both(ours: bool, theirs: bool) -> str:
    if ours == theirs:
        return "both in" if ours else "both out"
    return "ours alone" if ours else "the engine's alone"


def _person(name: str, random: Random) -> list[Resource]:
    """Return a patient who stands at an edge of the rule as often as not."""
    years = random.choice((17, 18, 19, 40, 60, 74, 75, 76, 85))
    day = random.choice((AS_OF, AS_OF + timedelta(days=1), AS_OF - timedelta(days=1)))
    born = day.replace(year=day.year - years) if random.random() < 0.5 else date(
        AS_OF.year - years, random.randint(1, 12), random.randint(1, 28)
    )  # fmt: skip
    subject = {"reference": f"Patient/{name}"}
    records: list[Resource] = [
        {"resourceType": "Patient", "id": name, "birthDate": born.isoformat(), "gender": "female"}
    ]
    if random.random() < 0.8:
        status = random.choice(
            ("active", "active", "recurrence", "relapse", "resolved", "inactive")
        )
        coding = random.choice(
            [(ICD, code) for code in DIABETES] + [(SCT, "44054006"), (ICD, "I10")]
        )
        records.append(_condition(f"{name}-d", subject, coding, status))
    if random.random() < 0.1:
        records.append(_condition(f"{name}-h", subject, (ICD, "Z51.5"), "active"))
    results = range(random.choice((0, 1, 1, 2, 3)))
    return [*records, *(_result(f"{name}-o{n}", subject, random) for n in results)]


def _condition(name: str, subject: Resource, coding: Sequence[str], status: str) -> Resource:
    return {
        "resourceType": "Condition", "id": name, "subject": subject,
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": status}]},
        "code": {"coding": [{"system": coding[0], "code": coding[1]}]},
    }  # fmt: skip


def _result(name: str, subject: Resource, random: Random) -> Resource:
    edge = date(2026, 5, 1)  # six months before AS_OF
    code = random.choice(("4548-4", "17856-6", "718-7"))
    day = random.choice(
        (edge, edge - timedelta(days=1), edge + timedelta(days=1), AS_OF,
         AS_OF - timedelta(days=random.randint(1, 900)))
    )  # fmt: skip
    return {
        "resourceType": "Observation", "id": name, "subject": subject,
        "status": random.choice(
            ("final", "final", "final", "amended", "corrected", "preliminary", "registered",
             "cancelled", "entered-in-error")
        ),
        "effectiveDateTime": day.isoformat(),
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "valueQuantity": {"value": 7.0 + random.randint(0, 30) / 10, "unit": "%", "system": UCUM,
                          "code": "%"},
    }  # fmt: skip


def examples_agree(folder: Path, modules: Path) -> list[str]:
    """Return the examples of our rule of which the engine says another thing than they do.

    Those that cannot be told are left out: an engine that knows two answers tells them.
    """
    expected = {
        "closed": (True, False, True),
        "due": (True, False, False),
        "excluded": (True, True, False),
        "not-applicable": (False, False, False),
    }
    running = engine(folder, modules, NOW.date())
    faults = []
    for example in read_rule(RULE).examples:
        if example.kind not in expected:
            continue
        people: dict[str, list[Resource]] = defaultdict(list)
        for line in filter(str.strip, example.ndjson.split("\n")):
            record = json.loads(line)
            whose = record.get("subject", {}).get("reference", record["id"])
            people[whose.removeprefix("Patient/")].append(record)
        for one in running.evaluate(list(people.items())):
            group = one.groups.get("group", {})
            told = tuple(group.get(name) for name in POPULATIONS)
            if told != expected[example.kind]:
                faults.append(f"{one.patient} is {example.kind}, but the engine says {told}")
    running.close()
    return faults


def show(found: Agreement) -> None:
    """Print a row a population."""
    columns = ("both in", "both out", "ours alone", "the engine's alone", "cannot tell")
    print(f"| population | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, counts in found.counts.items():
        print(f"| {name} | {' | '.join(str(counts[c]) for c in columns)} |")
    rate = found.patients / found.seconds
    print(f"\n{found.patients} patients, {found.failed} not evaluated, {rate:.0f} a CPU second.")
