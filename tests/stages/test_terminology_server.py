"""A real server on this machine, that answers, refuses, dawdles, lies and is away."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from uptake.engine.duckdb import Database
from uptake.errors import DefinitionError
from uptake.terminology.server import BATCH, TRIES, Said, Server
from uptake.terminology.sources import Terminology
from uptake.terminology.statuses import build_statuses

if TYPE_CHECKING:
    from starlette.requests import Request

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NOW = datetime(2026, 11, 28, tzinfo=UTC)
CODES = {"861007": "metformin hydrochloride 500 MG Oral Tablet", "151827": "Glucophage"}


class Fake:
    """A terminology server that knows two codes, and misbehaves as it is told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Every address and body it was sent."""
        self.before: Callable[[int], Response | None] = lambda _: None
        """What to do instead, given how many requests there were."""
        self.batches = True
        self.content = "complete"

    async def batch(self, request: Request) -> Response:
        body = await request.body()
        if wrong := self._met(body.decode()):
            return wrong
        if not self.batches:
            return PlainTextResponse("no", 405)
        urls = [entry["request"]["url"] for entry in json.loads(body)["entry"]]
        entries = [{"resource": self._validate(url)} for url in urls]
        return JSONResponse({"resourceType": "Bundle", "type": "batch-response", "entry": entries})

    async def validate(self, request: Request) -> Response:
        if wrong := self._met(str(request.url)):
            return wrong
        return JSONResponse(self._validate(str(request.url)))

    async def systems(self, request: Request) -> Response:
        if wrong := self._met(str(request.url)):
            return wrong
        held = {"resourceType": "CodeSystem", "url": RXNORM, "content": self.content}
        found = [{"resource": held}] if request.query_params["url"] == RXNORM else []
        return JSONResponse({"resourceType": "Bundle", "entry": found})

    def _met(self, what: str) -> Response | None:
        self.asked.append(what)
        return self.before(len(self.asked))

    def _validate(self, url: str) -> dict[str, Any]:
        code = url.rpartition("code=")[2]
        told: list[dict[str, Any]] = [{"name": "result", "valueBoolean": code in CODES}]
        if code in CODES:
            told.append({"name": "display", "valueString": CODES[code]})
        if code == "151827":
            told.append({"name": "inactive", "valueBoolean": True})
        return {"resourceType": "Parameters", "parameter": told}


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
def url(fake: Fake) -> Iterator[str]:
    app = Starlette(
        routes=[
            Route("/r4", fake.batch, methods=["POST"]),
            Route("/r4/CodeSystem/$validate-code", fake.validate),
            Route("/r4/CodeSystem", fake.systems),
        ]
    )
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error")
        server = uvicorn.Server(config)
        held.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{held.getsockname()[1]}/r4"
        server.should_exit = True
        thread.join(5)


def server(url: str, tmp_path: Path, **more: Any) -> Server:
    return Server(url, tmp_path / "server.json", pause=0.01, clock=lambda: NOW, **more)


def test_it_answers(fake: Fake, url: str, tmp_path: Path) -> None:
    asked = server(url, tmp_path)
    said = asked.ask([(RXNORM, "861007"), (RXNORM, "151827"), (RXNORM, "999")])
    assert said == {
        (RXNORM, "861007"): Said(True, True, CODES["861007"]),
        (RXNORM, "151827"): Said(True, False, "Glucophage"),
        (RXNORM, "999"): Said(False, True, None),
    }
    assert not asked.notes
    assert len(fake.asked) == 2  # the batch, and whether it holds the system


def test_answers_are_kept(fake: Fake, url: str, tmp_path: Path) -> None:
    codes = [(RXNORM, "861007"), (RXNORM, "999")]
    first = server(url, tmp_path).ask(codes)
    fake.asked.clear()
    assert server(url, tmp_path).ask(codes) == first
    assert fake.asked == []
    later = Server(url, tmp_path / "server.json", clock=lambda: NOW + timedelta(days=31))
    assert later.ask(codes) == first
    assert fake.asked


def test_another_servers_answers_do_not_count(fake: Fake, url: str, tmp_path: Path) -> None:
    kept = {"server": "https://other.example.org", "answers": [[RXNORM, "1", "2026-11-28T00:00:00+00:00", True, True, "x"]]}  # noqa: E501  # fmt: skip
    (tmp_path / "server.json").write_text(json.dumps(kept), "utf-8")
    assert server(url, tmp_path).ask([(RXNORM, "1")]) == {(RXNORM, "1"): Said(False, True, None)}


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", '{"server": 1}', '{"server": "x", "answers": 3}']
)
def test_a_broken_cache_is_no_cache(broken: str, url: str, tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(broken.replace('"x"', json.dumps(url)), "utf-8")
    assert server(url, tmp_path).ask([(RXNORM, "861007")])[RXNORM, "861007"].valid


def test_many_codes_go_by_the_batch(fake: Fake, url: str, tmp_path: Path) -> None:
    server(url, tmp_path).ask([(RXNORM, "861007")] + [(RXNORM, str(n)) for n in range(2 * BATCH)])
    assert len([a for a in fake.asked if '"batch"' in a]) == 3


def test_a_server_without_batches(fake: Fake, url: str, tmp_path: Path) -> None:
    fake.batches = False
    said = server(url, tmp_path).ask([(RXNORM, "861007"), (RXNORM, "999")])
    assert [s.valid for s in said.values()] == [True, False]


@pytest.mark.parametrize("content", ["fragment", "example"])
def test_a_part_of_a_system_denies_nothing(
    content: str, fake: Fake, url: str, tmp_path: Path
) -> None:
    fake.content = content
    said = server(url, tmp_path).ask([(RXNORM, "861007"), (RXNORM, "999")])
    assert list(said) == [(RXNORM, "861007")]


def test_a_system_it_does_not_know_denies_nothing(fake: Fake, url: str, tmp_path: Path) -> None:
    assert server(url, tmp_path).ask([("http://hl7.org/fhir/sid/ndc", "1234-5678")]) == {}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_it_is_asked_again(status: int, fake: Fake, url: str, tmp_path: Path) -> None:
    fake.before = lambda n: PlainTextResponse("later", status) if n < TRIES else None
    asked = server(url, tmp_path)
    assert asked.ask([(RXNORM, "861007")])[RXNORM, "861007"].valid
    assert not asked.notes


def test_it_is_not_asked_for_ever(fake: Fake, url: str, tmp_path: Path) -> None:
    fake.before = lambda _: PlainTextResponse("down", 503)
    asked = server(url, tmp_path)
    assert asked.ask([(RXNORM, "861007"), (RXNORM, "999")]) == {}
    assert len(fake.asked) == TRIES
    assert asked.notes == [
        f"the terminology server {url} did not answer (HTTP 503); 2 codes that only it could know "
        "are not covered"
    ]


def test_a_slow_server(fake: Fake, url: str, tmp_path: Path) -> None:
    def slow(_: int) -> None:
        time.sleep(0.3)

    fake.before = slow
    asked = server(url, tmp_path, timeout=0.05)
    assert asked.ask([(RXNORM, "861007")]) == {}
    assert "no answer in time" in asked.notes[0]


@pytest.mark.parametrize(
    "body", ["<html>", "", "[]", "3", '{"entry": 3}', '{"entry": [1]}', '{"entry": []}', "{}"]
)
def test_nonsense(body: str, fake: Fake, url: str, tmp_path: Path) -> None:
    fake.before = lambda _: PlainTextResponse(body)
    asked = server(url, tmp_path)
    assert asked.ask([(RXNORM, "861007")]) == {}
    assert "did not answer" in asked.notes[0]


@pytest.mark.parametrize(
    "resource",
    [
        None,
        {"resourceType": "OperationOutcome"},
        {"resourceType": "Parameters"},
        {"resourceType": "Parameters", "parameter": [{"name": "result", "valueString": "true"}]},
        {"resourceType": "Parameters", "parameter": [{"valueBoolean": True}]},
    ],
)
def test_an_entry_that_says_nothing(resource: object, fake: Fake, url: str, tmp_path: Path) -> None:
    fake.before = lambda _: JSONResponse({"entry": [{"resource": resource}]})
    asked = server(url, tmp_path)
    assert asked.ask([(RXNORM, "861007")]) == {}
    assert not asked.notes


def test_nobody_is_there(tmp_path: Path) -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{free.getsockname()[1]}"
    asked = server(away, tmp_path)
    assert asked.ask([(RXNORM, "861007")]) == {}
    assert "cannot be reached" in asked.notes[0]


def test_somebody_else_is_there(tmp_path: Path) -> None:
    """A port that speaks no HTTP, as one of a database."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            for _ in range(TRIES):
                caller, _ = listening.accept()
                with caller:
                    caller.recv(1 << 16)
                    caller.sendall(b"hello, this is no web server\r\n")

        greeting = threading.Thread(target=greet)
        greeting.start()
        asked = server(f"http://127.0.0.1:{listening.getsockname()[1]}", tmp_path)
        assert asked.ask([(RXNORM, "861007")]) == {}
        greeting.join()
    assert "cannot be reached" in asked.notes[0]


