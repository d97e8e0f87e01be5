"""Bad input of what people did, through the command line: nothing twice, nothing lost, no names."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import func, select

from uptake.cli import main
from uptake.rollout.feedback import Report, report
from uptake.state.database import open_state
from uptake.state.schema import access, event_inbox, feedback, refused_row

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
SCRIPT = "<script>alert('x')</script>"
SURFACE = """+++
code = "portal"
title = "The portal"
kind = "portal"
use_cases = ["medication-reconciliation"]
zone = "America/Chicago"
[columns]
at = "Event Time"
action = "Event"
practitioner = "User ID"
patient = "MRN"
reason = "Reason"
[actions]
"Records available" = "served"
"Opened" = "viewed"
+++
## What it is
A vendor's portal.
"""
HEADER = "User ID,MRN,Event Time,Event,Reason\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "uptake.toml").write_text("")
    (tmp_path / "surfaces").mkdir()
    (tmp_path / "surfaces" / "portal.md").write_text(SURFACE)
    return tmp_path


def uptake(project: Path, *words: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        done = CliRunner().invoke(main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done


def count(project: Path, column: Any) -> int:
    state = open_state(f"sqlite:///{project}/state.db")
    try:
        with state.read() as connection:
            return int(connection.scalar(select(func.count(column))) or 0)
    finally:
        state.close()


def put(project: Path, *rows: str, name: str = "log.csv") -> str:
    (project / name).write_text(HEADER + "".join(row + "\n" for row in rows))
    return name


def test_unknown_people_and_patients_are_kept_and_nobody_is_named(project: Path) -> None:
    (project / "people.csv").write_text(
        "practitioner,name,role,unit,surfaces\n"
        "pr-1,Ada Quicksilver,physician,4 East,portal\n"
        "pr-1,Ada Quicksilver,physician,5 West,portal\n"
        "pr-2,Bo Quicksilver,nurse,4 East,tablet\n"
    )
    done = uptake(project, "usage", "import", "people.csv", "--access", "--as-of", "2026-01-05")
    assert done.exit_code == 3
    assert "people.csv: 2 new rows of the access list" in done.stdout
    assert "1: a surface that is not defined" in done.stdout
    assert count(project, access.c.id) == 2
    log = put(
        project,
        "pr-1,MR-4711,2026-01-10 10:00,Opened,",
        "pr-1,MR-4711,2026-01-10 09:58,Records available,",  # seen before it was served
        "stranger,MR-0815,2026-01-09 10:00,Opened,",
        "pr-1,MR-4711,2026-01-10 10:05,Printed by Ada Quicksilver,",
        "pr-1,MR-4711,2999-01-10 10:05,Opened,",
    )
    done = uptake(project, "usage", "import", log)
    assert done.exit_code == 3
    assert "log.csv: 3 new events of portal" in done.stdout
    assert "1 event is of 1 person not on the access list of 2026-01-05; kept" in done.stdout
    assert "1: an action that the surface does not name" in done.stdout
    assert "1: the time is in the future" in done.stdout
    for name in ("Quicksilver", "MR-4711", "stranger"):
        assert name not in done.stdout + done.stderr
    assert count(project, event_inbox.c.id) == 3


def test_the_same_file_and_its_like_add_nothing(project: Path) -> None:
    rows = [f"pr-1,MR{n},2026-01-10 10:{n:02},Opened," for n in range(30)]
    assert uptake(project, "usage", "import", put(project, *rows)).exit_code == 0
    again = uptake(project, "usage", "import", "log.csv")
    assert "0 new events of portal" in again.stdout
    assert "imported before, on 20" in again.stdout
    turned = put(project, *reversed(rows), "pr-1,MR99,2026-01-11 10:00,Opened,", name="new.csv")
    done = uptake(project, "usage", "import", turned, "--json")
    found = json.loads(done.stdout)
    assert (found["accepted"], found["repeated"], found["refused"]) == (1, 30, 0)
    assert count(project, event_inbox.c.id) == 31


def test_unknown_surfaces_and_wrong_usage_are_2(project: Path) -> None:
    log = put(project, "pr-1,MR1,2026-01-10 10:00,Opened,")
    for words, what in (
        ((log, "--surface", "tablet"), "there is no surface tablet"),
        ((log, "--access"), "needs both --access and --as-of"),
        ((log, "--access", "--as-of", "soon"), "--as-of soon: no date"),
        ((log, "--surface", "portal", "--access", "--as-of", "2026-01-01"), "leave --surface out"),
        (("nowhere.csv",), "nowhere.csv: cannot be read"),
        ((".",), "cannot be read"),
    ):
        done = uptake(project, "usage", "import", *words)
        assert done.exit_code == 2, words
        assert what in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not (project / "state.db").exists() or count(project, event_inbox.c.id) == 0
    (project / "uptake.toml").unlink()
    assert "this needs a project" in uptake(project, "usage", "import", log).stderr


def test_script_in_every_field_is_text_and_control_characters_are_shown(project: Path) -> None:
    bad = f'"{SCRIPT}","{SCRIPT}",2026-01-10 10:00,Opened,"{SCRIPT}"'
    log = put(project, bad, f"{SCRIPT},\x1b[31mMR1,2026-01-10 10:00,{SCRIPT},{SCRIPT}")
    done = uptake(project, "usage", "import", log)
    assert done.exit_code == 3
    assert "<script" not in done.stdout + done.stderr
    state = open_state(f"sqlite:///{project}/state.db")
    with state.read() as connection:
        (event,) = connection.execute(select(event_inbox)).all()
    state.close()
    assert (event.practitioner, event.patient, event.reason) == (SCRIPT, SCRIPT, SCRIPT)
    shown = uptake(project, "usage", "refused", log)
    assert "line 3: an action that the surface does not name" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "\\x1b[31mMR1" in shown.stdout
    (row,) = json.loads(uptake(project, "usage", "refused", "log.csv", "--json").stdout)
    assert row["line"] == 3
    assert log in uptake(project, "usage", "refused").stdout
    assert uptake(project, "usage", "refused", "other.csv").exit_code == 2


def test_a_killed_import_leaves_all_or_nothing(project: Path) -> None:
    rows = [f"pr-1,MR{n},2026-01-10 10:00:{n % 60:02},Opened," for n in range(20_000)]
    log = put(project, *rows, "pr-1,MR1,never,Opened,")
    chance = random.Random(3)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-m", "uptake", "usage", "import", log], cwd=project,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(chance.uniform(0.3, 2.5))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if (project / "state.db").exists():
            kept = count(project, event_inbox.c.id), count(project, refused_row.c.id)
            assert kept in ((0, 0), (20_000, 1))
    assert uptake(project, "usage", "import", log).exit_code == 3
    assert count(project, event_inbox.c.id) == 20_000
    assert count(project, refused_row.c.id) == 1


REPORTS = """
import sys
from datetime import UTC, datetime
from uptake.rollout.feedback import Report, report
from uptake.rollout.feedback import Report, report
from uptake.state.database import open_state

state = open_state(sys.argv[1])
for number in range(100_000):
    report(state, Report(f"{sys.argv[2]}-{number}", "data quality", "x", "nothing", "", "wrong",
                         "pr-1", "", "", datetime.now(UTC)))
    print(number, flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_report_sent_by_a_process_that_is_killed_is_one_row(project: Path, seed: int) -> None:
    """What was acknowledged is there; what was under way is there once when it is sent again."""
    url = f"sqlite:///{project}/state.db"
    words = [sys.executable, "-c", REPORTS, url, "r"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0, 0.2))
    process.send_signal(signal.SIGKILL)
    told = 1 + len(process.stdout.read().splitlines())
    process.wait()
    kept = count(project, feedback.c.id)
    assert kept in (told, told + 1)
    state = open_state(url)
    sent = [
        Report(f"r-{n}", "data quality", "x", "nothing", "", "wrong", "pr-1", "", "", NOW)
        for n in range(told + 1)
    ]
    new = [report(state, one) for one in sent]
    state.close()
    assert new == [False] * kept + [True] * (told + 1 - kept)
    assert count(project, feedback.c.id) == told + 1
