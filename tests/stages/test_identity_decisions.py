"""Decisions on pairs: what is kept, what the newest decides, what a group cannot hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import inspect, text

from uptake.identity.decisions import (
    DECISIONS,
    Decided,
    DecisionError,
    Judged,
    Pair,
    contradictions,
    decide,
    decisions,
    group_of,
    history,
    pair,
)
from uptake.state.database import State, open_state
from uptake.state.schema import identity_decision

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
A, B, C, D = (("ehr", "a"), ("ehr", "b"), ("lab", "a"), ("lab", "b"))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


def say(state: State, one: tuple[str, str], other: tuple[str, str], decision: str) -> Decided:
    (kept,) = decide(state, pair(one, other), decision, by="Ada", at=NOW)
    return kept


def told(one: tuple[str, str], other: tuple[str, str], decision: str) -> Decided:
    of = pair(one, other)
    return Decided(of.feed_l, of.id_l, of.feed_r, of.id_r, decision, "Ada", NOW)


class TestKeeping:
    def test_a_pair_is_one_whichever_record_comes_first(self, state: State) -> None:
        (kept,) = decide(
            state, Pair(*C, *A), "same", by=" Ada ", at=NOW, note=" called ", model="1",
            probability=0.93, snapshot="{}",
        )  # fmt: skip
        assert kept.records == (A, C)
        assert decisions(state) == (kept,)
        assert (kept.by, kept.note, kept.model, kept.probability) == ("Ada", "called", "1", 0.93)
        assert kept.at == NOW

    def test_the_newest_decides_and_the_older_ones_stay(self, state: State) -> None:
        say(state, A, C, "unsure")
        say(state, C, A, "different")
        say(state, A, B, "same")
        assert [d.decision for d in decisions(state)] == ["same", "different"]
        assert [d.decision for d in history(state, pair(C, A))] == ["different", "unsure"]

    def test_an_id_that_two_feeds_have_is_two_records(self, state: State) -> None:
        say(state, ("ehr", "a"), ("lab", "a"), "same")
        assert decisions(state)[0].records == (("ehr", "a"), ("lab", "a"))

    @pytest.mark.parametrize(
        ("decision", "by", "other", "why"),
        [
            ("merge", "Ada", C, "is no decision"),
            ("same", "  ", C, "signed"),
            ("same", "Ada", A, "with itself"),
            ("same", "Ada", ("lab", ""), "without an id"),
            ("unlinked", "Ada", C, "only two records that were decided to be the same"),
        ],
    )
    def test_what_is_no_decision_is_refused(
        self, state: State, decision: str, by: str, other: tuple[str, str], why: str
    ) -> None:
        with pytest.raises(DecisionError, match=why):
            decide(state, pair(A, other), decision, by=by, at=NOW)
        assert decisions(state) == ()

    def test_only_a_same_is_taken_back(self, state: State) -> None:
        say(state, A, C, "same")
        assert say(state, A, C, "unlinked").decision == "unlinked"
        with pytest.raises(DecisionError, match="only two records"):
            say(state, A, C, "unlinked")

    def test_two_who_decide_at_once_do_not_overrule_each_other_unseen(self, state: State) -> None:
        (first,) = decide(state, pair(A, C), "same", by="Ada", at=NOW, seen=0)
        with pytest.raises(DecisionError, match="meanwhile"):
            decide(state, pair(A, C), "different", by="Bo", at=NOW, seen=0)
        decide(state, pair(A, C), "different", by="Bo", at=NOW, seen=first.number)
        assert [d.by for d in decisions(state)] == ["Bo"]

    def test_an_error_names_no_record(self, state: State) -> None:
        decide(state, pair(("ehr", "secret-1"), C), "different", by="Ada", at=NOW)
        say(state, C, D, "same")
        with pytest.raises(DecisionError) as failed:
            decide(state, pair(("ehr", "secret-1"), D), "same", by="Ada", at=NOW)
        assert "secret-1" not in str(failed.value)


class TestSeveralAtOnce:
    def test_what_keeps_two_groups_apart_is_said_of_all_their_pairs(self, state: State) -> None:
        others = [Judged(pair(A, D), 0.7, "{}"), Judged(pair(B, C), 0.6)]
        kept = decide(
            state, pair(A, C), "different", by="Ada", at=NOW, probability=0.5, also=others
        )
        assert decisions(state) == tuple(sorted(kept, key=lambda d: d.records))
        assert [d.probability for d in kept] == [0.5, 0.7, 0.6]
        assert {(d.decision, d.by) for d in kept} == {("different", "Ada")}

    def test_that_two_are_the_same_is_decided_one_by_one(self, state: State) -> None:
        with pytest.raises(DecisionError, match="one pair at a time"):
            decide(state, pair(A, C), "same", by="Ada", at=NOW, also=[Judged(pair(A, D))])

    def test_all_are_kept_or_none(self, state: State) -> None:
        say(state, A, D, "same")
        with pytest.raises(DecisionError, match="meanwhile"):
            decide(state, pair(B, C), "related", by="Bo", at=NOW, also=[Judged(pair(A, D))])
        assert [d.decision for d in decisions(state)] == ["same"]

    def test_one_that_nobody_was_sure_of_may_be_among_them(self, state: State) -> None:
        say(state, A, D, "unsure")
        decide(state, pair(A, C), "related", by="Bo", at=NOW, also=[Judged(pair(A, D))])
        assert [d.decision for d in decisions(state)] == ["related", "related"]


class TestGroups:
    def test_same_joins_through_others(self, state: State) -> None:
        say(state, A, B, "same")
        say(state, B, C, "same")
        say(state, C, D, "related")
        assert group_of(decisions(state), A) == {A, B, C}
        assert group_of(decisions(state), D) == {D}

    @pytest.mark.parametrize("apart", ["different", "related", "unlinked"])
    def test_records_that_were_kept_apart_are_not_joined_through_a_third(self, apart: str) -> None:
        held = [told(A, C, apart), told(A, B, "same")]
        assert contradictions(held, pair(B, C), "same") == (held[0],)

    def test_a_third_record_that_is_both_keeps_them_together(self) -> None:
        held = [told(A, B, "same"), told(B, C, "same"), told(C, D, "same")]
        for decision in ("different", "related", "unlinked"):
            assert contradictions(held, pair(A, C), decision) == (held[0], held[1])

    @pytest.mark.parametrize("decision", DECISIONS)
    def test_the_pairs_own_older_decision_is_no_contradiction(self, decision: str) -> None:
        for held in DECISIONS:
            assert contradictions([told(A, B, held)], pair(A, B), decision) == ()

    def test_unsure_contradicts_nothing(self) -> None:
        held = [told(A, C, "different"), told(A, B, "same"), told(B, D, "unsure")]
        assert contradictions(held, pair(B, C), "unsure") == ()
        assert contradictions(held, pair(A, D), "same") == ()

    def test_a_contradiction_is_refused_and_says_which(self, state: State) -> None:
        apart = say(state, A, C, "different")
        say(state, A, B, "same")
        with pytest.raises(DecisionError, match="change that first") as failed:
            say(state, B, C, "same")
        assert failed.value.against == (apart,)
        say(state, A, C, "unsure")
        assert say(state, B, C, "same").decision == "same"

    @given(
        st.lists(
            st.tuples(
                st.sampled_from((A, B, C, D)), st.sampled_from((A, B, C, D)),
                st.sampled_from(DECISIONS),
            ).filter(lambda t: t[0] != t[1]),
            max_size=12,
        )
    )  # fmt: skip
    def test_what_is_kept_never_contradicts_itself(
        self, said: list[tuple[tuple[str, str], tuple[str, str], str]]
    ) -> None:
        held: dict[Pair, Decided] = {}
        for one, other, decision in said:
            of = pair(one, other)
            if not contradictions(held.values(), of, decision):
                held[of] = told(one, other, decision)
        for d in held.values():
            together = d.right in group_of(held.values(), d.left)
            assert together == (d.decision == "same") or d.decision == "unsure"


class TestMigration:
    def test_a_state_of_before_is_given_the_table(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'state.db'}"
        old = open_state(url)
        with old.write() as connection:
            connection.execute(text("drop table identity_decision"))
            connection.execute(text("update alembic_version set version_num = '0002'"))
        old.close()
        state = open_state(url)
        with state.read() as connection:
            found = inspect(connection)
            columns = {c["name"]: c["nullable"] for c in found.get_columns("identity_decision")}
            indexes = {i["name"] for i in found.get_indexes("identity_decision")}
        assert columns == {c.name: c.nullable for c in identity_decision.columns}
        assert indexes == {i.name for i in identity_decision.indexes}
        (later,) = decide(state, pair(A, C), "same", by="Ada", at=NOW + timedelta(days=1))
        assert decisions(state) == (later,)
        state.close()