def test_what_was_known_stands_while_the_server_is_away(
    fake: Fake, url: str, tmp_path: Path
) -> None:
    codes = [(RXNORM, "861007")]
    server(url, tmp_path).ask(codes)
    fake.before = lambda _: PlainTextResponse("down", 503)
    later = Server(
        url, tmp_path / "server.json", pause=0.01, clock=lambda: NOW + timedelta(days=90)
    )
    assert later.ask(codes)[RXNORM, "861007"].valid


@pytest.mark.parametrize("wrong", ["file:///etc/passwd", "ftp://example.org", "example.org", ""])
def test_only_web_addresses(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"terminology\.server"):
        Server(wrong, tmp_path / "server.json")


def test_what_leaves_the_machine(fake: Fake, url: str, tmp_path: Path) -> None:
    """Codes of standards, of the right shape, that no release here holds: nothing else."""
    db = Database(1, "200MB", tmp_path / "spill")
    db.run("create table coding (rid bigint, system varchar, code varchar, display varchar)")
    rows = [
        (1, RXNORM, "861007", "Metformin for Jane Doe"),
        (1, RXNORM, "999", None),
        (2, RXNORM, "Jane Doe", None),
        (3, "http://snomed.info/sct", "44054006", None),
        (4, "http://hospital.example.org/codes", "1234", "Jane Doe"),
        (5, None, "5678", None),
        (6, "http://loinc.org", "4548-5", None),
    ]
    db.insert("coding", ("rid", "system", "code", "display"), rows)
    wanted = frozenset({"code_status", "display_status", "terminology_coverage"})
    build_statuses(db, wanted, Terminology((), server(url, tmp_path)))
    sent = "\n".join(fake.asked)
    assert "861007" in sent
    assert "44054006" in sent
    for kept in ("Jane", "Doe", "1234", "5678", "4548-5", "etformin", "hospital"):
        assert kept not in sent
    status = dict(db.rows("select code, status from code_status where code in ('861007', '999')"))
    assert status == {"861007": "valid", "999": "invalid"}
    assert db.row("select display from code_status where code = '861007'")[0] == CODES["861007"]
    db.close()
