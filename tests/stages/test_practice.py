"""The practice EHR: its calls, its searches, its launches, what its authorization refuses."""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import practice_cases as cases
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from practice_cases import AT, browser
from sqlalchemy import select

from uptake.demo.practice.authorization import ASSERTION, Launch
from uptake.demo.practice.hooks import Moment
from uptake.demo.practice.pages import markdown
from uptake.demo.practice.records import SearchError, read_chart
from uptake.demo.practice.registration import CLIENT, client_key
from uptake.demo.practice.serving import practice_served
from uptake.errors import StorageError
from uptake.state.schema import event_inbox

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    from uptake.web.site import Site


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("practice")
    cases.write_project(made)
    return made


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    for path in folder.glob("state.db*"):
        path.unlink()
    found = cases.open_site(folder)
    yield found
    found.state.close()


@pytest.fixture
def apps(site: Site, folder: Path) -> tuple[Starlette, Starlette]:
    return cases.joined(site, folder)


@pytest.fixture
def practice(apps: tuple[Starlette, Starlette]) -> TestClient:
    return browser(apps[1], AT.practice)


@pytest.fixture
def product(apps: tuple[Starlette, Starlette]) -> TestClient:
    return browser(apps[0], AT.product)


def events(site: Site) -> list[tuple[str, str, str, str]]:
    names = ("action", "surface", "practitioner", "reason")
    with site.state.read() as connection:
        rows = connection.execute(
            select(*(event_inbox.c[n] for n in names)).order_by(event_inbox.c.seq)
        )
        return [tuple(row) for row in rows]


def open_chart(practice: TestClient, patient: str = "p") -> str:
    opened = practice.post("/open", data={"patient": patient, "clinician": "pr-001"})
    assert opened.status_code == 303
    return str(opened.headers["location"])


def card_in(text: str) -> str:
    found = re.search(r"/card/([0-9a-f-]{36})", text)
    assert found
    return found[1]


def launched(practice: TestClient, product: TestClient, start: str) -> Any:
    """Follow a launch through both, as a frame does; return where it ends."""
    url, last = start, None
    for _ in range(6):
        at = product if url.startswith(AT.product) else practice
        last = at.get(url)
        if last.status_code not in (302, 303):
            return last
        where = last.headers["location"]
        base = AT.product if at is product else AT.practice
        url = where if where.startswith("http") else base + where
    return last


def test_a_call_is_signed_prefetched_and_answered(practice: TestClient, site: Site) -> None:
    text = practice.get(open_chart(practice)).text
    assert "Ada Okafor" in text
    assert "warfarin" in text.partition("The panel")[0].partition("cards-h")[2]
    assert ("served", "uptake-card", "pr-001", "") in events(site)
    assert "HTTP" not in text


def test_a_patient_without_news_has_no_card(practice: TestClient) -> None:
    assert "No cards" in practice.get(open_chart(practice, "q")).text


def test_card_launch_panel_answer_and_feedback(
    practice: TestClient, product: TestClient, site: Site
) -> None:
    chart = open_chart(practice)
    card = card_in(practice.get(chart).text)
    panel = launched(practice, product, f"{AT.practice}{chart}/card/{card}/link/0")
    assert panel.status_code == 200
    assert "warfarin" in panel.text
    form = dict(re.findall(r'<input[^>]* name="(\w+)" value="([^"]*)"', panel.text))
    sent = form | {"use_case": "medication-reconciliation", "choice": "continue", "reason": "so"}
    item = re.search(r'id="i-(\w+)"', panel.text)
    assert item
    assert product.post("/panel/answer", data=sent | {"item": item[1]}).status_code == 303
    assert "Change the answer" in product.get("/panel").text
    done = practice.post(
        f"{chart}/card/{card}", data={"outcome": "overridden", "reason": "", "comment": "x"}
    )
    assert done.status_code == 303
    assert "You set this aside." in practice.get(chart).text
    seen = {(action, who) for action, _, who, _ in events(site)}
    for action in ("served", "launched", "viewed", "acted", "overridden"):
        assert (action, "pr-001") in seen


