"""Fitness on small feeds: what is usable, what is unknown, what cannot be told, and why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .assessing import assess_folder, decides_fitness, fitness_of

if TYPE_CHECKING:
    from uptake.model import Fitness

Resource = dict[str, Any]
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
LOCAL = "http://lab.example/codes"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def concept(system: str, code: str, text: str = "") -> Resource:
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def diabetic(n: int) -> list[Resource]:
    """Return a patient of 50 with diabetes, known by one number."""
    patient = {"reference": f"Patient/p{n}"}
    number = {"type": concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR"),
              "system": "http://h.example/mrn", "value": f"M{n}"}  # fmt: skip
    return [
        {"resourceType": "Patient", "id": f"p{n}", "gender": "female", "birthDate": "1976-03-01",
         "identifier": [number]},
        {"resourceType": "Condition", "id": f"c{n}", "subject": patient,
         "code": concept(SNOMED, "44054006")},
    ]  # fmt: skip


def result(n: int, key: str, when: str, code: Resource, value: Resource) -> Resource:
    patient = {"reference": f"Patient/p{n}"}
    return {"resourceType": "Observation", "id": f"{key}{n}", "status": "final", "code": code,
            "subject": patient, "effectiveDateTime": when, **value}  # fmt: skip


def number(value: float, unit: str = "%") -> Resource:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


A1C = concept(LOINC, "4548-4")
BP = concept(LOINC, "85354-9")
NEW, OLD = "2026-09-01T10:00:00Z", "2026-02-01T10:00:00Z"


def pressure(n: int) -> Resource:
    part = {"code": concept(LOINC, "8480-6"), **number(120, "mm[Hg]")}
    return result(n, "bp", NEW, BP, {"component": [part]})


def assessed(tmp_path: Path, resources: list[Resource], toml: str = "") -> Fitness:
    feed = tmp_path / "hospital"
    feed.mkdir()
    (feed / "all.ndjson").write_text("\n".join(map(json.dumps, resources)))
    if toml:
        (tmp_path / "uptake.toml").write_text(toml)
    return judged(tmp_path if toml else feed, tmp_path / "out")


def judged(folder: Path, out: Path, case: str = "care-gap-closure") -> Fitness:
    """Return the fitness of one use case."""
    assessment = assess_folder(folder, out, wanted=decides_fitness, cases=frozenset({case}))
    return fitness_of(assessment, case)


DECLARED = """
[feeds.hospital]
role = "ehr"
complete_for = ["Condition", "Procedure", "Observation", "DiagnosticReport", "Immunization"]
"""


def state(fitness: Fitness, requirement: str) -> tuple[int, int, int]:
    found = next(r for r in fitness.requirements if r.requirement.code == requirement)
    return found.fit, found.unfit, found.unknown


def test_a_readable_old_result_does_not_excuse_an_unreadable_new_one(tmp_path: Path) -> None:
    resources = [
        *diabetic(1), pressure(1), result(1, "old", OLD, A1C, number(7.1)),
        result(1, "new", NEW, A1C, {"valueString": "7.4 %"}),
        *diabetic(2), pressure(2), result(2, "old", OLD, A1C, {"valueString": "7.4 %"}),
        result(2, "new", NEW, A1C, number(7.1)),
    ]  # fmt: skip
    fitness = assessed(tmp_path, resources, DECLARED)
    assert state(fitness, "hba1c") == (1, 1, 0)
    assert [f.check for f in fitness.fix_plan[0].fixes] == ["TXT-02"]


def test_a_local_code_that_sounds_right_blocks_and_is_never_accepted(tmp_path: Path) -> None:
    local = concept(LOCAL, "GLYHB", "Hemoglobin A1c")
    other = concept(LOCAL, "K", "Potassium")
    resources = [
        *diabetic(1), pressure(1), result(1, "a", NEW, local, number(7.1)),
        *diabetic(2), pressure(2), result(2, "k", NEW, other, number(4.1, "mmol/L")),
    ]  # fmt: skip
    fitness = assessed(tmp_path, resources, DECLARED)
    assert state(fitness, "hba1c") == (1, 1, 0), "the second has none, and the source is complete"
    assert [f.check for f in fitness.fix_plan[0].fixes] == ["COD-01"]
    assert fitness.fix_plan[0].fixes[0].fix_key.endswith("GLYHB")


def test_a_local_code_beside_the_right_one_is_no_defect(tmp_path: Path) -> None:
    both = {"coding": [{"code": "GLYHB"}, {"system": LOINC, "code": "4548-4"}]}
    resources = [*diabetic(1), pressure(1), result(1, "a", NEW, both, number(7.1))]
    assert state(assessed(tmp_path, resources, DECLARED), "hba1c") == (1, 0, 0)


def test_nothing_received_is_unknown_unless_the_source_is_complete(tmp_path: Path) -> None:
    resources = [*diabetic(1), pressure(1)]
    fitness = assessed(tmp_path, resources)
    assert state(fitness, "hba1c") == (0, 0, 1)
    assert (fitness.fit, fitness.unknown, fitness.verdict) == (0, 1, "cannot tell")
    assert "no source is declared complete" in fitness.reason


def test_the_same_feed_declared_complete_can_be_told(tmp_path: Path) -> None:
    fitness = assessed(tmp_path, [*diabetic(1), pressure(1)], DECLARED)
    assert (fitness.fit, fitness.verdict) == (1, "fit")


def test_an_element_that_was_not_sent_is_blocked_by_the_check_that_wants_it(tmp_path: Path) -> None:
    bare = result(1, "a", NEW, A1C, {"valueQuantity": {"value": 7.1, "unit": "%"}})
    resources = [*diabetic(1), pressure(1), bare]
    resources[0].pop("gender")
    fitness = assessed(tmp_path, resources, DECLARED)
    assert state(fitness, "demographics") == (0, 1, 0)
    causes = {(f.check, f.fix_key) for step in fitness.fix_plan for f in step.fixes}
    assert ("CNF-04", "us-core-patient Patient.gender") in causes
    assert "COD-10" in {check for check, _ in causes}, "a check that explains stands for itself"


def test_an_element_that_no_check_wants_is_its_own_cause(tmp_path: Path) -> None:
    resources = [*diabetic(1), result(1, "bp", NEW, BP, {"component": [
        {"code": concept(LOINC, "8480-6"), "interpretation": [{"text": "not done"}]},
    ]})]  # fmt: skip
    fitness = assessed(tmp_path, resources, DECLARED)
    causes = {(f.check, f.fix_key) for step in fitness.fix_plan for f in step.fixes}
    assert ("CTX-16", "Observation.component.valueQuantity.value") in causes


def test_a_person_in_three_feeds_is_counted_once(tmp_path: Path) -> None:
    for feed in ("ehr", "lab"):
        (tmp_path / feed).mkdir()
    (tmp_path / "ehr" / "a.ndjson").write_text("\n".join(map(json.dumps, diabetic(1))))
    lab = [diabetic(1)[0] | {"id": "x9"}, result(1, "a", NEW, A1C, number(7.1)), pressure(1)]
    for resource in lab[1:]:
        resource["subject"] = {"reference": "Patient/x9"}
    (tmp_path / "lab" / "a.ndjson").write_text("\n".join(map(json.dumps, lab)))
    fitness = judged(tmp_path, tmp_path / "out")
    assert fitness.population == 1
    assert state(fitness, "hba1c") == (1, 0, 0)


def test_free_text_diabetes_cannot_be_told(tmp_path: Path) -> None:
    resources = diabetic(1)
    resources[1]["code"] = {"text": "Diabetes mellitus type 2"}
    fitness = assessed(tmp_path, resources, DECLARED)
    assert (fitness.population, fitness.unknown) == (1, 1)


def test_no_outside_source_is_said_and_not_guessed(tmp_path: Path) -> None:
    stay = {"resourceType": "Encounter", "id": "e", "status": "finished",
            "class": {"system": ACT, "code": "IMP"}, "subject": {"reference": "Patient/p1"},
            "period": {"start": "2026-09-01T10:00:00Z"}}  # fmt: skip
    (tmp_path / "a.ndjson").write_text("\n".join(map(json.dumps, [*diabetic(1), stay])))
    fitness = judged(tmp_path, tmp_path / "out", "medication-reconciliation")
    assert fitness.verdict == "cannot tell"
    outside = next(r for r in fitness.requirements if r.requirement.role == "external")
    assert "no feed is declared an outside source" in outside.reason


def test_only_the_component_meant_counts(tmp_path: Path) -> None:
    parts = [
        {"code": concept(LOINC, "8480-6")},
        {"code": concept(LOINC, "8462-4"), **number(80, "mm[Hg]")},
    ]
    resources = [*diabetic(1), result(1, "bp", NEW, BP, {"component": parts})]
    fitness = assessed(tmp_path, resources, DECLARED)
    assert state(fitness, "systolic") == (0, 1, 0), "the diastolic value is no systolic one"
    assert state(fitness, "diastolic") == (1, 0, 0)


def test_a_complete_source_answers_only_for_whom_it_knows(tmp_path: Path) -> None:
    for feed, n in (("hospital", 1), ("other", 2)):
        (tmp_path / feed).mkdir()
        (tmp_path / feed / "a.ndjson").write_text("\n".join(map(json.dumps, diabetic(n))))
    (tmp_path / "uptake.toml").write_text(f"{DECLARED}\n[feeds.other]\n")
    fitness = judged(tmp_path, tmp_path / "out")
    assert state(fitness, "hba1c") == (1, 0, 1)


def test_an_undated_fact_hides_no_defect_of_a_dated_one(tmp_path: Path) -> None:
    undated = result(1, "b", NEW, A1C, number(7.1))
    undated.pop("effectiveDateTime")
    resources = [
        *diabetic(1),
        pressure(1),
        undated,
        result(1, "a", NEW, A1C, {"valueString": "7 %"}),
    ]
    fitness = assessed(tmp_path, resources, DECLARED)
    causes = {f.check for step in fitness.fix_plan for f in step.fixes}
    assert {"TIM-01", "TXT-02"} <= causes


def test_a_part_of_the_checks_tells_no_fitness(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("\n".join(map(json.dumps, diabetic(1))))
    out = tmp_path / "out"
    command = [sys.executable, "-m", "uptake", "assess", str(tmp_path), "--checks", "CTX-01"]
    run = subprocess.run([*command, "--out", str(out), "--json"], capture_output=True, check=False)
    told = json.loads(run.stdout)
    assert {u["verdict"] for u in told["use_cases"]} == {"cannot tell"}
    verdicts = {c["code"]: c["verdict"] for c in told["checks"]}
    assert len(verdicts) >= 25
    assert {v for code, v in verdicts.items() if code != "CTX-01"} == {"not run"}
