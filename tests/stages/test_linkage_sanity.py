"""The sanity gate: each figure can break, and then nothing is linked by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import pytest
from linkage_cases import decision, linked, people

from benchmarks.linkage.sets import database
from uptake.identity.model import shipped_model
from uptake.identity.outcomes import GATE
from uptake.identity.sanity import Figure, judge_sanity

MODEL = shipped_model()
BOUNDS = {name: bound for name, bound in MODEL.settings["sanity"].items() if name != "fewest"}
LEVELS = {c.name: [level.label for level in c.levels] for c in MODEL.comparisons}
TITLES = {c.name: c.title for c in MODEL.comparisons}
RECORDS = 200
PAIRS = 100
Judged: TypeAlias = tuple[int, int, float, dict[str, str]]


def judged(odd: int = 0, *, probability: float = 1.0, **labels: str) -> list[Judged]:
    """Return linked pairs of two records each: so many on these levels, the others alike in all."""
    usual = {"given": LEVELS["given"][1], "birth": LEVELS["birth"][0],
             "household": LEVELS["household"][0]}  # fmt: skip
    return [
        (2 * n, 2 * n + 1, probability, usual | labels) if n < odd
        else (2 * n, 2 * n + 1, 1.0, usual)
        for n in range(PAIRS)
    ]  # fmt: skip


BROKEN: Mapping[str, list[Judged]] = {
    "links expected to be wrong": judged(20, probability=0.99),
    "pairs with other given names": judged(
        20, given=LEVELS["given"][-1], household=LEVELS["household"][-1]
    ),
    "pairs with other birth dates": judged(20, birth=LEVELS["birth"][-1]),
    "pairs of one household with other given names": judged(9, given=LEVELS["given"][-1]),
    "second records of somebody": judged() * 5,
    "linked records in groups that grew too large": [
        (0, right, *rest) if n < 20 else (left, right, *rest)
        for n, (left, right, *rest) in enumerate(judged())
    ],
}
"""By figure: pairs that break it, and no other."""


def gate(pairs: list[Judged]) -> tuple[Figure, ...]:
    """Return the figures of these pairs."""
    rows = ", ".join(
        f"({left}, {right}, {probability}, 'auto', ["
        + ", ".join(f"{{'comparison': '{TITLES[c]}', 'label': '{v}'}}" for c, v in labels.items())
        + "])"
        for left, right, probability, labels in pairs
    )
    with database() as db:
        db.run(f"create table person_record as select unnest(range({RECORDS})) as n")
        db.run(f"create table judged_pair as from (values {rows}) "
               "t(l, r, probability, outcome, levels)")  # fmt: skip
        return judge_sanity(db, MODEL).figures


def test_every_figure_has_a_load_that_breaks_it() -> None:
    assert set(BROKEN) == set(BOUNDS)


@pytest.mark.parametrize("name", BROKEN)
def test_a_load_breaks_this_figure_and_no_other(name: str) -> None:
    assert [figure.name for figure in gate(BROKEN[name]) if not figure.passed] == [name]


def test_pairs_that_are_as_they_should_be_pass() -> None:
    assert all(figure.passed for figure in gate(judged()))


def test_of_too_few_pairs_nothing_can_be_told() -> None:
    fewest = int(MODEL.settings["sanity"]["fewest"])
    odd = judged(PAIRS, birth=LEVELS["birth"][-1])
    assert all(figure.passed for figure in gate(odd[: fewest - 1]))
    assert not all(figure.passed for figure in gate(odd[:fewest]))


def test_nothing_is_linked_by_itself_where_the_gate_fails() -> None:
    strict = {**MODEL.settings["sanity"], "second records of somebody": 0.01}
    model = replace(MODEL, settings={**MODEL.settings, "sanity": strict})
    rows = people(120)
    found = linked([*rows, *rows[:40]], [decision("r0", "r120", "same")], model)
    assert not found.linkage.sanity.passed
    assert len(found.pairs) >= 40, "they are shown all the same"
    outcomes = {pair: link for pair, link in found.pairs.items() if link.outcome == "auto"}
    assert set(outcomes) == {frozenset(("r0", "r120"))}, "what a reviewer decided stands"
    assert {link.veto for link in found.pairs.values() if link.outcome == "review"} == {GATE}
    assert found.clusters == {frozenset(("r0", "r120"))}