def test_where_every_ehr_signs_in_a_cards_uuid_is_no_key(
    practice: TestClient, product: TestClient
) -> None:
    card = card_in(practice.get(open_chart(practice)).text)
    assert product.get(f"/panel?card={card}").status_code == 404
    sent = {"card": card, "id": str(uuid4()), "use_case": "x", "choice": "noted", "item": "a"}
    assert product.post("/panel/answer", data=sent).status_code == 409


def test_the_panel_from_the_menu_has_no_card(
    practice: TestClient, product: TestClient, site: Site
) -> None:
    chart = open_chart(practice)
    assert launched(practice, product, f"{AT.practice}{chart}/panel").status_code == 200
    assert "launched" not in {action for action, *_ in events(site)}


def test_an_accepted_card_is_told_once(practice: TestClient, site: Site) -> None:
    chart = open_chart(practice)
    card = card_in(practice.get(chart).text)
    sent = {"outcome": "accepted", "suggestion": ""}
    assert practice.post(f"{chart}/card/{card}", data=sent).status_code == 303
    assert practice.post(f"{chart}/card/{card}", data=sent).status_code == 404
    assert [action for action, *_ in events(site)].count("accepted") == 1


def test_orders_are_chosen_signed_and_removed(practice: TestClient, apps: Any) -> None:
    chart = open_chart(practice)
    text = practice.get(chart).text
    choice = re.search(r'<option value="(drug-\d+)">', text)
    assert choice
    practice.post(f"{chart}/order", data={"what": "choose", "choice": choice[1]})
    assert "is chosen, and not signed yet" in practice.get(chart).text
    practice.post(f"{chart}/order", data={"what": "remove"})
    assert "The order is removed." in practice.get(chart).text
    practice.post(f"{chart}/order", data={"what": "choose", "choice": choice[1]})
    practice.post(f"{chart}/order", data={"what": "sign anyway"})
    assert "The order is signed." in practice.get(chart).text
    kept = apps[1].state.desk.chart.of("MedicationRequest", "p")[-1]
    assert (kept["status"], kept["intent"], kept["meta"]["versionId"]) == ("active", "order", "1")
    assert kept["subject"] == {"reference": "Patient/p"}


@pytest.mark.parametrize("hook", ["encounter-start", "encounter-discharge", "nonsense"])
def test_other_moments(practice: TestClient, hook: str) -> None:
    chart = open_chart(practice)
    assert practice.post(f"{chart}/moment", data={"hook": hook}).status_code == 303
    assert practice.get(chart).status_code == 200


def test_a_stay_begins_and_ends_in_the_chart(practice: TestClient, apps: Any) -> None:
    chart = open_chart(practice)
    kept = apps[1].state.desk.chart
    assert "start the stay first" in practice.get(chart).text
    for _ in range(2):
        practice.post(f"{chart}/moment", data={"hook": "encounter-start"})
    assert "start the stay first" not in practice.get(chart).text
    stays = [s for s in kept.of("Encounter", "p") if s["id"] != "e"]
    assert [(s["status"], s["class"]["code"]) for s in stays] == [("in-progress", "IMP")]
    practice.post(f"{chart}/moment", data={"hook": "encounter-discharge"})
    (stay,) = [s for s in kept.of("Encounter", "p") if s["id"] != "e"]
    assert stay["status"] == "finished"
    assert stay["period"].keys() == {"start", "end"}


