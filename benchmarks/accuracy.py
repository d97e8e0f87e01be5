"""In: the clean baseline and its dirty twins. Out: precision and recall of every injected check.

    python -m benchmarks.accuracy [SOURCE] [--rows 60] [--rate 0.005] [--seed 1] [--keep DIR]

A unit is a resource (for CNF-01 a line), so a check that finds two faults in one counts once. Of a
check's findings on the dirty twin: *found* were injected; *false* were not injected, are no side
effect that the truth names, and are not on the clean baseline. A near-miss found is false. The
other half of a pair is found with the one that was injected.
Patterns have a twin of their own, where only their checks are judged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.assess import Assessment, assess
from benchmarks.corpus import LARGE
from benchmarks.defects.time import AS_OF
from benchmarks.injection import Injection, write_injection

Unit = tuple[str, str]  # resource type and id; for CNF-01 file and line
EXAMPLES = 5


@dataclass
class Accuracy:
    """How one check did."""

    check: str
    verdict: str
    injected: int
    near_misses: int
    missed: set[Unit]
    false: set[Unit]
    baseline: int
    vanished: set[Unit]
    variants: dict[Unit, str] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)

    @property
    def found(self) -> int:
        """Injected defects that were found."""
        return self.injected - len(self.missed)

    @property
    def precision(self) -> float | None:
        """Found of what was reported anew; None when nothing was."""
        reported = self.found + len(self.false)
        return self.found / reported if reported else None

    @property
    def recall(self) -> float | None:
        """Found of what was injected."""
        return self.found / self.injected if self.injected else None

    def by_variant(self, units: set[Unit]) -> dict[str, list[Unit]]:
        """Units under the variant that made them; those that none made under 'not injected'."""
        grouped: dict[str, list[Unit]] = defaultdict(list)
        for unit in sorted(units):
            grouped[self.variants.get(unit, "not injected")].append(unit)
        return dict(grouped)


def unit_of_truth(row: dict[str, Any], check: str) -> Unit:
    """The unit that a row of the truth speaks of, as a check names it."""
    if check == "CNF-01" and row["line"] is not None:
        return str(row["file"]), str(row["line"])
    return str(row["resource_type"]), str(row["id"])


def unit_of_finding(row: dict[str, Any]) -> Unit:
    """The unit that a finding speaks of."""
    if row["check"] == "CNF-01":
        return Path(row["source_file"]).name, str(row["source_line"])
    return str(row["resource_type"]), str(row["resource_id"])


def units_by_check(findings: list[dict[str, Any]]) -> dict[str, set[Unit]]:
    """The units that each check found."""
    units: dict[str, set[Unit]] = defaultdict(set)
    for row in findings:
        units[row["check"]].add(unit_of_finding(row))
    return units


def pairs_by_check(findings: list[dict[str, Any]]) -> dict[str, set[tuple[Unit, Unit]]]:
    """The units that each check found, with the other resource that they were found for."""
    pairs: dict[str, set[tuple[Unit, Unit]]] = defaultdict(set)
    for row in findings:
        kind, _, name = (row["other"] or "").partition("/")
        pairs[row["check"]].add((unit_of_finding(row), (kind, name)))
    return pairs


def judge(injection: Injection, clean: Assessment, dirty: Assessment) -> list[Accuracy]:
    """The accuracy of every check that was, or should have been, injected."""
    truth = injection.truth
    before, after = units_by_check(clean.findings), units_by_check(dirty.findings)
    pairs = pairs_by_check(dirty.findings)
    verdicts = {check["code"]: check["verdict"] for check in dirty.summary["checks"]}
    touched = {
        unit for row in truth for unit in (unit_of_truth(row, ""), ("Patient", row["patient"]))
    }
    results = []
    for check in sorted({str(row["check"]) for row in truth} | set(injection.short)):
        mine = {unit_of_truth(row, check): row for row in truth if row["check"] == check}
        injected = {unit for unit, row in mine.items() if row["found"]}
        near = {unit for unit, row in mine.items() if not row["found"]}
        followed = [row for row in truth if check in row["also"]]
        also = {unit_of_truth(row, check) for row in followed}
        also |= {("Patient", row["patient"]) for row in followed}
        names = {unit_of_truth(row, check): f"{row['check']} {row['variant']}" for row in truth}
        names |= {unit: row["variant"] for unit, row in mine.items()}
        also |= {unit for unit, other in pairs[check] if other in injected | also}
        false = (after[check] - injected - also - before[check]) | (after[check] & near)
        results.append(
            Accuracy(
                check,
                verdicts.get(check, "not in the catalogue"),
                len(injected),
                len(near),
                injected - after[check],
                false,
                len(before[check]),
                {unit for unit in before[check] - after[check] if unit not in touched},
                names,
                injection.short.get(check, []),
            )
        )
    return results


def run(source: Path, out: Path, *, rows: int, rate: float, seed: int) -> list[Accuracy]:
    """Inject, assess the twins, judge."""
    twins = write_injection(source, out, rows=rows, rate=rate, seed=seed)
    return judge_twins(twins, out, AS_OF)


def judge_twins(twins: tuple[Injection, Injection], out: Path, as_of: str) -> list[Accuracy]:
    """Assess what `write_twins` wrote into OUT, judge; sorted by check."""
    clean = assess(out / "clean", out / "assess-clean", as_of)
    results = []
    for folder, injection in zip((out, out / "patterns"), twins, strict=True):
        dirty = assess(folder / "dirty", folder / "assess-dirty", as_of)
        results += judge(injection, clean, dirty)
    return sorted(results, key=lambda one: one.check)


def percent(share: float | None) -> str:
    """A share to a tenth of a percent; only 1 is 100.0."""
    if share is None:
        return "–"
    return "100.0 %" if share == 1 else f"{min(share, 0.999) * 100:.1f} %"


def table(results: list[Accuracy]) -> str:
    """The results as a Markdown table."""
    rows = [
        "| check | injected | found | missed | near-misses | false | on the baseline | "
        "precision | recall |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    rows += [
        f"| {one.check} | {one.injected} | {one.found} | {len(one.missed)} | "
        f"{one.near_misses} | {len(one.false)} | {one.baseline} | "
        f"{percent(one.precision)} | {percent(one.recall)} |"
        for one in results
    ]
    return "\n".join(rows)


def complaints(results: list[Accuracy]) -> list[str]:
    """What is not as it should be, a line each variant, with examples."""
    lines = []
    for one in results:
        if one.verdict in ("not run", "not in the catalogue"):
            lines.append(f"{one.check}: {one.verdict}")
            continue
        for kind, units in (
            ("missed", one.missed),
            ("false", one.false),
            ("on the baseline, gone from the twin", one.vanished),
        ):
            for variant, found in one.by_variant(units).items():
                examples = ", ".join("/".join(unit) for unit in found[:EXAMPLES])
                lines.append(f"{one.check} {kind}: {len(found)} of '{variant}' ({examples})")
    return lines


def shortages(results: list[Accuracy]) -> list[str]:
    """The cases that the corpus had too few resources for, a line each check."""
    return [
        f"{one.check} too few resources: {'; '.join(one.short)}" for one in results if one.short
    ]


def main() -> int:
    """The command line; exit 1 when a check was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, nargs="?", default=LARGE)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rate", type=float, default=0.005)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the twins and their results here")
    told = parser.parse_args()
    if not told.source.is_dir():
        print(f"{told.source}: no such folder; the benchmark needs its data there")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        results = run(
            told.source, told.keep or Path(scratch), rows=told.rows, rate=told.rate, seed=told.seed
        )
    print(table(results))
    wrong = complaints(results)
    print("\n".join(shortages(results) + wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
