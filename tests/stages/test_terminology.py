"""Codes, systems and units without a release: what is wrong is said, what is right is left."""

from __future__ import annotations

import gzip
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from uptake.engine.duckdb import Database
from uptake.terminology import check_digits, statuses, systems, units
from uptake.terminology.check_digits import LOINC, NPI, SNOMED, UCUM
from uptake.terminology.ucum import is_ucum

CONTENT = Path(statuses.__file__).parents[1] / "content" / "terminology"
THO = "http://terminology.hl7.org/CodeSystem/"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
NDC = "http://hl7.org/fhir/sid/ndc"
CVX = "http://hl7.org/fhir/sid/cvx"
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
JUDGED = "system, code, check_digit_ok, format_ok, suggestion"
ALL = frozenset({"code_status", "identifier_status", "unit_status", "system_status"})


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads((CONTENT / name).read_text("utf-8"))


# Check digits and formats


@pytest.mark.parametrize(
    ("system", "code", "right", "suggestion"),
    [
        (LOINC, "4548-4", True, None),
        (LOINC, "13457-1", False, "13457-7"),
        (LOINC, "100000-9", True, None),
        (LOINC, "LA6576-8", None, None),
        (LOINC, "LP29684-5", None, None),
        (LOINC, "4548", None, None),
        (SNOMED, "44054006", True, None),
        (SNOMED, "44054007", False, "44054006"),
        (SNOMED, "731000124108", True, None),
        (SNOMED, "4405", None, None),
        (SNOMED, "12345678901234567890", None, None),
        (SNOMED, "128045006:363698007=56459004", None, None),
        (ICD10CM, "E11.9", None, None),
        ("http://lab.example/codes", "13457-1", None, None),
    ],
)
def test_check_digit(system: str, code: str, right: bool | None, suggestion: str | None) -> None:
    assert check_digits.check_digit_ok(system, code) is right
    assert check_digits.suggest(system, code) == suggestion


@pytest.mark.parametrize(
    ("system", "good", "bad"),
    [
        (LOINC, "4548-4 LA6576-8 LP29684-5 LL360-9 LG51018-6 MTHU000998", "4548 GLU A1C-4 45484"),
        (SNOMED, "44054006 138875005 900000000000207008 900000000000012004",
         "4405 044054006 E11.9"),
        (RXNORM, "860975 2", "0860975 RX860975 metformin"),
        (CVX, "03 08 140 998", "3 8 0140 CVX"),
        (NDC, "0002-8215-01 50580-449-05 60575-4112-1 00002-8215-01 00002821501 0002-8215",
         "0002821501"),
        (ICD10CM, "I10 E11.9 E119 S72.001A T36.0X1A C4A.0 U07.1 M1A.00X0",
         "e11.9 11.9 E1 S72.001AAA"),
        (ICD10, "I10 E11.9 M00.01 A00-A09 A17.0+", "S72.001A C4A.0 T36.0X1A"),
        (CPT, "99213 0001F 0042T 0001U 25 LT", "9921 992133 A9213"),
        (HCPCS, "J1885 G0008 D0120 99213 0001F", "J188 J18855"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "250.00 25000 V70.0 E849.0 36.15 001", "2500000 A00"),
        ("http://www.cms.gov/Medicare/Coding/ICD10", "0DTJ4ZZ 02HV33Z", "0DTJ4Z 0DTI4ZZ 0dtj4zz"),
        ("http://nucc.org/provider-taxonomy", "207R00000X 2080P0216X", "207R00000 207R000000"),
        ("http://www.whocc.no/atc", "A A10 A10B A10BA A10BA02", "A1 A10BA2 metformin"),
        ("http://fdasis.nlm.nih.gov", "9100L32L2N", "9100L32L2"),
        (UCUM, "mg/dL {score}", "mEq/L"),
    ],
)  # fmt: skip
def test_format(system: str, good: str, bad: str) -> None:
    assert [c for c in good.split() if check_digits.format_ok(system, c) is not True] == []
    assert [c for c in bad.split() if check_digits.format_ok(system, c) is not False] == []


def test_only_a_concept_is_a_snomed_code() -> None:
    description, relationship = (
        stem + check_digits.verhoeff_digit(stem) for stem in ("75570301", "10000002")
    )
    assert check_digits.check_digit_ok(SNOMED, description) is True
    assert check_digits.format_ok(SNOMED, description) is False
    assert check_digits.format_ok(SNOMED, relationship) is False
    assert check_digits.format_ok(SNOMED, "128045006:363698007=56459004") is None
    assert check_digits.suggest(SNOMED, description[:-1] + "x") is None