def test_who_was_here_lately_can_be_chosen_without_a_name(practice: TestClient, apps: Any) -> None:
    apps[1].state.desk.chart.write(
        {"resourceType": "Encounter", "status": "finished",
         "subject": {"reference": "Patient/q"}, "period": {"start": "2026-10-02T09:00:00-05:00"}}
    )  # fmt: skip
    here, _, lately = practice.get("/").text.partition("Here lately")
    assert "Ada Okafor" in here
    assert "Ada Okafor" not in lately
    assert "last here 2026-10-02" in lately


def test_a_value_of_several_parts_is_shown_whole(practice: TestClient, apps: Any) -> None:
    parts = [{"valueQuantity": {"value": v, "unit": "mmHg"}} for v in (131, 72)]
    apps[1].state.desk.chart.write(
        {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p"},
         "code": {"text": "Blood pressure"}, "component": parts}
    )  # fmt: skip
    assert "Blood pressure 131/72 mmHg" in practice.get(open_chart(practice)).text


def test_a_moment_replaces_the_cards_of_the_one_before(practice: TestClient) -> None:
    chart = open_chart(practice)
    before = practice.get(chart).text.count("<article")
    assert before
    practice.post(f"{chart}/moment", data={"hook": "encounter-start"})
    assert practice.get(chart).text.count("<article") == before


@pytest.mark.parametrize(
    ("path", "data"),
    [("/open", {"patient": "none", "clinician": "pr-001"}), ("/open", {"patient": "p"}),
     ("/chart/none/order", {}), ("/chart/none/card/x", {})],
)  # fmt: skip
def test_what_is_not_there(practice: TestClient, path: str, data: dict[str, str]) -> None:
    assert practice.post(path, data=data).status_code == 404


def test_pages_run_no_script_and_frame_the_product_only(practice: TestClient) -> None:
    policy = practice.get("/").headers["content-security-policy"]
    assert "script-src 'none'" in policy
    assert f"frame-src 'self' {AT.product};" in policy
    assert practice.get("/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))",
     "![x](http://evil.example/x.png)", "<http://evil.example>", "[x]: http://evil.example\n[x]"],
)  # fmt: skip
def test_a_detail_is_text_with_emphasis_and_lists_only(text: str) -> None:
    drawn = markdown(f"- **bold** {text}")
    assert "<strong>bold</strong>" in drawn
    assert not re.search(r"<(?!/?(?:ul|li|p|strong|em)\b)", drawn)


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("MedicationRequest?patient=p", ["c1", "c2"]),
            ("MedicationRequest?patient=Patient/p&status=active", ["c1"]),
            ("MedicationRequest?patient=p&status=active,stopped&intent=order", ["c1", "c2"]),
            ("MedicationRequest?subject=q", []),
            ("Observation?patient=p&category=vital-signs", ["o1"]),
            ("Observation?patient=p&code=http://loinc.org|8867-4", ["o1"]),
            ("Observation?patient=p&code=http://snomed.info/sct|8867-4", []),
            ("Observation?patient=p&code=8867-4,4548-4&_sort=-date", ["o1", "o2"]),
            ("Observation?patient=p&_sort=date", ["o2", "o1"]),
            ("Observation?patient=p&date=ge2026-10-31", ["o1"]),
            ("Observation?patient=p&date=ge2026-10-31T14:00:00Z&date=lt2026-11-01", ["o1"]),
            ("Observation?patient=p&date=gt2026-10-31T15:00:00Z", []),
            ("Observation?patient=p&date=lt2026", []),
            ("Encounter?patient=p&status=in-progress", ["e"]),
            ("Patient?_id=p", ["p"]),
            ("MedicationRequest?patient=p&_include=MedicationRequest:medication", ["c1", "c2"]),
            ("Observation?patient=p&_sort=-date&_count=1", ["o1"]),
        ],
    )
    def test_finds(self, folder: Path, query: str, found: list[str]) -> None:
        kind, _, asked = query.partition("?")
        pairs = [tuple(one.split("=", 1)) for one in asked.split("&")]
        bundle = read_chart(folder / "ehr").search(kind, pairs)
        entries = bundle.get("entry", [])
        assert [e["resource"]["id"] for e in entries] == found
        assert bundle["total"] == (2 if "_count" in query else len(found))

    @pytest.mark.parametrize(
        "query", ["Observation", "Observation?code=x", "Observation?patient=p&performer=x",
                  "Observation?patient=p&patient=q"],
    )  # fmt: skip
    def test_what_it_does_not_know_is_refused(self, folder: Path, query: str) -> None:
        kind, _, asked = query.partition("?")
        pairs = [tuple(one.split("=", 1)) for one in asked.split("&") if one]
        with pytest.raises(SearchError):
            read_chart(folder / "ehr").search(kind, pairs)

    def test_over_http_a_token_opens_one_patient(self, practice: TestClient, apps: Any) -> None:
        server = apps[1].state.desk.client.server
        mine = {"Authorization": f"Bearer {server.access('p')}"}
        bundle = practice.get("/fhir/Observation?patient=p", headers=mine).json()
        assert (bundle["type"], bundle["total"]) == ("searchset", 2)
        assert practice.get("/fhir/Patient/p", headers=mine).json()["id"] == "p"
        assert practice.get("/fhir/Location/w", headers=mine).status_code == 200
        for path, status in (
            ("/fhir/Patient/q", 404), ("/fhir/Observation?patient=q", 403),
            ("/fhir/Observation", 403),
            ("/fhir/Observation?patient=p&x=1", 400), ("/fhir/Patient?_id=q", 403),
        ):  # fmt: skip
            answer = practice.get(path, headers=mine)
            assert answer.status_code == status, path
            assert "birthDate" not in answer.text
        for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}):
            assert practice.get("/fhir/Patient/p", headers=headers).status_code == 401


