"""Normal forms: the rules on words by themselves, and that one Patient has the form of a load."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from identity_cases import Resource, number, patient, tables
from test_linkage_names import ALIKE, FORMS

from benchmarks.corpus import SHARED
from benchmarks.linkage import sets
from uptake.identity import places
from uptake.identity.demographics import (
    Sent,
    SentAddress,
    SentContact,
    SentName,
    SentNumber,
    sent_by,
)
from uptake.identity.normal import build_records
from uptake.identity.person import Words, person_of, read_busy, read_words
from uptake.identity.spelling import ordered, plain, small, sound

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

MOST = 12
FROM_THE_LOAD = {"n", "rid", "feed", "id", "given_count"}
"""Columns that a Patient does not have by itself."""


@pytest.fixture(scope="module")
def words() -> Iterator[Words]:
    with sets.database() as db:
        sets.read_knowledge(db)
        yield read_words(db)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("O'Brien", "obrien"), ("  Smith -- JONES ", "smith jones"), ("Łódź", "lodz"),
        ("Иванова", "ivanova"), ("e\u0301", "e"), ("\u200b\u202e", ""), ("🙂", ""), ("...", ""),
        ("Nr. 7", "nr 7"),
    ],
)  # fmt: skip
def test_plain_words(text: str, form: str) -> None:
    assert plain(text) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [("phillip", "fillip"), ("catherine", "cathryn"), ("zoe", "zoey"), ("mark", "marck")],
)
def test_sounds_are_of_consonants(one: str, other: str) -> None:
    assert sound(one)[1:] == sound(other)[1:]
    assert len(sound("wolfeschlegelstein")) == 5
    assert sound("") == ""


def test_small_letters_are_duckdbs() -> None:
    texts = (" A\u00c9 ", "\u00a0\u0130x\u2003", "\u03a3\u03a3", "Straße")
    with sets.database() as db:
        told = [db.row("select lower(trim(?))", [text])[0] for text in texts]
    assert [small(text) for text in texts] == told


@pytest.mark.parametrize(
    ("first", "later", "form"),
    [
        ("John", "III", ("john", None, "iii")),
        ("John", "Paul III", ("john", "paul", "iii")),
        ("Paulo", "Junior", ("paulo", None, "jr")),
        ("John", "V", ("john", "v", None)),
        ("John III", "Paul", ("john", "paul", "iii")),
        ("Dr.", "John", ("john", None, None)),
        ("Mary Ann", "Lee", ("mary", "ann", None)),
        ("III", "", ("iii", None, None)),
        ("", "III", (None, None, "iii")),
        ("Baby Boy", "Lee", ("lee", None, None)),
    ],
)
def test_a_generation_in_a_later_given_name(
    first: str, later: str, form: tuple[str | None, ...]
) -> None:
    told = {"name": [{"family": "Smith", "given": [first, later]}]}
    record = alone(told)
    assert (record["given"], record["middle"], record["suffix"]) == form


def alone(told: Resource) -> dict[str, Any]:
    """Return the record of one Patient, of a load in which nothing is shared."""
    with sets.database() as db:
        sets.read_knowledge(db)
        for name in ("contact", "number", "line"):
            db.run(f"create table busy_{name} {BUSY[name]}")
        return person_of(sent_by(told), read_words(db), read_busy(db))


BUSY = {
    "contact": "(kind varchar, value varchar)",
    "number": "(class varchar, system varchar, value varchar)",
    "line": "(line varchar, zip varchar)",
}


@pytest.mark.parametrize(
    ("text", "form", "house"),
    [
        ("12 Main Street Apt. 4", "12 main 4", "12"), ("Hauptstr. 7", "hauptstr 7", "7"),
        ("Main Street", "main", None), ("Street", None, None), ("", None, None),
        ("12", "12", "12"), ("12-14 Elm", "12 14 elm", "12"),
    ],
)  # fmt: skip
def test_lines(words: Words, text: str, form: str | None, house: str | None) -> None:
    line = places.line(text, words.streets)
    assert line == form
    assert places.house(line) == house


def test_what_a_name_form_has_of_each_word(words: Words) -> None:
    told = words.names.family("de la Cruz Petrova Jr.")
    assert (told.family, told.suffix) == ("cruzpetrova", "jr")
    assert {"cruz", "petrova", "petrov", "delacruzpetrova"} <= set(told.family_all or ())
    assert words.names.family("Unknown").family is None
    assert words.names.given("Bill").given_known
    assert not words.names.given("Xqzt").given_known


ODD = (
    "", " ", "\t", "\u00a0Anna\u2003", "a\x00b", "\u200b\u202e", "🙂", "e\u0301", "\uff21na", "'`'",
    "x' or 'a' = 'a", "$1", "{}", "\\b(", "Ñ" * 300, "ab " * 90, "名前", "محمد", "Ωμέγα Σ", "İpek",
    "Smith, John, Jr", ",", " , x", "1234", "12  Elm", "12Elm", "0 St", "-", "…",
)  # fmt: skip
WORDS = (
    "Ann", "Mary", "Bill", "José", "O'Brien", "van den", "de la", "Al-", "Petrova", "Smith",
    "Jr.", "III", "Junior", "V", "Dr.", "MD", "Baby", "Baby Boy", "Unknown", "Mc", "y", "Q",
)  # fmt: skip
LINES = ("Main Street", "Elm St", "Apt 4", "12", "7b", "Rue de l'Église", "PO Box", "#", "N", "Ave")
PHONES = (
    "(312) 555-0147", "+1 312 555 0147", "555-555-5555", "0000000", "12345", "n/a",
    "312.555.0147 x9", "Ann@Example.org", " ÄNN@x.de ", "none@none.com", "@", "1" * 120,
)  # fmt: skip
NUMBERS = (
    "123-45-6780", "999-99-9999", "000-12-3456", "00-17", "NONE", "A", "abc123", "1111", "é12 3",
    "7" * 120,
)  # fmt: skip
DATES = ("1970-03-04", "1970-3-4", "1970-02-30", "1970", "1970-03", "1900-01-01", "2101-01-01",
         "19700304", "x", "1970-03-04T00:00:00Z", "-197-01-01")  # fmt: skip


def nasty(at: random.Random, identity: str) -> Resource:
    """Return a Patient of odd texts, where everything may be missing, or there several times."""

    def some(texts: tuple[str, ...], most: int = 3) -> str:
        return " ".join(at.choices((*texts, *at.choices(ODD, k=2)), k=at.randint(1, most)))

    def kept(told: Resource) -> Resource:
        return {key: value for key, value in told.items() if at.random() < 0.7}

    def several(one: Any) -> list[Resource]:
        return [kept(one()) for _ in range(at.choice((0, 1, 1, 1, 2, 3)))]

    def name() -> Resource:
        return {
            "use": at.choice(("official", "usual", "maiden", "old", "temp", "nickname", "odd")),
            "family": some(WORDS), "text": some(WORDS, 4),
            "given": [at.choice((None, some(WORDS, 2))) for _ in range(at.randint(1, 3))],
            "suffix": [some(("Jr.", "V", "MD", "the second"), 1)],
        }  # fmt: skip

    def address() -> Resource:
        return {
            "use": at.choice(("home", "work", "old", "temp", "billing", "odd")),
            "line": [some(LINES, 4) for _ in range(at.randint(1, 2))], "text": some(LINES, 4),
            "city": some(("São Paulo", "St. Louis")), "state": at.choice(("IL", " co ", *ODD)),
            "postalCode": at.choice(
                ("60601", "60601-1234", " 606011234", "SW1A 1AA", "-1234", "1e+03", *ODD)
            ),
        }  # fmt: skip

    def contact() -> Resource:
        system = at.choice(("phone", "email", "url", "fax", "sms", "odd"))
        return {"system": system, "value": at.choice(PHONES + ODD)}

    def identifier() -> Resource:
        kind = at.choice(("MR", "SS", "ss", "DL", "XX"))
        system = at.choice(("http://hl7.org/fhir/sid/us-ssn", " urn:mrn ", "urn:x"))
        return number(at.choice(NUMBERS + ODD), kind, system)

    lists = {"name": name, "address": address, "telecom": contact, "identifier": identifier}
    told = {element: several(one) for element, one in lists.items()}
    single = {
        "birthDate": at.choice(DATES),
        "gender": at.choice(("female", "Male", " m", "other", "", "é")),
        "active": at.choice((True, False)),
        "multipleBirthInteger": at.choice((None, None, 0, 1, 2, -1, 2**40)),
        "multipleBirthBoolean": at.choice((None, None, True, False)),
    }
    return patient(identity, **{k: v for k, v in told.items() if v}, **kept(single))


@pytest.fixture(scope="module")
def told() -> list[Resource]:
    """The Patients of all cases of names, and many odd ones."""
    at = random.Random(7)
    return [
        *(patient(f"form: {case}", **elements) for case, (elements, _) in FORMS.items()),
        *(patient(f"alike: {case}", **pair[0]) for case, pair in ALIKE.items()),
        *(nasty(at, f"odd {n}") for n in range(1500)),
    ]


def test_one_patient_has_the_form_of_a_load(told: list[Resource], tmp_path: Path) -> None:
    with tables(tmp_path, "person_record", ehr=told) as db:
        read, busy = read_words(db), read_busy(db)
        assert busy.contacts
        assert busy.numbers
        held = {record["id"]: record for record in records(db)}
    assert len(held) == len(told)
    # of a load of odd names none is doubted (`linkage`)
    doubted = all(record["given_known"] for record in held.values())
    for resource in told:
        record = held[resource["id"]]
        by_itself = dict.fromkeys(record) | person_of(sent_by(resource), read, busy)
        by_itself["given_known"] |= doubted
        assert comparable(by_itself) == comparable(record), resource


@pytest.mark.parametrize("name", sets.SETS)
def test_one_record_of_a_set_has_the_form_of_a_load(name: str) -> None:
    if not sets.FOLDER.is_dir():
        pytest.skip(f"no data in {SHARED}")
    with sets.database() as db:
        sets.read_shared(db, name)
        told = sent_of(db)
        build_records(db, MOST)
        read, busy = read_words(db), read_busy(db)
        held = {record["rid"]: record for record in records(db)}
    assert held.keys() == told.keys()
    for rid, sent in told.items():
        by_itself = dict.fromkeys(held[rid]) | person_of(sent, read, busy)
        assert comparable(by_itself) == comparable(held[rid])


def records(db: Database) -> list[dict[str, Any]]:
    """Return the rows of `person_record`."""
    rows: list[dict[str, Any]] = (
        db.connection.sql("from person_record").to_arrow_table().to_pylist()
    )
    return rows


def comparable(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a Patient has by itself; no items and none at all are one."""
    return {
        name: (tuple(value) or None) if isinstance(value, (list, tuple)) else value
        for name, value in record.items()
        if name not in FROM_THE_LOAD
    }


def sent_of(db: Database) -> dict[int, Sent]:
    """Return what stands in the `sent_…` tables, by rid."""

    def listed(table: str, columns: str, kind: Any) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = {}
        for rid, *row in db.rows(f"select rid, {columns} from {table} order by rid, n"):
            found.setdefault(rid, []).append(kind(*row))
        return found

    names = listed("sent_name", "use, family, given, suffix, text", SentName)
    line = "coalesce(array_to_string(line, ' '), text)"
    homes = listed("sent_address", f"use, {line}, city, state, postal_code", SentAddress)
    contacts = listed("sent_contact", "system, value", SentContact)
    numbers = listed("sent_number", "system, type, value", SentNumber)
    told = "birth_date, gender, multiple_birth, active"
    people = db.rows(f"select rid, {told} from sent_patient")
    return {
        rid: Sent(*row, *(tuple(x.get(rid, ())) for x in (names, homes, contacts, numbers)))
        for rid, *row in people
    }


def test_ordered_has_each_once() -> None:
    assert ordered(["b", "a", "b"]) == ("a", "b")
