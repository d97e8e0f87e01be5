"""What a duplicate costs, from the feed to the page, and the merge in the EHR that ends it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from click.testing import CliRunner

from uptake.cli import main
from uptake.identity.lookup import FOLDER
from uptake.project import read_project
from uptake.state.database import open_state
from uptake.web.app import create_app
from uptake.web.site import Site

from .opportunity_cases import a1c, diabetic

if TYPE_CHECKING:
    from .small import Resource

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

PROJECT = '[assess]\nas_of = "2026-11-01"\n[feeds.ehr]\npath = "ehr"\nrole = "ehr"\n'
NAME = [{"family": "Ravnsborg", "given": ["Marguerite", "Solveig"]}]


def records(**of_second: object) -> list[Resource]:
    """Return one patient registered twice: the HbA1c lies on the second record."""
    first, condition = diabetic("first")
    second = first | {"id": "second"} | of_second
    return [
        first | {"name": NAME},
        second | {"name": NAME},
        condition,
        a1c("r1", "second", "2026-09-01T10:00:00Z"),
    ]


def assess(folder: Path, resources: list[Resource]) -> Path:
    (folder / "ehr").mkdir(exist_ok=True)
    (folder / "ehr" / "all.ndjson").write_text("".join(json.dumps(r) + "\n" for r in resources))
    command = ["assess", "--project", str(folder), "--quiet", "--fail-on", "never"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    return (folder / "current").resolve()


def page(folder: Path) -> str:
    project = read_project(folder)
    site = Site(project, open_state(project.state_url), "http://127.0.0.1:8000")
    try:
        return TestClient(create_app(site), base_url=site.base_url).get("/patients/review").text
    finally:
        site.state.close()


def test_what_lies_on_the_other_record_is_counted_until_the_ehr_merges(tmp_path: Path) -> None:
    (tmp_path / "uptake.toml").write_text(PROJECT)
    run = assess(tmp_path, records())
    cost = {
        row["requirement"]: (row["facts"], row["people"], row["only_there"])
        for row in pq.read_table(run / "duplicate_cost.parquet").to_pylist()
        if row["use_case"] == "care-gap-closure"
    }
    assert cost["hba1c"] == (1, 1, 1)
    text = page(tmp_path)
    assert "What duplicates cost" in text
    assert "Merged in the EHR" not in text
    assert (run / FOLDER).is_dir()

    replaced = {"link": [{"other": {"reference": "Patient/first"}, "type": "replaced-by"}]}
    after = assess(tmp_path, records(active=False, **replaced))
    (merge,) = pq.read_table(after / "merges.parquet").to_pylist()
    assert (merge["replaced"], merge["kept"], merge["how"]) == ("second", "first", "replaced")
    assert merge["facts"] == 1, "the result stays where it was"
    text = page(tmp_path)
    assert "Merged in the EHR" in text
    assert "1 fact is still on the replaced record" in text
    assert not (run / FOLDER).exists(), "who somebody is is asked of the newest run only"
    assert (after / FOLDER).is_dir()
