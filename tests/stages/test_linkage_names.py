"""Normal forms: what Patients send, and what of it is compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from identity_cases import Resource, number, patient, tables

SSN = "http://hl7.org/fhir/sid/us-ssn"


def named(family: str | None = None, *given: str, **more: Any) -> Resource:
    """Return the element of one name."""
    told = {"family": family} if family is not None else {}
    return {"name": [{**told, **({"given": list(given)} if given else {}), **more}]}


def written(text: str) -> Resource:
    """Return the element of a name that came as one text."""
    return {"name": [{"text": text}]}


def phone(value: str) -> Resource:
    return {"telecom": [{"system": "phone", "value": value}]}


def mail(value: str) -> Resource:
    return {"telecom": [{"system": "email", "value": value}]}


def home(*line: str, **more: Any) -> Resource:
    return {"address": [{"line": list(line), **more}]}


def ssn(value: str) -> Resource:
    return {"identifier": [number(value, "SS", SSN)]}


FORMS: Mapping[str, tuple[Resource, dict[str, Any]]] = {
    "plain": (named("Smith", "Mary"), {"given": "mary", "family": "smith", "middle": None}),
    "accents": (named("Müller", "José"), {"given": "jose", "family": "muller"}),
    "apostrophe": (named("O'Brien", "Mary"), {"family": "obrien"}),
    "typographic apostrophe": (named("O\u2019Brien", "Mary"), {"family": "obrien"}),
    "apostrophe as a blank": (named("O Brien", "Mary"), {"family_all": ["brien", "obrien"]}),
    "no apostrophe": (named("Obrien", "Mary"), {"family": "obrien"}),
    "Cyrillic": (named("Иванова", "Ольга"), {"family": "ivanova"}),
    "Arabic": (named("علي", "محمد"), {}),
    "Han": (named("王", "小明"), {"family": "wang"}),
    "mononym": (named("Suharto"), {"family": "suharto", "given": None}),
    "one text": (written("Mary Ann Smith"),
                 {"family": "smith", "given": "mary", "middle": "ann"}),
    "one text with a comma": (written("Smith, Mary Ann"),
                              {"family": "smith", "given": "mary", "middle": "ann"}),
    "generation in suffix": (named("Smith", "John", suffix=["Jr."]),
                             {"family": "smith", "given": "john", "suffix": "jr"}),
    "generation in family": (named("Smith Jr.", "John"), {"family": "smith", "suffix": "jr"}),
    "generation in given": (named("Smith", "John III"),
                            {"given": "john", "middle": None, "suffix": "iii"}),
    "Junior is a name": (named("Junior", "Paulo"), {"family": "junior", "suffix": None}),
    "degree in suffix": (named("Smith", "John", suffix=["MD"]), {"suffix": None}),
    "title in given": (named("Smith", "Dr. John"), {"given": "john"}),
    "middle in given": (named("Smith", "Mary Ann"), {"given": "mary", "middle": "ann"}),
    "newborn": (named("Smith", "Baby Boy"), {"given": None, "family": "smith", "newborn": True}),
    "newborn with a name": (named("Smith", "Baby Jane"), {"given": "jane", "newborn": True}),
    "placeholder": (named("Unknown", "Unknown"), {"given": None, "family": None}),
    "old name": (
        {"name": [{"use": "maiden", "family": "Jones", "given": ["Mary"]},
                  {"use": "official", "family": "Smith", "given": ["Mary"]}]},
        {"family": "smith", "given": "mary", "family_all": ["jones", "smith"]}),
    "nickname": (named("Smith", "Bill"), {"given": "bill", "given_known": True}),
    "a name that looks misspelt": (named("Smith", "Micheal"), {"given_known": True}),
    "a name in other letters": (named("Иванов", "Алексей"), {"given_known": True}),
    "no name of anybody": (named("Smith", "Elizabteh"), {"given_known": False}),
    "second of twins": ({"multipleBirthInteger": 2}, {"multiple_birth": 2}),
    "a twin": ({"multipleBirthBoolean": True}, {"multiple_birth": 0}),
    "no twin": ({"multipleBirthBoolean": False}, {"multiple_birth": None}),
    "birth date": ({"birthDate": "1970-03-04"},
                   {"birth_date": "1970-03-04", "birth_year": 1970, "birth_day": "03-04"}),
    "year of birth": ({"birthDate": "1970"}, {"birth_date": None, "birth_year": 1970}),
    "no such date": ({"birthDate": "1970-02-30"}, {"birth_date": None}),
    "default date": ({"birthDate": "1900-01-01"}, {"birth_date": None, "birth_year": None}),
    "gender": ({"gender": "Female"}, {"gender": "female"}),
    "gender unknown": ({"gender": "unknown"}, {"gender": None}),
    "phone": (phone("(312) 555-0147"), {"phones": ["125550147"]}),
    "phone with a country": (phone("+1 312 555 0147"), {"phones": ["125550147"]}),
    "phone of nobody": (phone("555-555-5555"), {"phones": []}),
    "phone too short": (phone("12345"), {"phones": []}),
    "e-mail": (mail(" Mary@Example.ORG "), {"emails": ["mary@example.org"]}),
    "e-mail of nobody": (mail("none@none.com"), {"emails": []}),
    "no e-mail": (mail("none"), {"emails": []}),
    "SSN": (ssn("123-45-6780"), {"numbers": ["SS|123456780"], "number_systems": ["SS"]}),
    "dummy SSN": (ssn("999-99-9999"), {"numbers": [], "number_systems": []}),
    "SSN that cannot be": (ssn("000-12-3456"), {"numbers": []}),
    "record number": ({"identifier": [number("00-17")]}, {"mrns": ["urn:mrn|0017"]}),
    "record number without a system": (
        {"identifier": [{"type": {"coding": [{"code": "MR"}]}, "value": "17123"}]}, {"mrns": []}),
    "number of no letters": ({"identifier": [number("NONE")]}, {"mrns": []}),
    "ZIP+4": (home("1 Elm Street", postalCode="60601-1234", city="São Paulo"),
              {"zip": "60601", "city": "saopaulo", "house": "1"}),
    "postcode": (home("1 Elm Street", postalCode="SW1A 1AA"), {"zip": "sw1a1aa"}),
    "several addresses": (
        {"address": [{"use": "old", "line": ["9 Oak"]}, {"use": "work", "line": ["8 Ash"]},
                     {"use": "home", "line": ["7 Elm"]}]}, {"line": "7 elm"}),
    "nothing": ({}, {"given": None, "family": None, "birth_date": None, "gender": None,
                     "line": None, "phones": [], "emails": [], "numbers": [], "mrns": []}),
    "null among names": ({"name": [None, {"family": "Smith", "given": [None, "Mary"]}]},
                         {"family": "smith", "given": "mary"}),
    "empty texts": (named("", "", text="") | phone("") | home(""),
                    {"family": None, "given": None, "phones": [], "line": None}),
}  # fmt: skip
"""By case: what a Patient sends, and what its record has (of the columns that matter)."""

ALIKE: Mapping[str, tuple[Resource, Resource, str]] = {
    "two surnames, one kept": (named("García López", "Ana"), named("García", "Ana"), "family_all"),
    "hyphen": (named("Smith-Jones", "Ann"), named("Smith Jones", "Ann"), "family"),
    "particles together and apart": (named("de la Cruz", "Ana"), named("Delacruz", "Ana"),
                                     "family_all"),
    "particle left out": (named("van den Berg", "Jan"), named("Berg", "Jan"), "family"),
    "Arabic article": (named("Al-Hassan", "Ali"), named("Hassan", "Ali"), "family"),
    "apostrophe or blank": (named("O'Brien", "Ann"), named("O Brien", "Ann"), "family_all"),
    "patronymic beside": (named("Иванов", "Иван", "Петрович"), named("Ivanov", "Ivan"), "given"),
    "a daughter's ending": (named("Petrova", "Anna"), named("Petrov", "Anna"), "family_all"),
    "Cyrillic and Latin": (named("Иванов", "Сергей"), named("Ivanov", "Sergei"), "family"),
    "umlaut": (named("Müller", "Jörg"), named("Mueller", "Joerg"), "family_all"),
    "capitals": (named("SMITH", "MARY"), named("Smith", "Mary"), "given"),
    "decomposed accents": (named("Jose\u0301", "Rene\u0301"), named("José", "René"), "family"),
    "nickname": (named("Smith", "Bill"), named("Smith", "William"), "given_roots"),
    "double given name": (named("Smith", "Anne-Marie"), named("Smith", "Annemarie"), "given_all"),
    "text and parts": (written("Smith, Mary"), named("Smith", "Mary"), "given"),
    "street": (home("12 Main Street", postalCode="60601"), home("12 MAIN ST.", postalCode="60601"),
               "line"),
    "phone": (phone("+49 (30) 1234567"), phone("030/1234567"), "phones"),
}  # fmt: skip
"""By case: two Patients, and the column that shows that they may be one."""
APART: Mapping[str, tuple[Resource, Resource, str]] = {
    "other surnames": (named("Smith", "Ann"), named("Schmitz", "Ann"), "family_all"),
    "Hansen and Hanson": (named("Hansen", "Ann"), named("Hanson", "Ann"), "family_all"),
    "a particle only": (named("van den Berg", "Jan"), named("van den Bosch", "Jan"), "family_all"),
    "nothing and nothing": (named("Unknown", "Unknown"), named("Unknown", "Unknown"), "given_all"),
    "street of another number": (home("12 Main Street"), home("21 Main Street"), "line"),
}
SHELTER = 13
"""People at one address and phone: one more than say anything."""


def both(cases: Mapping[str, tuple[Resource, Resource, str]], kind: str) -> list[Resource]:
    return [
        patient(f"{kind}: {case}: {side}", **elements)
        for case, pair in cases.items()
        for side, elements in enumerate(pair[:2])
    ]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Return person_record of one load with all cases, by id."""
    crowd = home("100 Harbor Way", postalCode="94107") | phone("415 555 0199") | ssn("219-09-9998")
    sent = [
        *(patient(f"form: {case}", **elements) for case, (elements, _) in FORMS.items()),
        *both(ALIKE, "alike"),
        *both(APART, "apart"),
        *(patient(f"shelter {n}", **crowd) for n in range(SHELTER)),
    ]
    with tables(tmp_path_factory.mktemp("names"), "person_record", clinic=sent) as db:
        names = [name for (name,) in db.rows("select column_name from (describe person_record)")]
        rows = db.rows("from person_record")
        found = {row[names.index("id")]: dict(zip(names, row, strict=True)) for row in rows}
        assert len(found) == len(sent), "everybody has a record"
        yield found


