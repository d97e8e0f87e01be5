"""SMART launch: what is asked for, what is refused, what a browser holds, when a session ends."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from smart_cases import (
    BASE,
    CLIENT,
    EHR,
    FHIR,
    SECRET,
    LyingEhr,
    asked,
    begin,
    browser,
    key,
    keys_of,
    launch,
    open_site,
    product,
    write_project,
)  # fmt: skip
from starlette.testclient import TestClient

from uptake.delivery.smart import asking
from uptake.delivery.smart import sessions as smart_sessions

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from uptake.state.database import State

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@pytest.fixture
def ehr() -> LyingEhr:
    return LyingEhr()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    write_project(tmp_path)
    _, state = open_site(tmp_path)
    yield state
    state.close()


@pytest.fixture
def app(tmp_path: Path, state: State, ehr: LyingEhr) -> Starlette:
    site, other = open_site(tmp_path)
    other.close()
    site.state = state
    return product(site, ehr.app())


@pytest.fixture
def at(app: Starlette) -> TestClient:
    return browser(app)


def refused(response: Any, status: int = 403) -> str:
    assert response.status_code == status, response.text
    assert "set-cookie" not in response.headers
    return str(response.text)


def test_what_a_launch_asks_for(at: TestClient, ehr: LyingEhr) -> None:
    response = begin(at)
    assert response.status_code == 302
    assert response.headers["location"].startswith(f"{EHR}/authorize?")
    there = asked(response)
    assert there["response_type"] == "code"
    assert there["client_id"] == CLIENT
    assert there["redirect_uri"] == f"{BASE}/smart/callback"
    assert there["launch"] == "l-1"
    assert there["aud"] == FHIR
    assert there["scope"] == "launch openid fhirUser patient/*.rs"
    assert there["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert TOKEN.fullmatch(there[name]), name
    assert len({there["state"], there["nonce"], there["code_challenge"]}) == 3


def test_two_launches_share_nothing(at: TestClient) -> None:
    one, other = asked(begin(at)), asked(begin(at))
    for name in ("state", "nonce", "code_challenge"):
        assert one[name] != other[name]


@pytest.mark.parametrize(
    "iss",
    ["", "https://evil.example/fhir", f"{FHIR}.evil.example", f"{EHR}/other", "http://ehr.example.org/fhir",
     f"{FHIR}/../fhir2", "javascript:alert(1)", "https://ehr.example.org@evil.example/fhir"],
)  # fmt: skip
def test_nobody_is_sent_to_an_ehr_that_is_not_registered(
    at: TestClient, ehr: LyingEhr, iss: str
) -> None:
    said = refused(begin(at, iss=iss))
    assert "evil" not in said
    assert ehr.asked == []


def test_a_slash_at_the_end_is_the_same_ehr_and_is_told_back(at: TestClient) -> None:
    assert asked(begin(at, iss=f"{FHIR}/"))["aud"] == f"{FHIR}/"


@pytest.mark.parametrize("launch", ["", "x" * 3000])
def test_a_launch_that_is_none(at: TestClient, launch: str) -> None:
    refused(begin(at, launch=launch))


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": None},
        {"authorization_endpoint": "http://ehr.example.org/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"token_endpoint": 7},
        {"jwks_uri": None},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
def test_a_configuration_that_is_not_safe(
    at: TestClient, ehr: LyingEhr, changed: dict[str, Any]
) -> None:
    ehr.configuration = changed
    assert "Tell its team" in refused(begin(at), 502)


def test_the_panel_opens_for_who_is_signed_in(
    at: TestClient, ehr: LyingEhr, app: Starlette
) -> None:
    there = asked(begin(at))
    ehr.nonce = there["nonce"]
    back = at.get("/smart/callback", params={"state": there["state"], "code": "c-1"})
    assert (back.status_code, back.headers["location"]) == (303, "/panel")
    (form,) = ehr.forms
    assert (form["grant_type"], form["code"]) == ("authorization_code", "c-1")
    assert form["redirect_uri"] == there["redirect_uri"]
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == there["code_challenge"]
    proof = jwt.decode(form["client_assertion"], keys_of(app), algorithms=["ES384"])
    assert proof.claims["iss"] == proof.claims["sub"] == CLIENT
    assert proof.claims["aud"] == f"{EHR}/token"
    assert 0 < proof.claims["exp"] - time.time() <= 300
    assert len(proof.claims["jti"]) >= 32
    shown = at.get("/panel")
    assert shown.status_code == 200
    assert "Nothing differs from the chart, and nothing is due." in shown.text


def test_a_client_with_a_secret_sends_it_in_a_header_only(
    tmp_path: Path, state: State, ehr: LyingEhr
) -> None:
    write_project(tmp_path, secret=True)
    site, other = open_site(tmp_path)
    at = browser(product(site, ehr.app()))
    assert launch(at, ehr).status_code == 303
    other.close()
    sent = base64.b64decode(ehr.headers[0]["authorization"].removeprefix("Basic ")).decode()
    assert sent == f"{CLIENT}:{SECRET}"
    assert "client_assertion" not in ehr.forms[0]
    assert SECRET not in json.dumps(ehr.forms)


def test_what_the_browser_holds(at: TestClient, ehr: LyingEhr) -> None:
    begun, back = begin(at), launch(at, ehr)
    for response, name in ((begun, "launch"), (back, "session")):
        cookie = response.headers["set-cookie"]
        assert cookie.startswith(f"__Host-uptake-{name}=")
        for part in ("Path=/", "HttpOnly", "SameSite=None", "Secure", "Partitioned"):
            assert f"; {part}" in cookie
    everything = str(dict(back.headers)) + at.get("/panel").text
    assert "rt" not in at.cookies.values()
    assert not re.search(r"\bat\b.*Bearer|id_token|code_verifier", everything)


def test_over_plain_http_on_one_machine_the_cookie_is_lax(
    tmp_path: Path, state: State, ehr: LyingEhr
) -> None:
    site, other = open_site(tmp_path)
    site.base_url = "http://127.0.0.1:8000"
    at = TestClient(
        product(site, ehr.app()), base_url="http://127.0.0.1:8000", follow_redirects=False
    )
    cookie = begin(at).headers["set-cookie"]
    other.close()
    assert cookie.startswith("uptake-launch=")
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


class TestCallback:
    """What comes back is held against what was sent."""

    def test_a_state_of_nobody(self, at: TestClient, ehr: LyingEhr) -> None:
        refused(launch(at, ehr, state="x"))
        assert ehr.forms == []

    def test_a_state_is_good_once(self, at: TestClient, ehr: LyingEhr) -> None:
        there = asked(begin(at))
        ehr.nonce = there["nonce"]
        back = {"state": there["state"], "code": "c-1"}
        assert at.get("/smart/callback", params=back).status_code == 303
        refused(at.get("/smart/callback", params=back))
        assert len(ehr.forms) == 1

    def test_a_state_of_another_browser(
        self, app: Starlette, at: TestClient, ehr: LyingEhr
    ) -> None:
        there = asked(begin(at))
        back = {"state": there["state"], "code": "c-1"}
        ehr.nonce = there["nonce"]
        for other in (browser(app), browser(app)):
            begin(other)  # it has a launch of its own
            assert "cookies" in refused(other.get("/smart/callback", params=back))
        refused(at.get("/smart/callback", params=back))  # and it is used up
        assert ehr.forms == []

    def test_a_launch_that_took_too_long(
        self, app: Starlette, at: TestClient, ehr: LyingEhr
    ) -> None:
        there = asked(begin(at))
        ehr.nonce = there["nonce"]
        app.state.launches.sessions.clock = lambda: time.monotonic() + smart_sessions.UNDER_WAY + 1
        back = {"state": there["state"], "code": "c-1"}
        refused(at.get("/smart/callback", params=back))

    def test_access_was_denied(self, at: TestClient, ehr: LyingEhr) -> None:
        said = refused(launch(at, ehr, error="access_denied", error_description="<script>"))
        assert "gave no access" in said
        assert "<script>" not in said
        assert ehr.forms == []

    def test_an_answer_of_another_server(self, at: TestClient, ehr: LyingEhr) -> None:
        refused(launch(at, ehr, iss="https://other.example.org"))
        assert ehr.forms == []

    @pytest.mark.parametrize(("status", "ours"), [(400, 502), (401, 502), (403, 502), (500, 502)])
    def test_a_code_that_is_not_good(
        self, at: TestClient, ehr: LyingEhr, status: int, ours: int
    ) -> None:
        ehr.status = status
        said = refused(launch(at, ehr), ours)
        assert ("did not accept" in said) == (status < 500)

    @pytest.mark.parametrize(
        "said",
        [{"access_token": None}, {"access_token": 7}, {"token_type": "mac"}, {"patient": None},
         {"patient": ["p"]}, {"id_token": None}],
    )  # fmt: skip
    def test_a_token_response_that_lacks_something(
        self, at: TestClient, ehr: LyingEhr, said: dict[str, Any]
    ) -> None:
        ehr.said = said
        response = launch(at, ehr)
        assert response.status_code in (403, 502)
        assert at.get("/panel").status_code == 404


class TestWhoIsSignedIn:
    """An id_token that is not for this launch proves nothing."""

    @pytest.mark.parametrize(
        "claims",
        [
            {"nonce": "another"}, {"nonce": None},
            {"iss": "https://evil.example"}, {"iss": None},
            {"aud": "another-client"}, {"aud": None}, {"aud": []},
            {"aud": [CLIENT, "another"]}, {"aud": [CLIENT, "another"], "azp": "another"},
            {"azp": "another"},
            {"exp": int(time.time()) - 3600}, {"exp": None}, {"exp": "soon"},
            {"iat": int(time.time()) + 3600}, {"iat": int(time.time()) - 7200}, {"iat": None},
            {"sub": None},
        ],
    )  # fmt: skip
    def test_claims(self, at: TestClient, ehr: LyingEhr, claims: dict[str, Any]) -> None:
        ehr.claims = claims
        assert "did not prove who is signed in" in refused(launch(at, ehr))
        assert at.get("/panel").status_code == 404

    def test_another_key(self, at: TestClient, ehr: LyingEhr) -> None:
        ehr.sign = lambda claims: ehr.signed(claims, by=key())
        refused(launch(at, ehr))

    def test_no_signature(self, at: TestClient, ehr: LyingEhr) -> None:
        def unsigned(claims: dict[str, Any]) -> str:
            parts = ({"alg": "none"}, claims)
            coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
            return b".".join((*coded, b"")).decode()

        ehr.sign = unsigned
        refused(launch(at, ehr))

    def test_the_public_key_as_a_secret(self, at: TestClient, ehr: LyingEhr) -> None:
        public = json.dumps(ehr.key.as_dict(private=False))

        def hmac_signed(claims: dict[str, Any]) -> str:
            header = {"alg": "HS256", "kid": ehr.key.kid}
            return jwt.encode(header, claims, OctKey.import_key(public), algorithms=["HS256"])

        ehr.sign = hmac_signed
        refused(launch(at, ehr))

    @pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.é.é"])
    def test_rubbish(self, at: TestClient, ehr: LyingEhr, text: str) -> None:
        ehr.sign = lambda _: text
        refused(launch(at, ehr))

    @pytest.mark.parametrize("alg", ["ES384", "ES256"])
    def test_two_algorithms(self, at: TestClient, ehr: LyingEhr, alg: str) -> None:
        ehr.key = key("P-384" if alg == "ES384" else "P-256")
        ehr.sign = lambda claims: ehr.signed(claims, alg)
        assert launch(at, ehr).status_code == 303

    @pytest.mark.parametrize(
        "claims",
        [{"fhirUser": None}, {"fhirUser": "https://evil.example/fhir/Practitioner/pr-1"},
         {"fhirUser": "Device/d"}, {"fhirUser": "Practitioner/<b>"}, {"fhirUser": ["x"]}],
    )  # fmt: skip
    def test_a_user_who_cannot_be_told(
        self, at: TestClient, ehr: LyingEhr, claims: dict[str, Any]
    ) -> None:
        ehr.claims = claims
        assert "which clinician" in refused(launch(at, ehr), 502)

    @pytest.mark.parametrize(
        "user",
        ["Patient/secret-1", "RelatedPerson/secret-1", "Person/secret-1",
         f"{FHIR}/Patient/secret-1"],
    )  # fmt: skip
    def test_who_is_no_clinician_sees_no_panel(
        self, at: TestClient, ehr: LyingEhr, user: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        ehr.claims = {"fhirUser": user}
        assert "This panel is for clinicians" in refused(launch(at, ehr), 403)
        assert at.get("/panel").status_code == 404
        assert "no panel: This panel is for clinicians" in caplog.text
        assert "secret-1" not in caplog.text

    @pytest.mark.parametrize("claims", [{"fhirUser": "Practitioner/pr-1"},
                                        {"fhirUser": f"{FHIR}/PractitionerRole/r-1"},
                                        {"fhirUser": None, "profile": f"{FHIR}/Practitioner/pr-1"},
                                        {"aud": [CLIENT]}, {"azp": CLIENT}])  # fmt: skip
    def test_what_is_as_good(self, at: TestClient, ehr: LyingEhr, claims: dict[str, Any]) -> None:
        ehr.claims = claims
        assert launch(at, ehr).status_code == 303


class TestSession:
    """A session is one clinician before one patient, and ends."""

    def view(self, at: TestClient) -> dict[str, str]:
        text = at.get("/panel").text
        found = re.search(r'name="view" value="([^"]+)"', text)
        assert found
        return {"view": found[1], "id": "6f7f2d0e-0000-4000-8000-000000000001"}

    def test_a_key_nobody_gave(self, app: Starlette) -> None:
        at = browser(app)
        at.cookies.set("__Host-uptake-session", "x", domain="uptake.example.org")
        assert at.get("/panel").status_code == 404

    def test_it_has_a_new_key_each_time(self, at: TestClient, ehr: LyingEhr) -> None:
        keys = set()
        for _ in range(3):
            launch(at, ehr)
            keys.add(at.cookies["__Host-uptake-session"])
        assert len(keys) == 3

    def test_a_change_of_patient_ends_the_view(self, at: TestClient, ehr: LyingEhr) -> None:
        launch(at, ehr)
        old, cookie = self.view(at), at.cookies["__Host-uptake-session"]
        ehr.said = {"patient": "q"}
        launch(at, ehr)
        said = at.post("/panel/answer", data=old | {"choice": "stop", "item": "a1"})
        assert said.status_code == 409
        at.cookies.set("__Host-uptake-session", cookie, domain="uptake.example.org")
        assert at.get("/panel").status_code == 404

    @pytest.mark.parametrize("later", [smart_sessions.IDLE + 1, smart_sessions.LONGEST + 1])
    def test_it_expires(self, app: Starlette, at: TestClient, ehr: LyingEhr, later: float) -> None:
        ehr.said = {"expires_in": None}
        launch(at, ehr)
        assert at.get("/panel").status_code == 200
        app.state.launches.sessions.clock = lambda: time.monotonic() + later
        assert at.get("/panel").status_code == 404

    def test_a_token_that_ends_is_renewed(
        self, app: Starlette, at: TestClient, ehr: LyingEhr
    ) -> None:
        ehr.said = {"expires_in": 0}
        launch(at, ehr)
        ehr.said = {"refresh_token": "rt-2", "expires_in": 300, "id_token": None}
        for _ in range(2):
            assert at.get("/panel").status_code == 200
        assert [form["grant_type"] for form in ehr.forms] == ["authorization_code", "refresh_token"]
        assert ehr.forms[1]["refresh_token"] == "rt"

    @pytest.mark.parametrize("said", [{"refresh_token": None}, {}, {"patient": "q"}])
    def test_without_a_new_token_it_ends(
        self, at: TestClient, ehr: LyingEhr, said: dict[str, Any]
    ) -> None:
        ehr.said = {"expires_in": 0} | ({} if "patient" in said else said)
        launch(at, ehr)
        ehr.said, ehr.status = said, 200 if "patient" in said else 400
        assert at.get("/panel").status_code == 502
        assert at.get("/panel").status_code == 404

    def test_signing_out_gives_the_token_back(self, at: TestClient, ehr: LyingEhr) -> None:
        launch(at, ehr)
        done = at.post("/smart/logout")
        assert "Max-Age=0" in done.headers["set-cookie"]
        assert ehr.forms[-1]["token"] == "rt"
        assert at.get("/panel").status_code == 404

    def test_sessions_and_launches_are_bounded(
        self, app: Starlette, at: TestClient, ehr: LyingEhr, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(smart_sessions, "MOST", 2)
        browsers = [browser(app) for _ in range(3)]
        for one in browsers:
            launch(one, ehr)
        assert [one.get("/panel").status_code for one in browsers] == [404, 200, 200]
        states = [asked(begin(at))["state"] for _ in range(3)]
        refused(at.get("/smart/callback", params={"state": states[0], "code": "c"}))

    def test_a_banner_where_the_ehr_shows_none(self, at: TestClient, ehr: LyingEhr) -> None:
        ehr.said = {"need_patient_banner": True}
        launch(at, ehr)
        text = at.get("/panel").text
        assert "Ada &lt;b&gt;Okafor&lt;/b&gt;, born 1961-04-02, sex female" in text

    def test_a_banner_that_cannot_be_read_says_so(self, at: TestClient, ehr: LyingEhr) -> None:
        ehr.said = {"need_patient_banner": True, "access_token": "other"}
        launch(at, ehr)
        assert "did not say whose chart this is" in at.get("/panel").text


def test_nothing_of_a_launch_is_logged(
    at: TestClient, ehr: LyingEhr, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "uptake")
    launch(at, ehr, state="secret-state", code="secret-code")
    ehr.claims = {"nonce": "secret-nonce"}
    launch(at, ehr)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("uptake")]
    assert len(ours) == 2
    assert not [line for line in ours if "secret" in line or "ehr.example" in line]


def test_a_redirect_is_not_followed_with_a_code(at: TestClient, ehr: LyingEhr) -> None:
    ehr.redirect = "https://evil.example/token"
    refused(launch(at, ehr), 502)
    assert len(ehr.forms) == 1


def test_an_answer_without_end_is_cut(at: TestClient, ehr: LyingEhr) -> None:
    ehr.configuration = {"long": "x" * (asking.LARGEST + 1)}
    assert "too long" in refused(begin(at), 502)


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"\xff", b"null"])
def test_an_answer_that_is_no_json_object(at: TestClient, ehr: LyingEhr, raw: bytes) -> None:
    ehr.raw = raw
    refused(begin(at), 502)