def test_other_scripts_have_digits_too() -> None:
    assert check_digits.format_ok(SNOMED, "٤٤٠٥٤٠٠٦") is False
    assert check_digits.npi_ok("١٢٣٤٥٦٧٨٩٣") is False


@pytest.mark.parametrize(
    ("value", "right"),
    [("1234567893", True), ("1245319599", True), ("1234567890", False), ("123456789", False),
     ("9234567893", False), ("", False), ("1234567893 ", False)],
)  # fmt: skip
def test_npi(value: str, right: bool) -> None:
    assert check_digits.npi_ok(value) is right


def coded(folder: Path, system: str) -> set[str]:
    """Return the codes of a system in the shared Synthea data."""
    pattern = re.compile(rf'"system":"{re.escape(system)}","code":"([^"]*)"')
    files = sorted(folder.glob("synthea-*/*.ndjson.gz"))
    return {code for f in files for code in pattern.findall(gzip.open(f, "rt").read())}


@pytest.mark.parametrize("system", [LOINC, SNOMED, RXNORM, CVX])
def test_no_false_alarm_on_what_synthea_sends(shared: Path, system: str) -> None:
    codes = coded(shared / "data", system)
    assert len(codes) > 10
    alarms = {
        code
        for code in codes
        if check_digits.check_digit_ok(system, code) is False
        or check_digits.format_ok(system, code) is False
    }
    # Synthea sends one LOINC code as SNOMED CT: no false alarm.
    assert alarms - {"34552-0"} == set()


# Systems


