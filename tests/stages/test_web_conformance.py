"""The page of conformance: what it reads of a run, and the sentence it opens with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stages.conformance_cases import US_CORE, laboratory, loaded, patient
from uptake.conformance.results import write_results
from uptake.project import Project, read_project
from uptake.web.templating import environment
from uptake.web.views import conformance

VENDOR = "http://ehr.example.org/fhir/"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    people = [
        patient(id="a", extension=[{"url": f"{VENDOR}Patient-Race", "valueString": "x"}]),
        patient(id="b", gender="F"),
        patient(id="c", birthDate="2000", identifier=[]),
        laboratory(modifierExtension=[{"url": f"{VENDOR}not", "valueBoolean": True}]),
    ]
    folder = tmp_path / "run"
    folder.mkdir()
    with loaded(tmp_path, people) as db:
        write_results(db, folder)
    return folder


def test_profiles_are_read_with_what_they_are_of(run: Path) -> None:
    profiles, _ = conformance.read(run, Project())
    found = {p.name: p for p in profiles}
    people = found["us-core-patient"]
    assert people.url == f"{US_CORE}patient"
    assert (people.resources, people.without_error) == (3, 2)
    assert {e: (n, of) for e, n, of in people.elements}["Patient.birthDate"] == (1, 3)
    assert people.rules_judged > 30
    assert all(reason for _, reason in people.skipped)
    assert conformance.lead(profiles) == (
        "75 % of 4 records that US Core has a profile for keep every rule that was judged."
    )


def test_extensions_are_read_with_the_element_that_is_meant_for_them(run: Path) -> None:
    _, extensions = conformance.read(run, Project())
    assert {(e.url, e.modifier, e.home, e.resources) for e in extensions} == {
        (f"{VENDOR}Patient-Race", False, "the extension us-core-race", 1),
        (f"{VENDOR}not", True, "", 1),
    }


def test_the_table_of_the_project_names_the_element(run: Path, tmp_path: Path) -> None:
    (tmp_path / "uptake.toml").write_text("", "utf-8")
    (tmp_path / "reference").mkdir()
    own = "# Our vendor's words.\nwords,home\nnot,Observation.status\n"
    (tmp_path / "reference" / "extension_home.csv").write_text(own, "utf-8")
    _, extensions = conformance.read(run, read_project(tmp_path))
    assert {e.url: e.home for e in extensions} == {
        f"{VENDOR}Patient-Race": "",
        f"{VENDOR}not": "Observation.status",
    }


def test_a_run_that_judged_no_conformance_says_so(tmp_path: Path) -> None:
    assert conformance.read(tmp_path, Project()) == ((), ())
    assert conformance.lead(()) == "No record of this run fits a profile of US Core."


def test_the_page_is_a_template_that_compiles() -> None:
    assert environment().get_template("conformance.html")
