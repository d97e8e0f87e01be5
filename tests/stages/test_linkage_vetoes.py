"""Every veto of the model: a pair that gets it, and one like it that does not.

A pair is two records of one person, the second with a change. Its near-miss is another person's
pair with a smaller change, or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from linkage_cases import Found, linked, people

from uptake.identity.model import shipped_model

if TYPE_CHECKING:
    from linkage_cases import Row

VETOES = {veto.words: veto for veto in shipped_model().vetoes}
REVIEW = shipped_model().settings["outcome"]["review"]
DOCUMENT = Path(__file__).parents[2] / "docs" / "find-duplicates.md"
BACKGROUND = 900
"""Other people of the load: so many that a coincidence is one."""
SSN: Row = {"ssn": "219-09-91{n:02}"}
"""A number of each pair; {n} says whose."""
MISTYPED: Row = {"ssn": "219-19-91{n:02}"}
OTHER_SSN: Row = {"ssn": "457-55-54{n:02}"}
ELSEWHERE: Row = {"line": "77 Nowhere Rd", "city": "Faraway", "zip": "00501"}
MOVED: Row = {**ELSEWHERE, "phone": "90755501{n:02}"}
NO_HOME: Row = {"line": None, "phone": None}
BORN: Row = {"birth_date": "1950-02-11"}
MAIL: Row = {"email": "home{n}@example.org"}
"""What makes two people of one home likely to be one."""


@dataclass(frozen=True)
class Case:
    """Two records of one person, the second changed."""

    both: Row
    """What both records have in place of the person's own."""
    change: Row
    near_miss: Row
    """A change that is not vetoed, or not by this veto."""
    then: str = "auto"
    """The outcome of the near-miss."""


CASES: dict[str, Case] = {
    "no name is known of one of them, and nothing else than a birth date or gender agrees":
        Case({"suffix": "III"}, {"given": None, "family": None, **MOVED},
             {"given": None, "family": None}, "review"),
    "nothing but names agrees, and the birth dates are other ones":
        Case(BORN | {"middle": "Quentin"}, NO_HOME | {"birth_date": "1955-12-30"},
             NO_HOME | {"birth_date": "1950-02-12"}, "review"),
    "one of them has no given or no family name":
        Case({}, {"given": None}, {}),
    "one of them is a newborn without a name yet":
        Case({"given": "Zubida"}, {"given": "Baby Zubida"}, {}),
    "one of them has no birth date":
        Case(BORN, {"birth_date": "1950"}, {}),
    "they are the first and the second child, say, of one birth: twins":
        Case({"given": "Jon", "multiple_birth": "1"},
             {"given": "Jonathan", "multiple_birth": "2"},
             {"given": "Jonathan", "multiple_birth": "1"}, "review"),
    "they are of two generations (Jr and Sr)":
        Case({"suffix": "Sr"}, {"suffix": "Jr"}, {"suffix": None}),
    "the birth years are 9 or more apart, as a parent's and a child's":
        Case(BORN | MAIL, {"birth_date": "1974-09-23"}, {"birth_date": "1974-01-01"}, "review"),
    "the birth years are 9 or more apart":
        Case(BORN | SSN, {"birth_date": "1974-02-11"}, {"birth_date": "1951-02-11"}),
    "they live together, and both given names and genders differ":
        Case({"given": "Mario", "gender": "male", **MAIL}, {"given": "Maria", "gender": "female"},
             {"gender": "female"}, "review"),
    "they live together, and both given names and birth dates differ":
        Case({"given": "Karina", **BORN, **SSN}, {"given": "Marina", "birth_date": "1953-02-27"},
             {"given": "Marina"}, "review"),
    "they live together, and neither given nor middle names are the same":
        Case({"given": "Karina", "middle": "Rose", **MAIL},
             {"given": "Marina", "middle": "Helen"}, {"given": "Marina"}, "review"),
    "a number that belongs to one person differs":
        Case(SSN, OTHER_SSN, {"ssn": None}),
    "a character of a number that belongs to one person differs, and so do other details":
        Case(SSN | BORN, MISTYPED | {"birth_date": "1950-02-12"}, MISTYPED),
    "the middle names differ":
        Case({"middle": "Rose"}, {"middle": "Helen"}, {"middle": "R"}),
    "the genders differ":
        Case({"gender": "male"}, {"gender": "female"}, {"gender": "unknown"}),
    "the given names differ":
        Case(SSN | {"given": "Zubida"}, {"given": "Patrick"}, {}),
    "the birth dates differ":
        Case(SSN | BORN, {"birth_date": "1953-12-27"}, {"birth_date": "1950-11-02"}),
    "of one given name there is only an initial":
        Case({"given": "Zubida"}, {"given": "Z"}, {}),
    "two real given names that are alike, as twins have":
        Case({"given": "Katarina"}, {"given": "Katrina"}, {}),
    "the family names differ":
        Case(SSN, {"family": "Quigley", **MOVED}, {"family": "Quigley"}),
    "the family names differ, and so do other details":
        Case(SSN | BORN, {"family": "Quigley", "birth_date": "1950-02-12"}, {"family": "Quigley"}),
    "only names and birth date agree: two people may share them":
        Case({}, MOVED, ELSEWHERE),
    "the birth dates differ, and so do other details":
        Case(BORN | {"family": "Schneiderman"},
             {"family": "Schniederman", "birth_date": "1950-02-12"}, {"family": "Schniederman"}),
    "the birth date of both is 1 January, which often means that none was known":
        Case({"birth_date": "1950-01-01", "ssn": "5123{n:05d}"}, {"ssn": None}, {}),
}  # fmt: skip


