"""Who is a clinician, who carries a use case in each unit, who was trained."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from rollout_cases import NOW, later, state_in

import uptake
from uptake.rollout.errors import RolloutError
from uptake.rollout.people import (
    Trained,
    add_champion,
    add_training,
    champions,
    end_champion,
    trained,
)
from uptake.rollout.roles import Profession, profession

CASE = "gap-closure"
TODAY = date(2026, 6, 1)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("Arzt", "physician"),
        ("Oberärztin, Innere Medizin", "physician"),
        ("ATTENDING", "physician"),
        ("M.D.", "physician"),
        ("MD/PhD", "physician"),
        ("médecin", "physician"),
        ("médico do trabalho", "physician"),
        ("врач", "physician"),
        ("infirmière", "nurse"),
        ("Infirmier(ère) de bloc", "nurse"),
        ("RN", "nurse"),
        ("r.n., ICU 4", "nurse"),
        ("Gesundheits- und Krankenpfleger", "nurse"),
        ("pielęgniarka", "nurse"),
        ("看護師", "nurse"),
        ("नर्स", "nurse"),
        ("Nurse Practitioner", "nurse"),
        ("PharmD", "pharmacist"),
        ("Doctor of Pharmacy", "pharmacist"),
        ("Physician Assistant", "other clinical"),
        ("PA-C", "other clinical"),
        ("Speech-language pathologist", "other clinical"),
        ("Nursing assistant", "other clinical"),
        ("Unit clerk", "staff"),
        ("IT", "it"),
        ("Database administrator", "it"),
        ("Clinical analyst", "it"),
        ("nurse", "nurse"),
        ("other clinical", "other clinical"),
    ],
)
def test_a_role_is_read_in_many_spellings(role: str, expected: str) -> None:
    assert profession(role).value == expected


@pytest.mark.parametrize(
    "role",
    ["", " ", "?", "Physician IT lead", "physician recruiter", "Nurse call system", "provider",
     "consultant", "user 17", "nursery manager", "marzt", "doctor of philosophy", "<script>"],
)  # fmt: skip
def test_nobody_is_a_clinician_by_guess(role: str) -> None:
    assert profession(role) is Profession.UNKNOWN
    assert not profession(role).clinical


def test_no_word_stands_for_two_professions() -> None:
    file = Path(uptake.__file__).parent / "content" / "roles.toml"
    read = tomllib.loads(file.read_text("utf-8"))
    words = Counter(read.pop("turns_away"))
    for table in read.values():
        words.update(table["words"])
        words.update(table["alone"])
    assert set(read) == {p.value for p in Profession} - {"unknown"}
    assert [word for word, times in words.items() if times > 1] == []


def test_a_unit_has_its_champions_with_a_physician_and_a_nurse(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        add_champion(state, CASE, "Ward 3", "p1", "Attending physician", "Sam", NOW)
        add_champion(state, CASE, "Ward 3", "n1", "RN", "Sam", NOW)
        add_champion(state, CASE, "ICU", "p1", "physician", "Sam", NOW)
        add_champion(state, "another", "ICU", "n9", "nurse", "Sam", NOW)
        ward, icu, clinic = champions(state, CASE, ["Ward 3", "ICU", "Clinic"], {"p1"}, TODAY)
    assert ward.missing == ()
    assert icu.missing == (Profession.NURSE,)
    assert clinic.missing == (Profession.PHYSICIAN, Profession.NURSE)
    assert ward.active(Profession.PHYSICIAN) is True
    assert ward.active(Profession.NURSE) is False


def test_without_events_nobody_can_tell_who_is_active(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        add_champion(state, CASE, "ICU", "p1", "physician", "Sam", NOW)
        (icu,) = champions(state, CASE, ["ICU"], None, TODAY)
    assert icu.active(Profession.PHYSICIAN) is None


def test_one_active_nurse_of_two_is_enough(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        add_champion(state, CASE, "ICU", "n1", "nurse", "Sam", NOW)
        add_champion(state, CASE, "ICU", "n2", "nurse", "Sam", NOW)
        (icu,) = champions(state, CASE, ["ICU"], {"n2"}, TODAY)
    assert icu.active(Profession.NURSE) is True


def test_a_champion_who_left_is_none_and_may_come_back(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        add_champion(state, CASE, "ICU", "n1", "nurse", "Sam", NOW)
        end_champion(state, CASE, "ICU", "n1", TODAY, "Sam", later(1))
        (today,) = champions(state, CASE, ["ICU"], set(), TODAY)
        (next_day,) = champions(state, CASE, ["ICU"], set(), date(2026, 6, 2))
        add_champion(state, CASE, "ICU", "n1", "nurse", "Sam", later(48))
        (back,) = champions(state, CASE, ["ICU"], set(), date(2026, 6, 3))
    assert [c.since for c in today.champions] == [NOW]
    assert next_day.champions == ()
    assert [c.since for c in back.champions] == [later(48)]


def test_an_end_may_be_corrected_to_an_earlier_day(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        add_champion(state, CASE, "ICU", "n1", "nurse", "Sam", NOW)
        end_champion(state, CASE, "ICU", "n1", date(2026, 7, 1), "Sam", later(1))
        end_champion(state, CASE, "ICU", "n1", date(2026, 5, 1), "Sam", later(2))
        (icu,) = champions(state, CASE, ["ICU"], set(), TODAY)
    assert icu.champions == ()


@pytest.mark.parametrize("role", ["pharmacist", "IT", "", "unit clerk"])
def test_a_champion_is_a_physician_or_a_nurse(tmp_path: Path, role: str) -> None:
    with state_in(tmp_path) as state, pytest.raises(RolloutError, match="physician or a nurse"):
        add_champion(state, CASE, "ICU", "x", role, "Sam", NOW)


def test_every_fault_of_a_champion_is_said_at_once(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        with pytest.raises(RolloutError) as error:
            add_champion(state, CASE, "", " ", "IT", "", NOW)
        assert len(error.value.faults) == 4
        with pytest.raises(RolloutError, match="n1 is no champion in ICU"):
            end_champion(state, CASE, "ICU", "n1", TODAY, "Sam", NOW)


def test_the_share_of_people_with_access_who_are_trained(tmp_path: Path) -> None:
    with state_in(tmp_path) as state:
        add_training(state, CASE, "n1", date(2026, 5, 20), "Sam", NOW)
        add_training(state, CASE, "n1", date(2026, 5, 27), "Sam", NOW)  # twice is once
        add_training(state, CASE, "left", date(2026, 5, 20), "Sam", NOW)
        found = trained(state, CASE, ["n1", "n2", "p1", "p2"])
        with pytest.raises(RolloutError, match="still to come"):
            add_training(state, CASE, "n2", date(2026, 7, 1), "Sam", NOW)
    assert found == Trained(1, 4)
    assert found.share == 0.25
    assert Trained(0, 0).share is None
