"""What would become of a pair if one thing agreed: what is reckoned is what linking then gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from identity_cases import patient, tables

from uptake.engine.duckdb import quoted
from uptake.identity.explain import Level, Scored
from uptake.identity.model import shipped_model
from uptake.identity.results import FILES
from uptake.identity.whatif import if_alike

HOME = [{"line": ["12 Main Street"], "city": "Springfield", "postalCode": "62701"}]
RECORDS = (("ehr", "1"), ("lab", "2"))


def person(identity: str, given: str, born: str, gender: str, **more: Any) -> dict[str, Any]:
    name = [{"family": "Villanueva", "given": [given]}]
    return patient(identity, name=name, birthDate=born, gender=gender, address=HOME, **more)


ONE = person("1", "Guadalupe", "1961-04-02", "female")


def linked(folder: Path, other: dict[str, Any]) -> tuple[Scored, float, Path]:
    """Link two records; return the pair as scored, its probability, and persons.parquet."""
    with tables(folder, "patient_link", ehr=[ONE], lab=[other]) as db:
        rows = db.rows("select outcome, veto, probability, weight, levels from patient_link")
        db.run(f"copy ({FILES['persons']}) to {quoted(str(folder / 'persons.parquet'))}")
    ((outcome, veto, probability, weight, told),) = rows
    compared = [Level(v["comparison"], v["label"], v["weight"]) for v in told]
    prior = Level("prior", "", weight - sum(level.weight for level in compared))
    return Scored(outcome, veto, (prior, *compared)), probability, folder / "persons.parquet"


@pytest.mark.parametrize(
    ("sent", "label", "outcome"),
    [
        (("Guadalupe", "1963-11-22", "female"), "the same birth date", "auto"),
        (("Guadalupe", "1961-04-02", "male"), "the same gender", "auto"),
        (("Guadalupe", "1961-04-12", "male"), "the same birth date", "review"),
    ],
)
def test_it_is_what_linking_gives_when_it_is_so(
    tmp_path: Path, sent: tuple[str, str, str], label: str, outcome: str
) -> None:
    pair, _, persons = linked(tmp_path / "before", person("2", *sent))
    assert pair.veto
    found = {a.label: a for a in if_alike(persons, pair, RECORDS, shipped_model(), {})}
    given, born, gender = sent
    right = (given, ONE["birthDate"], gender) if "birth" in label else (given, born, "female")
    after, probability, _ = linked(tmp_path / "after", person("2", *right))
    assert (found[label].outcome, found[label].veto) == (after.outcome, after.veto)
    assert found[label].outcome == outcome
    assert found[label].chance == pytest.approx(probability, abs=0.02)


def test_what_one_record_is_silent_on_is_taken_from_the_other(tmp_path: Path) -> None:
    silent = {k: v for k, v in person("2", "Guadalupe", "", "female").items() if k != "birthDate"}
    pair, _, persons = linked(tmp_path, silent)
    found = {a.label: a for a in if_alike(persons, pair, RECORDS, shipped_model(), {})}
    assert found["the same birth date"].outcome == "auto"
    assert "the same given name" not in found, "it is as it was"


def test_a_record_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    pair, _, persons = linked(tmp_path, person("2", "Guadalupe", "1963-11-22", "female"))
    assert if_alike(persons, pair, (("ehr", "1"), ("lab", "9")), shipped_model(), {}) == ()
