"""The population of the benchmarks: the same by seed, natural shares, a truth that holds."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from test_hospital import faults

from benchmarks.population import __main__ as command
from benchmarks.population import as_fhir, cultures, default_cultures, population, read_rates
from benchmarks.population.cultures import FOLDER
from benchmarks.population.duplicates import CHANGES, confused
from benchmarks.population.wrong import Ground, Row, World, folded, typo, world

PERSONS = 20_000
SHARED = (
    "rec_id", "person_id", "source", "given", "middle", "family", "suffix", "maiden", "birth_date",
    "gender", "line", "city", "state", "zip", "phone", "email", "ssn", "mrn",
)  # fmt: skip
TRAPS = {
    "twin", "twin_similar", "junior", "father_son", "namesake", "newborn", "shelter",
    "nursing_home", "roommate", "stepchild", "dummy_ssn", "dummy_phone", "dummy_email",
    "default_date",
}  # fmt: skip
OF_RECORDS = {"", "dummy_ssn", "dummy_phone", "dummy_email", "default_date"}


@pytest.fixture(scope="module")
def records() -> list[Row]:
    return population(PERSONS, 1).to_pylist()


@pytest.fixture(scope="module")
def first(records: list[Row]) -> dict[str, Row]:
    return {row["person_id"]: row for row in records if not row["noise"]}


def homes(first: dict[str, Row], *kinds: str) -> list[list[Row]]:
    found = defaultdict(list)
    for row in first.values():
        if row["kind"] in kinds:
            found[row["household"]].append(row)
    return list(found.values())


def pairs(first: dict[str, Row], *kinds: str) -> Iterator[tuple[Row, Row]]:
    for home in homes(first, *kinds):
        yield from ((a, b) for a in home for b in home if a["person_id"] < b["person_id"])


def test_one_seed_gives_one_population() -> None:
    assert population(1500, 7).equals(population(1500, 7))
    assert not population(1500, 7).equals(population(1500, 8))


def test_it_has_the_columns_of_the_shared_sets_and_every_person(
    records: list[Row], first: dict[str, Row]
) -> None:
    own = ("household", "kind", "noise", "culture", "country")
    assert tuple(records[0]) == (*SHARED, *own)
    assert len(first) == PERSONS == sum(not row["noise"] for row in records)
    assert len({row["rec_id"] for row in records}) == len(records)
    assert {row["person_id"] for row in records} == set(first)


def test_a_duplicate_is_the_person_it_says(records: list[Row], first: dict[str, Row]) -> None:
    again = [row for row in records if row["noise"]]
    assert 0.09 < len({row["person_id"] for row in again}) / PERSONS < 0.11
    for row in again:
        origin = first[row["person_id"]]
        assert (row["household"], row["culture"]) == (origin["household"], origin["culture"])
        if row["kind"] not in OF_RECORDS or origin["kind"] not in OF_RECORDS:
            assert row["kind"] == origin["kind"]
        assert row["mrn"] is None or row["mrn"] != origin["mrn"]
        dates = {row["birth_date"], origin["birth_date"]} - {None}
        if "birth" not in row["noise"] and not any(date.endswith("-01-01") for date in dates):
            assert len(dates) <= 1


def test_a_clean_duplicate_reads_like_its_origin(records: list[Row], first: dict[str, Row]) -> None:
    for row in records:
        if row["noise"] != "clean" or row["culture"] in ("indonesian", "southasian"):
            continue
        origin = first[row["person_id"]]
        for name in ("given", "family", "line", "zip"):
            if row[name] and origin[name]:
                plain = [folded(one[name]).translate(PLAIN) for one in (row, origin)]
                assert plain[0] == plain[1]


PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae"})


def test_no_change_makes_somebody_else(records: list[Row], first: dict[str, Row]) -> None:
    """No duplicate has the name and the birth date of another person of the home."""
    known = defaultdict(set)
    for row in first.values():
        known[row["household"], name_and_birth(row)].add(row["person_id"])
    for row in records:
        if row["noise"] and row["given"] and row["birth_date"] and row["kind"] != "newborn":
            assert known[row["household"], name_and_birth(row)] <= {row["person_id"]}


def name_and_birth(row: Row) -> tuple[str, str, str]:
    return folded(row["given"] or ""), folded(row["family"] or ""), row["birth_date"] or ""


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"given": ""}, True),
        ({"given": "A"}, True),
        ({"given": "Anna"}, True),
        ({"given": "Doe", "family": "Anna"}, True),
        ({"given": "Bela"}, False),
        ({"given": "Anna", "birth_date": "2015-02-04"}, False),
    ],
)
def test_a_twin_is_never_written_like_the_other(fields: dict[str, str], wrong: bool) -> None:
    twin = {"given": "Bela", "own_given": "Bela", "family": "Doe", "birth_date": "2015-02-03"}
    mates = [twin | {"given": "Anna", "own_given": "Anna"}]
    assert confused(twin | {"kind": "twin", "mates": mates} | fields) is wrong


def test_every_trap_is_there(records: list[Row], first: dict[str, Row]) -> None:
    assert {row["kind"] for row in records} == TRAPS | {""}
    twins = list(pairs(first, "twin", "twin_similar"))
    assert len(twins) > 40
    for a, b in twins:
        if "default_date" not in (a["kind"], b["kind"]) and a["birth_date"] and b["birth_date"]:
            assert a["birth_date"] == b["birth_date"] or left_out(a, b)
        assert folded(a["given"] or "1") != folded(b["given"] or "2")
    for a, b in pairs(first, "junior", "father_son"):
        if a["given"] and b["given"]:
            assert folded(a["given"]) == folded(b["given"])
        assert a["birth_date"] != b["birth_date"] or not a["birth_date"]
    for home in homes(first, "shelter", "nursing_home"):
        assert len(home) >= 20
        assert len({row["line"].upper() for row in home if row["line"]}) == 1
        assert max(Counter(row["phone"] for row in home if row["phone"]).values()) > 5


def left_out(a: Row, b: Row) -> bool:
    """A default date on one of the two; or two pairs of twins in one home."""
    return any(row["birth_date"][4:] == "-01-01" for row in (a, b))


def test_similar_twins_have_similar_names_and_namesakes_one(first: dict[str, Row]) -> None:
    for home in homes(first, "twin_similar"):
        assert len(home) >= 2
        assert (
            max(Counter(row["gender"] for row in home if row["gender"]).values()) >= len(home) - 1
        )
    namesakes = [row for row in first.values() if row["kind"] == "namesake"]
    assert len(namesakes) >= 4
    groups = Counter(
        folded(f"{row['given']} {row['family']} {row['birth_date']}") for row in namesakes
    )
    assert groups.most_common(1)[0][1] == 2
    assert len({row["household"] for row in namesakes}) == len(namesakes)


def test_newborns_have_no_names_yet(first: dict[str, Row]) -> None:
    newborns = [row for row in first.values() if row["kind"] == "newborn"]
    placeholders = ("baby", "boy", "girl", "bb", "bg", "newborn")
    for row in newborns:
        assert (row["given"] or "Baby").lower().startswith(placeholders)
        assert (row["birth_date"] or "2026-05-01") >= "2026-04-01"


def test_shares_are_natural(records: list[Row], first: dict[str, Row]) -> None:
    shared = ("shelter", "nursing_home", "roommate")
    sizes = Counter(row["household"] for row in first.values() if row["kind"] not in shared)
    assert 2.2 < sum(sizes.values()) / len(sizes) < 2.7
    children = sum((row["birth_date"] or "1900") > "2008-07" for row in first.values())
    assert 0.18 < children / PERSONS < 0.30
    of_kind = Counter(row["kind"] for row in first.values())
    assert 0.004 < (of_kind["twin"] + of_kind["twin_similar"]) / PERSONS < 0.015
    assert 0.001 < of_kind["newborn"] / PERSONS < 0.006
    assert 0.003 < of_kind["nursing_home"] / PERSONS < 0.005
    women = sum(row["gender"] == "F" for row in first.values())
    assert 0.45 < women / PERSONS < 0.55
    families = Counter(row["family"] for row in records if row["culture"] == "anglo")
    assert families.most_common(1)[0][0] == "Smith"
    assert 0.005 < families["Smith"] / sum(families.values()) < 0.013


def test_fields_are_missing_as_each_source_leaves_them(records: list[Row]) -> None:
    for source, rates in read_rates(1)["source"].items():
        rows = [row for row in records if row["source"] == source]
        assert abs(len(rows) / len(records) - rates["percent"] / 100) < 0.02
        for name in ("birth_date", "gender", "zip", "phone"):
            absent = sum(row[name] is None for row in rows) / len(rows)
            assert abs(absent - rates["missing"][name]) < 0.02
    assert not any(row[name] == "" for row in records for name in SHARED)


def test_traps_are_multiplied() -> None:
    few, many = (
        Counter(population(4000, 3, traps=traps)["kind"].to_pylist()) for traps in (1.0, 8.0)
    )
    for kind in ("newborn", "namesake", "nursing_home", "dummy_ssn"):
        assert many[kind] > 4 * few[kind]
    assert many["twin"] > 3 * few["twin"]


def test_no_duplicates_and_one_culture() -> None:
    table = population(300, 4, ("hispanic",), duplicates=0.0)
    assert table.num_rows == 300
    assert set(table["culture"].to_pylist()) == {"hispanic"}
    assert set(table["noise"].to_pylist()) == {""}


def test_children_bear_the_surnames_of_their_culture() -> None:
    table = population(3000, 5, ("hispanic", "slavic"), duplicates=0.0).to_pylist()
    double = [row for row in table if row["culture"] == "hispanic" and " " in (row["family"] or "")]
    assert len(double) > 300
    endings = {
        row["gender"]
        for row in table
        if row["culture"] == "slavic" and (row["family"] or "").lower().endswith(("ova", "skaya"))
    }
    assert "F" in endings
    assert "M" not in endings


def test_cultures_kept_apart_are_in_no_default() -> None:
    apart = {name for name, culture in cultures().items() if culture.kept_apart}
    assert len(apart) == 2
    assert not apart & set(default_cultures())


@pytest.mark.parametrize("name", cultures())
def test_a_culture_is_whole(name: str) -> None:
    culture = cultures()[name]
    assert set(culture.noise) <= set(CHANGES)
    for names in (culture.surnames, culture.male, culture.female):
        shares = names.shares()
        assert sum(shares.values()) == pytest.approx(1, abs=0.001)
        assert min(shares.values()) > 0
    assert (FOLDER / f"{name}.toml").read_text("utf-8").startswith("# ")


def test_the_weights_are_those_of_known_changes() -> None:
    assert set(read_rates(1)["noise"]) <= set(CHANGES)


ANYBODY = {
    "kind": "", "country": "US", "given": "Anna", "own_given": "Anna", "given2": "", "middle": "",
    "middle_full": "", "family": "Doe", "part1": "Doe", "part2": "", "masculine": "Doe",
    "maiden": "", "suffix": "", "gender": "F", "years": 40, "birth_date": "1986-03-04",
    "line": "12 Main St Apt 4", "city": "Salem", "state": "OH", "zip": "44460",
    "phone": "2345551234", "email": "a@b.org", "ssn": "123456780", "father_given": "",
    "grandfather": "", "western": "", "married_name": False, "mates": [],
}  # fmt: skip
CASES = [
    ("anglo", "nickname", {"given": "William"}, "given", {"Bill", "Will", "Billy", "Liam"}),
    ("anglo", "initial", {}, "given", {"A"}),
    ("anglo", "given_missing", {}, "given", {""}),
    ("anglo", "swapped_names", {}, "given", {"Doe"}),
    ("anglo", "spelling", {"given": "Sara"}, "given", {"Sarah"}),
    ("anglo", "birth_swap", {}, "birth_date", {"1986-04-03"}),
    ("anglo", "birth_year", {}, "birth_date", {f"{y}-03-04" for y in (1976, 1985, 1987, 1996)}),
    ("anglo", "birth_default", {}, "birth_date", {"1986-01-01", "1900-01-01"}),
    ("anglo", "address", {}, "line", {"12 Main Street #4"}),
    ("anglo", "suffix", {"suffix": "Jr"}, "suffix", {""}),
    ("anglo", "gender", {}, "gender", {"", "M"}),
    ("anglo", "named", {"kind": "newborn", "given": "Baby Girl"}, "given", {"Anna"}),
    ("anglo", "second_given_first", {"middle_full": "Mary"}, "given", {"Mary"}),
    ("anglo", "surname_change", {"married_name": True, "maiden": "Poe"}, "family", {"Poe"}),
    ("anglo", "hyphen", {"family": "Doe-Smith"}, "family", {"Doe", "Smith"}),
    ("german", "accents", {"family": "Müller"}, "family", {"Mueller", "Muller"}),
    ("nordic", "accents", {"given": "Søren"}, "given", {"Soeren", "Søren"}),
    ("german", "particle", {"family": "van der Berg"}, "family",
     {"Vanderberg", "VanderBerg", "Berg", "Van der Berg", "Van der-Berg"}),
    ("hispanic", "particle", {"family": "de la Cruz"}, "family",
     {"Delacruz", "DelaCruz", "Cruz", "De la Cruz", "De la-Cruz"}),
    ("arabic", "particle", {"family": "Al-Masri"}, "family",
     {"AlMasri", "Almasri", "Masri", "Al Masri", "El-Masri", "El Masri"}),
    ("hispanic", "second_surname", {"part2": "Ruiz", "family": "Doe Ruiz"}, "family",
     {"Doe", "Ruiz", "Doe-Ruiz"}),
    ("french", "spacing", {"given": "Jean-Pierre"}, "given", {"Jean Pierre", "Jeanpierre", "Jean"}),
    ("chinese", "spacing", {"given": "Xiaoying"}, "given",
     {"Xiao Ying", "Xiao-Ying", "Xiao-ying", "Xiao"}),
    ("chinese", "western_name", {"western": "Amy"}, "given", {"Amy", "Amy Anna"}),
    ("chinese", "order", {}, "given", {"Doe", "Doe Anna"}),
    ("slavic", "gendered", {"family": "Popova", "part1": "Popova", "masculine": "Popov"}, "family",
     {"Popov"}),
    ("slavic", "patronymic", {"middle": "Ivanovna"}, "middle", {""}),
    ("arabic", "patronymic", {"father_given": "Ali"}, "middle",
     {"Ali", "bin Ali", "ibn Ali", "bint Ali"}),
    ("southasian", "initials", {"father_given": "Siva"}, "given", {"S. Anna", "Anna"}),
    ("indonesian", "single_form", {"family": ""}, "family", {"Anna"}),
]  # fmt: skip


def somewhere(culture: str, seed: int = 1) -> World:
    ground = Ground([("Salem", "OH", "44460", "234")], ["Main St"])
    return world(random.Random(seed), ground, cultures()[culture])


@pytest.mark.parametrize(("culture", "change", "given", "field", "allowed"), CASES)
def test_a_change_writes_what_a_clerk_would(
    culture: str, change: str, given: Row, field: str, allowed: set[str]
) -> None:
    row, here = ANYBODY | given, somewhere(culture)
    found = [CHANGES[change](row, here) for _ in range(30)]
    written = {(row | fields)[field] for fields in found if fields is not None}
    assert written
    assert written <= allowed


def test_mohammed_is_written_in_many_ways() -> None:
    here = somewhere("arabic")
    row = ANYBODY | {"given": "Mohammed", "family": "Osman"}
    found = [CHANGES["transliteration"](row, here) or {} for _ in range(40)]
    assert {"Muhammad", "Mohamed"} <= {fields.get("given") for fields in found}
    assert "Othman" in {fields.get("family") for fields in found}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_nothing_changes_nothing(change: str) -> None:
    """A man with little to be written wrong: the change gives known fields or None, no error."""
    row = ANYBODY | {
        "given": "Xi",
        "family": "",
        "gender": "M",
        "ssn": "",
        "birth_date": "1986-03-30",
    }
    for culture in cultures():
        fields = CHANGES[change](row, somewhere(culture))
        assert fields is None or set(fields) <= set(ANYBODY)


def test_a_typo_is_one_slip_after_the_first_letter() -> None:
    chance = random.Random(3)
    for _ in range(300):
        wrong = typo("Peterson", chance)
        assert wrong is None or (wrong[0] == "P" and abs(len(wrong) - 8) <= 1)
    assert typo("Li", chance) is None


def test_as_fhir_is_valid_r4(records: list[Row]) -> None:
    table = population(600, 6)
    patients = list(as_fhir(table))
    assert len(patients) == table.num_rows
    found = {fault for patient in patients for fault in faults(patient, "Patient", "Patient")}
    assert found == set()
    assert not any(empty(value) for patient in patients for value in patient.values())
    uses = Counter(name["use"] for patient in patients for name in patient["name"])
    assert set(uses) == {"official", "maiden"}
    codes = {
        number["type"]["coding"][0]["code"]
        for patient in patients
        for number in patient.get("identifier", ())
    }
    assert codes == {"MR", "SS"}


def empty(value: Any) -> bool:
    if isinstance(value, dict):
        return not value or any(map(empty, value.values()))
    if isinstance(value, list):
        return not value or any(map(empty, value))
    return value in ("", None)


def test_the_command_writes_parquet_and_a_feed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("p.parquet", "p.ndjson"):
        said = ["population", str(tmp_path / name), "--persons", "200", "--seed", "2"]
        monkeypatch.setattr(sys, "argv", [*said, "--cultures", "anglo,arabic"])
        command.main()
    table = pq.read_table(tmp_path / "p.parquet")
    assert "records of 200 persons" in capsys.readouterr().out
    with (tmp_path / "p.ndjson").open(encoding="utf-8") as lines:
        assert [json.loads(line)["id"] for line in lines] == table["rec_id"].to_pylist()


def test_an_unknown_culture_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["population", str(tmp_path / "p.parquet"), "--persons", "9", "--seed", "2"]
    monkeypatch.setattr(sys, "argv", [*said, "--cultures", "martian"])
    with pytest.raises(SystemExit):
        command.main()
    assert "no such culture: martian" in capsys.readouterr().err
