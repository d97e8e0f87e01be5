"""What became of a finding: new, open, resolved, returned; nothing is called resolved unlooked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from uptake.cli import main

Row = dict[str, Any]
LOOKED_FOR = "CTX-01,CNF-01"
"""The checks whose history is looked at; the first run, and one after it, run all."""


def result(name: str, encounter: str = "", day: str = "2026-10-01") -> Row:
    """A laboratory result; without an encounter it is a finding of CTX-01."""
    found: Row = {
        "resourceType": "Observation", "id": name, "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]},
        "subject": {"reference": "Patient/p"}, "effectiveDateTime": f"{day}T09:00:00Z",
        "valueQuantity": {"value": 90, "unit": "mg/dL", "code": "mg/dL",
                          "system": "http://unitsofmeasure.org"},
    }  # fmt: skip
    if encounter:
        found["encounter"] = {"reference": f"Encounter/{encounter}"}
    return found


class Hospital:
    """A project of two feeds whose files are written anew before each run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, feed: str, *resources: Row) -> None:
        (self.folder / feed).mkdir(exist_ok=True)
        text = "".join(json.dumps(r) + "\n" for r in resources)
        (self.folder / feed / "all.ndjson").write_text(text, "utf-8")

    def assess(self, day: str, *more: str, checks: str = LOOKED_FOR) -> Result:
        """Run some checks, or all where none is named."""
        arguments = ["assess", "--project", str(self.folder), "--as-of", day, *more]
        done = CliRunner().invoke(main, arguments + (["--checks", checks] if checks else []))
        assert done.exit_code in (0, 1), done.output
        return done

    def history(self, check: str = "CTX-01") -> dict[str, Row]:
        relation = duckdb.sql(
            f"select * from read_parquet('{self.folder}/current/history.parquet') "
            f"where \"check\" = '{check}'"
        )
        rows = [dict(zip(relation.columns, r, strict=True)) for r in relation.fetchall()]
        return {f"{r['feed']} {r['resource_id']}": r for r in rows}

    def summary(self) -> Any:
        return json.loads((self.folder / "current" / "summary.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the project after its first run."""
    folder = tmp_path_factory.mktemp("assessed") / "project"
    folder.mkdir()
    (folder / "uptake.toml").write_text(
        '[feeds.lab]\npath = "lab"\n[feeds.ward]\npath = "ward"\n', "utf-8"
    )
    made = Hospital(folder)
    made.send("lab", result("a"), result("b"), result("c"))
    made.send("ward", result("w"))
    made.assess("2026-11-01", checks="")
    return folder


@pytest.fixture
def hospital(assessed: Path, tmp_path: Path) -> Hospital:
    """Return a copy of that project."""
    return Hospital(Path(shutil.copytree(assessed, tmp_path / "project", symlinks=True)))


def states(hospital: Hospital) -> dict[str, tuple[str, str]]:
    return {key: (r["status"], r["resolution"]) for key, r in hospital.history().items()}


def test_all_are_new_in_a_first_run(hospital: Hospital) -> None:
    rows = hospital.history()
    assert states(hospital) == dict.fromkeys(["lab a", "lab b", "lab c", "ward w"], ("new", ""))
    assert {str(r["first_seen"])[:10] for r in rows.values()} == {"2026-11-01"}
    assert hospital.summary()["changes"] is None


def test_a_finding_is_resolved_by_a_corrected_record_or_by_none(hospital: Hospital) -> None:
    hospital.send("lab", result("a", encounter="e"), result("c"), result("d"))
    hospital.assess("2026-11-08", checks="")
    assert states(hospital) == {
        "lab a": ("resolved", "corrected"), "lab b": ("resolved", "not sent"),
        "lab c": ("open", ""), "lab d": ("new", ""), "ward w": ("open", ""),
    }  # fmt: skip
    rows = hospital.history()
    assert str(rows["lab c"]["first_seen"])[:10] == "2026-11-01"
    assert str(rows["lab c"]["last_seen"])[:10] == "2026-11-08"
    assert str(rows["lab a"]["resolved_at"])[:10] == "2026-11-08"


def test_how_a_line_without_an_id_was_resolved_cannot_be_told(hospital: Hospital) -> None:
    path = hospital.folder / "lab" / "all.ndjson"
    path.write_text(
        path.read_text("utf-8") + '{"resourceType": "Observation", "id": 42}\n', "utf-8"
    )
    arguments = ["assess", "--project", str(hospital.folder), "--checks", LOOKED_FOR, "--as-of"]
    assert CliRunner().invoke(main, [*arguments, "2026-11-08"]).exit_code == 3
    [held] = hospital.history("CNF-01").values()
    assert (held["status"], held["resource_id"]) == ("new", None)
    hospital.send("lab", result("a"), result("b"), result("c"))
    hospital.assess("2026-11-09")
    [held] = hospital.history("CNF-01").values()
    assert (held["status"], held["resolution"]) == ("resolved", "")


def test_what_was_not_looked_for_stays_open(hospital: Hospital) -> None:
    hospital.assess("2026-11-08", checks="DUP-05")
    assert {status for status, _ in states(hospital).values()} == {"open"}
    hospital.assess("2026-11-09", str(hospital.folder / "ward"))
    assert states(hospital)["lab a"] == ("open", "")
    assert str(hospital.history()["lab a"]["last_seen"])[:10] == "2026-11-01"


def test_what_comes_back_is_new_again_and_keeps_its_first_day(hospital: Hospital) -> None:
    hospital.send("lab", result("a", encounter="e"), result("b"), result("c"))
    hospital.assess("2026-11-08")
    hospital.assess("2026-11-09")
    assert states(hospital)["lab a"] == ("resolved", "corrected")
    hospital.send("lab", result("a"), result("b"), result("c"))
    hospital.assess("2026-11-10")
    row = hospital.history()["lab a"]
    assert (row["status"], row["returned"], row["resolved_at"]) == ("new", True, None)
    assert str(row["first_seen"])[:10] == "2026-11-01"


def test_a_project_of_runs_without_history_goes_on_from_its_findings(hospital: Hospital) -> None:
    (hospital.folder / "current" / "history.parquet").unlink()
    hospital.assess("2026-11-08")
    assert {status for status, _ in states(hospital).values()} == {"open"}
    assert str(hospital.history()["lab a"]["first_seen"])[:10] == "2026-11-01"


def test_runs_are_compared_with_the_one_before_or_one_that_is_named(hospital: Hospital) -> None:
    hospital.send("lab", result("a", encounter="e"), result("b"), result("c"))
    hospital.assess("2026-11-08")
    first, second = sorted((hospital.folder / "runs").iterdir())
    hospital.send("lab", result("a", encounter="e"), result("b"), result("c"), result("d"))
    told = hospital.assess("2026-11-09", checks="CTX-01").output
    assert "Since the run as of 2026-11-08: 1 new finding, 0 resolved, 3 persist" in told
    mine = [r for r in hospital.summary()["changes"]["checks"] if r["code"] == "CTX-01"]
    assert [(r["feed"], r["new"], r["persisting"], r["resolved"]) for r in mine] == [
        ("lab", 1, 2, 0), ("ward", 0, 1, 0),
    ]  # fmt: skip
    told = hospital.assess("2026-11-10", "--compare", first.name[:25], checks="CTX-01").output
    assert "Since the run as of 2026-11-01: 1 new finding, 1 resolved, 3 persist" in told
    page = (hospital.folder / "current" / "report.html").read_text("utf-8")
    assert "Since the run as of 2026-11-01" in page
    hospital.assess("2026-11-10", "--compare", str(second))


def test_a_run_that_is_not_there_is_named(hospital: Hospital) -> None:
    arguments = ["assess", "--project", str(hospital.folder), "--compare", "2019"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "--compare 2019: there is no such run; known: 2" in done.output


def test_without_a_project_nothing_is_kept_but_runs_can_be_compared(
    hospital: Hospital, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["assess", str(hospital.folder / "lab"), "--out", str(out), "--as-of", "2026-11-09"]
    arguments += ["--checks", LOOKED_FOR]
    then = next((hospital.folder / "runs").iterdir())
    done = CliRunner().invoke(main, [*arguments, "--compare", str(then)])
    assert "0 new findings, 0 resolved" in done.output, done.output
    assert not (out / "history.parquet").exists()
    assert (out / "stratum.parquet").exists()
