"""Groups of linked records: what breaks them, and what reviewers decided of their pairs."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from linkage_cases import Found, decision, linked, people

from uptake.identity.model import shipped_model
from uptake.identity.outcomes import APART, DECIDED, GROWN, grouped

if TYPE_CHECKING:
    from linkage_cases import Row

TWICE = 150
"""Other people who are registered twice: against them one large group is nothing unusual."""


def test_groups_are_numbered_by_their_smallest_member() -> None:
    assert grouped([(5, 4), (4, 3), (9, 8)]) == {5: 3, 4: 3, 3: 3, 9: 8, 8: 8}
    assert grouped([]) == {}


@pytest.fixture(scope="module")
def groups() -> Found:
    """Link groups of several records among other people, some of them decided on."""
    ann, bea, cid, dee, eve, fay, gus, hal, ida, jim, kim, leo, *others = people(12 + 2 * TWICE)
    rows = [
        *named("apart", ann | {"middle": "Rose"}, ann, ann | {"middle": "Helen"}),
        *named("too little", bea, bea | {"line": None, "phone": None}, bea),
        *named("five", *[cid] * 5),
        *named("six", *[dee] * 6),
        *named("different", eve, eve),
        *named("related", fay, fay),
        *named("unlinked", gus, gus),
        *named("unsure", hal, hal),
        *named("same", ida, jim),
        *named("torn", kim, kim, kim),
        *named("joined though apart", leo | {"middle": "Rose"}, leo | {"middle": "Helen"}),
        *others,
        *others[:TWICE],
    ]
    decided = [
        decision("different 0", "different 1", "different"),
        decision("related 0", "related 1", "related"),
        decision("unlinked 0", "unlinked 1", "unlinked"),
        decision("unsure 0", "unsure 1", "unsure"),
        decision("same 0", "same 1", "same"),
        decision("torn 0", "torn 1", "same"),
        decision("torn 0", "torn 2", "different"),
        decision("joined though apart 0", "joined though apart 1", "same"),
        decision("nobody", "same 0", "same"),
    ]
    return linked(rows, decided)


def named(name: str, *rows: Row) -> list[Row]:
    return [{**row, "rec_id": f"{name} {n}"} for n, row in enumerate(rows)]


def outcomes(groups: Found, name: str, count: int) -> set[tuple[str, str]]:
    links = [
        groups.of(f"{name} {a}", f"{name} {b}") for a, b in itertools.combinations(range(count), 2)
    ]
    return {(link.outcome, link.veto) for link in links if link}


def clustered(groups: Found, name: str) -> set[frozenset[str]]:
    """Return the clusters with a record of this name."""
    return {c for c in groups.clusters if any(member.startswith(f"{name} ") for member in c)}


def test_a_group_with_a_pair_that_is_kept_apart_is_reviewed(groups: Found) -> None:
    assert outcomes(groups, "apart", 3) == {
        ("review", APART), ("review", "the middle names differ")
    }  # fmt: skip
    assert clustered(groups, "apart") == set()


def test_a_group_of_which_a_pair_shows_too_little_stays(groups: Found) -> None:
    assert ("auto", "") in outcomes(groups, "too little", 3)
    assert groups.outcome("too little 0", "too little 2") == "auto"


def test_a_group_of_more_than_five_is_reviewed(groups: Found) -> None:
    assert shipped_model().settings["outcome"]["grown"] == 5
    assert outcomes(groups, "five", 5) == {("auto", "")}
    assert clustered(groups, "five") == {frozenset(f"five {n}" for n in range(5))}
    assert outcomes(groups, "six", 6) == {("review", GROWN)}
    assert clustered(groups, "six") == set()


@pytest.mark.parametrize("said", ["different", "related", "unlinked", "unsure"])
def test_what_is_decided_otherwise_is_not_linked(groups: Found, said: str) -> None:
    link = groups.of(f"{said} 0", f"{said} 1")
    assert link is not None
    assert (link.outcome, link.veto, link.decided) == ("review", DECIDED, said)
    assert clustered(groups, said) == set()


def test_what_is_decided_to_be_the_same_joins(groups: Found) -> None:
    assert groups.of("same 0", "same 1") is None, "nothing speaks for it but the reviewer"
    assert clustered(groups, "same") == {frozenset(("same 0", "same 1"))}
    apart = groups.of("joined though apart 0", "joined though apart 1")
    assert apart is not None
    assert (apart.veto, apart.decided) == ("the middle names differ", "same")
    assert len(clustered(groups, "joined though apart")) == 1


def test_a_group_that_holds_two_whom_a_reviewer_separates_is_no_group(groups: Found) -> None:
    link = groups.of("torn 1", "torn 2")
    assert link is not None
    assert (link.outcome, link.veto) == ("review", APART)
    assert clustered(groups, "torn") == {frozenset(("torn 0", "torn 1"))}