def test_prefetch_is_filled_as_an_ehr_fills_it(apps: Any) -> None:
    client = apps[1].state.desk.client
    moment = Moment("patient-view", "p", "e", "Practitioner/pr-001")
    found = client.prefetch(
        {
            "patient": "Patient/{{context.patientId}}",
            "none": "Patient/{{context.userId}}",
            "stay": "Encounter/{{ context.encounterId }}",
            "recent": "Observation?patient={{context.patientId}}&date=ge{{today() - 5 days}}",
            "unfilled": "Task/{{context.taskId}}",
            "unknown": "Observation?patient={{context.patientId}}&performer=x",
        },
        moment,
    )
    assert found.keys() == {"patient", "none", "stay", "recent"}
    assert found["none"] is None
    assert found["stay"]["id"] == "e"
    assert [e["resource"]["id"] for e in found["recent"]["entry"]] == ["o1"]


class TestAuthorization:
    """What the authorization server refuses."""

    VERIFIER = "v" * 43

    def asked(self, apps: Any, **changed: str) -> dict[str, str]:
        server = apps[1].state.desk.client.server
        digest = hashlib.sha256(self.VERIFIER.encode()).digest()
        return {
            "response_type": "code", "client_id": CLIENT, "state": "s", "nonce": "n",
            "redirect_uri": f"{AT.product}/smart/callback", "aud": AT.fhir,
            "launch": server.launch(Launch("p", "e", "Practitioner/pr-001")),
            "scope": "launch openid fhirUser patient/*.rs patient/*.cruds system/*.rs",
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        } | changed  # fmt: skip

    def form(self, folder: Path, code: str, **changed: str) -> dict[str, str]:
        return {
            "grant_type": "authorization_code", "code": code, "code_verifier": self.VERIFIER,
            "redirect_uri": f"{AT.product}/smart/callback", "client_assertion_type": ASSERTION,
            "client_assertion": assertion(client_key(folder)),
        } | changed  # fmt: skip

    def code(self, practice: TestClient, apps: Any) -> str:
        there = practice.get("/authorize", params=self.asked(apps)).headers["location"]
        return parse_qs(urlsplit(there).query)["code"][0]

    def test_a_token_and_who_is_signed_in(
        self, practice: TestClient, apps: Any, folder: Path
    ) -> None:
        form = self.form(folder, self.code(practice, apps))
        said = practice.post("/token", data=form).json()
        assert (said["patient"], said["encounter"]) == ("p", "e")
        assert said["scope"] == "launch openid fhirUser patient/*.rs"
        keys = KeySet.import_key_set(practice.get("/jwks").json())
        claims = jwt.decode(said["id_token"], keys, algorithms=["ES384"]).claims
        assert claims["fhirUser"] == f"{AT.fhir}/Practitioner/pr-001"
        assert (claims["nonce"], claims["aud"]) == ("n", CLIENT)

    @pytest.mark.parametrize(
        "changed", [{"client_id": "x"}, {"redirect_uri": "https://evil.example/"},
                    {"redirect_uri": f"{AT.product}/smart/callback?x"}],
    )  # fmt: skip
    def test_a_stranger_is_sent_nowhere(
        self, practice: TestClient, apps: Any, changed: dict[str, str]
    ) -> None:
        answer = practice.get("/authorize", params=self.asked(apps, **changed))
        assert answer.status_code == 400
        assert "location" not in answer.headers

    @pytest.mark.parametrize(
        ("changed", "error"),
        [({"response_type": "token"}, "unsupported_response_type"),
         ({"code_challenge": ""}, "invalid_request"),
         ({"code_challenge_method": "plain"}, "invalid_request"),
         ({"launch": "x"}, "access_denied"), ({"aud": "https://evil.example"}, "access_denied")],
    )  # fmt: skip
    def test_what_is_sent_back_with_an_error(
        self, practice: TestClient, apps: Any, changed: dict[str, str], error: str
    ) -> None:
        there = practice.get("/authorize", params=self.asked(apps, **changed)).headers["location"]
        back = parse_qs(urlsplit(there).query)
        assert (back["error"], back["state"]) == ([error], ["s"])
        assert "code" not in back

    @pytest.mark.parametrize(
        "changed",
        [{"code_verifier": "w" * 43}, {"code_verifier": ""}, {"code": "x"},
         {"redirect_uri": f"{AT.practice}/"}, {"grant_type": "password"},
         {"client_assertion": ""}, {"client_assertion_type": "x"}],
    )  # fmt: skip
    def test_a_code_for_somebody_else(
        self, practice: TestClient, apps: Any, folder: Path, changed: dict[str, str]
    ) -> None:
        form = self.form(folder, self.code(practice, apps)) | changed
        answer = practice.post("/token", data=form)
        assert answer.status_code == 400
        assert answer.json().keys() == {"error"}

    def test_a_code_is_good_once(self, practice: TestClient, apps: Any, folder: Path) -> None:
        code = self.code(practice, apps)
        for status in (200, 400):
            form = self.form(folder, code)
            assert practice.post("/token", data=form).status_code == status

    def test_a_proof_is_good_once(self, practice: TestClient, apps: Any, folder: Path) -> None:
        form = self.form(folder, self.code(practice, apps))
        assert practice.post("/token", data=form).status_code == 200
        again = form | {"code": self.code(practice, apps)}
        assert practice.post("/token", data=again).json() == {"error": "invalid_client"}

    @pytest.mark.parametrize(
        "claims",
        [{"iss": "x"}, {"sub": "x"}, {"aud": "https://evil.example"}, {"exp": 1}, {"jti": None}],
    )
    def test_a_proof_of_something_else(
        self, practice: TestClient, apps: Any, folder: Path, claims: dict[str, Any]
    ) -> None:
        proof = assertion(client_key(folder), **claims)
        form = self.form(folder, self.code(practice, apps), client_assertion=proof)
        assert practice.post("/token", data=form).json() == {"error": "invalid_client"}

    def test_a_proof_by_another_key(self, practice: TestClient, apps: Any, folder: Path) -> None:
        proof = assertion(ECKey.generate_key("P-384"))
        form = self.form(folder, self.code(practice, apps), client_assertion=proof)
        assert practice.post("/token", data=form).json() == {"error": "invalid_client"}

    def test_a_token_is_renewed_once_and_given_back(
        self, practice: TestClient, apps: Any, folder: Path
    ) -> None:
        form = self.form(folder, self.code(practice, apps))
        first = practice.post("/token", data=form).json()
        renew = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = practice.post("/token", data=self.form(folder, "", **renew)).json()
        again = practice.post("/token", data=self.form(folder, "", **renew))
        assert again.json() == {"error": "invalid_grant"}
        bearer = {"Authorization": f"Bearer {second['access_token']}"}
        assert practice.get("/fhir/Patient/p", headers=bearer).status_code == 200
        gone = self.form(folder, "", token=second["access_token"])
        assert practice.post("/revoke", data=gone).status_code == 200
        assert practice.get("/fhir/Patient/p", headers=bearer).status_code == 401


