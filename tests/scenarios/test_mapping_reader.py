"""From the front page to a mapped code: what a reader sees, decides, and gains."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from uptake.cli import main
from uptake.findings.local_codes import read_coverage, read_values
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.terminology.mappings import decisions
from uptake.web.app import create_app
from uptake.web.site import Site

from .test_mapping_promise import (
    CASE,
    LOCAL,
    LOINC,
    TOML,
    Resource,
    chart,
    concept,
    observation,
    patient,
    quantity,
)

PATIENTS = range(1, 13)
RARE = "Jane Doe called about this"


def result(n: int, code: str, name: str, **fields: Any) -> Resource:
    return observation(n, f"{code}-", concept(LOCAL, code, name), **fields)


def laboratory() -> list[Resource]:
    serum = concept("http://snomed.info/sct", "119364003", "Serum specimen")
    a1c = [result(n, "GHB", "HGB A1C", valueQuantity=quantity(5 + n / 10, "%")) for n in PATIENTS]
    glucose = [
        result(n, "GLU", "GLUCOSE", valueQuantity=quantity(4 + n / 10, "mmol/L"),
               specimen={"reference": f"Specimen/s{n}"})
        for n in PATIENTS
    ]  # fmt: skip
    answers = [
        result(n, "HBS", "Hep B surface antigen", valueCodeableConcept={"text": text})
        for n, text in zip(PATIENTS, [*["Negative"] * 11, RARE], strict=True)
    ]
    specimens = [{"resourceType": "Specimen", "id": f"s{n}", "type": serum} for n in PATIENTS]
    return [*map(patient, PATIENTS), *a1c, *glucose, *answers, *specimens]


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("reader") / "project"
    for name, resources in (
        ("ehr", [r for n in PATIENTS for r in chart(n)]),
        ("lab", laboratory()),
    ):
        (here / name).mkdir(parents=True)
        (here / name / "all.ndjson").write_text("\n".join(map(json.dumps, resources)))
    text = TOML.replace("[feeds.ehr]", '[feeds.ehr]\npath = "ehr"')
    (here / "uptake.toml").write_text(text.replace("[feeds.lab]", '[feeds.lab]\npath = "lab"'))
    assess(here)
    return here


@pytest.fixture
def project(assessed: Path, tmp_path: Path) -> Path:
    here = tmp_path / "project"
    shutil.copytree(assessed, here, symlinks=True)
    return here


@pytest.fixture
def client(project: Path) -> Iterator[TestClient]:
    opened = read_project(project)
    site = Site(opened, open_state(opened.state_url), "http://127.0.0.1:8000")
    yield TestClient(create_app(site), base_url="http://127.0.0.1:8000", follow_redirects=False)
    site.state.close()


def assess(project: Path) -> Path:
    words = ["assess", "--project", str(project), "--quiet", "--fail-on", "never"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code in (0, 3), done.output
    return (project / "current").resolve()


def fit(run: Path) -> int:
    summary = json.loads((run / "summary.json").read_text("utf-8"))
    return int(next(c for c in summary["use_cases"] if c["code"] == CASE)["fit"])


def keys(text: str) -> dict[str, str]:
    """Return the form's key of each local code that the page lists."""
    parts = re.findall(r"<fieldset.*?</fieldset>", text, re.DOTALL)
    found = (re.search(r'name="decision-(\w+)"', part) for part in parts)
    codes = (re.search(r'small soft"><bdi>([^<]+)</bdi> of', part) for part in parts)
    return {c[1]: k[1] for c, k in zip(codes, found, strict=True) if c and k}


def test_a_run_knows_what_each_code_is_measured_in(assessed: Path) -> None:
    values = read_values(assessed / "current")
    glucose = values["lab", f"{LOCAL}|GLU"]
    assert (glucose.specimen, glucose.unit, glucose.numeric) == ("Serum specimen", "mmol/L", True)
    assert (glucose.numbers, glucose.low, glucose.median, glucose.high) == (12, 4.1, 4.6, 5.2)
    answers = values["lab", f"{LOCAL}|HBS"]
    assert (answers.numeric, answers.answers) == (False, (("Negative", 11),))
    reach = read_coverage(assessed / "current")
    assert reach is not None
    assert (reach.patients, reach.patients_covered) == (12, 0)
    assert reach.records - reach.covered == 36


def test_what_few_patients_have_stays_out_of_the_file_and_the_page(
    assessed: Path, client: TestClient
) -> None:
    assert RARE.encode() not in (assessed / "current" / "local_code.parquet").read_bytes()
    assert RARE not in client.get("/mappings").text


