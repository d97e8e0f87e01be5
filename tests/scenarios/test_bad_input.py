"""Bad input through the command line: exit codes, one-line errors, nothing of a patient in them."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

NAME = "Quicksilver"
GOOD = b'{"resourceType":"Patient","id":"%d","name":[{"family":"Quicksilver"}]}'
BAD = b'{"resourceType":"Patient","id":7,"name":[{"family":"Quicksilver"}]}'
NO_ENCOUNTER = (
    b'{"resourceType":"Observation","id":"o","status":"final","category":[{"coding":'
    b'[{"code":"laboratory"}]}],"code":{"text":"Potassium"}}'
)


def put(folder: Path, *lines: bytes, name: str = "a.ndjson") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))
    return folder


def uptake(cwd: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `uptake assess`; whatever it says, there is no traceback and no patient in an error."""
    done = subprocess.run(
        [sys.executable, "-m", "uptake", "assess", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )
    assert "Traceback" not in done.stderr
    assert NAME not in done.stdout + done.stderr
    return done


def quarantine(out: Path) -> list[dict[str, Any]]:
    return pq.read_table(out / "quarantine.parquet").to_pylist()


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the only line of an error, which says who speaks."""
    (line,) = done.stderr.splitlines()
    assert line.startswith("uptake: ")
    return line


def test_fine(tmp_path: Path) -> None:
    put(tmp_path / "in", GOOD % 1)
    done = uptake(tmp_path, "in", "--out", "out", "--quiet", "--checks", "CTX-01")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_failed_check_is_1_and_quarantine_3(tmp_path: Path) -> None:
    put(tmp_path / "in", NO_ENCOUNTER)
    words = ("in", "--out", "out", "--quiet", "--checks", "CTX-01", "--fail-on", "high")
    assert uptake(tmp_path, *words).returncode == 1
    put(tmp_path / "in", NO_ENCOUNTER, BAD)
    assert uptake(tmp_path, *words).returncode == 3
    (kept,) = quarantine(tmp_path / "out")
    assert (kept["feed"], kept["file"], kept["line"]) == ("in", "a.ndjson", 2)
    assert (kept["byte_offset"], kept["raw"]) == (len(NO_ENCOUNTER) + 1, BAD)
    assert (kept["error"], kept["path"]) == ("an integer where a string belongs", "$.id")
    (read,) = json.loads((tmp_path / "out" / "summary.json").read_text())["inputs"]
    assert (read["records"], read["resources"], read["quarantined"]) == (2, 1, 1)


def test_a_mixed_folder(tmp_path: Path) -> None:
    """Every form that is not FHIR R4 JSON is named; what is good beside it is read."""
    folder = put(tmp_path / "in", GOOD % 1, b"", b"{", GOOD % 2, b"\xff", BAD)
    manifest = {"transactionTime": "2026-01-01T00:00:00Z", "output": []}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    (folder / "b.ndjson.gz").write_bytes(gzip.compress(GOOD % 3 + b"\n" + GOOD % 4)[:-9])
    (folder / "c.xml").write_text(f"<Patient><name value='{NAME}'/></Patient>")
    (folder / "d.json").write_text(f"<Patient><name value='{NAME}'/></Patient>")
    (folder / "e.hl7").write_text(f"MSH|^~\\&|A\rPID|1||1||{NAME}")
    (folder / "f.ndjson").write_text((GOOD % 5).decode(), "utf-16")
    (folder / "g.ndjson").symlink_to("nowhere")
    (folder / "h.ndjson").write_bytes(b"")
    (folder / "i 'j' \"k\" 東\n.ndjson").write_bytes(GOOD % 6)
    done = uptake(tmp_path, "in", "--out", "o'ut", "--checks", "CTX-01")
    assert done.returncode == 3
    inputs = json.loads((tmp_path / "o'ut" / "summary.json").read_text())["inputs"]
    assert {f["path"]: (f["resources"], f["quarantined"]) for f in inputs} == {
        "a.ndjson": (2, 3),
        "b.ndjson.gz": (1, 1),
        "c.xml": (0, 1),
        "d.json": (0, 1),
        "e.hl7": (0, 1),
        "f.ndjson": (0, 1),
        "g.ndjson": (0, 1),
        "h.ndjson": (0, 0),
        "i 'j' \"k\" 東\\n.ndjson": (1, 0),
        "manifest.json": (0, 0),
    }
    assert all(f["records"] == f["resources"] + f["quarantined"] for f in inputs)
    said = [(q["file"], q["line"]) for q in quarantine(tmp_path / "o'ut")]
    assert said[:4] == [("a.ndjson", 3), ("a.ndjson", 5), ("a.ndjson", 6), ("b.ndjson.gz", 2)]
    assert NAME not in (tmp_path / "o'ut" / "report.html").read_text()


@pytest.mark.parametrize("content", [b"{bad\n", BAD + b"\n" + BAD])
def test_a_feed_kept_out_whole_is_2(tmp_path: Path, content: bytes) -> None:
    put(tmp_path / "in").joinpath("a.ndjson").write_bytes(content)
    assert uptake(tmp_path, "in", "--out", "out", "--checks", "CTX-01").returncode == 2
    assert quarantine(tmp_path / "out")


def test_wrong_usage_is_2_and_a_line(tmp_path: Path) -> None:
    put(tmp_path / "in", GOOD % 1)
    put(tmp_path / "b" / "in", GOOD % 1)
    put(tmp_path / "nothing", name="a.ndjson")
    put(tmp_path / "readme", b"x", name="readme.txt")
    for words, said in (
        (("nowhere",), "nowhere: no such file or folder"),
        (("a\nb",), "no such file or folder"),
        (("readme",), "no FHIR in this folder"),
        (("nothing",), "nothing could be read"),
        (("in", "b/in"), "two sources are named 'in'"),
        (("in", "--feed", "in=b"), "two sources are named 'in'"),
        (("in", "--out", "in/a.ndjson"), "cannot be written"),
    ):
        done = uptake(tmp_path, *words, "--quiet")
        assert done.returncode == 2, words
        assert said in one_line(done)


@pytest.mark.parametrize("limit", [0, 600])
def test_a_full_disk_is_2_and_nothing_is_half_written(tmp_path: Path, limit: int) -> None:
    put(tmp_path / "in", *(GOOD % n for n in range(500)))

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = uptake(tmp_path, "in", "--out", "out", "--quiet", preexec_fn=fill)
    assert done.returncode == 2
    assert "out/resources: cannot be written: " in one_line(done)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lines = [GOOD % n for n in range(30_000)]
    put(tmp_path / "project" / "ehr", *lines)
    toml = '[feeds.ehr]\npath = "ehr"\n'
    (tmp_path / "project" / "uptake.toml").write_text(toml)
    return tmp_path / "project"


def start(project: Path) -> subprocess.Popen[bytes]:
    """Start a run and return when it is loading."""
    child = subprocess.Popen(
        [sys.executable, "-m", "uptake", "assess", "--quiet", "--checks", "CTX-01"],
        cwd=project,
        start_new_session=True,
    )
    end = time.monotonic() + 30
    while not (project / "resources.tmp").exists() and time.monotonic() < end:
        time.sleep(0.002)
    return child


def test_kill_and_run_again(project: Path) -> None:
    child = start(project)
    os.killpg(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (project / "current").exists()
    assert uptake(project, "--quiet", "--checks", "CTX-01").returncode == 0
    assert (project / "current" / "summary.json").exists()
    assert not (project / "resources.tmp").exists()


def test_two_runs_in_one_project(project: Path) -> None:
    child = start(project)
    os.killpg(child.pid, signal.SIGSTOP)  # so that the second meets the first, however slow
    second = uptake(project, "--quiet", "--checks", "CTX-01")
    os.killpg(child.pid, signal.SIGCONT)
    assert child.wait(timeout=60) == 0
    assert second.returncode == 2
    assert "another assess is running here" in one_line(second)
    assert len(list((project / "runs").iterdir())) == 1
