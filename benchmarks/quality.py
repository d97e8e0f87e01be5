"""In: nothing. Out: the sections of RESULTS.md on data quality; the rest stays.

    python -m benchmarks.quality [planted] [hospital] [mapping] [conformance] [statistics] [linkage]
    [medications] [conflicts] [gaps] [services]

Each part is a command of its own whose tables are put in as it prints them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.chain import keep, when

PARTS = {
    "planted": (
        "Planted defects, against three tools",
        ("benchmarks.planted.peers",),
        "One Bundle of complete charts with one defect planted in each, and a clean twin of each. "
        "A defect is found when a tool names its record at the planted element, or without one. "
        "The defects were written before most of the checks; where the two disagreed, the chart "
        "was mended three times (when a record was received, a vaccination's minute, which "
        "element a contradicting flag is told of).",
    ),
    "hospital": (
        "Accuracy on the demo hospital",
        ("benchmarks.hospital",),
        "The same cases as for Synthea, injected into the clean record of the demo hospital: "
        "another sender, other years. Cases it has no resource for are left out.",
    ),
    "mapping": (
        "Suggestions for local codes",
        ("benchmarks.mapping",),
        "700 of the 1,400 labelled laboratory items of MIMIC in `meds_etl` 0.3.11; the other half "
        "was used to develop. *First*: the labelled LOINC code is the first suggestion.",
    ),
    "conformance": (
        "Conformance, against two tools",
        ("benchmarks.conformance",),
        "The official examples of US Core, and copies of them with one fault each.",
    ),
    "statistics": (
        "Statistical checks: false alarms and power",
        ("benchmarks.statistics", "--networks", "125", "--power", "10"),
        "Simulated senders of eight cultures of work; see `docs/statistics.md`.",
    ),
    "linkage": (
        "Duplicate patients",
        ("benchmarks.linkage", "all", "--no-ssn", "--peers"),
        "Pairs of records, one shipped configuration, no labels, no social security numbers (but "
        "in CDC's sets, whose grades rest on them). Peers get the same records, prepared.",
    ),
    "medications": (
        "Medication discrepancies, against two simple comparisons",
        ("benchmarks.medications", "--persons", "2000", "--seed", "4"),
        "Discrepancies planted in invented lists (brands, salts, NDC, refills, dialects of sigs). "
        "The generator was written from the definitions; the engine was mended after seeds 1 and "
        "3, and seed 4 was first run after that. It shows that the definitions are met.",
    ),
    "conflicts": (
        "Conflicts with the chart, against a comparison of codes",
        ("benchmarks.conflicts", "--cases", "500", "--seed", "1"),
        "Conflicts and near misses planted in invented records, 500 of each. What was sent as "
        "text only, or under another name in another system, *cannot be told* by design.",
    ),
    "gaps": (
        "Care gaps, against what was planted",
        ("benchmarks.care_gaps", "--each", "20"),
        "States planted in invented charts, for seven rules; generator and rules have one author.",
    ),
    "services": (
        "Delivery: the CDS services",
        ("benchmarks.services",),
        "A demo; signed calls (ES384, each token once) for ten seconds each, from a process of its "
        "own that has 32 connections. The goal is a p95 under 100 ms with prefetch at 50 calls a "
        "second. *Not answered* counts a 412, too: what a service cannot do without was not read.",
    ),
}


def measure(part: str) -> bool:
    """Run one part and keep its section; false where it could not be run."""
    title, command, words = PARTS[part]
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False
    )
    found = done.stdout.strip("\n")
    if done.returncode not in (0, 1) or not found:
        print(f"{part}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return False
    shown = found if "|" in found else f"```\n{found}\n```"
    keep(part, f"## {title}\n\n{when()} {words}\n\n{shown}")
    return True


def main() -> int:
    """The command line; exit 1 where a part could not be run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; default: all")
    asked = parser.parse_args().parts or list(PARTS)
    if unknown := set(asked) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    told = [measure(part) for part in asked]
    return 0 if all(told) else 1


if __name__ == "__main__":
    sys.exit(main())
