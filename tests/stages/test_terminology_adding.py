"""What a user adds is told by its content, compiled whole, or refused in a clear line."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import terminology_cases as cases

from uptake.engine.duckdb import Database
from uptake.errors import SourceError, StorageError
from uptake.terminology.adding.add import add_file
from uptake.terminology.adding.archives import RATIO, SMALL, Member
from uptake.terminology.releases import Release, added, in_use
from uptake.terminology.value_sets import expansion

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "terminology"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(1, "200MB", tmp_path / "spill")
    yield database
    database.close()


def read(db: Database, release: Release, table: str, columns: str) -> list[tuple[Any, ...]]:
    path = release.file.format(table)
    return db.rows(f"select {columns} from read_parquet('{path}') order by all")


def test_loinc(tmp_path: Path, folder: Path, db: Database) -> None:
    release = add_file(cases.loinc(tmp_path / "any name.zip"), folder, NOW)
    assert (release.name, release.version, release.codes) == ("LOINC", "2.80", 5)
    assert release.complete
    assert release.source == "any name.zip"
    assert read(db, release, "concept", "code, display, active, kind, replaced_by") == [
        ("1003-3", 'Old test, "long" name', False, "lab", "4548-4"),
        ("24323-8", 'Metabolic panel, "long" name', True, "panel", None),
        ("4548-4", 'Hemoglobin A1c, "long" name', True, "lab", None),
        ("LA33-6", "Yes", True, "answer", None),
        ("LL1-9", "Yes no", True, "answer list", None),
    ]
    assert ("4548-4", "Hemoglobin A1c short") in read(db, release, "designation", "code, display")
    shape, until = read(db, release, "system", "shape, covered_to")[0]
    assert shape == "[0-9]{1,7}-[0-9]|L[AL][0-9]{1,7}-[0-9]"
    assert until == date(2026, 3, 1)
    assert read(db, release, "loinc", "LOINC_NUM, EXAMPLE_UCUM_UNITS")[2] == ("4548-4", "%")


def test_the_table_alone_is_enough(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(cases.loinc(tmp_path / "loinc.zip")) as archive:
        plain = tmp_path / "x.csv"
        plain.write_bytes(archive.read("LoincTable/Loinc.csv"))
    release = add_file(plain, folder, NOW)
    assert release.codes == 3
    assert not release.complete, "how old the table is cannot be told: a code it lacks may be newer"


def test_snomed(tmp_path: Path, folder: Path, db: Database) -> None:
    release = add_file(cases.snomed(tmp_path / "a.zip"), folder, NOW)
    assert (release.name, release.version) == ("SNOMED CT", "2023-03-01")
    columns = "code, display, active, kind, replaced_by, valid_to, retired_by"
    assert read(db, release, "concept", columns) == [
        ("1104441000000107", "Extension thing", True, "observable", None, None, None),
        ("138875005", None, True, None, None, None, None),
        ("190372001", "Old diabetes", False, "disorder", "44054006",
         date(2018, 7, 30), date(2018, 7, 31)),
        ("44054006", "Type 2 diabetes mellitus", True, "disorder", None, None, None),
        ("80146002", "Appendectomy", True, "procedure", None, None, None),
    ]  # fmt: skip
    names = read(db, release, "designation", "code, display")
    assert ("44054006", 'Adult-onset diabetes "late" mellitus') in names
    assert ("80146002", "Appendectomy") not in names
    assert read(db, release, "parent", "code, parent") == [("44054006", "138875005")]
    assert read(db, release, "system", "shape") == [("[0-9]+00[0-9]|[0-9]+(1000000)10[0-9]",)]


def test_an_extension_alone_says_nothing_of_the_core(
    tmp_path: Path, folder: Path, db: Database
) -> None:
    release = add_file(cases.snomed(tmp_path / "a.zip", root=False), folder, NOW)
    assert read(db, release, "system", "shape") == [("[0-9]+(1000000)10[0-9]",)]


def test_snomed_without_a_snapshot_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(SourceError, match="SNOMED CT, but without the Snapshot"):
        add_file(cases.snomed(tmp_path / "a.zip", snapshot=False), folder, NOW)
    assert not added(folder)


def test_rxnorm(tmp_path: Path, folder: Path, db: Database) -> None:
    release = add_file(cases.rxnorm(tmp_path / "a.zip"), folder, NOW)
    assert (release.name, release.version, release.complete) == ("RxNorm", "03022026", True)
    assert read(db, release, "concept", "code, tty, kind, ingredient, active, replaced_by") == [
        ("151827", "BN", "drug brand", "6809", True, None),
        ("4815", "IN", "drug ingredient", "4815", True, None),
        ("6809", "IN", "drug ingredient", "6809", True, None),
        ("777001", None, None, None, False, "861007"),
        ("860974", "SCDC", "drug component", "6809", True, None),
        ("861007", "SCD", "clinical drug", "6809", True, None),
        ("861008", "SBD", "clinical drug", "6809", True, None),
        ("861743", "SCD", "clinical drug", None, True, None),
        ("999001", "SCD", "clinical drug", None, False, None),
    ]
    assert read(db, release, "designation", "code, display") == [
        ("861007", "metformin 500 MG Oral Tablet")
    ]


def test_rxnorm_without_its_archive_is_not_complete(tmp_path: Path, folder: Path) -> None:
    assert not add_file(cases.rxnorm(tmp_path / "a.zip", archive=False), folder, NOW).complete


def test_cvx(tmp_path: Path, folder: Path, db: Database) -> None:
    path = tmp_path / "web_cvx.txt"
    path.write_text("\r\n".join(cases.CVX_LINES) + "\r\n", "utf-8")
    release = add_file(path, folder, NOW)
    assert (release.name, release.version) == ("CVX", "2025-11-04")
    assert read(db, release, "concept", "code, display, active, kind") == [
        ("08", "hepatitis B vaccine, pediatric", True, "vaccine"),
        ("54", "adenovirus vaccine, type 4, live", False, "vaccine"),
        ("999", "unknown vaccine or immune globulin", False, "vaccine"),
    ]


def test_a_year_of_icd_10_cm_keeps_what_was_known(
    tmp_path: Path, folder: Path, db: Database
) -> None:
    text = cases.order_file(
        [
            ("E11", False, "Type 2 diabetes mellitus"),
            ("E119", True, "Type 2 diabetes mellitus without complications"),
            ("I10", False, "Essential hypertension, split in this test"),
            ("I100", True, "Invented hypertension"),
        ]
    )
    path = cases.zipped(
        tmp_path / "x.zip", {"icd10cm_order_2027.txt": text, "addenda_2027.txt": ""}
    )
    release = add_file(path, folder, NOW)
    assert (release.name, release.version) == ("ICD-10-CM", "2026-10-01")
    columns = "code, active, billable, valid_from, valid_to, retired_by"
    rows = {row[0]: row[1:] for row in read(db, release, "concept", columns)}
    end, begin = date(2026, 9, 30), date(2026, 10, 1)
    assert rows["E11"] == (True, False, None, None, None)
    assert rows["E11.9"] == (True, True, None, None, None)
    assert rows["I10"] == (False, False, None, end, begin)
    assert rows["I10.0"] == (True, True, begin, None, None)
    assert rows["E11.65"] == (False, False, None, end, begin)
    assert rows["G35"] == (False, False, None, date(2025, 9, 30), date(2025, 10, 1))
    assert read(db, release, "system", "covered_from, covered_to") == [
        (date(2020, 10, 1), date(2027, 9, 30))
    ]


def test_a_year_that_nothing_names_is_asked_for(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "order.txt"
    path.write_text(cases.order_file([("E119", True, "Diabetes")]), "utf-8")
    with pytest.raises(SourceError, match=r"rename it as CMS does: icd10cm_order_2027\.txt"):
        add_file(path, folder, NOW)


def test_a_fhir_package(tmp_path: Path, folder: Path, db: Database) -> None:
    release = add_file(cases.package(tmp_path / "a.tgz"), folder, NOW)
    assert (release.name, release.version, release.codes) == ("test.fhir", "1.0.0", 3)
    assert release.folder == folder / "packages" / "test.fhir#1.0.0"
    kept = {p.name for p in (release.folder / "package").iterdir()}
    assert "StructureDefinition-p.json" in kept
    assert "x.json" not in kept
    colour, gender = (
        "http://example.org/fhir/CodeSystem/colour",
        "http://hl7.org/fhir/administrative-gender",
    )
    assert read(db, release, "concept", "code, display, active") == [
        ("grey", "Grey", False), ("pink", "Pink", True), ("red", "Red", True),
    ]  # fmt: skip
    whole = expansion("http://example.org/fhir/ValueSet/all", folder)
    assert whole == {(colour, "red"), (colour, "pink"), (colour, "grey")}
    reds = expansion("http://example.org/fhir/ValueSet/reds|1.0.0", folder)
    assert reds is not None
    assert {code for system, code in reds if system == colour} == {"red"}
    assert len([code for system, code in reds if system == gender]) == 4
    assert expansion("http://example.org/fhir/ValueSet/snomed", folder) is None
    assert expansion("http://example.org/fhir/ValueSet/all") is None


def test_the_newest_answers_and_older_ones_stay_listed(tmp_path: Path, folder: Path) -> None:
    for version in ("2.9", "2.80", "2.79"):
        add_file(cases.loinc(tmp_path / "a.zip", version), folder, NOW)
    assert [r.version for r in added(folder)] == ["2.80", "2.79", "2.9"]
    assert [r.version for r in in_use(folder) if r.name == "LOINC"] == ["2.80"]


def test_an_older_year_than_what_ships_does_not_answer(tmp_path: Path, folder: Path) -> None:
    text = cases.order_file([("E119", True, "Diabetes")])
    path = cases.zipped(tmp_path / "x.zip", {"icd10cm_order_2024.txt": text})
    assert add_file(path, folder, NOW).version == "2023-10-01"
    assert [r.version for r in in_use(folder) if r.name == "ICD-10-CM"] == ["2026-04-01"]


def test_a_year_is_held_against_the_one_before_it_though_a_newer_answers(
    tmp_path: Path, folder: Path, db: Database
) -> None:
    def add(year: int, *codes: str) -> Release:
        text = cases.order_file([(code, True, "Invented") for code in codes])
        path = cases.zipped(tmp_path / "x.zip", {f"icd10cm_order_{year}.txt": text})
        return add_file(path, folder, NOW)

    add(2017, "A000", "A001")
    release = add(2018, "A000")
    rows = read(db, release, "concept", "code, active, retired_by")
    assert rows == [("A00.0", True, None), ("A00.1", False, date(2017, 10, 1))]


def test_what_a_crash_left_behind_does_not_answer(tmp_path: Path, folder: Path) -> None:
    add_file(cases.loinc(tmp_path / "a.zip"), folder, NOW)
    for left in ("loinc-2.81.tmp", "loinc-2.80.old"):
        (folder / "loinc-2.80").rename(folder / left)
        assert added(folder) == ()
        (folder / left).rename(folder / "loinc-2.80")
    assert len(added(folder)) == 1


def test_a_zip_that_says_no_day(tmp_path: Path, folder: Path, db: Database) -> None:
    data = bytearray(cases.loinc(tmp_path / "a.zip").read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 12 : at + 16] = bytes(4)
        at = data.find(b"PK\x01\x02", at + 1)
    (tmp_path / "b.zip").write_bytes(bytes(data))
    release = add_file(tmp_path / "b.zip", folder, NOW)
    assert read(db, release, "system", "covered_to") == [(date(1980, 1, 1),)]


def test_an_example_without_a_url_is_not_compiled(tmp_path: Path, folder: Path) -> None:
    files = {
        "package/package.json": {"name": "a", "version": "1"},
        "package/x.json": {"resourceType": "CodeSystem", "concept": [{"code": "red"}]},
        "package/y.json": {"resourceType": "ValueSet", "compose": {"include": []}},
    }
    release = add_file(cases.tarred(tmp_path / "a.tgz", files), folder, NOW)
    assert (release.codes, release.systems) == (0, ())


def test_adding_twice_is_adding_once(tmp_path: Path, folder: Path) -> None:
    path = cases.loinc(tmp_path / "a.zip")
    first = add_file(path, folder, NOW)
    again = add_file(path, folder, NOW)
    assert again == first
    assert [p.name for p in folder.iterdir()] == ["loinc-2.80"]


# What is refused


def refused(path: Path, folder: Path) -> str:
    with pytest.raises(SourceError) as caught:
        add_file(path, folder, NOW)
    assert not folder.exists() or not list(folder.iterdir())
    return str(caught.value)


def test_another_kind_of_file(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Dear colleague,", "utf-8")
    assert "nothing that can be added. Known are: a FHIR package" in refused(path, folder)
    assert "nothing that can be added" in refused(
        cases.zipped(tmp_path / "x.zip", {"Loinc.csv": "a,b\n1,2\n"}), folder
    )


def test_an_empty_file(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert "nothing that can be added" in refused(path, folder)


def test_a_damaged_archive(tmp_path: Path, folder: Path) -> None:
    path = cases.loinc(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    at = data.find(b"Loinc.csv") + 40
    data[at : at + 30] = b"\xff" * 30
    path.write_bytes(bytes(data))
    assert "fetch it again" in refused(path, folder)


def test_an_archive_packed_in_a_way_that_is_not_known(tmp_path: Path, folder: Path) -> None:
    path = cases.loinc(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = -1
        while (at := data.find(mark, at + 1)) >= 0:
            data[at + place : at + place + 2] = struct.pack("<H", 99)
    path.write_bytes(bytes(data))
    told = refused(path, folder)
    assert "is packed in a way that cannot be read" in told
    assert "unpack it" in told


def test_a_full_disk_is_not_the_fault_of_the_archive() -> None:
    member = Member("a.csv", 1 << 21, 1 << 21, date(2026, 1, 1), lambda: BytesIO(b"x" * (1 << 21)))
    with pytest.raises(StorageError, match="/dev: cannot be written: No space left"):
        member.write(Path("/dev/full"), lambda _: None)


def test_half_a_package(tmp_path: Path, folder: Path) -> None:
    path = cases.package(tmp_path / "a.tgz")
    path.write_bytes(path.read_bytes()[:-200])
    assert "fetch it again" in refused(path, folder)


def test_a_name_that_points_out_of_its_archive(tmp_path: Path, folder: Path) -> None:
    path = cases.tarred(tmp_path / "a.tgz", {"package/package.json": {}, "../../evil.json": {}})
    assert "points out of its archive" in refused(path, folder)
    path = cases.zipped(tmp_path / "a.zip", {"/etc/Loinc.csv": cases.LOINC_HEADER})
    assert "points out of its archive" in refused(path, folder)


def test_a_zip_bomb(tmp_path: Path, folder: Path) -> None:
    size = SMALL + (2 << 20)
    text = cases.LOINC_HEADER.encode() + b"\n" + b"0" * size
    path = cases.zipped(tmp_path / "a.zip", {"LoincTable/Loinc.csv": text})
    assert path.stat().st_size * RATIO < size
    assert "expands to more than" in refused(path, folder)


def test_a_size_that_is_a_lie(tmp_path: Path, folder: Path) -> None:
    path = cases.loinc(tmp_path / "a.zip")
    data = path.read_bytes()
    at = data.find(b"PK\x01\x02")
    lie = data[: at + 24] + struct.pack("<I", 10) + data[at + 28 :]
    path.write_bytes(lie)
    assert refused(path, folder)


def test_a_table_without_a_column(tmp_path: Path, folder: Path) -> None:
    header = cases.LOINC_HEADER.replace('"STATUS",', "")
    path = cases.zipped(tmp_path / "a.zip", {"Loinc.csv": f"{header}\r\n"})
    assert "LOINC's table, but without the columns STATUS" in refused(path, folder)


def test_a_package_without_a_name(tmp_path: Path, folder: Path) -> None:
    path = cases.tarred(tmp_path / "a.tgz", {"package/package.json": {"version": "1"}})
    assert "no name and version" in refused(path, folder)


def test_a_table_whose_version_nothing_says(tmp_path: Path, folder: Path) -> None:
    rows = [cases.loinc_row("4548-4", "Hemoglobin A1c", "CHEM", "ACTIVE", "")]
    text = "\r\n".join([cases.LOINC_HEADER, *rows]) + "\r\n"
    path = cases.zipped(tmp_path / "a.zip", {"Loinc.csv": text})
    assert "no row says in which version it was changed" in refused(path, folder)


@pytest.mark.parametrize(
    "wrong",
    [
        {"concept": [{"display": "Red"}]},
        {"concept": [{"code": "red", "designation": [{"language": "en"}]}]},
        {"concept": ["red"]},
    ],
    ids=["no code", "no name", "no concept"],
)
def test_a_definition_that_is_none(wrong: dict[str, Any], tmp_path: Path, folder: Path) -> None:
    system = {"resourceType": "CodeSystem", "url": "http://example.org/x", "content": "complete"}
    files = {
        "package/package.json": {"name": "a", "version": "1"},
        "package/x.json": system | wrong,
    }
    said = refused(cases.tarred(tmp_path / "a.tgz", files), folder)
    assert "a definition of it is not as FHIR says" in said


def test_a_filter_that_is_no_pattern(tmp_path: Path, folder: Path) -> None:
    system = {"resourceType": "CodeSystem", "url": "http://example.org/x", "content": "complete"}
    wanted = {"property": "code", "op": "regex", "value": "("}
    include = {"system": "http://example.org/x", "filter": [wanted]}
    files = {
        "package/package.json": {"name": "a", "version": "1"},
        "package/x.json": system | {"concept": [{"code": "red"}]},
        "package/y.json": {
            "resourceType": "ValueSet",
            "url": "http://example.org/y",
            "compose": {"include": [include]},
        },
    }
    said = refused(cases.tarred(tmp_path / "a.tgz", files), folder)
    assert "a definition of it is not as FHIR says" in said
