"""Browsers of registered EHRs call the CDS services; bodies that are too long are refused."""

from __future__ import annotations

import resource
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from uptake.web.security import LARGEST, LARGEST_CALL, Guard

if TYPE_CHECKING:
    from starlette.requests import Request

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

CHART = "https://chart.example.org"
PATH = "/cds-services/try"
FIFTY = 50 * 1024 * 1024


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse({"bytes": len(await request.body())})


@pytest.fixture
def client() -> Iterator[TestClient]:
    routes = [Route(path, _echo, methods=["GET", "POST"])
              for path in ("/cds-services", PATH, "/api/feedback")]  # fmt: skip
    guard = Middleware(Guard, hosts=frozenset(), ehr=(CHART,))
    app = Starlette(routes=routes, middleware=[guard])
    with TestClient(app, base_url="http://127.0.0.1:8000") as opened:
        yield opened


def preflight(origin: str = CHART) -> dict[str, str]:
    return {
        "Origin": origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Sec-Fetch-Site": "cross-site",
    }  # fmt: skip


def test_a_preflight_of_a_registered_ehr(client: TestClient) -> None:
    answer = client.options(PATH, headers=preflight())
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == CHART
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-headers"] == "Authorization, Content-Type"
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{CHART}.evil.example", "*"])
def test_a_stranger_is_allowed_nothing(client: TestClient, origin: str) -> None:
    asked = client.options(PATH, headers=preflight(origin))
    called = client.post(PATH, content=b"{}", headers={"Origin": origin})
    for answer in (asked, called):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert called.status_code == 403


@pytest.mark.parametrize("path", ["/cds-services", PATH])
def test_the_answer_may_be_read(client: TestClient, path: str) -> None:
    headers = {"Origin": CHART, "Sec-Fetch-Site": "cross-site"}
    method = client.get if path == "/cds-services" else client.post
    answer = method(path, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == CHART


def test_no_other_path_is_open(client: TestClient) -> None:
    answer = client.post("/api/feedback", content=b"{}", headers={"Origin": CHART})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    asked = client.options("/api/feedback", headers=preflight())
    assert "access-control-allow-origin" not in asked.headers


def parts() -> Iterator[bytes]:
    for _ in range(50):
        yield b"x" * (1024 * 1024)


@pytest.mark.parametrize(("path", "largest"), [(PATH, LARGEST_CALL), ("/api/feedback", LARGEST)])
def test_fifty_megabytes_are_refused_in_little_memory(
    client: TestClient, path: str, largest: int
) -> None:
    said = client.post(path, headers={"Content-Length": str(FIFTY)}, content=b"x")
    assert said.status_code == 413
    assert f"{largest:,}" in said.text
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    streamed = client.post(path, content=parts())  # of a length that is not told
    assert streamed.status_code == 413
    assert f"{largest:,}" in streamed.text
    # kilobytes; the test client itself puts the fifty together first
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 3 * FIFTY / 1024


def test_a_large_call_passes(client: TestClient) -> None:
    body = b"x" * LARGEST_CALL
    assert client.post(PATH, content=body).json() == {"bytes": LARGEST_CALL}
