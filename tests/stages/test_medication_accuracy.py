"""What is planted in lists of invented people is found, and little else: a small benchmark."""

from __future__ import annotations

import pytest

from benchmarks.medications.finders import by_code, ours
from benchmarks.medications.people import KINDS, people
from benchmarks.medications.scores import Score, score
from benchmarks.medications.writing import write

PERSONS = 250


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Score]]:
    folder = tmp_path_factory.mktemp("lists")
    persons = list(people(PERSONS, seed=11))
    known = write(persons, folder)
    said, _ = ours(folder)
    finders = {"ours": said, "by code": by_code(folder)}
    return {
        who: {one.kind: one for one in score(persons, found, known)}
        for who, found in finders.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_found_and_not_invented(scores: dict[str, dict[str, Score]], kind: str) -> None:
    one = scores["ours"][kind]
    assert one.planted
    assert (one.recall or 0) >= 0.85, "forms that an incomplete name hides cannot be told"
    assert (one.precision or 0) >= 0.9


def test_codes_alone_call_most_drugs_absent(scores: dict[str, dict[str, Score]]) -> None:
    assert (scores["by code"]["omission"].precision or 0) < 0.2
