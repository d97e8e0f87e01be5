"""Map local codes at the command line, run again: what the fix plan promised is what happens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from uptake.cli import main
from uptake.findings.worklist import kept, promise, worklist
from uptake.project import Project
from uptake.runs import history

from .assessing import findings

Resource = dict[str, Any]
LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
LOCAL = "http://lab.example/codes"
SCRIPT = "Ferritin <script>alert(1)</script>\x1b[2J"
CASE = "care-gap-closure"
FAMILIES = (
    "Abbot", "Benavides", "Cheng", "Dubois", "Eriksen", "Fofanah", "Grabowski", "Hidalgo",
    "Ivanenko", "Jablonski", "Kowal", "Lindqvist", "Mbeki", "Nakamura", "Oyelaran", "Petrov",
    "Quispe", "Rahman",
)  # fmt: skip
GIVEN = ("Ann", "Beatriz", "Chioma", "Dorota", "Esther", "Fatou")
TOML = """
[assess]
as_of = "2026-11-01"
[feeds.ehr]
role = "ehr"
complete_for = ["Condition", "Procedure", "Observation", "DiagnosticReport", "Immunization"]
[feeds.lab]
role = "external"
"""


def uptake(project: Path, *words: str, code: int = 0) -> Result:
    """Run a command in a project and expect its exit code."""
    done = CliRunner().invoke(main, [*words, "--project", str(project)])
    assert done.exit_code == code, done.output
    return done


def concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}]}


def quantity(value: float, unit: str) -> Resource:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def patient(n: int) -> Resource:
    kind = concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR", "number")
    number = {"type": kind, "system": "http://h.example/mrn", "value": f"M{n}"}
    phone = {"system": "phone", "value": f"+1 555 010 00{n:02}"}
    return {"resourceType": "Patient", "id": f"p{n}", "gender": "female",
            "birthDate": f"19{70 + n % 7}-{1 + n % 12:02}-{1 + n % 28:02}",
            "identifier": [number], "telecom": [phone],
            "name": [{"family": FAMILIES[n % len(FAMILIES)], "given": [GIVEN[n // 4 % 6]]}],
            "address": [{"line": [f"{n} Main Street"], "postalCode": f"021{n:02}"}]}  # fmt: skip


def observation(n: int, key: str, code: Resource, **fields: Any) -> Resource:
    return {"resourceType": "Observation", "id": f"{key}{n}", "status": "final", "code": code,
            "category": [concept(CATEGORY, "laboratory", "Laboratory")],
            "encounter": {"reference": f"Encounter/e{n}"},
            "subject": {"reference": f"Patient/p{n}"},
            "effectiveDateTime": "2026-09-01T10:00:00Z", **fields}  # fmt: skip


def chart(n: int) -> list[Resource]:
    parts = [
        {"code": concept(LOINC, code, "pressure"), "valueQuantity": quantity(value, "mm[Hg]")}
        for code, value in (("8480-6", 120), ("8462-4", 80))
    ]
    diabetes = concept(SNOMED, "44054006", "Type 2 diabetes mellitus")
    about = {"reference": f"Patient/p{n}"}
    return [
        patient(n),
        {"resourceType": "Condition", "id": f"c{n}", "subject": about, "code": diabetes},
        {"resourceType": "Encounter", "id": f"e{n}", "status": "finished", "subject": about,
         "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}},
        observation(n, "bp", concept(LOINC, "85354-9", "Blood pressure"), component=parts),
    ]  # fmt: skip


def a1c(n: int, system: str, code: str, display: str = "HGB A1C", unit: str = "%") -> Resource:
    return observation(n, f"a1c-{code}-", concept(system, code, display),
                       valueQuantity=quantity(7.1, unit))  # fmt: skip


LAB = [
    *(a1c(n, LOCAL, "GHB") for n in (1, 2, 3)),
    *(a1c(n, LOCAL, "HA1C") for n in (4, 5)),
    a1c(6, LOINC, "4548-4"),
    a1c(7, LOCAL, "GHB", unit="percent"),  # blocked by its unit as well
    *(a1c(n, LOCAL, "RARE", SCRIPT) for n in (1, 2)),  # blocks nothing
]


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project of seven people with diabetes, assessed once."""
    here = tmp_path_factory.mktemp("assessed") / "project"
    for name, resources in (
        ("ehr", [r for n in range(1, 8) for r in chart(n)]),
        ("lab", [*map(patient, range(1, 8)), *LAB]),
    ):
        (here / name).mkdir(parents=True)
        (here / name / "all.ndjson").write_text("\n".join(map(json.dumps, resources)))
    (here / "uptake.toml").write_text(TOML)
    assess(here)
    return here


