"""Our prefetch templates against a FHIR server that is not ours: sekmet-fhir, on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

import pytest

from uptake.delivery.cases import Facts, Got
from uptake.delivery.hooks import Context
from uptake.delivery.prefetch import resolve
from uptake.delivery.reads import open_client, read_all
from uptake.delivery.services import services

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TOKEN = "secret-token"
LIST = {"a": "MedicationRequest?patient=p"}
LISTED = 45
"""More than two pages of the server's twenty."""
SETTINGS = """
base_url: http://127.0.0.1:{port}/fhir
host: 127.0.0.1
port: {port}
data_dir: {folder}
validation: {{inbound: "off"}}
simulator: {{enabled: false}}
log_inbound: false
server_auth: {{types: [bearer], tokens: [{token}]}}
"""


def _server() -> str:
    """The program: beside Python, on the path, or where UPTAKE_SEKMET says."""
    beside = Path(sys.executable).parent / "sekmet"
    found = os.environ.get("UPTAKE_SEKMET") or (str(beside) if beside.exists() else "")
    return found or shutil.which("sekmet") or ""


def _put(base: str, resource: dict[str, object]) -> None:
    request = urllib.request.Request(
        f"{base}/{resource['resourceType']}/{resource['id']}", json.dumps(resource).encode(),
        {"Content-Type": "application/fhir+json", "Authorization": f"Bearer {TOKEN}"}, method="PUT",
    )  # fmt: skip
    urllib.request.urlopen(request, timeout=10).close()


def _wait(base: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{base}/metadata", timeout=2).close()
        except (URLError, OSError):
            assert process.poll() is None, "sekmet ended by itself"
            time.sleep(0.1)
        else:
            return
    pytest.fail("sekmet did not answer within 30 seconds")


@pytest.fixture(scope="module")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = _server()
    if not program:
        pytest.skip("needs sekmet-fhir")
    folder = tmp_path_factory.mktemp("sekmet")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "settings.yaml"
    settings.write_text(SETTINGS.format(port=port, folder=folder, token=TOKEN))
    base = f"http://127.0.0.1:{port}/fhir"
    process = subprocess.Popen(
        [program, "serve", "-c", str(settings)], cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _wait(base, process)
        for who in ("p", "q"):
            _put(base, {"resourceType": "Patient", "id": who, "birthDate": "1950-01-01"})
        for n in range(LISTED):
            _put(base, {"resourceType": "MedicationRequest", "id": f"m{n}", "status": "active",
                        "intent": "order", "subject": {"reference": "Patient/p"},
                        "medicationCodeableConcept": {"text": f"drug {n}"}})  # fmt: skip
        yield base
    finally:
        process.terminate()
        process.wait(10)


def read(
    fhir: str, queries: dict[str, str], patient: str = "p", token: str = TOKEN
) -> dict[str, Facts]:
    async def work() -> dict[str, Facts]:
        async with open_client() as client:
            return await read_all(client, fhir, token, queries, patient)

    return asyncio.run(work())


@pytest.mark.parametrize("service", sorted(services()))
def test_what_each_service_asks_for_is_answered(fhir: str, service: str) -> None:
    context = Context("q", "Practitioner/pr-1", "e1")
    needs = services()[service].needs
    queries = {n.key: query for n in needs if (query := resolve(n.query, context, NOW))}
    assert len(queries) == len(needs), "every token of its templates can be filled"
    found = read(fhir, queries, "q")
    assert {key: facts.got for key, facts in found.items() if not facts.told} == {}


def test_pages_are_put_together(fhir: str) -> None:
    facts = read(fhir, LIST)["a"]
    assert len({r["id"] for r in facts.resources}) == LISTED
    assert facts.told


def test_a_token_that_is_not_taken(fhir: str) -> None:
    facts = read(fhir, LIST, token="other")["a"]
    assert (facts.got, facts.resources) == (Got.ABSENT, ())


def test_a_patient_who_is_not_there(fhir: str) -> None:
    assert read(fhir, {"a": "Patient/x"}, "x")["a"] == Facts((), Got.NONE)


def test_another_patients_facts_are_refused(fhir: str) -> None:
    facts = read(fhir, LIST, "q")["a"]
    assert (facts.got, facts.resources) == (Got.FAILED, ())
