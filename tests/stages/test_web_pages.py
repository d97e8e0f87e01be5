"""Pages: each answers, in its first sentence; nothing of the data is markup, no address names
anybody.
"""

from __future__ import annotations

import html
import json
import re
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import web_cases as cases

from uptake.findings.worklist import Kept, LocalCode, Promise
from uptake.rollout.charter import write_item
from uptake.rollout.feedback import Report, read_item, report
from uptake.web.app import create_app
from uptake.web.views import mappings

if TYPE_CHECKING:
    from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

FIXED = (
    "/", "/findings", "/feeds", "/patients/review", "/mappings", "/feedback", "/feedback/new",
    "/feedback/r1", "/adoption", "/adoption?use_case=care-gap-closure",
    "/use-cases/care-gap-closure",
    *(f"/use-cases/care-gap-closure/{stage}" for stage in (
        "defined", "mapped", "fit", "delivered", "seen", "used", "acted-on", "improved")),
)  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("project")
    cases.write_project(folder)
    cases.assess(folder)
    found = cases.make_site(folder)
    for item in ("problem", "owner", "owner_role", "target"):
        write_item(found.state, "care-gap-closure", item, cases.SCRIPT, cases.SCRIPT, found.now())
    about = "lab|Observation/o1"
    texts = (cases.SCRIPT,) * 4
    report(
        found.state,
        Report("r1", "data quality", "care-gap-closure", "resource", about, *texts, found.now()),
    )
    yield found
    found.state.close()


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    return TestClient(create_app(site), base_url="http://127.0.0.1:8000", follow_redirects=False)


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.scripts: list[str | None] = []
        self.tags: list[str] = []
        self.inline: list[str] = []
        self._lead = False
        self.lead = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        self.inline += [name for name in named if name == "style" or name.startswith("on")]
        self.links += [v for k, v in attrs if k in ("href", "src", "action", "hx-get") and v]
        if tag == "script":
            self.scripts.append(named.get("src"))
        self._lead = self._lead or "lead" in (named.get("class") or "").split()

    def handle_endtag(self, tag: str) -> None:
        self._lead = self._lead and tag != "p"

    def handle_data(self, data: str) -> None:
        self.lead += data if self._lead else ""


def crawl(client: TestClient) -> dict[str, str]:
    """Return every page that can be reached by links from the fixed ones."""
    open_, found = list(FIXED), dict[str, str]()
    while open_:
        path = open_.pop().partition("#")[0]
        if path in found or path.startswith("/static"):
            continue
        answer = client.get(path)
        assert answer.status_code == 200, path
        found[path] = answer.text
        open_ += [link for link in Page(answer.text).links if link.startswith("/")
                  and not link.startswith(("/api/", "/runs"))]  # fmt: skip
    return found


@pytest.fixture(scope="module")
def pages(client: TestClient) -> dict[str, str]:
    return crawl(client)


def test_every_page_answers_and_is_reached(pages: dict[str, str]) -> None:
    assert set(FIXED) <= set(pages)
    assert any(path.startswith("/finding/") for path in pages)
    assert any("/unit/" in path for path in pages)
    assert any("fix=" in path for path in pages)


