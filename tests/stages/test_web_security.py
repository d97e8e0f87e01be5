"""Who may ask: names, origins, sizes; and what a browser may do with the answer."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import web_cases as cases
from click.testing import CliRunner

from uptake.cli import main
from uptake.web.app import create_app
from uptake.web.security import LARGEST

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

REPORT = {"id": "s1", "kind": "unmet need", "text": "x"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("project")
    cases.write_project(folder)
    site = cases.make_site(folder)
    yield TestClient(create_app(site), base_url="http://127.0.0.1:8000")
    site.state.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("localhost", 200), ("[::1]:8000", 200), ("LOCALHOST:1", 200),
        ("uptake.example.org", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421), ("", 421),
    ],
)  # fmt: skip
def test_only_known_names_are_answered(client: TestClient, host: str, status: int) -> None:
    answer = client.get("/health", headers={"host": host})
    assert answer.status_code == status
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8000"}, True),
        ({"origin": "http://127.0.0.1:8000"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8000"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://127.0.0.1:9000"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://ehr.example.org"}, False),
        ({"origin": "null"}, False),
    ],
)
def test_a_form_of_a_foreign_page_is_refused(
    client: TestClient, headers: dict[str, str], allowed: bool
) -> None:
    answer = client.post("/api/feedback", json=REPORT, headers=headers)
    assert (answer.status_code != 403) == allowed


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [({}, True), ({"origin": "https://ehr.example.org", "sec-fetch-site": "cross-site"}, True),
     ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False)],
)  # fmt: skip
def test_a_registered_ehr_calls_the_services(
    client: TestClient, headers: dict[str, str], allowed: bool
) -> None:
    answer = client.post("/cds-services/none", content=b"{}", headers=headers)
    assert answer.status_code == (404 if allowed else 403)


def test_a_page_allows_no_inline_script_and_no_stranger(client: TestClient) -> None:
    headers = client.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert policy.endswith("frame-ancestors 'self' https://ehr.example.org")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_our_own_files_may_be_kept(client: TestClient) -> None:
    assert "immutable" in client.get("/static/style.css").headers["cache-control"]
    assert client.get("/static/../app.py").status_code == 404


def test_a_body_too_large_is_refused(client: TestClient) -> None:
    assert client.post("/api/feedback", content=b"x" * (LARGEST + 1)).status_code == 413


def test_the_stylesheet_stays_small() -> None:
    path = Path(__file__).parents[2] / "uptake" / "web" / "static" / "style.css"
    assert path.stat().st_size < 10 * 1024


# --- uptake serve -------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::"])
def test_a_host_that_others_reach_is_refused(tmp_path: Path, host: str) -> None:
    cases.write_project(tmp_path)
    done = CliRunner().invoke(main, ["serve", "--project", str(tmp_path), "--host", host])
    assert done.exit_code == 2
    told = done.stderr.splitlines()
    assert len(told) == 1
    assert "put a proxy that authenticates in front" in told[0]


def test_serve_answers_logs_no_address_and_stops(tmp_path: Path) -> None:
    cases.write_project(tmp_path)
    port = 18931
    command = [sys.executable, "-m", "uptake", "serve", "--verbose", "--project", str(tmp_path)]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address == f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{address}/health") as answer:
            assert answer.read() == b'{"status":"ok"}'
        with urllib.request.urlopen(f"{address}/feeds?patient=secret-1") as answer:
            assert answer.status == 200
        began = time.monotonic()
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert time.monotonic() - began < 10
    assert said.splitlines() == ["GET /health 200", "GET /feeds 200"]


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    import socket

    cases.write_project(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["serve", "--project", str(tmp_path), "--port", port])
    assert done.exit_code == 2
    assert "take another with --port" in done.stderr
