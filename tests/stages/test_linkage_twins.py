"""One person misspelt, or two of one household: what tells them apart, and what does not.

Each case is a person of the load and a second record of one home and birth date, changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest
from linkage_cases import Found, linked, people

from uptake.definitions.reference import shipped_reference_tables

if TYPE_CHECKING:
    from linkage_cases import Row

BACKGROUND = 900
"""Other people of the load: so many that a coincidence is one."""
BEARERS = 3
"""So many bear each name that a slip may be one of."""
KNOWN = ("Elizabeth", "Omar", "Walter", "Jasmine")
ELSEWHERE: Row = {"line": "77 Nowhere Rd", "city": "Faraway", "zip": "00501", "phone": None}
BORN: Row = {"birth_date": "1950-02-11"}

ONE: Mapping[str, tuple[Row, Row]] = {
    "two letters exchanged": ({"given": "Elizabeth"}, {"given": "Elizabteh"}),
    "the first two letters exchanged": ({"given": "Omar"}, {"given": "Moar"}),
    "a letter left out": ({"given": "Walter"}, {"given": "Water"}),
    "two given names exchanged": (
        {"given": "Richard", "middle": "Theodore", "gender": "male"},
        {"given": "Theodore", "middle": "Richard"},
    ),
    "exchanged, and one of them an initial": (
        {"given": "Denise", "middle": "Carol", "gender": "female"},
        {"given": "Carol", "middle": "D"},
    ),
    "two given names in one word": ({"given": "Jing", "middle": "Feng"},
                                    {"given": "Jingfeng", "middle": None}),
    "the family name before the given name": (
        {"given": "Shaojun", "family": "Zhao"},
        {"given": "Zhao", "middle": "Shaojun", "family": "Zhao"},
    ),
    "given and family name exchanged": ({"given": "Zubida", "family": "Karagoz"},
                                        {"given": "Karagoz", "family": "Zubida"}),
}  # fmt: skip
"""Linked: nobody's twin is called so."""
TWO: Mapping[str, tuple[Row, Row]] = {
    "both are names": ({"given": "Micheal"}, {"given": "Michael"}),
    "neither is a name": ({"given": "Zaquibo"}, {"given": "Zaquiba"}),
    "names that rhyme": ({"given": "Jasmine"}, {"given": "Wasmine"}),
    "two letters differ": ({"given": "Elizabeth"}, {"given": "Elibazteh"}),
    "a short form": ({"given": "Jonathan"}, {"given": "Jon"}),
    "one is the other's second name": ({"given": "Juan", "middle": "Hugo"},
                                       {"given": "Hugo", "middle": None}),
    "a brother and a sister": (
        {"given": "Maria", "middle": "Jose", "gender": "female"},
        {"given": "Jose", "middle": "Maria", "gender": None},
    ),
    "half of a given name of two words": ({"given": "Juan Carlos"}, {"given": "Juan"}),
    "a twin, misspelt or not": ({"given": "Walter", "multiple_birth": "1"}, {"given": "Wolter"}),
    "a twin of another name": ({"given": "John", "multiple_birth": "0"}, {"given": "Jack"}),
}  # fmt: skip
"""Reviewed at most: twins might be called so."""
REVIEWED: Mapping[str, tuple[Row, Row]] = {
    "a digit of the year, and moved": (BORN, {**ELSEWHERE, "birth_date": "1960-02-11"}),
    "years apart, but 1 January": (BORN, {"birth_date": "1971-01-01"}),
    "no family name": ({}, {"family": None}),
    "the second name, of which the other has the initial": (
        {"given": "Daniel", "middle": "J"}, {"given": "John", "middle": "D"}),
}  # fmt: skip
"""Neither linked nor lost."""


def crowd(count: int, *, named: bool = True) -> list[Row]:
    """Return so many people, of names that the list knows, no two of one."""
    names = shipped_reference_tables()["given_name"].rows[::40]
    persons = people(count)
    if not named:
        return persons
    return [row | {"given": str(name)} for row, (name,) in zip(persons, names, strict=False)]


@pytest.fixture(scope="module")
def found() -> Found:
    cases = {**ONE, **TWO, **REVIEWED}
    persons = crowd(len(cases) + BACKGROUND)
    rows = persons[len(cases) :]
    for n, name in enumerate(KNOWN * BEARERS):
        rows[n] = rows[n] | {"given": name}
    for person, (name, (both, change)) in zip(persons, cases.items(), strict=False):
        one = person | both
        rows += [{**one, "rec_id": name}, {**one, **change, "rec_id": f"{name}'"}]
    return linked(rows)


@pytest.mark.parametrize("case", ONE)
def test_one_person_is_linked(found: Found, case: str) -> None:
    link = found.of(case, f"{case}'")
    assert link is not None
    assert (link.outcome, link.veto) == ("auto", "")


@pytest.mark.parametrize("case", TWO)
def test_who_may_be_two_is_not(found: Found, case: str) -> None:
    assert found.outcome(case, f"{case}'") != "auto"


@pytest.mark.parametrize("case", REVIEWED)
def test_what_is_unsure_is_shown(found: Found, case: str) -> None:
    assert found.outcome(case, f"{case}'") == "review"


@pytest.mark.parametrize("named", [True, False], ids=["known names", "names of nobody"])
def test_a_slip_is_one_only_where_the_list_knows_the_names(named: bool) -> None:
    persons = crowd(BACKGROUND, named=named)
    for row in persons[:BEARERS]:
        row["given"] = "Walter"
    rows = [*persons, persons[0] | {"given": "Water", "rec_id": "slip"}]
    found = linked(rows)
    assert found.outcome("r0", "slip") == ("auto" if named else "review")


def test_a_slip_that_two_records_have_may_be_a_name() -> None:
    persons = crowd(BACKGROUND)
    for row in persons[:BEARERS]:
        row["given"] = "Walter"
    one = persons[BEARERS] | {"given": "Walter"}
    rows = [*persons, *({**one, "given": name, "rec_id": f"{n}"}
                        for n, name in enumerate(("Walter", "Water", "Water")))]  # fmt: skip
    found = linked(rows)
    assert found.outcome("1", "2") == "auto"
    assert found.outcome("0", "1") == "review"
