"""The words of chains."""

from __future__ import annotations

from dataclasses import replace

import web_cases as cases

from uptake.model import Stage
from uptake.web import words


def test_the_headline_counts_where_use_cases_stall() -> None:
    assert words.headline(cases.CHAINS) == (
        "Three of four use cases stall on the way to the clinic: one at defined, one at fit and "
        "one at seen."
    )
    assert words.headline([cases.CARE_GAPS]) == "The use case stalls at fit."
    assert words.headline([cases.CARE_GAPS] * 3) == "All three use cases stall at fit."
    assert words.headline([cases.AUTHORIZATION]) == (
        "No use case stalls, but one has a stage that cannot be told."
    )
    met = replace(cases.AUTHORIZATION, stages=cases.AUTHORIZATION.stages[:5])
    assert words.headline([met]) == "Every use case reaches the clinic and helps."
    assert words.headline([]) == "There is no use case."


def test_a_chain_says_why_it_stalls_or_what_cannot_be_told() -> None:
    assert words.chain_sentence(cases.DETERIORATION) == (
        "Stalls at defined: No clinician has signed the charter."
    )
    assert words.chain_sentence(cases.AUTHORIZATION) == (
        "Nothing that can be told is under its target. Used cannot be told."
    )


def test_the_largest_loss_is_named_where_it_is_not_the_stall() -> None:
    stages = tuple(
        replace(s, numerator=n, denominator=100)
        for s, n in zip(cases.CARE_GAPS.stages, (100, 100, 80, 97, 10, 54, 18, 0), strict=True)
    )
    lost = words.largest_loss(replace(cases.CARE_GAPS, stages=stages))
    assert lost is not None
    assert lost.stage == Stage.SEEN  # 50 points under 60 %; fit is 10 under 90 %
    only = replace(cases.CARE_GAPS, stages=stages[:3])
    assert words.largest_loss(only) is None
