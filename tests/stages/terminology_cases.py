"""Small releases of the true layouts. In: rows of our own; out: archives like the publishers'."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

LOINC_HEADER = (
    '"LOINC_NUM","COMPONENT","PROPERTY","TIME_ASPCT","SYSTEM","SCALE_TYP","METHOD_TYP","CLASS",'
    '"VersionLastChanged","CHNG_TYPE","STATUS","CONSUMER_NAME","CLASSTYPE","SHORTNAME",'
    '"LONG_COMMON_NAME","PanelType","DisplayName","EXAMPLE_UCUM_UNITS","ORDER_OBS","RELATEDNAMES2"'
)
ENGLISH = "900000000000509007"
FULL_NAME, SYNONYM = "900000000000003001", "900000000000013009"
PREFERRED, ACCEPTABLE = "900000000000548007", "900000000000549004"
MODULE, DEFINED = "900000000000207008", "900000000000074008"


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, (2026, 3, 1, 0, 0, 0))
            archive.writestr(info, text, zipfile.ZIP_DEFLATED)
    return path


def tarred(path: Path, files: Mapping[str, object]) -> Path:
    """Write a tgz whose files are JSON."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def loinc(path: Path, version: str = "2.80", more: Sequence[str] = ()) -> Path:
    """Write a LOINC zip: an active, a deprecated and a panel code, answers and a replacement."""
    rows = [
        loinc_row("4548-4", "Hemoglobin A1c", "CHEM", "ACTIVE", version),
        loinc_row("1003-3", "Old test", "CHEM", "DEPRECATED", "2.4"),
        loinc_row("24323-8", "Metabolic panel", "PANEL.CHEM", "ACTIVE", "2.5", panel="Panel"),
        *more,
    ]
    answers = (
        '"AnswerListId","AnswerListName","AnswerStringId","DisplayText"\r\n'
        '"LL1-9","Yes no","LA33-6","Yes"\r\n'
    )
    return zipped(
        path,
        {
            "LoincTable/Loinc.csv": "\r\n".join([LOINC_HEADER, *rows]) + "\r\n",
            "LoincTable/MapTo.csv": '"LOINC","MAP_TO","COMMENT"\r\n"1003-3","4548-4",""\r\n',
            "AccessoryFiles/AnswerFile/AnswerList.csv": answers,
            "LoincReadme.txt": "Read me",
        },
    )


def loinc_row(code: str, name: str, kind: str, status: str, version: str, panel: str = "") -> str:
    """Return a row of Loinc.csv; the name has a quote and a comma where LOINC's do."""
    cells = [code, name, "MFr", "Pt", "Bld", "Qn", "", kind, version, "MIN", status, "", "1",
             f"{name} short", f"{name}, \"long\" name", panel, "", "%", "Both", ""]  # fmt: skip
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def snomed(path: Path, *, snapshot: bool = True, root: bool = True) -> Path:
    """Write an RF2 zip: the root, two concepts, a retired one, an extension's."""
    kind = "Snapshot" if snapshot else "Full"
    folder = f"SnomedCT_Test/{kind}/Terminology"
    concepts = [("138875005", "20020131", "1")] if root else []
    concepts += [
        ("44054006", "20020131", "1"),
        ("80146002", "20020131", "1"),
        ("190372001", "20180731", "0"),
        ("1104441000000107", "20230301", "1"),
    ]
    names = [
        ("44054006", "Diabetes mellitus type 2 (disorder)", FULL_NAME),
        ("44054006", "Type 2 diabetes mellitus", SYNONYM),
        ("44054006", 'Adult-onset diabetes "late" mellitus', SYNONYM),
        ("80146002", "Excision of appendix (procedure)", FULL_NAME),
        ("80146002", "Appendectomy", SYNONYM),
        ("190372001", "Old diabetes (disorder)", FULL_NAME),
        ("1104441000000107", "Extension thing (observable entity)", FULL_NAME),
    ]
    described = [(f"{n}011", *row) for n, row in enumerate(names, 100000)]
    preferred = {"Type 2 diabetes mellitus", "Appendectomy"}
    head = "id\teffectiveTime\tactive\tmoduleId\t"
    files = {
        "sct2_Concept_%s_INT_20260301.txt": [
            f"{head}definitionStatusId",
            *(f"{c}\t{at}\t{active}\t{MODULE}\t{DEFINED}" for c, at, active in concepts),
        ],
        "sct2_Description_%s-en_INT_20260301.txt": [
            f"{head}conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId",
            *(f"{i}\t20020131\t1\t{MODULE}\t{c}\ten\t{kind}\t{term}\t900000000000448009"
              for i, c, term, kind in described),
        ],
        "sct2_Relationship_%s_INT_20260301.txt": [
            f"{head}sourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId",
            f"1\t20020131\t1\t{MODULE}\t44054006\t138875005\t0\t116680003\t9\t9",
            f"2\t20020131\t0\t{MODULE}\t80146002\t44054006\t0\t116680003\t9\t9",
        ],
        "der2_cRefset_Language%s-en_INT_20260301.txt": [
            f"{head}refsetId\treferencedComponentId\tacceptabilityId",
            *(f"r{i}\t20020131\t1\t{MODULE}\t{ENGLISH}\t{i}\t"
              + (PREFERRED if term in preferred else ACCEPTABLE)
              for i, _, term, _ in described),
        ],
        "der2_cRefset_Association%s_INT_20260301.txt": [
            f"{head}refsetId\treferencedComponentId\ttargetComponentId",
            f"a\t20180731\t1\t{MODULE}\t900000000000526001\t190372001\t44054006",
        ],
    }  # fmt: skip
    return zipped(
        path,
        {f"{folder}/{name % kind}": "\r\n".join(lines) + "\r\n" for name, lines in files.items()},
    )


