"""What speaks for and against a pair, in words; what would change it; what a snapshot remembers."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uptake.identity.decisions import Record
from uptake.identity.explain import (
    Bounds,
    Level,
    Scored,
    Usual,
    alternatives,
    probability,
    told,
    what_would_change,
    words,
)
from uptake.identity.snapshots import changed, digest, members, snapshot

BOUNDS = Bounds(auto=0.99, review=0.2)
PRIOR = Level("prior", "", -13.0)
GIVEN = Level("given name", "the same given name", 7.5)
BORN = Level("birth date", "the same birth date", 14.0)
MISTYPED = Level("birth date", "one digit of the birth date differs", 6.5)
UNKNOWN = Level("birth date", "cannot tell", 0.0)
USUAL = {
    "given name": Usual(GIVEN, Level("given name", "other given names", -5.6)),
    "birth date": Usual(BORN, Level("birth date", "other birth dates", -6.0)),
}
WEIGHTS = st.floats(-60, 60)


class TestWords:
    def test_a_weight_is_told_as_how_much_likelier(self) -> None:
        prior, given_name, gender, born = words(
            [PRIOR, GIVEN, Level("gender", "another gender", -5.0), UNKNOWN]
        )
        assert (prior.found, prior.told) == (
            "before anything is compared", "one pair in 8,200 is one person",
        )  # fmt: skip
        assert given_name.told == "180 times likelier for one person than for two people"
        assert gender.told == "32 times likelier for two people than for one person"
        assert (born.found, born.told) == ("birth date: cannot tell", "says nothing")
        assert born.total == -13 + 7.5 - 5

    @pytest.mark.parametrize(
        ("chance", "text"),
        [(0.0, "under 0.001"), (0.004, "0.004"), (0.2, "0.20"), (0.71, "0.71"), (0.9, "0.90"),
         (0.98996, "0.989"), (0.99, "0.990"), (0.9986, "0.998"), (1.0, "over 0.999")],
    )  # fmt: skip
    def test_a_probability_is_never_told_as_certain_or_on_the_other_side_of_its_bound(
        self, chance: float, text: str
    ) -> None:
        assert told(chance) == text

    @given(WEIGHTS)
    def test_the_probability_of_a_weight(self, weight: float) -> None:
        assert probability(weight) == pytest.approx(2**weight / (1 + 2**weight), abs=1e-12)

    @given(st.floats(allow_nan=False))
    def test_it_is_a_probability_for_every_weight(self, weight: float) -> None:
        assert 0 <= probability(weight) <= 1

    @given(st.lists(WEIGHTS, min_size=1, max_size=8))
    def test_the_totals_add_up(self, weights: list[float]) -> None:
        weighed = words([Level(f"c{n}", "x", w) for n, w in enumerate(weights)])
        assert weighed[-1].total == pytest.approx(math.fsum(weights))


class TestWhatWouldChange:
    def said(self, outcome: str, *levels: Level, veto: str = "") -> tuple[str, ...]:
        pair = Scored(outcome, veto, (PRIOR, *levels))
        return what_would_change(pair, alternatives(pair, USUAL, BOUNDS), BOUNDS)

    def test_a_detail_that_would_be_enough(self) -> None:
        expected = told(probability(-13 + 7.5 + 14))
        assert self.said("review", GIVEN, MISTYPED) == (
            f"With the same birth date it would be linked (probability {expected}).",
        )
        assert self.said("review", GIVEN, UNKNOWN) == self.said("review", GIVEN, MISTYPED)

    def test_no_detail_that_would_be_enough(self) -> None:
        alike = Level("given name", "given names that are alike", 1.0)
        none, best = self.said("review", alike, UNKNOWN)
        assert none == "No single detail would be enough to link it."
        assert best == (
            f"With the same birth date its probability would be {told(probability(-13 + 1 + 14))}; "
            "a person would have to decide."
        )

    def test_what_would_undo_a_link(self) -> None:
        first, second = self.said("auto", GIVEN, BORN)
        assert first == "With other birth dates it would be no match (probability under 0.001)."
        assert second.startswith("With other given names it would be no match")

    def test_a_link_that_no_detail_would_undo(self) -> None:
        email = Level("e-mail", "the same e-mail", 60.0)
        assert self.said("auto", GIVEN, BORN, email) == (
            "No single detail, were it otherwise, would undo the link.",
        )

    def test_a_veto_is_named_beside_what_the_probability_alone_would_do(self) -> None:
        only, _ = self.said("review", GIVEN, BORN, veto="the genders differ")
        assert only == "Without the objection it would be linked: its probability is 0.997."
        alone, none, then = self.said("review", GIVEN, MISTYPED, veto="the genders differ")
        assert alone.startswith("Without the objection it would not be linked either")
        assert none.startswith("No single detail")
        assert then == (
            "With the same birth date its probability would be 0.997, but the genders differ."
        )

    @given(st.lists(WEIGHTS, min_size=2, max_size=2), st.sampled_from(["review", "auto"]))
    def test_what_is_said_is_true_of_the_weights(self, weights: list[float], outcome: str) -> None:
        pair = (Level("given name", "a", weights[0]), Level("birth date", "b", weights[1]))
        total = PRIOR.weight + sum(weights)
        for sentence in self.said(outcome, *pair):
            for level in pair:
                for usual in (USUAL[level.comparison].one, USUAL[level.comparison].two):
                    if sentence.startswith(f"With {usual.label} it would be linked"):
                        assert probability(total - level.weight + usual.weight) >= BOUNDS.auto


class TestSnapshots:
    ONE, OTHER = Record("ehr", "1"), Record("lab", "2")

    def test_only_demographics_count_in_whatever_order(self) -> None:
        patient = {"name": [{"family": "A"}], "birthDate": "1961-04-02"}
        more = {"meta": {"versionId": "7"}, "birthDate": "1961-04-02", "name": [{"family": "A"}]}
        assert digest(patient) == digest(more)
        assert digest(patient) != digest(patient | {"gender": "female"})

    def test_it_says_which_record_changed_and_who_belonged_together(self) -> None:
        text = snapshot({self.ONE: "a", self.OTHER: "b"}, {self.OTHER, self.ONE, Record("x", "3")})
        assert changed(text, {self.ONE: "a", self.OTHER: "c"}) == (self.OTHER,)
        assert changed(text, {self.ONE: "a"}) == (), "what is gone did not change"
        assert members(text) == (self.ONE, self.OTHER, Record("x", "3"))

    def test_it_holds_no_value_of_a_patient(self) -> None:
        patient = {"name": [{"family": "Villaseñor"}], "birthDate": "1961-04-02"}
        text = snapshot({self.ONE: digest(patient)}, [self.ONE])
        assert "Villase" not in json.dumps(json.loads(text), ensure_ascii=False)
        assert "1961" not in text

    def test_without_one_nothing_changed(self) -> None:
        assert changed("", {self.ONE: "a"}) == ()
        assert members("") == ()
