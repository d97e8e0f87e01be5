"""Who is this: what an index answers, and that it is what linking the whole load would."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import identity_cases as cases
import pytest

from uptake.errors import StorageError
from uptake.identity import scoring
from uptake.identity.demographics import read_demographics
from uptake.identity.linkage import link
from uptake.identity.lookup import ABOUT
from uptake.identity.match import Index, MatchError, link_new, open_index, write_index
from uptake.identity.model import shipped_model
from uptake.identity.results import read_linkage
from uptake.identity.weights import scored_sql

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

GIVEN = ("Ann", "Robert", "Peter", "Maria", "Grace", "Wei", "Sofía", "Omar", "Ingrid", "Tomasz")
FAMILY = ("Smith", "Nguyen", "García López", "O'Brien", "Müller", "Kowalski", "Haddad", "Lindqvist")
RARE = ("Aldric", "Brunhilde", "Caspian", "Dagmar", "Eulalia", "Fiorella", "Gwendolen", "Hortense")


def someone(n: int, at: random.Random) -> cases.Resource:
    """Somebody with all details, and a name that some share."""
    line, city, code = (
        f"{at.randint(1, 900)} {at.choice(FAMILY)} Street",
        "Denver",
        f"802{n % 90:02}",
    )
    return cases.patient(
        f"p{n}",
        birthDate=f"{at.randint(1930, 2015)}-{at.randint(1, 12):02}-{at.randint(1, 28):02}",
        gender=at.choice(("male", "female")),
        name=[{"family": at.choice(FAMILY), "given": [at.choice(GIVEN + RARE), at.choice(GIVEN)]}],
        address=[{"line": [line], "city": city, "state": "CO", "postalCode": code}],
        telecom=[
            {"system": "phone", "value": f"303-{at.randint(200, 999)}-{at.randint(1000, 9999)}"}
        ],
        identifier=[cases.number(f"{n:07}")],
    )


def again(patient: cases.Resource, identity: str, **more: Any) -> cases.Resource:
    """The same person, registered a second time."""
    return {**patient, "id": identity, "identifier": [cases.number(f"9{identity}")], **more}


def load() -> list[cases.Resource]:
    """Some two hundred records; some are of one person, with what goes wrong in between."""
    at = random.Random(4)
    people = [someone(n, at) for n in range(180)]
    people += [again(p, f"q{n}") for n, p in enumerate(people[:20])]
    people += [again(p, f"r{n}", birthDate="1960-01-01") for n, p in enumerate(people[20:22])]
    people += [again(p, f"s{n}", telecom=[], address=[]) for n, p in enumerate(people[22:30])]
    people += [
        again(p, f"t{n}", name=[{"family": p["name"][0]["family"], "given": ["Roberto"]}])
        for n, p in enumerate(people[30:36])
    ]
    shelter = [{"system": "phone", "value": "303-555-0199"}]
    people += [{**someone(500 + n, at), "telecom": shelter} for n in range(14)]
    return people


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A load that was linked by its keys and scored by Splink, as a large one is."""
    folder = tmp_path_factory.mktemp("match")
    with (
        cases.tables(folder, "patient_link", ehr=load()) as db,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(scoring, "AT_ONCE", -1)
        model = shipped_model()
        read_demographics(db)
        link(db, model=replace(model, settings={**model.settings, "whole": 0}))
        yield db


@pytest.fixture(scope="module")
def index(linked: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("index") / "patients"
    write_index(linked, folder)
    opened = open_index(folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """The index of the same load, every record of which was compared with every other."""
    folder = tmp_path_factory.mktemp("whole")
    with cases.tables(folder, "patient_link", ehr=load()) as db:
        write_index(db, folder / "patients")
    opened = open_index(folder / "patients")
    yield opened
    opened.close()


def person(n: int) -> cases.Resource:
    return next(p for p in load() if p["id"] == f"p{n}")


def test_weights_are_splinks(linked: Database) -> None:
    linkage = read_linkage(linked)
    assert linkage is not None
    model = linkage.model
    frequent = [c.tf for c in model.comparisons if c.tf]
    assert frequent
    columns = ", ".join(f"f_{c}.tf_{c}" for c in frequent)
    joins = " ".join(f"left join frequency_of_{c} f_{c} using ({c})" for c in frequent)
    sql = scored_sql(model, "select l, r from compared")
    weights = [f"weight_{c.name}" for c in model.comparisons]
    apart = " + ".join(f"abs(a.{name} - b.{name})" for name in ("weight", *weights))
    seen, worst = linked.row(
        f"with whole as (select p.*, {columns} from person_record p {joins}), "
        f"ours as ({sql.replace('person_record', 'whole')}) "
        f"select count(*), max({apart}) from ours a join scored b using (l, r)"
    )
    assert seen == linked.row("select count(*) from scored")[0] > 20
    assert worst < 1e-6


@pytest.mark.parametrize("n", [0, 3, 11, 14, 21, 25, 31, 34, 60, 90])
def test_the_answer_is_what_linking_would_say(linked: Database, index: Index, n: int) -> None:
    expected = {
        name: (probability, veto, levels)
        for name, probability, veto, levels in linked.rows(
            "select o.id, k.probability, k.veto, k.levels from patient_link k "
            "join person_record p on p.rid in (k.rid_l, k.rid_r) "
            "join person_record o on o.rid in (k.rid_l, k.rid_r) and o.rid <> p.rid "
            "where p.id = ? and k.outcome <> 'related'",
            [f"p{n}"],
        )
    }
    found = {c.id: c for c in index.match(person(n))}
    assert found.pop(f"p{n}").probability > 0.99
    assert found.keys() == expected.keys()
    for name, (probability, veto, levels) in expected.items():
        assert found[name].probability == pytest.approx(probability, abs=1e-6)
        assert found[name].veto == veto
        assert [dict(level) for level in found[name].levels] == [
            level | {"weight": pytest.approx(level["weight"], abs=1e-6)} for level in levels
        ]


def test_keys_find_who_comparing_with_everybody_finds(index: Index, whole: Index) -> None:
    for n in (0, 12, 22, 33, 100):
        by_keys = {c.id: c.grade for c in index.match(person(n))}
        assert by_keys
        assert by_keys.items() <= {c.id: c.grade for c in whole.match(person(n))}.items()


def test_the_likeliest_come_first_and_no_more_than_asked(index: Index) -> None:
    found = index.match(person(0))
    assert [c.id for c in found[:2]] in (["p0", "q0"], ["q0", "p0"])
    assert [c.probability for c in found] == sorted((c.probability for c in found), reverse=True)
    assert index.match(person(0), 1) == found[:1]


def test_grades_are_the_outcomes(index: Index) -> None:
    twin = {**person(0), "name": [{"family": "Smith", "given": ["Zacharias"]}]}
    found = [c for n in range(40) for c in index.match(person(n))] + list(index.match(twin))
    assert {c.outcome for c in found} == {"auto", "review"}
    for candidate in found:
        if candidate.outcome == "auto":
            assert (candidate.grade, candidate.veto) == ("certain", "")
        else:
            assert candidate.grade == ("probable" if candidate.probability >= 0.5 else "possible")


def test_only_certain_matches(index: Index) -> None:
    everybody = index.match(person(23))
    certain = index.match(person(23), only_certain=True)
    assert [c.grade for c in certain] == ["certain"]
    assert len(everybody) > len(certain)


def test_somebody_else_is_nobody(index: Index) -> None:
    stranger = cases.patient(
        "x", birthDate="1901-07-09", gender="other",
        name=[{"family": "Quisenberry", "given": ["Thaddeus"]}],
        address=[{"line": ["1 Nowhere"], "city": "Lisbon", "postalCode": "1000"}],
    )  # fmt: skip
    assert index.match(stranger) == ()


@pytest.mark.parametrize(
    "patient",
    [
        {},
        {"name": [{"family": "Smith", "given": ["Ann"]}]},
        {"name": [{"family": "Smith"}], "gender": "female"},
        {"name": [{"family": "Smith", "given": ["Ann"]}], "birthDate": None, "telecom": []},
        {"name": [{"family": "Smith", "given": ["Ann"]}], "telecom": [{"value": "n/a"}]},
    ],
)
def test_a_name_alone_is_too_little(index: Index, patient: dict[str, Any]) -> None:
    with pytest.raises(MatchError, match="a name alone") as error:
        index.match(patient)
    assert "Smith" not in str(error.value)


@pytest.mark.parametrize("patient", [{"name": "Smith", "birthDate": 1950}, {"birthDate": "1"}])
def test_what_is_no_patient_of_fhir_finds_nobody(index: Index, patient: dict[str, Any]) -> None:
    assert index.match(patient | {"identifier": [cases.number("123")]}) == ()


def test_other_letters_and_quotes_are_read_as_in_a_load(index: Index) -> None:
    at = next(p for p in load() if p["name"][0]["family"] == "Müller")
    plain = {**at, "name": [{**at["name"][0], "family": "MUELLER"}]}
    assert at["id"] in {c.id for c in index.match(at)}
    assert at["id"] in {c.id for c in index.match(plain)}
    quoted = next(p for p in load() if p["name"][0]["family"] == "O'Brien")
    assert quoted["id"] in {c.id for c in index.match(quoted)}


@pytest.mark.parametrize(
    "name",
    [
        "x' or 'a' = 'a",
        "\x00\x01",
        "\u202eAnn",
        "名前",
        "Ñ" * 10_000,
        "\\b(",
        "{}",
        "$1",
        "🙂",
        "\ud800",
    ],
)
def test_odd_text_is_text(index: Index, name: str) -> None:
    at = person(3)
    odd = {**at, "name": [{"family": name, "given": [name, name], "text": name}],
           "address": [{"line": [name], "city": name}]}  # fmt: skip
    assert all(c.grade != "certain" for c in index.match(odd))
    assert index.match(at)[0].probability > 0.99


def test_what_many_share_says_nothing(index: Index) -> None:
    of_shelter = {**someone(900, random.Random(9)),
                  "telecom": [{"system": "phone", "value": "303-555-0199"}]}  # fmt: skip
    assert not [c for c in index.match(of_shelter) if c.probability > 0.5]


def test_it_may_be_asked_from_several_threads(index: Index) -> None:
    asked = [person(n) for n in range(6)]
    alone = [index.match(p) for p in asked]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(index.match, asked)) == alone


def test_where_the_gate_did_not_pass_nothing_is_certain(linked: Database, tmp_path: Path) -> None:
    (told,) = linked.row("select told from linkage")
    failed = json.loads(told)
    failed["sanity"]["figures"][0] |= {"value": 1e9}
    linked.run("update linkage set told = ?", [json.dumps(failed)])
    try:
        write_index(linked, tmp_path / "index")
    finally:
        linked.run("update linkage set told = ?", [told])
    index = open_index(tmp_path / "index")
    try:
        found = index.match(person(0))
        assert {c.grade for c in found} == {"probable"}
        assert all("nothing is linked by itself" in c.veto for c in found)
    finally:
        index.close()


def test_new_records_are_held_against_the_index_as_one_is(index: Index, tmp_path: Path) -> None:
    new = [again(person(n), f"new{n}") for n in (0, 11, 22, 60)]
    new.append(person(5))
    with cases.tables(tmp_path, "reference", ehr=new) as db:
        read_demographics(db)
        link_new(index.lookup.folder, db)
        rows = db.rows("select id, known_id, probability, outcome, veto from new_link")
    assert {one for one, *_ in rows} == {"new0", "new11", "new22", "new60", "p5"}
    assert not [row for row in rows if row[0] == row[1]]
    for patient in new:
        told = {c.id: c for c in index.match(patient)}
        told.pop(patient["id"], None)
        held = {known: rest for one, known, *rest in rows if one == patient["id"]}
        assert {known for known, rest in held.items() if rest[1] != "related"} == told.keys()
        for known, candidate in told.items():
            probability, outcome, veto = held[known]
            assert probability == pytest.approx(candidate.probability, abs=1e-9)
            assert (outcome, veto) == (candidate.outcome, candidate.veto)


def test_an_empty_load_has_an_index_that_finds_nobody(tmp_path: Path) -> None:
    with cases.tables(tmp_path, "patient_link", ehr=[cases.fact("f", "p")]) as db:
        write_index(db, tmp_path / "index")
    index = open_index(tmp_path / "index")
    assert index.match(person(0)) == ()
    index.close()


def test_an_index_of_another_version_is_refused(linked: Database, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    with pytest.raises(StorageError, match="no index here"):
        open_index(folder)
    write_index(linked, folder)
    write_index(linked, folder)  # the same place again
    about = (folder / ABOUT).read_text().replace('"version":"2 duckdb', '"version":"0 duckdb', 1)
    (folder / ABOUT).write_text(about)
    with pytest.raises(StorageError, match="another version"):
        open_index(folder)