def test_every_page_opens_with_a_question_and_its_answer(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        assert text.count("<h1>") == 1, path
        lead = " ".join(Page(text).lead.split())
        assert len(lead) > 3, path


def test_a_script_in_the_data_is_text_on_every_page(pages: dict[str, str]) -> None:
    for path, text in pages.items():
        page = Page(text)
        assert all(src and src.startswith("/static/") for src in page.scripts), path
        assert not page.inline, path
        assert "<script>alert" not in text, path
        assert "<b>A</b>" not in text, path
    shown = [path for path, text in pages.items() if "&lt;script&gt;alert(1)" in text]
    assert {"/use-cases/care-gap-closure/defined", "/feedback", "/feedback/r1"} <= set(shown)
    assert any(path.startswith("/finding/") for path in shown)


def test_no_address_names_a_patient_or_leads_outside(pages: dict[str, str]) -> None:
    named = re.compile(r"secret-|lab-\d|MRN-|/o\d")
    for path, text in pages.items():
        for link in Page(text).links:
            assert not named.search(link), f"{path}: {link}"
            assert not re.match(r"(https?:)?//", link), f"{path}: {link}"


def test_a_finding_opens_into_the_record_as_it_was_sent(
    client: TestClient, pages: dict[str, str]
) -> None:
    texts = [text for path, text in pages.items() if path.startswith("/finding/")]
    assert any("&#34;resourceType&#34;: &#34;Observation&#34;" in text for text in texts)


def test_the_front_page_says_where_each_use_case_stalls(client: TestClient) -> None:
    page = Page(client.get("/").text)
    assert page.lead.strip() == "All four use cases stall at defined."


def test_what_was_kept_out_is_said_with_its_reason_and_place(client: TestClient) -> None:
    text = client.get("/feeds").text
    assert "1 record was kept out" in text
    assert "Observation.ndjson line 5" in text


def test_a_twin_is_shown_once_as_a_pair(client: TestClient) -> None:
    text = client.get("/patients/review").text
    assert "1 pair of records waits for whoever keeps the patient index" in text
    assert text.count("secret-twin") == 1


def test_a_page_beyond_the_last_is_the_last(client: TestClient) -> None:
    assert "4 findings" in client.get("/findings/COD-01?page=999").text
    assert client.get("/findings/COD-01?page=<script>").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/nope", "/findings/NOPE-1", "/finding/abc", f"/finding/{'0' * 64}", "/use-cases/nope",
     "/use-cases/care-gap-closure/nope", "/use-cases/care-gap-closure/unit/0000", "/feedback/nope",
     "/adoption?use_case=nope"],
)  # fmt: skip
def test_what_is_not_there_is_404_and_says_what_to_do(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "There is no such page." in answer.text
    assert "nope" not in answer.text.lower().replace(path, "")


def test_before_the_first_run_every_page_says_what_to_do(tmp_path: Path) -> None:
    cases.write_project(tmp_path)
    site = cases.make_site(tmp_path)
    client = TestClient(create_app(site), base_url="http://localhost")
    for path in ("/", "/findings", "/feeds", "/patients/review", "/mappings", "/adoption"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "uptake assess" in answer.text
    assert client.get("/api/status").status_code == 503
    site.state.close()


def test_an_error_of_ours_echoes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("secret-1")

    monkeypatch.setattr("uptake.web.views.feeds.feed_lines", fail)
    client = TestClient(
        create_app(site), base_url="http://127.0.0.1", raise_server_exceptions=False
    )
    answer = client.get("/feeds")
    assert answer.status_code == 500
    assert "secret-1" not in answer.text


# --- machines -----------------------------------------------------------------------------------


def test_status_has_eight_stages_a_use_case(client: TestClient) -> None:
    found = client.get("/api/status").json()
    assert {len(case["stages"]) for case in found["use_cases"]} == {8}
    assert found["as_of"] == "2026-11-01"


def test_openapi_describes_what_is_answered(client: TestClient) -> None:
    document = client.get("/api/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(document["paths"]) == {"/health", "/api/status", "/api/feedback"}
    status = document["components"]["schemas"]["Status"]["properties"]
    assert set(status) == set(client.get("/api/status").json())
    stage = client.get("/api/status").json()["use_cases"][0]["stages"][0]
    assert set(stage) == set(document["components"]["schemas"]["StageStatus"]["properties"])


# --- forms --------------------------------------------------------------------------------------


def test_a_report_sent_twice_is_one(client: TestClient) -> None:
    sent = {"id": "twice", "kind": "unmet need", "text": "A list of last doses is missing."}
    first = client.post("/api/feedback", json=sent)
    again = client.post("/api/feedback", json=sent)
    assert (first.status_code, again.status_code) == (202, 200)
    assert (first.json()["new"], again.json()["new"]) == (True, False)
    assert client.get("/feedback").text.count("A list of last doses is missing.") == 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"id": 1}', b'{"id":"x","kind":"y","text":""}'])
def test_a_report_that_cannot_be_read_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(
        "/api/feedback", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_report_about_a_record_is_linked_to_what_is_found_there(client: TestClient) -> None:
    sent = {
        "id": "linked", "kind": "data quality", "use_case": "care-gap-closure",
        "about_kind": "resource", "about": "lab|Observation/o2", "text": "No A1c is shown.",
        "by": "Dr. <b>Ada</b>", "role": "physician", "unit": "4 West",
    }  # fmt: skip
    answer = client.post("/api/feedback", data=sent)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    text = client.get(answer.headers["location"]).text
    assert 'href="/findings/COD-01"' in text
    assert "Dr. &lt;b&gt;Ada&lt;/b&gt;" in text
    assert "Dr. &lt;b&gt;Ada&lt;/b&gt;" in client.get("/feedback/new").text  # remembered


def test_an_empty_report_is_shown_again_with_what_is_wrong(client: TestClient) -> None:
    answer = client.post("/api/feedback", data={"id": "e1", "kind": "unmet need", "unit": "4 West"})
    assert answer.status_code == 400
    assert "Say what is wrong." in answer.text
    assert 'value="4 West"' in answer.text


def test_a_report_that_was_kept_and_not_linked_is_linked_when_it_is_sent_again(
    client: TestClient, site: Site
) -> None:
    about = "lab|Observation/o1"
    what = Report("cut", "data quality", "", "resource", about, "Wrong.", "", "", "", site.now())
    report(site.state, what)  # and then the service was killed
    again = {"id": "cut", "kind": "data quality", "text": "Wrong.", "about_kind": "resource"}
    sent = client.post("/api/feedback", json=again | {"about": about})
    assert (sent.status_code, sent.json()["new"]) == (200, False)
    linked = [s for s in read_item(site.state, "cut", site.now()).steps if s.what == "linked"]
    assert linked
    client.post("/api/feedback", json=again | {"about": about})
    assert [
        s for s in read_item(site.state, "cut", site.now()).steps if s.what == "linked"
    ] == linked


def test_a_report_of_several_things_names_each(client: TestClient) -> None:
    things = (
        "lab|Observation/o1",
        "pharmacy|MedicationDispense/d1",
        "Care gaps: <b>HbA1c</b>: due",
    )
    sent = {"id": "three", "kind": "data quality", "text": "Not his.", "about_kind": "resource"}
    assert client.post("/api/feedback", json=sent | {"about": "\n".join(things)}).status_code == 202
    text = client.get("/feedback/three").text
    for thing in things:
        assert html.escape(thing) in text
    assert text.count("<dt>About</dt>") == 1


def test_a_report_is_given_changed_and_answered(client: TestClient) -> None:
    client.post("/api/feedback", json={"id": "walk", "kind": "workflow friction", "text": "Slow."})
    for action, note in (("assign", "Sam"), ("change", "New index"), ("answer", "Faster now")):
        given = {"action": action, "note": note, "by": "Sam"}
        assert client.post("/feedback/walk", data=given).status_code == 303
    text = client.get("/feedback/walk").text
    assert "Faster now" in text
    assert "Something was changed; it is not verified yet." in text
    refused = client.post("/feedback/walk", data={"action": "answer", "note": " ", "by": "Sam"})
    assert refused.status_code == 400
    assert "say what or whom" in refused.text


def test_a_wrong_code_is_refused_and_nothing_is_kept(client: TestClient) -> None:
    text = client.get("/mappings").text
    key = re.findall(r'name="decision-(\w+)"', text)[0]
    given = {f"decision-{key}": "approved", f"target-{key}": "http://loinc.org|4548-5", "by": "Ada"}
    answer = client.post("/mappings", data=given)
    assert answer.status_code == 400
    assert "check digit" in answer.text
    assert 'value="http://loinc.org|4548-5"' in answer.text
    assert "approved by" not in client.get("/mappings").text


def test_a_suggestion_is_approved_and_signed(client: TestClient) -> None:
    unsigned = client.post("/mappings", data={"all": "yes", "by": " "})
    assert unsigned.status_code == 400
    assert client.post("/mappings", data={"all": "yes", "by": "Ada"}).status_code == 303
    text = client.get("/mappings").text
    assert "approved by <bdi>Ada</bdi>" in text
    assert "1 code approved since" in text


def test_the_codes_beyond_the_page_are_counted(
    client: TestClient, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = mappings.worklist

    def many(*given: object) -> tuple[LocalCode, ...]:
        found = read(*given)  # type: ignore[arg-type]
        return tuple(replace(found[0], code=f"{found[0].code}-{n}") for n in range(3))

    monkeypatch.setattr(mappings, "worklist", many)
    monkeypatch.setattr(mappings, "LISTED", 2)
    monkeypatch.setattr(site, "_kept", OrderedDict())
    text = client.get("/mappings").text
    assert "3 local codes have no standard code beside them" in text
    assert "The first 2 of 3 are here." in text
    assert len(re.findall(r'<select name="decision-', text)) == 2


def test_a_use_case_that_is_new_has_no_promise_yet(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [tmp_path / "earlier", tmp_path / "later"]
    for run, codes in zip(runs, (("old",), ("old", "new")), strict=True):
        run.mkdir()
        summary = {"use_cases": [{"code": code} for code in codes]}
        (run / "summary.json").write_text(json.dumps(summary), "utf-8")
    asked = []
    nothing = Kept(Promise("old", "Old", "patients", 9, 1, 0, exact=True), 0, 1, 9)

    def kept(_: Path, __: Path, code: str) -> Kept:
        asked.append(code)
        return nothing

    monkeypatch.setattr(mappings, "history", lambda _: runs)
    monkeypatch.setattr(mappings, "kept", kept)
    assert mappings._promises(site) == ()
    assert asked == ["old"]
