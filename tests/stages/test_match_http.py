"""Patient/$match over HTTP: what FHIR says of it, faults that echo nothing, restricted records."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import conformance_cases as conformance
import identity_cases as cases
import pytest
from starlette.testclient import TestClient

from uptake.identity.lookup import FOLDER
from uptake.identity.match import write_index
from uptake.project import Project
from uptake.runs import STORE
from uptake.state.database import State, open_state
from uptake.web.app import create_app
from uptake.web.fhir_match import CONFIDENTIALITY, GRADE
from uptake.web.site import Site

if TYPE_CHECKING:
    from httpx import Response

ADDRESS = "/fhir/Patient/$match"
SECRET = "Zwickelhuber"
NAME = [{"family": SECRET, "given": ["Adelheid"]}]
HOME = [{"line": ["12 Elm St"], "city": "Denver", "state": "CO", "postalCode": "80202"}]


def known(identity: str, **more: Any) -> cases.Resource:
    details = {"name": NAME, "birthDate": "1961-05-17", "gender": "female", "address": HOME}
    return cases.patient(identity, **{**details, **more})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one run, its raw store and its index."""
    folder = tmp_path_factory.mktemp("project")
    restricted = {"security": [{"system": CONFIDENTIALITY, "code": "R"}]}
    ehr = [
        known("a"),
        known("b", birthDate="1961-11-28"),
        known("c", meta=restricted),
        cases.patient("z", name=[{"family": "Other", "given": ["Kim"]}], birthDate="1990-01-02"),
    ]
    with cases.tables(folder, "patient_link", ehr=ehr, lab=[known("a")]) as db:
        write_index(db, folder / "run" / FOLDER)
    (folder / "store").rename(folder / STORE)
    (folder / "current").symlink_to("run", target_is_directory=True)
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.close()


@pytest.fixture
def client(project: Path, state: State) -> Iterator[TestClient]:
    site = Site(Project(folder=project), state, "https://uptake.example/")
    with TestClient(create_app(site), base_url="http://localhost") as opened:
        yield opened


def asked(patient: Any = None, **more: Any) -> dict[str, Any]:
    parameters = [{"name": "resource", "resource": known("new") if patient is None else patient}]
    parameters += [{"name": name, **value} for name, value in more.items()]
    return {"resourceType": "Parameters", "parameter": parameters}


def ask(client: TestClient, body: Any, kind: str = "application/fhir+json") -> Response:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    return client.post(ADDRESS, content=content, headers={"content-type": kind})


def entries(response: Response) -> list[dict[str, Any]]:
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/fhir+json"
    bundle = response.json()
    assert conformance.told(bundle) == []
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert bundle["total"] == len(bundle.get("entry", []))
    return bundle.get("entry", [])


def grade(entry: dict[str, Any]) -> str:
    [extension] = entry["search"]["extension"]
    assert extension["url"] == GRADE
    return str(extension["valueCode"])


def test_records_come_with_score_and_grade_the_likeliest_first(client: TestClient) -> None:
    found = entries(ask(client, asked()))
    scores = [entry["search"]["score"] for entry in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)
    assert {entry["search"]["mode"] for entry in found} == {"match"}
    assert [entry["resource"]["id"] for entry in found] == ["a", "c", "a", "b"]
    assert {grade(entry) for entry in found} <= {"certain", "probable", "possible"}


def test_a_record_comes_as_it_was_sent_and_names_its_feed(client: TestClient) -> None:
    found = {entry["fullUrl"]: entry for entry in entries(ask(client, asked()))}
    assert len(found) == 4  # a of two feeds are two
    entry = found["urn:uptake:feed:lab:Patient:a"]
    assert entry["resource"] == known("a")


def test_a_restricted_record_is_named_and_not_shown(client: TestClient) -> None:
    found = {entry["fullUrl"]: entry["resource"] for entry in entries(ask(client, asked()))}
    shown = found["urn:uptake:feed:ehr:Patient:c"]
    assert shown.keys() == {"resourceType", "id", "meta"}
    assert shown["meta"]["tag"][0]["code"] == "SUBSETTED"
    assert shown["meta"]["security"][0]["code"] == "R"