@pytest.mark.parametrize("case", FORMS)
def test_what_a_patient_sends_has_this_form(records: dict[str, Any], case: str) -> None:
    wanted = FORMS[case][1]
    record = records[f"form: {case}"]
    assert {column: record[column] for column in wanted} == wanted


def shared(records: dict[str, Any], kind: str, case: str, column: str) -> bool:
    """Tell whether two records have the column in common: an item of a list, or the same text."""
    one, other = (records[f"{kind}: {case}: {side}"][column] for side in (0, 1))
    if isinstance(one, list):
        return bool(set(one) & set(other))
    return one is not None and one == other


@pytest.mark.parametrize("case", ALIKE)
def test_two_ways_to_write_it_meet(records: dict[str, Any], case: str) -> None:
    assert shared(records, "alike", case, ALIKE[case][2])


@pytest.mark.parametrize("case", APART)
def test_what_is_not_the_same_does_not_meet(records: dict[str, Any], case: str) -> None:
    assert not shared(records, "apart", case, APART[case][2])


def test_letters_of_no_latin_alphabet_become_latin(records: dict[str, Any]) -> None:
    for case in ("Cyrillic", "Arabic", "Han"):
        record = records[f"form: {case}"]
        for name in (record["given"], record["family"]):
            assert name.isascii(), case
            assert name.isalpha(), case


def test_what_too_many_share_says_nothing_of_who_somebody_is(records: dict[str, Any]) -> None:
    for n in range(SHELTER):
        record = records[f"shelter {n}"]
        assert record["crowded"]
        assert (record["line"], record["phones"], record["numbers"]) == (None, [], [])
        assert record["zip"] == "94107", "the area is still known"