@pytest.fixture
def project(assessed: Path, tmp_path: Path) -> Path:
    """Return a copy of that project."""
    return Path(shutil.copytree(assessed, tmp_path / "project", symlinks=True))


def assess(project: Path) -> Path:
    """Return the folder of a new run."""
    uptake(project, "assess", "--quiet", "--fail-on", "never")
    return (project / "current").resolve()


def summary(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


def case_of(run: Path) -> dict[str, Any]:
    return next(c for c in summary(run)["use_cases"] if c["code"] == CASE)


def check_of(run: Path, code: str) -> dict[str, Any]:
    return next(c for c in summary(run)["checks"] if c["code"] == code)


def local(run: Path) -> set[tuple[str, str]]:
    found = (f for f in findings(run) if f["check"] == "COD-01")
    return {(f["resource_id"], f["fix_key"]) for f in found}


def listed(project: Path, *words: str) -> list[dict[str, Any]]:
    told = json.loads(uptake(project, "terminology", *words, "--json").output)
    rows: list[dict[str, Any]] = told["mappings"] if isinstance(told, dict) else told
    return rows


def sent_as(lab: list[Resource], codes: set[str]) -> list[Resource]:
    """Return the lab's results as they are when it sends LOINC before those local codes."""
    told = json.loads(json.dumps(lab))
    for resource in told:
        codings = resource["code"]["coding"]
        if codings[0]["system"] == LOCAL and codings[0]["code"] in codes:
            codings.insert(0, {"system": LOINC, "code": "4548-4"})
    return told


def test_the_worklist_says_what_to_map_first(project: Path) -> None:
    rows = listed(project, "map")
    assert [r["code"] for r in rows] == ["GHB", "HA1C", "RARE"]
    ghb, ha1c, rare = rows
    assert (ghb["resources"], ghb["patients"], ghb["gain"]) == (4, 4, 5)
    assert ghb["blocks"] == [
        {"use_case": CASE, "step": 1, "gain": 5, "codes": 2, "beside": []},
    ]
    assert ghb["suggestion"] == {"system": LOINC, "code": "4548-4"} == ha1c["suggestion"]
    assert (rare["gain"], rare["blocks"], rare["suggestion"]) == (0, [], None)
    assert rare["display"] == SCRIPT
    text = uptake(project, "terminology", "map").output
    assert "\x1b" not in text
    assert "\\x1b[2J" in text
    assert "step 1, +5 patients, with 1 more code" in text
    assert not (project / "state.db").exists(), "looking decides nothing"


def test_the_promise_is_kept_exactly(project: Path) -> None:
    before = (project / "current").resolve()
    assert case_of(before)["fit"] == 1
    said = uptake(project, "terminology", "map", "--all-suggested", "--feed", "lab", "--by", "Ada")
    assert "promises 6 of 7 patients fit, where it was 1" in said.output
    assert [r["decision"]["decision"] for r in listed(project, "map")[:2]] == ["approved"] * 2
    after = assess(project)
    told = kept(before, after, CASE)
    assert (told.codes, told.promise.gain, told.promise.exact) == (2, 5, True)
    assert (told.fit, told.population) == (told.promise.reaches, 7) == (6, 7)
    assert told.kept
    gone = {(f"a1c-{code}-{n}", f"{LOCAL}|{code}") for code, n in (
        ("GHB", 1), ("GHB", 2), ("GHB", 3), ("GHB", 7), ("HA1C", 4), ("HA1C", 5))}  # fmt: skip
    assert local(before) - local(after) == gone
    assert local(after) < local(before)
    then, now = check_of(before, "COD-01"), check_of(after, "COD-01")
    assert then["numerator"] - now["numerator"] == len(gone)
    assert then["denominator"] == now["denominator"]
    assert summary(after)["notes"][-1] == (
        "2 local codes of lab are read as the standard code that was approved for them, in "
        "6 resources."
    )
    assert history(Project(project)) == [before, after]


def test_it_is_as_if_the_lab_had_sent_the_codes(project: Path) -> None:
    """Of everything that is no coding, the same findings; and the same fitness and fix plan."""
    uptake(project, "terminology", "map", "--all-suggested", "--feed", "lab", "--by", "Ada")
    mapped = assess(project)
    for code in ("GHB", "HA1C"):
        words = ("--feed", "lab", "--system", LOCAL, "--code", code, "--reject", "--by", "Ada")
        uptake(project, "terminology", "map", *words)
    lines = [*map(patient, range(1, 8)), *sent_as(LAB, {"GHB", "HA1C"})]
    (project / "lab" / "all.ndjson").write_text("\n".join(map(json.dumps, lines)))
    sent = assess(project)

    def told(run: Path) -> set[tuple[object, ...]]:
        return {
            (f["check"], f["feed"], f["resource_id"], f["expression"], f["other"], f["fix_key"])
            for f in findings(run)
            if ".coding[" not in (f["expression"] or "")
            and not (f["other"] or "").startswith("hash:")
        }

    assert told(mapped) == told(sent)
    assert case_of(mapped) == case_of(sent)


def test_rejected_and_flagged_change_nothing(project: Path) -> None:
    before = (project / "current").resolve()
    for code, decision in (("GHB", "--reject"), ("HA1C", "--flag")):
        words = ("--feed", "lab", "--code", code, decision, "--by", "Ada")
        uptake(project, "terminology", "map", *words)
    after = assess(project)
    assert [f["fingerprint"] for f in findings(after)] == [
        f["fingerprint"] for f in findings(before)
    ]
    assert case_of(after) == case_of(before)
    decided = [(r["code"], r["decision"]) for r in listed(project, "list")]
    assert decided == [("GHB", "rejected"), ("HA1C", "flagged")]
    words = ("--all-suggested", "--feed", "lab", "--by", "Ada")
    done = uptake(project, "terminology", "map", *words, code=2)
    assert "no suggestion for lab is open" in done.output


def test_half_a_step_promises_no_more_than_it_can(project: Path) -> None:
    run = project / "current"
    (half,) = promise(run, {("lab", f"{LOCAL}|GHB")})
    assert (half.gain, half.exact) == (0, False)
    whole = {("lab", f"{LOCAL}|GHB"), ("lab", f"{LOCAL}|HA1C")}
    (told,) = promise(run, whole)
    assert (told.gain, told.reaches, told.exact) == (5, 6, True)
    assert promise(run, {("lab", f"{LOCAL}|RARE")}) == ()
    assert promise(run, {("ehr", f"{LOCAL}|GHB")}) == ()


def test_what_cannot_be_right_is_refused(project: Path) -> None:
    named = ("terminology", "map", "--feed", "lab", "--code", "GHB")
    for words, said in (
        ((*named, "--to", "LOINC|4548-5", "--by", "Ada"), "was 4548-4 meant?"),
        ((*named, "--to", "LOINC|4548-4"), "say who decides"),
        ((*named, "--to", "4548-4", "--by", "Ada"), "write SYSTEM|CODE"),
        ((*named, "--to", "LOINC|4548-4", "--flag", "--by", "Ada"), "give one of"),
        (named, "say what to decide"),
        (("terminology", "map", "--feed", "lab", "--flag", "--by", "Ada"), "--feed and --code"),
        (("terminology", "map", "--all-suggested", "--by", "Ada"), "takes --feed"),
        ((*named[:4], "--code", "ghb", "--to", "LOINC|4548-4", "--by", "Ada"), "no local code"),
    ):
        done = uptake(project, *words, code=2)
        assert said in done.output, words
        assert len(done.output.splitlines()) == 1
    assert listed(project, "list") == []


def test_without_a_project_or_a_run(tmp_path: Path) -> None:
    done = uptake(tmp_path, "terminology", "map", code=2)
    assert "uptake.toml" in done.output
    (tmp_path / "uptake.toml").write_text("")
    done = uptake(tmp_path, "terminology", "map", code=2)
    assert "no run yet" in done.output
    assert worklist is not None


def test_the_demo_hospital_keeps_its_promise(
    left_by: Callable[[str], Path], tmp_path: Path
) -> None:
    """The codes of the first step of care-gap closure, as anyone would map them."""
    demo = left_by("uptake demo hospital --patients 60 --quiet") / "hospital"
    here = Path(shutil.copytree(demo, tmp_path / "demo", symlinks=True))
    before = (here / "current").resolve()
    step = case_of(before)["fix_plan"][0]
    keys = {(f["feed"], f["fix_key"]) for f in step["fixes"]}
    assert {f["check"] for f in step["fixes"]} == {"COD-01"}
    assert step["gain"] > 0
    for row in listed(here, "map"):
        if (row["feed"], f"{row['system']}|{row['code']}") in keys:
            to = f"{row['suggestion']['system']}|{row['suggestion']['code']}"
            words = ("--feed", row["feed"], "--system", row["system"], "--code", row["code"])
            uptake(here, "terminology", "map", *words, "--to", to, "--by", "Ada")
    lost = {(i, key) for i, key in local(before) if key in {k for _, k in keys}}
    after = assess_demo(here)
    told = kept(before, after, CASE)
    assert (told.codes, told.promise.exact, told.fit) == (len(keys), True, step["reaches"])
    assert local(before) - local(after) == lost
    assert local(after) < local(before)


def assess_demo(project: Path) -> Path:
    """Return the folder of a new run; the demo's feeds hold broken lines on purpose."""
    words = ["assess", "--quiet", "--fail-on", "never", "--project", str(project)]
    assert CliRunner().invoke(main, words).exit_code in (0, 3)
    return (project / "current").resolve()