def test_count_and_only_certain(client: TestClient) -> None:
    assert len(entries(ask(client, asked(count={"valueInteger": 1})))) == 1
    certain = entries(ask(client, asked(onlyCertainMatches={"valueBoolean": True})))
    assert certain
    assert {grade(entry) for entry in certain} == {"certain"}
    assert len(certain) < 4


def test_a_patient_alone_is_a_question_too(client: TestClient) -> None:
    assert entries(ask(client, known("new"), "application/json; charset=utf-8"))


def test_nobody_is_an_empty_set(client: TestClient) -> None:
    stranger = cases.patient(
        "x", name=[{"family": "Nobody", "given": ["Ulf"]}], birthDate="1911-03-04",
        address=[{"city": "Oslo", "postalCode": "0150"}],
    )  # fmt: skip
    assert entries(ask(client, asked(stranger))) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "structure"),
        (b"\xff", "structure"),
        (b"[]", "structure"),
        (b'{"resourceType": "Patient", "name": [{"family": "\\ud800"}]}', "structure"),
        ({"resourceType": "Bundle"}, "structure"),
        ({"resourceType": "Parameters"}, "required"),
        ({"resourceType": "Parameters", "parameter": [1, {"name": ["x"]}]}, "required"),
        (asked({"resourceType": "Person", "name": NAME}), "required"),
        (asked({"resourceType": "Patient", "name": SECRET}), "structure"),
        (asked({"resourceType": "Patient", "name": NAME}), "required"),
        (asked(count={"valueInteger": 0}), "value"),
        (asked(count={"valueInteger": "2"}), "value"),
        (asked(count={"valueInteger": True}), "value"),
        (asked(onlyCertainMatches={"valueBoolean": "true"}), "value"),
    ],
)
def test_what_is_no_question_is_told_in_fhir(
    client: TestClient, caplog: pytest.LogCaptureFixture, body: Any, code: str
) -> None:
    caplog.set_level(logging.DEBUG)
    response = ask(client, body)
    assert response.status_code == 400
    outcome = response.json()
    assert conformance.told(outcome) == []
    assert outcome["issue"][0]["code"] == code
    assert SECRET not in response.text + caplog.text


def test_nothing_that_is_asked_is_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    entries(ask(client, asked()))
    assert SECRET not in caplog.text


@pytest.mark.parametrize("kind", ["application/fhir+xml", "text/plain", ""])
def test_other_types_are_not_taken(client: TestClient, kind: str) -> None:
    response = ask(client, asked(), kind)
    assert response.status_code == 415
    assert response.json()["issue"][0]["code"] == "not-supported"


def test_without_an_index_there_is_nothing_to_ask(tmp_path: Path, state: State) -> None:
    site = Site(Project(folder=tmp_path), state, "https://uptake.example/")
    with TestClient(create_app(site), base_url="http://localhost") as client:
        response = ask(client, asked())
    assert response.status_code == 404
    assert response.json()["issue"][0]["code"] == "not-found"


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", ADDRESS, 405), ("GET", "/fhir/Patient/a", 404), ("POST", "/fhir/Patient", 404),
])  # fmt: skip
def test_whatever_else_is_asked_of_fhir_is_answered_in_fhir(
    client: TestClient, method: str, path: str, status: int
) -> None:
    response = client.request(method, path)
    assert response.status_code == status
    assert response.json()["resourceType"] == "OperationOutcome"


def test_the_statement_says_what_can_be_asked(client: TestClient) -> None:
    statement = client.get("/fhir/metadata").json()
    assert conformance.told(statement) == []
    [resource] = statement["rest"][0]["resource"]
    assert (resource["type"], resource["operation"][0]["name"]) == ("Patient", "match")
    assert statement["implementation"]["url"] == "https://uptake.example/fhir"
