"""A repair is shown before anybody applies it: on the terminal and on the finding's page."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
import web_cases as cases
from click.testing import CliRunner

from uptake.cli import main
from uptake.web.app import create_app

if TYPE_CHECKING:
    from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

RESULT = {
    "resourceType": "Observation",
    "id": "repairable",
    "status": "final",
    "code": {"coding": [{"system": "LOINC", "code": "4548-4", "display": cases.SCRIPT}]},
    "valueString": "7.20 mg/dL",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("project")
    cases.write_project(folder)
    (folder / "lab" / "repairable.ndjson").write_text(json.dumps(RESULT) + "\n", "utf-8")
    cases.assess(folder)
    found = cases.make_site(folder)
    yield found
    found.state.close()


def fingerprint(site: Site, code: str) -> str:
    run = site.run()
    assert run is not None
    rows = duckdb.sql(
        f"select fingerprint from read_parquet('{run}/findings.parquet') "
        f"where \"check\" = '{code}' and resource_id = 'repairable'"
    ).fetchall()
    return str(rows[0][0])


def test_the_page_shows_the_record_before_and_after(site: Site) -> None:
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    page = client.get(f"/finding/{fingerprint(site, 'COD-03')}").text
    assert "What would repair it" in page
    assert re.search(r"<del>−\s+&#34;system&#34;: &#34;LOINC&#34;</del>\n", page)
    assert re.search(r"<ins>\+\s+&#34;system&#34;: &#34;http://loinc.org&#34;</ins>\n", page)
    assert cases.SCRIPT not in page
    assert "/code/coding/0" in page


def test_a_finding_without_a_repair_shows_none(site: Site) -> None:
    client = TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    run = site.run()
    assert run is not None
    [(mark,)] = duckdb.sql(
        f"select min(fingerprint) from read_parquet('{run}/findings.parquet') "
        "where repair is null and resource_id is not null"
    ).fetchall()
    page = client.get(f"/finding/{mark}")
    assert page.status_code == 200
    assert "What would repair it" not in page.text


def shown(site: Site, *words: str) -> str:
    project = str(Path(site.project.folder or ""))
    done = CliRunner().invoke(main, ["findings", "show", *words, "--project", project])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_shows_it(site: Site) -> None:
    said = shown(site, fingerprint(site, "TXT-02"))
    assert "What would repair it, at the record:" in said
    assert '-  "valueString": "7.20 mg/dL"' in said
    assert '+    "value": 7.20' in said


def test_the_command_gives_the_patch_as_json(site: Site) -> None:
    said = json.loads(shown(site, fingerprint(site, "COD-03"), "--json"))
    assert [one["op"] for one in said["json_patch"]] == ["test", "replace"]
