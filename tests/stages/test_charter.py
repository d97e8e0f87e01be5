"""A charter is drafted from the data, written by people, and signed by its clinical owner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rollout_cases import (
    KNOWN,
    MEASURES,
    NOW,
    OWNER,
    later,
    measure,
    state_in,
    use_case,
    write_charter,
)

from uptake.rollout.charter import (
    defined,
    draft_charter,
    read_charter,
    remove_criterion,
    write_criterion,
    write_item,
)
from uptake.rollout.errors import RolloutError
from uptake.rollout.signing import sign
from uptake.rollout.target import Target, charter_target, read_target

CASE = "gap-closure"
WORDS = ("a patient", "the visit begins", "the gap is shown")


def test_what_can_be_drafted_is_and_owner_and_target_are_left_to_people(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        drafted = draft_charter(state, use_case(), MEASURES, "31 days", "uptake", NOW)
        charter = read_charter(state, CASE)
    assert drafted == ("problem", "measure", "baseline", "guardrails")
    assert charter.missing == ("owner", "owner_role", "target")
    assert charter.text("problem") == "Gaps are called open although the care was given."
    assert charter.text("measure") == "days-to-closure"
    assert charter.text("guardrails") == "Repeat tests (repeat-tests)"
    assert all(item.drafted for item in charter.items)


def test_a_draft_follows_the_data_but_never_replaces_what_a_person_wrote(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        draft_charter(state, use_case(), MEASURES, "31 days", "uptake", NOW)
        write_item(state, CASE, "problem", "Staff chase patients.", "Sam", NOW)
        write_item(state, CASE, "guardrails", "", "Sam", NOW)
        again = draft_charter(state, use_case(), MEASURES, "33 days", "uptake", later(1))
        charter = read_charter(state, CASE)
    assert again == ("baseline",)
    assert charter.text("baseline") == "33 days"
    assert charter.text("problem") == "Staff chase patients."
    assert "guardrails" in charter.missing  # somebody emptied it, so it stays empty


def test_a_signed_draft_is_not_drafted_anew(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        draft_charter(state, use_case(), MEASURES, "31 days", "uptake", NOW)
        write_charter(state, "baseline", "measure")
        sign(state, CASE, OWNER, "physician", NOW, KNOWN)
        assert draft_charter(state, use_case(), MEASURES, "99 days", "uptake", later(1)) == ()
        charter = read_charter(state, CASE)
    assert charter.text("baseline") == "31 days"
    assert defined(charter).verdict == "met"


def test_a_charter_its_owner_signed_is_defined(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state)
        charter = sign(state, CASE, "dr  ada bell", "Attending", later(1), KNOWN)
        assert charter == read_charter(state, CASE)
    result = defined(charter)
    assert (result.verdict, result.numerator, result.denominator) == ("met", 10, 10)
    assert all(part.signed and part.signed.at == later(1) for part in charter.parts)


def test_an_item_changed_later_is_unsigned_and_back_again_it_is_signed(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state)
        sign(state, CASE, OWNER, "physician", NOW, KNOWN)
        write_item(state, CASE, "target", "at most 20 days", "Sam", later(1))
        changed = defined(read_charter(state, CASE))
        write_item(state, CASE, "target", "at most 14 days", "Sam", later(2))
        assert defined(read_charter(state, CASE)).verdict == "met"
    assert (changed.verdict, changed.numerator) == ("under", 9)
    assert changed.sentence.endswith("Not signed as it stands: target.")


def test_a_changed_criterion_is_unsigned_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state)
        sign(state, CASE, OWNER, "physician", NOW, KNOWN)
        write_criterion(state, CASE, 2, WORDS, ("check", "CTX-01"), "Sam", later(1))
        charter = read_charter(state, CASE)
        assert [c.signed is not None for c in charter.criteria] == [True, False, True]
        remove_criterion(state, CASE, 2, "Sam", later(2))
        removed = read_charter(state, CASE)
        with pytest.raises(RolloutError, match="Who takes it away"):
            remove_criterion(state, CASE, 1, " ", later(3))
    assert [c.position for c in removed.criteria] == [1, 3]
    assert "2 of 3 to 7 acceptance criteria" in defined(removed).sentence


def test_a_new_owner_signs_anew(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state)
        sign(state, CASE, OWNER, "physician", NOW, KNOWN)
        write_item(state, CASE, "owner", "Noor Haddad, RN", "Sam", later(1))
        assert read_charter(state, CASE).signed == 0


@pytest.mark.parametrize(
    ("changes", "by", "role", "fault"),
    [
        ({}, "Sam Ortiz", "physician", "Only its owner signs"),
        ({}, OWNER, "IT", "not by IT"),
        ({"owner_role": "systems analyst"}, OWNER, "physician", "not by IT"),
        ({"owner_role": "programme lead"}, OWNER, "physician", "does not say so: programme lead"),
        ({}, OWNER, "", "In which role?"),
        ({"baseline": ""}, OWNER, "physician", "Still missing: baseline."),
        ({"target": "as soon as can be"}, OWNER, "physician", "The target is no number"),
        ({"target": "at least 14 days"}, OWNER, "physician", "write the target as at most"),
        ({"target": "14 weeks"}, OWNER, "physician", "The measure is in days"),
        ({"measure": "happiness"}, OWNER, "physician", "The measure is none that is computed"),
    ],
)
def test_what_cannot_be_signed_says_why(
    tmp_path: Path, changes: dict[str, str], by: str, role: str, fault: str
) -> None:
    with state_in(tmp_path) as state:
        write_charter(state, **changes)
        with pytest.raises(RolloutError) as error:
            sign(state, CASE, by, role, NOW, KNOWN)
        assert read_charter(state, CASE).signed == 0
    assert len(error.value.faults) == 1
    assert fault in error.value.faults[0]


def test_every_fault_is_said_at_once(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state, owner_role="IT", baseline="", target="soon")
        write_criterion(state, CASE, 1, WORDS, ("check", "COD-99"), "Sam", NOW)
        write_criterion(state, CASE, 2, WORDS, ("requirement", "hba1x"), "Sam", NOW)
        with pytest.raises(RolloutError) as error:
            sign(state, CASE, "Sam", "nurse", NOW, KNOWN)
    assert len(error.value.faults) == 6
    assert "the check COD-99, which does not exist" in str(error.value)
    assert "the requirement hba1x, which does not exist" in str(error.value)


@pytest.mark.parametrize("count", [2, 8])
def test_fewer_than_three_or_more_than_seven_criteria_cannot_be_signed(
    tmp_path: Path, count: int
) -> None:
    with state_in(tmp_path) as state:
        write_charter(state)
        remove_criterion(state, CASE, 3, "Sam", NOW)
        for position in range(3, count + 1):
            write_criterion(state, CASE, position, WORDS, ("practice", "A day"), "Sam", NOW)
        with pytest.raises(RolloutError, match=f"Acceptance criteria: {count}; it takes 3 to 7"):
            sign(state, CASE, OWNER, "physician", NOW, KNOWN)


def test_an_owner_signs_what_they_read(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state)
        seen = read_charter(state, CASE).digest
        write_item(state, CASE, "target", "at most 20 days", "Sam", NOW)
        with pytest.raises(RolloutError, match="changed while you read it"):
            sign(state, CASE, OWNER, "physician", NOW, KNOWN, seen)
        seen = read_charter(state, CASE).digest
        assert sign(state, CASE, OWNER, "physician", NOW, KNOWN, seen).signed == 10


def test_a_criterion_says_everything_or_is_refused(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError) as error:
            write_criterion(state, CASE, 0, ("", " ", "x"), ("wish", ""), "", NOW)
        assert read_charter(state, CASE).criteria == ()
    assert len(error.value.faults) == 6


def test_an_unknown_item_and_a_nameless_writer_are_refused(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError, match="no budget"):
            write_item(state, CASE, "budget", "10", "Sam", NOW)
        with pytest.raises(RolloutError, match="A name is needed"):
            write_item(state, CASE, "owner", OWNER, " ", NOW)


def test_a_charter_half_filled_says_what_is_missing(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        empty = defined(read_charter(state, CASE))
        write_charter(state, owner="", target="")
        half = defined(read_charter(state, CASE))
    assert (empty.verdict, empty.numerator, empty.denominator) == ("under", 0, 10)
    assert empty.sentence == "Nobody has written a charter yet."
    assert half.sentence.endswith("Still missing: owner and target.")


@pytest.mark.parametrize(
    ("text", "unit", "better", "target"),
    [
        ("at most 14 days", "days", "lower", Target(14, "lower")),
        ("<= 1 day", "days", "lower", Target(1, "lower")),
        ("14", "days", "lower", Target(14, "lower")),
        ("≥ 80 %", "%", "higher", Target(80, "higher")),
        ("At least 0.8 percent", "%", "higher", Target(0.8, "higher")),
        ("-2.5 mmHg", "mmHg", "lower", Target(-2.5, "lower")),
    ],
)
def test_a_target_is_a_number_with_the_direction_of_its_measure(
    text: str, unit: str, better: str, target: Target
) -> None:
    assert read_target(text, measure("m", "outcome", better=better, unit=unit)) == target


@pytest.mark.parametrize("text", ["14,5 days", "days", "at least 0.8", "80 patients", "half"])
def test_a_target_in_doubt_is_refused(text: str) -> None:
    with pytest.raises(RolloutError):
        read_target(text, measure("m", "outcome", better="higher", unit="%"))


def test_a_target_of_a_measure_nobody_computes_needs_its_direction() -> None:
    assert read_target("under 5 complaints", None) == Target(5, "lower")
    with pytest.raises(RolloutError, match="upper or a lower bound"):
        read_target("5 complaints", None)


def test_the_target_of_a_charter_is_told_only_where_it_can_be(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        write_charter(state, measure="Days to closure")
        charter = read_charter(state, CASE)
    assert charter_target(charter, MEASURES) == Target(14, "lower")
    assert charter_target(charter, ()) is None
    assert charter_target(replace(charter, items=()), MEASURES) is None


def test_what_people_type_is_kept_as_it_is(tmp_path: Path) -> None:
    script = "<script>alert('x')</script> — “quoted”; DROP TABLE charter_item;"
    with state_in(tmp_path) as state:
        write_item(state, CASE, "problem", script, script, NOW)
        item = read_charter(state, CASE).items[0]
    assert (item.text, item.by) == (script, script)
