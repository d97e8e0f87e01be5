"""In: labelled laboratory items. Out: how often the right code is suggested, beside a peer.

    python -m benchmarks.mapping [--half development|held-out|all]

The items are those of MIMIC-IV that its makers mapped to LOINC by hand (meds_etl 0.3.11, MIT): a
label, a fluid, a unit, a code. The pool is every code that any item was mapped to, by its long
common name. The weights were chosen on the development half, drawn with a fixed seed; the other
half is what counts. *Remembered*: the mappings of the other half are approved already, as those of
another laboratory. The peer ranks by rapidfuzz's token_set_ratio,
the best of its scorers here, over the same names.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import random
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from uptake.model import CodeMapping
from uptake.terminology.check_digits import LOINC
from uptake.terminology.suggestions import Asked, suggest
from uptake.terminology.units import meaning

SEED = 20261128
TABLE = "mimic/concept_map/d_labitems_to_loinc.csv"
COLUMNS = ("label", "fluid", "valueuom", "omop_concept_code", "omop_concept_name")
NO_UNIT = "N/A"

NAME = re.compile(
    r"(?P<component>.*?)(?: \[(?P<property>[^\]]*)\])?(?: \(viral load\))?"
    r"(?: (?:in|of|from) (?P<time>\d+ hour )?(?P<system>[A-Z][A-Za-z, ]*?))?"
    r"(?: (?P<narrative>Narrative))?(?: by (?P<method>.*?))?(?: --(?P<challenge>.*))?\Z"
)
"""A long common name is built of a term's parts (LOINC Users' Guide, "Long common names")."""
PROPERTIES = {
    "Mass/volume": "MCnc", "Moles/volume": "SCnc", "Units/volume": "ACnc", "#/volume": "NCnc",
    "Enzymatic activity/volume": "CCnc", "Presence": "PrThr", "Mass Ratio": "MRto",
    "#/area": "Naric", "Volume Fraction": "VFr", "Mass Fraction": "MFr", "Entitic volume": "EntVol",
    "# Ratio": "NFr", "Entitic mass": "EntMass", "Partial pressure": "PPres", "Identifier": "Prid",
    "Time": "Time", "Interpretation": "Imp", "Mass/time": "MRat", "Titer": "Titr", "Ratio": "Ratio",
    "type": "Prid",
}  # fmt: skip
WORDED = {"PrThr": "Ord", "Prid": "Nom", "Imp": "Nar"}
SYSTEMS = {
    "Blood": "Bld", "Serum or Plasma": "Ser/Plas", "Serum": "Ser", "Plasma": "Plas",
    "Platelet poor plasma": "PPP", "Arterial blood": "BldA", "Venous blood": "BldV",
    "Urine": "Urine", "Urine sediment": "Urine sed",
    "Red Blood Cells": "RBC", "Serum, Plasma or Blood": "Ser/Plas/Bld",
    "Cerebral spinal fluid": "CSF", "Synovial fluid": "Synv fld", "Pleural fluid": "Plr fld",
    "Peritoneal fluid": "Periton fld", "Body fluid": "Body fld", "Bone marrow": "Bone mar",
    "Stool": "Stool", "Amniotic fluid": "Amnio fld", "Vaginal fluid": "Vag fld", "Tissue": "Tiss",
    "Platelet rich plasma": "PRP", "Leukocytes": "WBC", "Throat": "Throat",
    "Respiratory specimen": "Respiratory", "Upper respiratory specimen": "Respiratory.upper",
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One item of a laboratory and what it was mapped to."""

    label: str
    fluid: str
    unit: str
    code: str
    name: str


Ranker = Callable[[Sequence[Item]], "list[list[str]]"]


def read_items() -> list[Item]:
    """Return the labelled items; raises SystemExit where meds_etl is not installed."""
    found = importlib.util.find_spec("meds_etl")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("meds_etl 0.3.11 is not installed")
    path = Path(found.submodule_search_locations[0]) / TABLE
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            Item(
                r["label"],
                r["fluid"],
                r["valueuom"],
                r["omop_concept_code"],
                r["omop_concept_name"],
            )
            for r in csv.DictReader(stream)
            if r["omop_vocabulary_id"] == "LOINC" and r["omop_concept_code"]
        ]


