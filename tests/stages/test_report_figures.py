"""How a report says numbers: no false precision, no hidden count to recompute."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest
import report_cases as cases

from uptake.model import CheckResult, Fix, FixStep, Stratum, Verdict
from uptake.report import charts, figures, sentences
from uptake.report.page import page

EXACT = figures.Figures()


@pytest.mark.parametrize(
    ("part", "whole", "bound", "said"),
    [
        (0, 200, None, "0 %"),
        (200, 200, None, "100 %"),
        (199, 200, None, "over 99 %"),
        (1, 1000, None, "under 1 %"),
        (122, 200, None, "61 %"),
        (896, 1000, 0.9, "89.6 %"),
        (89_999, 100_000, 0.9, "under 90 %"),
        (23, 1000, 0.02, "2.3 %"),
        (180, 200, 0.9, "90 %"),
        (3, 1000, 0.005, "0.3 %"),
        (0, 0, None, "none"),
    ],
)
def test_percentages_are_neither_rounded_to_all_nor_over_the_target(
    part: int, whole: int, bound: float | None, said: str
) -> None:
    assert EXACT.share(part, whole, bound) == said


@pytest.mark.parametrize(
    ("part", "whole", "bound", "said"),
    [
        (0, 200, None, "none"),
        (200, 200, None, "all"),
        (4, 200, None, "under 10"),
        (122, 200, None, "about 60 %"),
        (196, 200, None, "nearly all"),
        (3, 7, None, "some"),
        (178, 200, 0.9, "under 90 %"),
        (194, 215, 0.9, "over 90 %"),
    ],
)
def test_coarse_shares(part: int, whole: int, bound: float | None, said: str) -> None:
    assert figures.Figures(hides=True, rounds=True).share(part, whole, bound) == said


def test_counts_have_their_noun() -> None:
    shared = figures.Figures(hides=True)
    assert EXACT.count(1, "observation sets") == "1 observation set"
    assert EXACT.count(0, "patients") == "0 patients"
    assert EXACT.count(1204, "batteries") == "1,204 batteries"
    assert EXACT.count(1, "batteries") == "1 battery"
    assert shared.count(1, "patients") == "under 10 patients"
    assert shared.count(0, "patients") == "0 patients"


def told(f: int, u: int, k: int) -> tuple[object, ...]:
    """What a shared page says of a use case with these parts, beside its verdict."""
    whole = f + u + k
    said = figures.group((f, u, k, whole, f + u, f + k, u + k))
    return (
        *(said.count(n) for n in (f, u, k, whole)),
        said.share(f, whole),
        said.share(f + k, whole),
    )


def test_no_hidden_part_of_a_population_can_be_recomputed() -> None:
    """Every triple a page could stand for: a hidden part has always more than one value."""
    worlds = defaultdict(list)
    for parts in product(range(25), repeat=3):
        worlds[told(*parts)].append(parts)
    for said, possible in worlds.items():
        for i in range(3):
            if said[i] == "under 10":
                assert len({parts[i] for parts in possible}) > 1, said


def test_no_hidden_part_can_be_recomputed_from_two_requirements_of_one_population() -> None:
    worlds = defaultdict(list)
    for whole in range(65):
        for u, v in product(range(whole + 1), repeat=2):
            said = figures.group((whole, u, v, whole - u, whole - v))
            text = tuple(said.count(n) for n in (whole, u, v, whole - u, whole - v))
            worlds[text].append((whole, u, v, whole - u, whole - v))
    for text, possible in worlds.items():
        for i, shown in enumerate(text):
            if shown == "under 10":
                assert len({numbers[i] for numbers in possible}) > 1, text


def test_a_small_count_makes_its_own_group_coarse_and_no_other() -> None:
    few = cases.fitness(cases.use_case("few", "Few"), (122, 74, 4, 0), "unfit")
    run = cases.assessment(fitness=(cases.CARE_GAPS, few))
    numbers = figures.shared(run)
    assert not numbers.of(cases.CARE_GAPS).rounds
    assert numbers.of(few).rounds
    assert not numbers.records.rounds
    assert sentences.headline(run, numbers) == (
        "Not fit for care-gap closure (61 % of 200 patients) and few (about 60 % of 200 patients)."
    )


def test_a_step_that_leaves_a_few_makes_the_plan_coarse() -> None:
    step = FixStep((Fix("X", "lab", ""),), "Do", 60, 195, 195)
    case = cases.fitness(cases.use_case("x", "X"), (135, 65, 0, 0), "unfit", fix_plan=(step,))
    assert figures.shared(cases.assessment(fitness=(case,))).of(case).rounds


def test_feeds_and_codes_are_not_people() -> None:
    silent = CheckResult(cases.check("TIM-14", "Silent", unit="feed"), Verdict.FAIL, 1, 3)
    run = cases.assessment(checks=(silent,))
    numbers = figures.shared(run)
    assert not numbers.records.rounds
    assert sentences.check_counts(silent, numbers.records) == "1 of 3 feeds (33 %)"


def test_counts_inside_given_words_follow_the_rule() -> None:
    said = figures.Figures(hides=True, rounds=True)
    assert said.text("4 of 204 patients, 2 % (limit 10 %)") == (
        "under 10 of 200 patients, under 5 % (limit 10 %)"
    )
    assert EXACT.text("4 of 204 patients") == "4 of 204 patients"


def test_the_shared_page_shows_no_count_under_ten() -> None:
    text = cases.words(page(cases.small()))
    assert "under 10 not fit" in text
    assert "Under 10 records are older than 2020." in text
    for exact in (
        "189",
        "193",
        "197",
        "192",
        "1,003",
        "999",
        "992",
        " 7 ",
        " 4 of",
        "3.5 %",
        "94 %",
    ):
        assert exact not in text, exact


def test_examples_do_not_count_a_hidden_number() -> None:
    markup = page(cases.small())
    assert [f"{i}" * 12 in markup for i in range(7)] == [True] + [False] * 6


def test_a_trend_does_not_count_a_hidden_number() -> None:
    strata = [Stratum("X", "lab", "Observation", f"2026-0{m}", 1, 11, 0) for m in range(1, 8)]
    assert charts.trend(strata, figures.Figures(hides=True, rounds=True)) is None
    drawn = charts.trend(strata, EXACT)
    assert drawn
    assert (drawn.first, drawn.last) == ("2026-01", "2026-07")
    assert charts.trend(strata[:3], EXACT) is None
