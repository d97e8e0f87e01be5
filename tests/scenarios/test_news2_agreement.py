"""One meaning of NEWS2: the opportunities of the use case and the card agree on the same sets."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from uptake.deterioration.readings import read_observations
from uptake.deterioration.sets import newest_sets

from .small import LOINC, SNOMED, Resource, coded, observation, patient, run, stay

if TYPE_CHECKING:
    from uptake.deterioration.news2 import Score

CASE, SETS = "deterioration-alerts", 400
SIGNS = {
    "9279-1": (("/min", (7, 31)), ("{breaths}/min", (7, 31))),
    "59408-5": (("%", (88, 100)), ("1", (0.88, 1.0)), ("", (88, 100)), ("/min", (88, 100))),
    "8480-6": (("mm[Hg]", (80, 230)), ("kPa", (11, 30)), ("", (80, 230)), ("", (12, 39))),
    "8867-4": (("/min", (35, 140)), ("", (35, 140)), ("/min", (501, 600))),
    "8310-5": (("Cel", (34, 40)), ("[degF]", (93, 104)), ("", (93, 104)), ("Cel", (93, 104))),
    "3151-8": (("L/min", (0, 1)), ("L/min", (0, 10))),
    "3150-0": (("%", (21, 21)), ("%", (22, 60)), ("1", (0.21, 0.6))),
    "9269-2": (("{score}", (3, 15)), ("{score}", (15, 16))),
}
"""Of each code the units, good and bad, and the values that are drawn."""
ANSWERS = (
    ("1104441000000107", SNOMED, "248234008"), ("1104441000000107", SNOMED, "130987000"),
    ("1104441000000107", SNOMED, "261665006"), ("67775-7", LOINC, "LA9340-6"),
    ("67775-7", LOINC, "LA17107-6"), ("371825009", SNOMED, "373066001"),
    ("371825009", SNOMED, "373067005"), ("722742002", SNOMED, ""),
)  # fmt: skip


def drawn(rng: random.Random, name: str) -> list[Resource]:
    """Return some of the vital signs of one set, none of them twice."""
    found = []
    oxygen, awake = rng.choice(["3151-8", "3150-0", "answer"]), rng.choice(["9269-2", "answer"])
    left_out = {"3151-8", "3150-0", "9269-2"} - {oxygen, awake}
    for code, kinds in SIGNS.items():
        if code not in left_out and rng.random() < 0.8:
            unit, (low, high) = rng.choice(kinds)
            digits = 2 if unit in ("1", "kPa", "[degF]", "Cel") else rng.choice([0, 1])
            found.append(told(name, code, round(rng.uniform(low, high), digits), unit))
    for question, system, code in rng.sample(ANSWERS, len(ANSWERS)):
        kind = oxygen if question in ("371825009", "722742002") else awake
        if kind == "answer" and not any(question == r["code"]["coding"][0]["code"] for r in found):
            found.append(answered(name, question, system, code))
            break
    return found


def told(name: str, code: str, value: float, unit: str) -> Resource:
    quantity = {"value": value} | ({"code": unit} if unit else {})
    identity = f"{name}-{code}"
    held = {"valueQuantity": quantity, "encounter": {"reference": f"Encounter/s-{name}"}}
    return observation(identity, name, coded(LOINC, code), "2026-06-01T10:00:00Z", None, **held)


def answered(name: str, question: str, system: str, code: str) -> Resource:
    where = LOINC if "-" in question else SNOMED
    held: dict[str, Any] = {"encounter": {"reference": f"Encounter/s-{name}"}}
    if code:
        held["valueCodeableConcept"] = coded(system, code)
    identity = f"{name}-{question}"
    return observation(identity, name, coded(where, question), "2026-06-01T10:00:00Z", None, **held)


def calls(score: Score) -> bool:
    return score.total >= 5 or bool(score.single)


@pytest.fixture(scope="module")
def sets() -> dict[str, list[Resource]]:
    rng = random.Random(11)  # fixed, not a secret
    return {f"n{number}": drawn(rng, f"n{number}") for number in range(SETS)}


def test_both_call_for_somebody_at_the_same_sets(
    sets: dict[str, list[Resource]], tmp_path: Path
) -> None:
    now = datetime.fromisoformat("2026-06-01T11:00:00+00:00")
    expected = {}
    for name, observations in sets.items():
        found = newest_sets(read_observations(observations, name, now), now)
        expected[name] = bool(found) and calls(found[0].score)
    everybody = [
        resource
        for name, observations in sets.items()
        for resource in (
            patient(name), stay(f"s-{name}", name, "2026-06-01T06:00:00Z", kind="IMP"),
            *observations,
        )
    ]  # fmt: skip
    opportunities = run(tmp_path, CASE, {"ehr": everybody}).opportunities.values()
    alerts = {row["patient_id"] for row in opportunities}
    assert alerts == {name for name, called in expected.items() if called}
    assert 100 < len(alerts) < SETS - 50, "both answers are among the sets"