def rxnorm(path: Path, *, archive: bool = True) -> Path:
    """Write an RRF zip: ingredient, component, drug, brand, suppressed, retired."""
    atoms = [
        ("6809", "IN", "metformin", "N"),
        ("860974", "SCDC", "metformin hydrochloride 500 MG", "N"),
        ("861007", "SCD", "metformin hydrochloride 500 MG Oral Tablet", "N"),
        ("861007", "PSN", "metformin 500 MG Oral Tablet", "N"),
        ("861008", "SBD", "Glucophage 500 MG Oral Tablet", "N"),
        ("151827", "BN", "Glucophage", "N"),
        ("4815", "IN", "glyburide", "N"),
        ("861743", "SCD", "glyburide 2.5 MG / metformin 250 MG Oral Tablet", "N"),
        ("999001", "SCD", "withdrawn 5 MG Oral Tablet", "O"),
    ]
    relations = [
        ("860974", "861007", "consists_of"),
        ("6809", "860974", "has_ingredient"),
        ("861007", "861008", "tradename_of"),
        ("6809", "151827", "tradename_of"),
        ("6809", "861743", "has_ingredient"),
        ("4815", "861743", "has_ingredient"),
        ("861007", "6809", "ingredient_of"),
    ]
    files = {
        "rrf/RXNCONSO.RRF": [
            f"{code}|ENG||||||{n}|{n}|{code}||RXNORM|{tty}|{code}|{name}||{gone}|4096|"
            for n, (code, tty, name, gone) in enumerate(atoms)
        ]
        + ["6809|ENG||||||99|99|x||OTHER|SY|x|Metformin of another source||N||"],
        "rrf/RXNREL.RRF": [
            f"{one}||CUI|RO|{two}||CUI|{how}|{n}||RXNORM||||||"
            for n, (one, two, how) in enumerate(relations)
        ],
        "rrf/RXNSAB.RRF": [
            "C1|C2|RXNORM_03022026|RXNORM|RxNorm Vocabulary|RXNORM|03022026|||||||||||||||||"
        ],
    }
    if archive:
        files["rrf/RXNATOMARCHIVE.RRF"] = [
            "1|1|merged drug|a|b|c|777001||ENG||1|v|777001|RXNORM|SCD|861007|",
            "2|2|metformin|a|b|c|6809||ENG||1|v|6809|RXNORM|IN||",
        ]
    return zipped(path, {name: "\n".join(lines) + "\n" for name, lines in files.items()})


CVX_LINES = (
    "08 |Hep B, pediatric |hepatitis B vaccine, pediatric| |Active |9 |False |2010/05/28",
    "54 |adenovirus, type 4 |adenovirus vaccine, type 4, live | |Inactive |1 |False |2020/09/30",
    "999 |unknown |unknown vaccine or immune globulin | |Inactive |2 |True |2025/11/04",
)


def order_file(codes: Iterable[tuple[str, bool, str]]) -> str:
    """Return CMS's order file: code, is it billable, its name."""
    return "".join(
        f"{n:05} {code:<7} {int(billable)} {name[:60]:<60} {name}\r\n"
        for n, (code, billable, name) in enumerate(codes, 1)
    )


def package(path: Path, name: str = "test.fhir", version: str = "1.0.0") -> Path:
    """Write a FHIR package: a code system with a hierarchy, value sets, a profile."""
    system = "http://example.org/fhir/CodeSystem/colour"
    value_set = {"resourceType": "ValueSet", "status": "active"}
    return tarred(
        path,
        {
            "package/package.json": {"name": name, "version": version, "fhirVersions": ["4.0.1"]},
            "package/CodeSystem-colour.json": {
                "resourceType": "CodeSystem", "url": system, "content": "complete",
                "caseSensitive": True,
                "concept": [
                    {"code": "red", "display": "Red",
                     "concept": [{"code": "pink", "display": "Pink"}]},
                    {"code": "grey", "display": "Grey", "designation": [{"value": "Gray"}],
                     "property": [{"code": "status", "valueCode": "retired"}]},
                ],
            },
            "package/ValueSet-all.json": {
                **value_set, "url": "http://example.org/fhir/ValueSet/all",
                "compose": {"include": [{"system": system}]},
            },
            "package/ValueSet-reds.json": {
                **value_set, "url": "http://example.org/fhir/ValueSet/reds",
                "compose": {
                    "include": [
                        {"system": system, "filter": [
                            {"property": "concept", "op": "is-a", "value": "red"}]},
                        {"valueSet": ["http://hl7.org/fhir/ValueSet/administrative-gender"]},
                    ],
                    "exclude": [{"system": system, "concept": [{"code": "pink"}]}],
                },
            },
            "package/ValueSet-snomed.json": {
                **value_set, "url": "http://example.org/fhir/ValueSet/snomed",
                "compose": {"include": [{"system": "http://snomed.info/sct"}]},
            },
            "package/StructureDefinition-p.json": {
                "resourceType": "StructureDefinition", "url": "http://example.org/fhir/p",
            },
            "package/openapi/x.json": {"openapi": "3"},
        },
    )  # fmt: skip