def halves(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return the development half and the one held out."""
    shuffled = random.Random(SEED).sample(items, len(items))
    return shuffled[: len(items) // 2], shuffled[len(items) // 2 :]


def write_pool(items: Sequence[Item], path: Path) -> None:
    """Write the codes as a table with LOINC's columns, read out of their long common names."""
    columns = (
        "LOINC_NUM", "LONG_COMMON_NAME", "COMPONENT", "PROPERTY", "SYSTEM", "SCALE_TYP",
        "METHOD_TYP", "CLASS", "STATUS", "RELATEDNAMES",
    )  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for code, name in sorted({(i.code, i.name) for i in items}):
            writer.writerow([code, name, *_axes(name), "", "ACTIVE", ""])


def _axes(name: str) -> tuple[str, str, str, str, str]:
    """Return component, property, system, scale and method of a long common name."""
    matched = NAME.match(name)
    assert matched is not None
    part = matched.groupdict(default="")
    prop = PROPERTIES.get(part["property"], "")
    if "/100 " in part["component"]:
        prop = "NFr"
    elif not prop and "actual/normal" in part["component"]:
        prop = "RelCCnc"
    elif not prop and "/" in part["component"]:
        prop = "MFr"
    scale = "-" if " panel" in name else WORDED.get(prop, "Qn" if prop else "")
    challenge = f"^{part['challenge']}" if part["challenge"] else ""
    return (
        part["component"] + challenge,
        prop,
        SYSTEMS.get(part["system"], ""),
        scale,
        part["method"],
    )


def asked(item: Item) -> Asked:
    """Return what a feed would say of an item."""
    unit = item.unit.split("|")[0]
    known = meaning(unit) if unit and unit != NO_UNIT else None
    return Asked(item.label, item.fluid, known or "", False if unit == NO_UNIT else None)


def ours(pool: Path, remembered: Sequence[Item] = ()) -> Ranker:
    """Return the ranking of this package."""
    known = [
        CodeMapping(
            "", "", "", LOINC, i.code, i.name, i.label, specimen=i.fluid, unit=asked(i).unit
        )
        for i in remembered
    ]

    def rank(items: Sequence[Item]) -> list[list[str]]:
        found = suggest([asked(i) for i in items], pool, known)
        return [[s.code for s in one] for one in found]

    return rank


def peer(pool: Sequence[Item]) -> Ranker:
    """Return the ranking of rapidfuzz over the same names, told the fluid as well."""
    from rapidfuzz import fuzz, process, utils

    names = {i.code: i.name for i in pool}

    def rank(items: Sequence[Item]) -> list[list[str]]:
        return [
            [
                code
                for _, _, code in process.extract(
                    f"{i.label} {i.fluid}",
                    names,
                    scorer=fuzz.token_set_ratio,
                    processor=utils.default_process,
                    limit=5,
                )
            ]
            for i in items
        ]

    return rank


def row(name: str, items: Sequence[Item], rank: Ranker) -> str:
    """Return a row of the table: shares of items whose code is first, and among the first five."""
    began = time.perf_counter()
    found = rank(items)
    seconds = time.perf_counter() - began
    pairs = list(zip(items, found, strict=True))
    first = sum(codes[:1] == [i.code] for i, codes in pairs) / len(items)
    five = sum(i.code in codes for i, codes in pairs) / len(items)
    each = 1000 * seconds / len(items)
    return f"| {name} | {len(items)} | {first:.3f} | {five:.3f} | {each:.1f} ms |"


def main() -> None:
    """Rank and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("development", "held-out", "all"), default="held-out")
    half = parser.parse_args().half
    items = read_items()
    development, held_out = halves(items)
    chosen = {"development": development, "held-out": held_out, "all": items}[half]
    others = [i for i in items if i not in chosen]
    print(f"| {half} half | items | first | first five | each |\n|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        pool = Path(folder) / "pool.csv"
        write_pool(items, pool)
        print(row("rapidfuzz 3.14", chosen, peer(items)))
        print(row("uptake", chosen, ours(pool)))
        if others:
            print(row("uptake, remembered", chosen, ours(pool, others)))


if __name__ == "__main__":
    main()
