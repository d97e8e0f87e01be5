"""The service as it is run: killed while a report is sent, nothing is lost or double."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import select

from uptake.project import init_project, read_project
from uptake.state.database import open_state
from uptake.state.schema import feedback


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Service:
    """`uptake serve` in a process of its own."""

    def __init__(self, project: Path) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uptake", "serve", "--project", str(project),
             "--port", str(self.port)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        assert self.process.stdout.readline().strip() == f"http://127.0.0.1:{self.port}"

    def report(self, key: str) -> int:
        """Send a report; return the status."""
        body = {
            "id": key, "kind": "workflow friction", "use_case": "medication-reconciliation",
            "about_kind": "nothing", "about": "", "text": "<script>alert(1)</script> too late",
            "reporter": "pr-001", "role": "nurse", "unit": "6 North",
        }  # fmt: skip
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/feedback",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            status: int = answer.status
            return status

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)


def kept(project: Path) -> list[str]:
    state = open_state(read_project(project).state_url)
    with state.read() as connection:
        found = [*connection.scalars(select(feedback.c.id))]
    state.close()
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    init_project(tmp_path / "project")
    return tmp_path / "project"


def test_a_report_is_accepted_once(project: Path) -> None:
    service = Service(project)
    try:
        assert [service.report("r-1"), service.report("r-1")] == [202, 200]
    finally:
        service.kill()
    assert kept(project) == ["r-1"]


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_reports_are_sent(project: Path, seed: int) -> None:
    service, rng = Service(project), random.Random(seed)
    answered: list[str] = []

    def send() -> None:
        for number in range(500):
            try:
                service.report(f"r-{number}")
            except (urllib.error.URLError, OSError):
                return
            answered.append(f"r-{number}")

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(rng.uniform(0.05, 0.6))
    service.kill()
    sender.join(30)
    held = kept(project)
    assert set(answered) <= set(held), "what was answered is kept"
    assert len(held) == len(set(held))
    again = Service(project)
    try:
        number = len(answered)
        assert again.report(f"r-{number}") in (200, 202), "the one that was under way is sent again"
    finally:
        again.kill()
    assert sorted(kept(project)) == sorted(f"r-{n}" for n in range(number + 1))
