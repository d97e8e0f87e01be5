"""Codes of a load against releases: four answers, validity by date, displays, coverage."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import terminology_cases as cases

from uptake.engine.duckdb import Database
from uptake.model import Coverage
from uptake.report.codes import coverage_lines, coverage_sentence
from uptake.terminology import coverage
from uptake.terminology.adding.add import add_file
from uptake.terminology.releases import in_use, shipped
from uptake.terminology.sources import Terminology
from uptake.terminology.statuses import CODES, build_statuses
from uptake.terminology.value_sets import expansion

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD, CVX = "http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/cvx"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"

Row = tuple[str | None, str | None, str | None]


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(1, "500MB", tmp_path / "spill")
    database.run("create table coding (rid bigint, system varchar, code varchar, display varchar)")
    yield database
    database.close()


def look_up(db: Database, rows: list[Row], terminology: Terminology | None = None) -> None:
    sent = [(n, *row) for n, row in enumerate(rows)]
    db.insert("coding", ("rid", "system", "code", "display"), sent)
    build_statuses(db, CODES, terminology)


def statuses(db: Database) -> dict[tuple[str, str], str]:
    rows = db.rows("select system, code, status from code_status")
    return {(system, code): status for system, code, status in rows}


@pytest.fixture
def added(tmp_path: Path) -> Terminology:
    """What ships, and small releases of LOINC, SNOMED CT, RxNorm and CVX before it."""
    folder = tmp_path / "terminology"
    vaccines = tmp_path / "cvx.txt"
    vaccines.write_text("\n".join(cases.CVX_LINES) + "\n", "utf-8")
    for path in (
        cases.loinc(tmp_path / "loinc.zip"),
        cases.snomed(tmp_path / "snomed.zip"),
        cases.rxnorm(tmp_path / "rxnorm.zip"),
        vaccines,
    ):
        add_file(path, folder, NOW)
    return Terminology(in_use(folder))


def test_what_ships_gives_four_answers(db: Database) -> None:
    look_up(
        db,
        [
            (ACT, "AMB", None),
            (ACT, "amb", None),
            (ACT, "AMBULATORY", None),
            ("http://hl7.org/fhir/v3/ActCode", "AMB", None),
            (CLINICAL, "Active", None),
            (ICD, "E11.9", None),
            (ICD, "E119", None),
            ("urn:oid:2.16.840.1.113883.6.90", "e11.9", None),
            (ICD, "E11", None),
            (ICD, "G35", None),
            (ICD, "E11.12", None),
            (SNOMED, "44054006", None),
            ("http://snomed.info/sct/731000124108", "44054006", None),
            (SNOMED, "1104441000000107", None),
            (LOINC, "4548-4", None),
            (LOINC, "98765-1", None),
            (RXNORM, "6809", None),
            (RXNORM, "861007", None),
            (CVX, "08", None),
            ("http://lab.example.org", "AMB", None),
        ],
    )
    assert statuses(db) == {
        (ACT, "AMB"): "valid",
        (ACT, "amb"): "invalid",
        (ACT, "AMBULATORY"): "invalid",
        ("http://hl7.org/fhir/v3/ActCode", "AMB"): "valid",
        (CLINICAL, "Active"): "invalid",
        (ICD, "E11.9"): "valid",
        (ICD, "E119"): "valid",
        ("urn:oid:2.16.840.1.113883.6.90", "e11.9"): "valid",
        (ICD, "E11"): "valid",
        (ICD, "G35"): "inactive",
        (ICD, "E11.12"): "invalid",
        (SNOMED, "44054006"): "valid",
        ("http://snomed.info/sct/731000124108", "44054006"): "valid",
        (SNOMED, "1104441000000107"): "not covered",
        (LOINC, "4548-4"): "valid",
        (LOINC, "98765-1"): "not covered",
        (RXNORM, "6809"): "valid",
        (RXNORM, "861007"): "not covered",
        (CVX, "08"): "valid",
        ("http://lab.example.org", "AMB"): "not covered",
    }


def test_a_release_makes_it_sharper(db: Database, added: Terminology) -> None:
    look_up(
        db,
        [
            (LOINC, "4548-4", None),
            (LOINC, "1003-3", None),
            (LOINC, "98765-1", None),
            (LOINC, "LA33-6", None),
            (LOINC, "LA9999-9", None),
            (LOINC, "LP14449-0", None),
            (SNOMED, "190372001", None),
            (SNOMED, "73211009", None),
            (SNOMED, "1104441000000107", None),
            (SNOMED, "371501000119106", None),
            (RXNORM, "861007", None),
            (RXNORM, "777001", None),
            (RXNORM, "5640", None),
            (CVX, "54", None),
            (CVX, "07", None),
        ],
        added,
    )
    assert statuses(db) == {
        (LOINC, "4548-4"): "valid",
        (LOINC, "1003-3"): "inactive",
        (LOINC, "98765-1"): "invalid",
        (LOINC, "LA33-6"): "valid",
        (LOINC, "LA9999-9"): "invalid",
        (LOINC, "LP14449-0"): "not covered",  # the archive had no parts
        (SNOMED, "190372001"): "inactive",
        (SNOMED, "73211009"): "invalid",
        (SNOMED, "1104441000000107"): "valid",
        (SNOMED, "371501000119106"): "not covered",  # another publisher's extension
        (RXNORM, "861007"): "valid",
        (RXNORM, "777001"): "inactive",
        (RXNORM, "5640"): "invalid",  # the release answers alone, not the list that ships
        (CVX, "54"): "inactive",
        (CVX, "07"): "invalid",
    }
    told = db.rows(
        "select code, kind, tty, ingredient, replaced_by from code_status "
        "where system = ? and status <> 'invalid' order by code",
        [RXNORM],
    )
    assert told == [
        ("777001", None, None, None, "861007"),
        ("861007", "clinical drug", "SCD", "6809", None),
    ]
    until = db.row("select covered_to from code_status where code = '98765-1'")
    assert until == (date(2026, 3, 1),)


def test_validity(db: Database, added: Terminology) -> None:
    look_up(
        db,
        [(ICD, "G35", None), (ICD, "G35.A", None), (ICD, "E119", None), (ICD, "E11", None),
         (SNOMED, "190372001", None), (SNOMED, "44054006", None)],
        added,
    )  # fmt: skip
    rows = db.rows("select code, valid_from, valid_to, retired_by from code_validity order by code")
    assert rows == [
        ("190372001", None, date(2018, 7, 30), date(2018, 7, 31)),
        ("E119", None, None, None),
        ("G35", None, date(2025, 9, 30), date(2025, 10, 1)),
        ("G35.A", date(2026, 4, 1), None, None),
    ]


@pytest.mark.parametrize(
    ("system", "code", "display", "ok", "better"),
    [
        (ICD, "I10", "Essential (primary) hypertension", True, None),
        (ICD, "I10", "HYPERTENSION", True, None),
        (ICD, "E11.9", "Essential (primary) hypertension", False, "I10"),
        (ICD, "E11.9", "Zuckerkrankheit", None, None),
        (ICD, "E11.9", "...", None, None),
        (SNOMED, "44054006", "Diabetes mellitus type 2 (disorder)", True, None),
        (SNOMED, "44054006", "Essential hypertension", False, "59621000"),
        ("urn:oid:2.16.840.1.113883.6.238", "2106-3", "Asian", False, "2028-9"),
        (CLINICAL, "active", "Active", True, None),
        (CLINICAL, "nonsense", "Active", None, "active"),
        (SNOMED, "1104441000000107", "Essential hypertension", None, None),
    ],
)
def test_displays(
    system: str, code: str, display: str, ok: bool | None, better: str | None, db: Database
) -> None:
    look_up(db, [(system, code, display)])
    assert db.rows("select display_ok, better_code from display_status") == [(ok, better)]


def test_a_synonym_of_a_release_is_a_name(db: Database, added: Terminology) -> None:
    look_up(
        db,
        [(RXNORM, "861008", "Glucophage 500 MG Oral Tablet"),
         (SNOMED, "44054006", 'Adult onset diabetes "late" mellitus'),
         (SNOMED, "44054006", "Appendectomy")],
        added,
    )  # fmt: skip
    rows = db.rows("select display, display_ok, better_code from display_status order by display")
    assert rows == [
        ('Adult onset diabetes "late" mellitus', True, None),
        ("Appendectomy", False, "80146002"),
        ("Glucophage 500 MG Oral Tablet", True, None),
    ]


def test_displays_of_local_codes_are_nobodys_business(db: Database) -> None:
    look_up(
        db,
        [("http://lab.example.org", "1", "Essential hypertension"), (None, "1", "x"),
         (ICD, "I10", None), (ICD, "I10", " "), (ICD, None, "Essential hypertension")],
    )  # fmt: skip
    assert db.rows("select * from display_status") == []


def test_coverage(db: Database) -> None:
    look_up(
        db,
        [(ICD, "E11.9", None), (ICD, "E11.12", None), (LOINC, "4548-4", None),
         (LOINC, "98765-1", None), (RXNORM, "861007", None), (ACT, "AMB", None),
         (CLINICAL, "active", None), ("http://lab.example.org", "1", None)],
    )  # fmt: skip
    rows = coverage.read_coverage(db)
    assert [(r.name, r.codes, r.covered, r.complete) for r in rows] == [
        ("ICD-10-CM", 2, 2, True),
        ("LOINC", 2, 1, False),
        ("HL7", 2, 2, True),
        ("RxNorm", 1, 0, False),
    ]
    assert "check digit" in rows[1].source
    assert coverage.read_notes(db) == ()


def test_coverage_in_words() -> None:
    rows = [
        Coverage("a", "ICD-10-CM", 12, 12, True, "ICD-10-CM 2026"),
        Coverage("b", "LOINC", 1000, 999, False, "common LOINC codes + check digit"),
        Coverage("c", "RxNorm", 3, 0, False, ""),
        Coverage("http://x.example.org", "http://x.example.org", 2, 0, False, ""),
    ]
    assert coverage_sentence(rows) == (
        "Codes could be looked up: all of ICD-10-CM, 99 % of LOINC and none of RxNorm or other "
        "systems. One that could not is not judged, and no defect."
    )
    assert coverage_lines(rows)[:3] == [
        "ICD-10-CM: 12 of 12 codes known, from ICD-10-CM 2026",
        "LOINC: 999 of 1,000 codes known, from common LOINC codes + check digit; "
        "no complete release here",
        "RxNorm: 0 of 3 codes known; no complete release here",
    ]
    assert coverage_sentence([]) == ""


# What ships


def test_what_ships_is_small_and_whole() -> None:
    releases = shipped()
    assert {r.name for r in releases if r.complete} == {"HL7 code systems", "ICD-10-CM"}
    size = sum(p.stat().st_size for r in releases for p in r.folder.iterdir())
    assert size < 2_500_000
    assert all(r.codes > 5_000 and r.source for r in releases)


@pytest.mark.parametrize(
    ("url", "size", "held"),
    [
        ("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", 4, "female"),
        ("http://hl7.org/fhir/ValueSet/observation-status", 8, "final"),
        ("http://hl7.org/fhir/us/core/ValueSet/omb-race-category", 8, "2106-3"),
        ("http://hl7.org/fhir/us/core/ValueSet/birthsex", 5, "UNK"),
        ("http://terminology.hl7.org/ValueSet/v3-ActEncounterCode", 11, "AMB"),
    ],
)
def test_value_sets_that_ship(url: str, size: int, held: str) -> None:
    codes = expansion(url)
    assert codes is not None
    assert len(codes) == size
    assert held in {code for _, code in codes}


@pytest.mark.parametrize(
    "url",
    [
        "http://hl7.org/fhir/ValueSet/mimetypes",
        "http://hl7.org/fhir/ValueSet/ucum-units",
        "http://hl7.org/fhir/ValueSet/clinical-findings",
        "http://example.org/none",
        "",
    ],
)
def test_value_sets_that_cannot_be_listed(url: str) -> None:
    assert expansion(url) is None


def test_no_code_of_snomed_ct_ships_but_the_patient_set(db: Database) -> None:
    releases = shipped()
    gps = next(r for r in releases if "Patient Set" in r.name)
    held: set[Any] = {
        code for (code,) in db.rows(f"select code from '{gps.file.format('concept')}'")
    }
    for release in releases:
        if release is gps:
            continue
        path = release.file.format("concept")
        assert db.row(f"select count(*) from '{path}' where system like ?", [f"{SNOMED}%"]) == (0,)
    from uptake.terminology import value_sets

    path = gps.folder.parents[1] / value_sets.FILE
    for systems in value_sets.read_value_sets(path).values():
        assert set(systems.get(SNOMED, "").split("\t")) <= held | {""}
