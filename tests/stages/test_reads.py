"""What was not sent along is read from the EHR's FHIR server, a real one on this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from ehr_cases import Server, serving
from starlette.responses import RedirectResponse, Response

from uptake.delivery import reads
from uptake.delivery.cases import Facts, Got
from uptake.delivery.reads import PAGES, open_client, read_all

if TYPE_CHECKING:
    from starlette.requests import Request

PATIENT = {"resourceType": "Patient", "id": "p"}


def drug(identity: str, whose: str = "p") -> dict[str, Any]:
    subject = {"reference": f"Patient/{whose}"}
    return {"resourceType": "MedicationRequest", "id": identity, "subject": subject}


def page(*found: Any, following: str = "") -> dict[str, Any]:
    link = [{"relation": "next", "url": following}] if following else []
    return {"resourceType": "Bundle", "type": "searchset", "link": link,
            "entry": [{"resource": one} for one in found]}  # fmt: skip


@pytest.fixture
def ehr() -> Iterator[Server]:
    with serving() as server:
        yield server


def read(ehr: Server, token: str = "secret", **queries: str) -> dict[str, Facts]:
    async def work() -> dict[str, Facts]:
        async with open_client() as client:
            return await read_all(client, ehr.fhir, token, queries, "p")

    return asyncio.run(work())


def test_it_is_asked_with_the_token_of_the_call(ehr: Server) -> None:
    ehr.says("/fhir/Patient/p", PATIENT)
    ehr.says("/fhir/MedicationRequest?patient=p", page(drug("a")))
    found = read(ehr, patient="Patient/p", list="MedicationRequest?patient=p")
    assert {key: facts.got for key, facts in found.items()} == {
        "patient": Got.GIVEN, "list": Got.GIVEN,
    }  # fmt: skip
    assert {h["authorization"] for _, h in ehr.asked} == {"Bearer secret"}
    assert {h["accept"] for _, h in ehr.asked} == {"application/fhir+json"}


def test_a_server_that_is_open_gets_no_token(ehr: Server) -> None:
    ehr.says("/fhir/Patient/p", PATIENT)
    assert read(ehr, token="", patient="Patient/p")["patient"].got is Got.GIVEN
    assert "authorization" not in ehr.asked[0][1]


def test_everything_is_read_at_once(ehr: Server) -> None:
    for n in range(6):
        ehr.says(f"/fhir/A{n}?patient=p", page(drug(str(n))), wait=0.3)
    began = time.monotonic()
    found = read(ehr, **{f"a{n}": f"A{n}?patient=p" for n in range(6)})
    assert time.monotonic() - began < 1.2  # one after the other: 1.8 s
    assert ehr.most > 1
    assert all(facts.got is Got.GIVEN for facts in found.values())


@pytest.mark.parametrize(
    ("body", "status", "got"),
    [
        ("<html>Sign in</html>", 200, Got.FAILED),
        ("<html>Bad gateway</html>", 502, Got.FAILED),
        ({"resourceType": "OperationOutcome"}, 200, Got.FAILED),
        ({"resourceType": "OperationOutcome"}, 500, Got.FAILED),
        ({"resourceType": "OperationOutcome"}, 401, Got.ABSENT),
        ({"resourceType": "OperationOutcome"}, 403, Got.ABSENT),
        ("", 404, Got.FAILED),
        ("", 204, Got.FAILED),
        (page(), 200, Got.NONE),
        (page(drug("a", "other")), 200, Got.FAILED),
        ("[" * 100_000, 200, Got.FAILED),
        ("\x00", 200, Got.FAILED),
    ],
)
def test_answers_that_are_none(ehr: Server, body: Any, status: int, got: Got) -> None:
    ehr.says("/fhir/A?patient=p", body, status)
    facts = read(ehr, a="A?patient=p")["a"]
    assert (facts.got, facts.resources) == (got, ())
    assert facts.told == (got is Got.NONE)


def test_an_instance_that_is_not_there_is_none(ehr: Server) -> None:
    ehr.says("/fhir/Encounter/e", {"resourceType": "OperationOutcome"}, 404)
    assert read(ehr, a="Encounter/e")["a"] == Facts((), Got.NONE)


def test_one_that_fails_fails_alone(ehr: Server) -> None:
    ehr.says("/fhir/A?patient=p", page(drug("a")))
    ehr.says("/fhir/B?patient=p", "<html>", 500)
    found = read(ehr, a="A?patient=p", b="B?patient=p")
    assert (found["a"].got, found["b"].got) == (Got.GIVEN, Got.FAILED)


def test_a_server_that_times_out(
    ehr: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reads, "SECONDS", 0.2)
    ehr.says("/fhir/Observation?patient=Okafor", page(), wait=1)
    began = time.monotonic()
    assert read(ehr, labs="Observation?patient=Okafor")["labs"].got is Got.FAILED
    assert time.monotonic() - began < 0.9
    assert "labs was not read within 0.2 s" in caplog.text
    assert not [text for text in ("Okafor", "secret", "127.0.0.1") if text in caplog.text]


def test_a_server_that_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    gone = Server(1)
    assert read(gone, a="A?patient=Okafor")["a"].got is Got.FAILED
    assert "ConnectError" in caplog.text
    assert "Okafor" not in caplog.text


def test_an_answer_that_is_too_long(ehr: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads, "LARGEST", 1000)
    ehr.says("/fhir/A?patient=p", page(*(drug(str(n)) for n in range(50))))
    assert read(ehr, a="A?patient=p")["a"].got is Got.FAILED


def test_no_redirect_is_followed(ehr: Server) -> None:
    def elsewhere(_: Request) -> Response:
        return RedirectResponse(f"{ehr.base}/inside")

    ehr.answers["/fhir/A"] = elsewhere
    ehr.says("/inside", page(drug("a")))
    assert read(ehr, a="A?patient=p")["a"].got is Got.FAILED
    assert ehr.paths() == ["/fhir/A?patient=p"]


class TestPages:
    def pages(self, ehr: Server, count: int) -> None:
        for n in range(count):
            following = f"{ehr.fhir}/A?page={n + 1}" if n + 1 < count else ""
            path = f"/fhir/A?page={n}" if n else "/fhir/A?patient=p"
            ehr.says(path, page(drug(str(n)), following=following))

    def test_they_are_put_together(self, ehr: Server) -> None:
        self.pages(ehr, PAGES)
        facts = read(ehr, a="A?patient=p")["a"]
        assert [r["id"] for r in facts.resources] == [str(n) for n in range(PAGES)]
        assert facts.told

    @pytest.mark.parametrize(("total", "told"), [(PAGES, True), (PAGES + 1, False)])
    def test_a_total_counts_all_pages(self, ehr: Server, total: int, told: bool) -> None:
        for n in range(PAGES):
            following = f"{ehr.fhir}/A?page={n + 1}" if n + 1 < PAGES else ""
            path = f"/fhir/A?page={n}" if n else "/fhir/A?patient=p"
            ehr.says(path, {**page(drug(str(n)), following=following), "total": total})
        assert read(ehr, a="A?patient=p")["a"].told == told

    def test_there_are_more_than_are_read(self, ehr: Server) -> None:
        self.pages(ehr, PAGES + 1)
        facts = read(ehr, a="A?patient=p")["a"]
        assert (len(facts.resources), facts.got, facts.whole) == (PAGES, Got.GIVEN, False)

    @pytest.mark.parametrize(
        "there", ["{base}/inside", "http://169.254.169.254/x", "{base}/fhir.evil/x", "A?page=1", ""]
    )
    def test_an_address_of_another_place_is_not_read(self, ehr: Server, there: str) -> None:
        following = there.format(base=ehr.base)
        ehr.says("/fhir/A?patient=p", page(drug("a"), following=following))
        if not following:
            ehr.says("/fhir/A?patient=p", {**page(drug("a")), "total": 2})
        facts = read(ehr, a="A?patient=p")["a"]
        assert (facts.got, facts.whole) == (Got.GIVEN, False)
        assert ehr.paths() == ["/fhir/A?patient=p"]

    def test_a_page_that_fails_leaves_what_was_read(self, ehr: Server) -> None:
        ehr.says("/fhir/A?patient=p", page(drug("a"), following=f"{ehr.fhir}/A?page=1"))
        ehr.says("/fhir/A?page=1", "<html>", 500)
        facts = read(ehr, a="A?patient=p")["a"]
        assert (len(facts.resources), facts.got, facts.whole) == (1, Got.GIVEN, False)

    def test_another_patient_on_a_later_page_refuses_all(self, ehr: Server) -> None:
        ehr.says("/fhir/A?patient=p", page(drug("a"), following=f"{ehr.fhir}/A?page=1"))
        ehr.says("/fhir/A?page=1", page(drug("b", "other")))
        assert read(ehr, a="A?patient=p")["a"].got is Got.FAILED
