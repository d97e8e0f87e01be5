"""The pre-visit page: its first sentence answers, the CSV agrees, no address names anybody."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from gap_cases import appointment, assessed, diabetes, hba1c, patient, write_project

from uptake.care_gaps.lists import patient_key
from uptake.cli import main
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.web.app import create_app
from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the test client asks for a package that nothing needs
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VISIT = "2026-11-02T08:30:00-05:00"
LATER = "2026-11-03T09:00:00-05:00"
SCRIPT = "<script>alert(1)</script>"
BERG = [{"family": "Berg", "given": ["Mads"]}]
EVIL = [{"family": SCRIPT, "given": ["=1+1"]}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ehr = [
        patient("due", name=BERG), diabetes("due"), appointment("due", VISIT),
        patient("evil", name=EVIL), diabetes("evil"), appointment("evil", VISIT),
        hba1c("evil", "2026-09-01"),
        patient("young", "2010-01-01"), appointment("young", VISIT),
        patient("nameless", "2010-01-01", name=[]), appointment("nameless", LATER),
    ]  # fmt: skip
    made = write_project(tmp_path_factory.mktemp("visits") / "project", ehr, [])
    assessed(made)
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    project = read_project(folder)
    state = open_state(project.state_url)
    base = "http://127.0.0.1:8000"
    app = create_app(Site(project, state, base))
    with TestClient(app, base_url=base, client=("127.0.0.1", 50000)) as opened:
        yield opened
    state.close()


def test_the_first_sentence_answers(client: TestClient) -> None:
    text = client.get("/visits").text
    assert "Tomorrow, 2026-11-02, 3 patients come; 1 of them has 1 gap, and" in text
    assert "given" in text
    assert 'href="/visits.csv?day=2026-11-02"' in text


def test_another_day_has_nobody(client: TestClient) -> None:
    text = client.get("/visits?day=2026-11-05").text
    assert "On 2026-11-05 no visit is planned in what the EHR sent." in text


def test_a_day_that_is_none_is_refused(client: TestClient) -> None:
    assert client.get("/visits?day=tomorrow").status_code == 400


def test_a_patient_goes_by_name_and_birth_date(client: TestClient) -> None:
    text = client.get("/visits").text
    (head,) = (part.split("</th>")[0] for part in text.split("<th ") if "Mads Berg" in part)
    assert "born <bdi>1962-05-01</bdi>" in head
    assert '<span class="small soft id"><bdi>due</bdi></span>' in head


def test_without_a_name_the_id_stands_once(client: TestClient) -> None:
    text = client.get("/visits?day=2026-11-03").text
    head = text.split('<th scope="rowgroup"')[1].split("</th>")[0]
    assert head.count("nameless") == 1
    assert "born <bdi>2010-01-01</bdi>" in head


def test_that_nothing_is_on_record_is_said_once(client: TestClient) -> None:
    text = client.get("/visits").text
    row = text.split("HbA1c in diabetes")[1].split("</tr>")[0]
    assert row.count("on record") == 1
    assert '<td data-is="Evidence"></td>' in row


def test_script_in_a_name_stays_text(client: TestClient) -> None:
    assert SCRIPT not in client.get("/visits").text
    assert "alert(1)" in client.get("/visits").text


def test_no_address_names_a_patient(client: TestClient) -> None:
    text = client.get("/visits").text
    links = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert not [link for link in links if "evil" in link or "due" in link.split("?")[0]]
    assert f"/visits/{patient_key('ehr', 'due')}/gaps-in-care.json" in links


def test_the_csv_is_the_same_list(client: TestClient) -> None:
    response = client.get("/visits.csv?day=2026-11-02")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert "gaps-2026-11-02.csv" in response.headers["content-disposition"]
    assert "HbA1c in diabetes,due,none is on record" in response.text
    assert ",'=1+1 <script>" in response.text


def test_the_payer_gets_a_document(client: TestClient) -> None:
    response = client.get(f"/visits/{patient_key('ehr', 'due')}/gaps-in-care.json")
    assert response.headers["content-type"] == "application/fhir+json"
    assert response.json()["entry"][0]["resource"]["resourceType"] == "Composition"
    assert client.get(f"/visits/{'0' * 16}/gaps-in-care.json").status_code == 404


def test_the_command_line_gives_the_list_and_the_documents(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["gaps", "visits", "--project", str(folder), "2026-11-02"], standalone_mode=False)
    assert "HbA1c in diabetes,due,none is on record" in capsys.readouterr().out
    out = tmp_path / "gaps"
    main(["gaps", "export", str(out), "--project", str(folder)], standalone_mode=False)
    assert capsys.readouterr().out == f"2 Bundles in {out}; 0 withheld.\n"
    assert len(list(out.glob("*.json"))) == 2


def test_the_rules_are_listed_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    main(["gaps", "list"], standalone_mode=False)
    assert "hba1c-test: HbA1c in diabetes (American Diabetes Association, 2025;" in (
        capsys.readouterr().out
    )