@pytest.mark.parametrize(
    ("sent", "canonical"),
    [
        ("http://loinc.org", LOINC),
        ("http://loinc.org/", LOINC),
        (" HTTPS://www.LOINC.org ", LOINC),
        ("http://loinc.org|2.78", LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("2.16.840.1.113883.6.1", LOINC),
        ("LN", LOINC),
        ("loinc", LOINC),
        ("http://snomed.info/sct/", SNOMED),
        ("SNOMED CT", SNOMED),
        ("http://snomed.info/sct/731000124108", "http://snomed.info/sct/731000124108"),
        ("http://snomed.info/sct/731000124108/version/20240301",
         "http://snomed.info/sct/731000124108/version/20240301"),
        ("I10C", ICD10CM),
        (ICD10, ICD10),
        ("ICD-10", None),
        ("HL70203", THO + "v2-0203"),
        ("urn:oid:2.16.840.1.113883.12.203", THO + "v2-0203"),
        ("http://hl7.org/fhir/v2/0203", THO + "v2-0203"),
        ("http://hl7.org/fhir/v3/ActCode", THO + "v3-ActCode"),
        ("urn:oid:2.16.840.1.113883.5.4", THO + "v3-ActCode"),
        ("urn:oid:2.16.840.1.113883.18.108", THO + "v2-0203"),
        ("2.16.840.1.113883.5.139", THO + "v3-TimingEvent"),
        ("https://terminology.hl7.org/CodeSystem/v3-ActCode/", THO + "v3-ActCode"),
        ("http://hl7.org/fhir/observation-category", THO + "observation-category"),
        ("http://hl7.org/fhir/observation-status", "http://hl7.org/fhir/observation-status"),
        ("http://hl7.org/fhir/ValueSet/observation-codes", None),
        ("http://hl7.org/fhir/StructureDefinition/Observation", None),
        ("http://hl7.org/fhir/sid/unheard-of", None),
        ("CDCREC", "urn:oid:2.16.840.1.113883.6.238"),
        ("http://lab.example/codes", None),
        ("urn:oid:1.2.840.114350.1.13.0.1.7.2", None),
        ("L", None),
        ("", None),
    ],
)  # fmt: skip
def test_canonical(sent: str, canonical: str | None) -> None:
    assert systems.canonical(sent) == canonical


def test_what_is_a_standard() -> None:
    assert systems.is_standard("LN")
    assert systems.is_standard("http://snomed.info/sct/731000124108")
    assert systems.is_standard(THO + "observation-category")
    assert not systems.is_standard(THO + "data-absent-reason")
    assert not systems.is_standard("http://hl7.org/fhir/v3/NullFlavor")
    assert not systems.is_standard("https://smarthealthit.org/tags")


def test_an_edition_follows_the_rules_of_snomed() -> None:
    assert systems.code_rules("http://snomed.info/sct/731000124108") == SNOMED
    assert systems.code_rules("http://lab.example/codes") is None


def test_every_name_in_the_table_leads_to_its_own_system() -> None:
    for system in toml("systems.toml")["system"]:
        for name in (system["uri"], *system.get("aliases", ())):
            assert systems.canonical(name) == system["uri"], name


# Units


def test_every_example_of_ucum_is_ucum() -> None:
    path = Path(__file__).parents[1] / "conformance" / "ucum_examples.txt"
    codes = path.read_text("utf-8").splitlines()
    assert len(codes) > 800
    assert [code for code in codes if not is_ucum(code)] == []


@pytest.mark.parametrize(
    "code",
    ["1", "%", "[iU]/L", "m[IU]/L", "mm[Hg]", "10*3/uL", "10^9/L", "/min", "{score}", "{INR}",
     "mL/min/{1.73_m2}", "100/{cells}", "(8.h){shift}", "/(/m)", "m[H2O]", "10*-3", "B[10.nV]"],
)  # fmt: skip
def test_is_ucum(code: str) -> None:
    assert is_ucum(code)


@pytest.mark.parametrize(
    "code",
    ["", " ", "mg /dL", "mEq/L", "IU/L", "(score)", "units", "MG/DL", "10+3/uL", "mg//dL", "mg/",
     "0", "m0", "{µg}", "{no value}", "{a", "(m", "m)", "()", "m(s)", "[deg", "µg", "kk", "1" * 201,
     "(" * 5000, "10*00"],
)  # fmt: skip
def test_is_not_ucum(code: str) -> None:
    assert not is_ucum(code)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("mEq/L", "meq/L"), ("IU/L", "[iU]/L"), ("U/L", "U/L"), ("#/uL", "/uL"),
        ("mm Hg", "mm[Hg]"), ("mcg", "ug"), ("degF", "[degF]"), ("°F", "[degF]"),
        ("bpm", "/min"), ("breaths/min", "/min"), ("beats/minute", "/min"), ("cc", "mL"),
        ("lbs", "[lb_av]"), ("K/uL", "10*3/uL"), ("x10E3/uL", "10*3/uL"), ("10³/µL", "10*3/uL"),
        ("10E9/L", "10*9/L"), ("mg/dl", "mg/dL"), ("MG/DL", "mg/dL"), ("Mg/dL", "mg/dL"),
        ("celsius", "Cel"), ("percent", "%"), ("inches", "[in_i]"), ("mIU/L", "m[iU]/L"),
        ("uIU/mL", "u[iU]/mL"), ("mg per day", "mg/d"), ("mL/min/1.73 m2", "mL/min/{1.73_m2}"),
        ("(score)", "{score}"), ("pH", "[pH]"), ("mM", "mmol/L"), ("PG/ML", "pg/mL"),
        ("MBq", "MBq"),
        ("g", "g"), ("1", "1"), ("mg", "mg"), (" mg ", "mg"),
    ],
)  # fmt: skip
def test_a_unit_that_can_only_mean_one_thing(text: str, code: str) -> None:
    assert units.meaning(text) == code


@pytest.mark.parametrize(
    "text",
    ["", " ", "gr", "M", "C", "F", "G/L", "MU/L", "MM", "mM/L", "units", "12", "see note",
     "x100/UL", "mg" * 100, "°", "/", "mg/foo", "MIU/L"],
)  # fmt: skip
def test_a_unit_that_could_mean_two_things_or_none(text: str) -> None:
    assert units.meaning(text) is None


def test_every_suggestion_is_ucum_and_means_itself() -> None:
    read = toml("units.toml")
    codes = {code for table in ("meant", "whole", "part") for code in read[table].values()}
    assert [code for code in codes if not is_ucum(code)] == []
    assert [code for code in codes if units.meaning(code) not in (code, None)] == []


def test_a_code_of_another_system_is_not_read_as_ucum() -> None:
    assert units.suggest("mg/dl", SNOMED, "258797006") == "mg/dL"
    assert units.suggest(None, SNOMED, "mg") is None
    assert units.suggest("mg", None, "g") == "g"
    assert units.suggest("mmHg", UCUM, "nonsense") == "mm[Hg]"