def assertion(key: Any, **claims: Any) -> str:
    now = int(time.time())
    said = {
        "iss": CLIENT, "sub": CLIENT, "aud": f"{AT.practice}/token", "exp": now + 60,
        "jti": str(time.perf_counter_ns()),
    } | claims  # fmt: skip
    said = {name: value for name, value in said.items() if value is not None}
    return jwt.encode({"alg": "ES384"}, said, key, algorithms=["ES384"])


def test_the_key_is_its_owners_alone(folder: Path) -> None:
    assert (folder / "practice-key.json").stat().st_mode & 0o077 == 0
    assert client_key(folder).is_private


SET = {
    "respiration": "24", "saturation": "93", "flow": "2", "systolic": "104", "diastolic": "62",
    "pulse": "112", "temperature": "38.4", "answer": "Mentally alert",
}  # fmt: skip


def test_a_set_that_is_charted_is_scored_at_once(practice: TestClient, apps: Any) -> None:
    chart = open_chart(practice)
    practice.post(f"{chart}/vitals", data=SET)
    text = practice.get(chart).text
    assert "The set is charted" in text
    assert "NEWS2 is 10" in text
    found = apps[1].state.desk.chart.of("Observation", "p")
    assert len({r["id"] for r in found}) == 2 + 7


@pytest.mark.parametrize(
    "changed", [{"pulse": ""}, {"pulse": "x"}, {"pulse": "nan"}, {"pulse": "9999"}, {"answer": "?"}]
)
def test_a_set_that_cannot_be_is_not_charted(
    practice: TestClient, apps: Any, changed: dict[str, str]
) -> None:
    chart = open_chart(practice)
    practice.post(f"{chart}/vitals", data=SET | changed)
    assert "Nothing was charted" in practice.get(chart).text
    assert len(apps[1].state.desk.chart.of("Observation", "p")) == 2


def test_a_port_that_is_taken_is_one_line(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1]) - 1
        with (
            pytest.raises(StorageError, match="take another with --port"),
            practice_served(folder, port),
        ):
            pytest.fail("it was served")


def test_both_are_served_and_the_products_address_comes_last(folder: Path) -> None:
    """As `uptake demo DIR --serve` ends, without the half year before it."""
    code = (
        "import sys; from pathlib import Path; from uptake.cli.demo import serve_demo; "
        "serve_demo(Path(sys.argv[1]), int(sys.argv[2]))"
    )
    command = [sys.executable, "-c", code, str(folder), str(cases.PORT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(2)]
        for address in (AT.product, AT.practice):
            with urllib.request.urlopen(f"{address}/") as answer:
                assert answer.status == 200
        process.terminate()
        assert process.wait(timeout=20) in (0, -15)
    assert told == [f"The practice EHR: {AT.practice}", AT.product]
