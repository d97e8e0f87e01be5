"""The catalogue, trends and scorecards: what they say, of real runs, and that all is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from web_cases import SCRIPT, MadeOnce, assess, copy_assessed, make_site

from uptake.web.app import create_app
from uptake.web.charts import Dot, lines
from uptake.web.views.feeds import sound_sentence


@pytest.fixture(scope="module")
def client(made_once: MadeOnce, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("catalogue") / "project"
    copy_assessed(made_once, folder)
    path = folder / "lab" / "Observation.ndjson"
    kept = [line for line in path.read_text("utf-8").splitlines() if '"o3"' not in line]
    path.write_text("\n".join(kept) + "\n", "utf-8")
    settings = (folder / "uptake.toml").read_text("utf-8").replace("2026-11-01", "2026-11-08")
    (folder / "uptake.toml").write_text(settings, "utf-8")
    assess(folder)
    site = make_site(folder)
    yield TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    site.state.close()


def text(client: TestClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert SCRIPT not in answer.text
    return answer.text


def test_the_catalogue_lists_every_check_and_leads_to_each(client: TestClient) -> None:
    from uptake.definitions import read_checks
    from uptake.project import Project

    found = text(client, "/checks")
    checks = read_checks(Project().content("checks"), verify=())
    for code, check in checks.items():
        assert f'href="/checks/{code}"' in found
        assert check.title in text(client, f"/checks/{code}").replace("&#39;", "'")
    assert f"{len(checks)} checks look for" in found


def test_a_definition_shows_its_examples_and_its_query(client: TestClient) -> None:
    found = text(client, "/checks/COD-10")
    assert "Found in these: " in found
    assert "left join unit_status as s" in found
    assert client.get("/checks/NONE-1").status_code == 404


def test_a_check_is_drawn_from_run_to_run(client: TestClient) -> None:
    found = text(client, "/findings/COD-01")
    assert "Is it getting better?" in found
    assert "<td>2026-11-01</td><td>4</td><td>" in found
    assert "<td>2026-11-08</td><td>3</td><td>" in found


def test_a_sender_has_a_scorecard(client: TestClient) -> None:
    found = text(client, "/feeds/lab")
    assert "have no serious defect, up from" in found
    assert "/findings/COD-01?feed=lab" in found
    assert "local codes without a standard code" in found
    assert 'href="/feeds/lab"' in text(client, "/feeds")
    assert client.get("/feeds/nobody").status_code == 404


def test_no_patient_is_on_a_scorecard(client: TestClient) -> None:
    found = text(client, "/feeds/lab")
    assert "lab-0" not in found
    assert "MRN-" not in found


@pytest.mark.parametrize(
    ("moves", "told"),
    [
        ([], "Nothing of lab could be read."),
        ([(9, 10)], "90 % of 10 resources have no serious defect."),
        ([(8, 10), (9, 10)], "up from 80 % in the run before."),
        ([(9, 10), (8, 10)], "down from 90 % in the run before."),
        ([(900, 1000), (901, 1000)], ", as in the run before."),
    ],
)
def test_the_sentence_of_a_sender(moves: list[tuple[int, int]], told: str) -> None:
    dots = [Dot(date(2026, 1, 1 + i), *counts) for i, counts in enumerate(moves)]
    assert sound_sentence("lab", dots).endswith(told)


def test_lines_name_days_only_where_there_is_room_and_leave_out_groups_without_findings() -> None:
    days = [date(2026, 6, 3), date(2026, 10, 18), date(2026, 11, 1)]
    groups = {
        "lab": [Dot(day, 5 + i, 100) for i, day in enumerate(days)],
        "ward": [Dot(day, 0, 100) for day in days],
    }
    drawn = lines(groups, title="Share", bound=0.02, sentence="s", layout="%Y-%m-%d")
    svg = str(drawn.svg)
    assert "2026-06-03" in svg
    assert "2026-11-01" in svg
    assert "2026-10-18" not in svg
    assert ("lab" in svg, "ward" in svg) == (True, False)
    assert len(drawn.rows) == 6
    assert drawn.note == "1 more in the table."


def test_nothing_to_draw_is_no_picture() -> None:
    drawn = lines({}, title="Share", bound=None, sentence="s")
    assert (str(drawn.svg), drawn.rows) == ("", ())


def test_the_list_of_checks_says_what_each_breaks(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from uptake.cli import main

    told = CliRunner().invoke(main, ["checks", "list"]).output
    line = next(row for row in told.splitlines() if row.startswith("COD-10"))
    assert line.split()[1:4] == ["coding", "high", "available"]
    assert line.endswith("[care-gap-closure, deterioration-alerts]")
    rows = json.loads(CliRunner().invoke(main, ["checks", "list", "--json"]).output)
    assert {"code", "title", "category", "dimension", "severity", "effect", "unit", "use_cases",
            "status"} <= set(rows[0])  # fmt: skip