# The tables


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(1, "200MB", tmp_path)
    for table, columns in (
        ("coding", "rid bigint, system varchar, code varchar, display varchar"),
        ("identifier", "rid bigint, system varchar, value varchar"),
        ("quantity", "rid bigint, unit varchar, system varchar, code varchar"),
    ):
        database.run(f"create table {table} ({columns})")
    yield database
    database.close()


def test_nothing_to_judge_gives_empty_tables(db: Database) -> None:
    statuses.build_statuses(db, ALL)
    assert [db.row(f"select count(*) from {table}") for table in sorted(ALL)] == [(0,)] * 4


def test_only_what_is_wanted_is_made(db: Database) -> None:
    statuses.build_statuses(db, frozenset({"unit_status", "event"}))
    made = {name for (name,) in db.rows("select table_name from duckdb_tables()")}
    assert made == {"coding", "identifier", "quantity", "unit_status"}


def test_code_status(db: Database) -> None:
    sent = [
        (1, LOINC, "4548-4"), (2, LOINC, "4548-4"), (3, "http://loinc.org/", "13457-1"),
        (4, "http://snomed.info/sct/731000124108", "44054007"), (5, "http://lab.example", "X"),
        (6, None, "E11.9"), (7, LOINC, None), (8, None, None), (9, ICD10CM, "e11.9"),
    ]  # fmt: skip
    db.insert("coding", ("rid", "system", "code"), sent)
    statuses.build_statuses(db, ALL)
    assert set(db.rows(f"select {JUDGED} from code_status")) == {
        (LOINC, "4548-4", True, True, None),
        ("http://loinc.org/", "13457-1", False, True, "13457-7"),
        ("http://snomed.info/sct/731000124108", "44054007", False, True, "44054006"),
        ("http://lab.example", "X", None, None, None),
        (None, "E11.9", None, None, None),
        (LOINC, None, None, None, None),
        (None, None, None, None, None),
        (ICD10CM, "e11.9", None, False, None),
    }  # fmt: skip
    joined = db.row(
        "select count(*) from coding c join code_status s "
        "on c.system is not distinct from s.system and c.code is not distinct from s.code"
    )
    assert joined == (len(sent),)


def test_identifier_status(db: Database) -> None:
    sent = [
        (1, NPI, "1234567893"), (2, NPI, "1234567890"), (3, "urn:oid:2.16.840.1.113883.4.6", "1"),
        (4, "http://lakeshore.example/mrn", "42"), (5, NPI, None), (6, None, "1234567893"),
    ]  # fmt: skip
    db.insert("identifier", ("rid", "system", "value"), sent)
    statuses.build_statuses(db, ALL)
    assert set(db.rows("select system, value, check_digit_ok from identifier_status")) == {
        (NPI, "1234567893", True),
        (NPI, "1234567890", False),
        ("urn:oid:2.16.840.1.113883.4.6", "1", False),
    }


def test_unit_status(db: Database) -> None:
    sent = [
        (1, "mg/dL", UCUM, "mg/dL"), (2, "mg/dL", UCUM, "mg/dL"), (3, "mg/dl", None, None),
        (4, "IU/L", UCUM, "IU/L"), (5, None, None, None), (6, "%", None, "%"),
        (7, "K/uL", UCUM, "K/uL"),
    ]  # fmt: skip
    db.insert("quantity", ("rid", "unit", "system", "code"), sent)
    statuses.build_statuses(db, ALL)
    assert set(db.rows("select unit, system, code, ucum_ok, suggestion from unit_status")) == {
        ("mg/dL", UCUM, "mg/dL", True, "mg/dL"),
        ("mg/dl", None, None, None, "mg/dL"),
        ("IU/L", UCUM, "IU/L", False, "[iU]/L"),
        (None, None, None, None, None),
        ("%", None, "%", True, "%"),
        ("K/uL", UCUM, "K/uL", True, "10*3/uL"),
    }
    joined = db.row(
        "select count(*) from quantity q join unit_status s on q.unit is not distinct from s.unit "
        "and q.system is not distinct from s.system and q.code is not distinct from s.code"
    )
    assert joined == (len(sent),)


def test_system_status(db: Database) -> None:
    db.insert("coding", ("rid", "system", "code"), [(1, "LN", "4548-4"), (2, None, "x")])
    db.insert("quantity", ("rid", "system"), [(3, UCUM), (4, "http://lab.example/units")])
    statuses.build_statuses(db, ALL)
    assert set(db.rows("select system, canonical, standard from system_status")) == {
        ("LN", LOINC, True),
        (UCUM, UCUM, True),
        ("http://lab.example/units", None, False),
    }