def pair_of(person: Row, n: int, name: str, both: Row, change: Row) -> list[Row]:
    one = person | both
    rows = ({**one, "rec_id": name}, {**one, **change, "rec_id": f"{name}'"})
    return [{key: text and text.format(n=n) for key, text in row.items()} for row in rows]


@pytest.fixture(scope="module")
def found() -> Found:
    """Link one load: the cases' pairs among many other people."""
    persons = people(2 * len(CASES) + BACKGROUND)
    rows = persons[2 * len(CASES) :]
    for n, (words, case) in enumerate(CASES.items()):
        for k, (name, change) in enumerate(
            ((words, case.change), (f"not: {words}", case.near_miss)), start=2 * n
        ):
            rows += pair_of(persons[k], k, name, case.both, change)
    return linked(rows)


def test_every_veto_has_a_case() -> None:
    assert set(CASES) == set(VETOES), "add a pair that gets it, and one that nearly does"


@pytest.mark.parametrize("words", CASES)
def test_a_pair_gets_the_veto(found: Found, words: str) -> None:
    link = found.of(words, f"{words}'")
    if VETOES[words].outcome == "none":
        assert found.scored[frozenset((words, f"{words}'"))] >= REVIEW, "likely, but for the veto"
        assert link is None
        return
    assert link is not None, "not likely enough to be listed at all"
    assert link.veto == words, link
    assert link.outcome == VETOES[words].outcome


@pytest.mark.parametrize("words", CASES)
def test_a_near_miss_does_not(found: Found, words: str) -> None:
    name = f"not: {words}"
    link = found.of(name, f"{name}'")
    assert link is not None
    assert link.veto != words
    assert link.outcome == CASES[words].then, link


def test_the_document_says_the_bounds() -> None:
    document = DOCUMENT.read_text("utf-8")
    told = shipped_model().settings
    for sentence in (
        f"a probability of {told['outcome']['auto']:.2f} or more, and no veto",
        f"a probability of {REVIEW:.2f} or more |",
        f"of more than {told['most']} Patients says nothing",
        f"{told['whole']:,} records is compared whole",
        f"judged as one of {told['as_if']:,}",
        f"With fewer than {told['sanity']['fewest']} likely pairs",
    ):
        assert sentence in " ".join(document.split()), sentence
    figures = [name for name in told["sanity"] if name != "fewest"]
    assert [name for name in figures if f"| {name} |" not in document] == []


def test_the_document_lists_every_veto_in_order() -> None:
    document = DOCUMENT.read_text("utf-8")
    heading = "| veto | outcome | speaks for two people |\n|---|---|---|\n"
    _, found, rest = document.partition(heading)
    assert found
    shown = {"review": "review", "related": "related", "none": "not listed"}
    rows = [
        f"| {veto.words} | {shown[veto.outcome]} | {'yes' if veto.apart else 'no'} |"
        for veto in VETOES.values()
    ]
    assert rest.partition("\n\n")[0].splitlines() == rows