def test_the_way_from_the_front_page_to_a_gain(project: Path, client: TestClient) -> None:
    before = (project / "current").resolve()
    assert f"/use-cases/{CASE}" in client.get("/").text
    assert "/mappings" in client.get(f"/use-cases/{CASE}").text
    text = client.get("/mappings").text
    assert "mapping 1 of them makes 12 patients fit for care-gap closure" in text
    listed = keys(text)
    assert next(iter(listed)) == "GHB", "the code that gains most stands first"
    given = {
        f"decision-{listed['GHB']}": "approved",
        f"target-{listed['GHB']}": f"{LOINC}|4548-4",
        f"decision-{listed['GLU']}": "approved",
        f"target-{listed['GLU']}": f"{LOINC}|14749-6",
        f"equivalence-{listed['GLU']}": "wider",
        "by": "Ada",
    }
    assert client.post("/mappings", data=given).status_code == 303
    assert "2 codes approved since" in client.get("/mappings").text
    after = assess(project)
    assert (fit(before), fit(after)) == (0, 12)
    text = client.get("/mappings").text
    assert "What the last mapping gained" in text
    assert re.search(
        r"Care-gap closure in diabetes.*?>0 patients<.*?>12<.*?>12<.*?>yes<", text, re.DOTALL
    )
    assert "in the run before" in text
    assert keys(text).keys() == {"HBS"}


def test_a_decision_keeps_what_was_known_of_the_code(project: Path, client: TestClient) -> None:
    key = keys(client.get("/mappings").text)["GLU"]
    given = {
        f"decision-{key}": "approved",
        f"target-{key}": f"{LOINC}|14749-6",
        f"equivalence-{key}": "wider",
        "by": "Ada",
    }
    client.post("/mappings", data=given)
    state = open_state(read_project(project).state_url)
    try:
        (kept,) = decisions(state)
    finally:
        state.close()
    mapping = kept.mapping
    assert mapping.target_display == "Glucose [Moles/volume] in Serum or Plasma"
    assert (mapping.equivalence, mapping.specimen, mapping.unit) == (
        "wider",
        "Serum specimen",
        "mmol/L",
    )


def test_two_codes_at_once_are_refused(client: TestClient) -> None:
    key = keys(client.get("/mappings").text)["GLU"]
    given = {
        f"decision-{key}": "approved",
        f"target-{key}": f"{LOINC}|14749-6",
        f"other-{key}": f"{LOINC}|2345-7",
        "by": "Ada",
    }
    answer = client.post("/mappings", data=given)
    assert answer.status_code == 400
    assert "GLUCOSE: a code is chosen and another is typed" in answer.text
    assert f'value="{LOINC}|2345-7"' in answer.text


def test_an_unknown_equivalence_is_refused(client: TestClient) -> None:
    key = keys(client.get("/mappings").text)["GLU"]
    given = {
        f"decision-{key}": "approved",
        f"other-{key}": "LOINC|14749-6",
        f"equivalence-{key}": "roughly",
        "by": "Ada",
    }
    answer = client.post("/mappings", data=given)
    assert answer.status_code == 400
    assert "is no equivalence" in answer.text


def test_another_sender_s_code_of_the_same_name_is_remembered(
    project: Path, client: TestClient
) -> None:
    """It stands first among the suggestions, and nothing is approved by it."""
    key = keys(client.get("/mappings").text)["HBS"]
    given = {f"decision-{key}": "approved", f"other-{key}": "LOINC|22322-2", "by": "Ada"}
    client.post("/mappings", data=given)
    east = [*map(patient, PATIENTS)]
    east += [
        observation(n, "east-", concept("urn:east", "B7", "HEP B SURFACE ANTIGEN"),
                    valueCodeableConcept={"text": "Negative"})
        for n in PATIENTS
    ]  # fmt: skip
    (project / "east").mkdir()
    (project / "east" / "all.ndjson").write_text("\n".join(map(json.dumps, east)))
    with (project / "uptake.toml").open("a") as stream:
        stream.write('\n[feeds.east]\npath = "east"\nrole = "external"\n')
    assess(project)
    words = ["terminology", "map", "--feed", "east", "--project", str(project), "--json"]
    (row,) = json.loads(CliRunner().invoke(main, words).output)
    assert row["decision"] is None
    assert row["suggestions"][0]["code"] == "22322-2"
    assert row["suggestions"][0]["reasons"][0] == "approved for this name before"
    assert row["suggestion"] is None, "only what a use case looks for is approved in one go"
