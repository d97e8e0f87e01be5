"""The panel: both sides of each item, answers that are kept once, reports, looks, closed doors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from drug_cases import SCRIPT, compare, dispensed, drug, listed, patient
from sqlalchemy import select
from starlette.testclient import TestClient

from uptake.delivery import panel
from uptake.delivery.answers import ANSWERED, Choice, answers_of, asked_of
from uptake.delivery.cases import Case, Context, Item, Judged, Service
from uptake.delivery.services import care_gaps
from uptake.project import Project, read_project
from uptake.state.database import State, open_state
from uptake.state.schema import event_inbox, feedback, panel_answer
from uptake.web import panel as pages
from uptake.web.app import create_app
from uptake.web.site import Site

BASE = "http://127.0.0.1:8000"
SERVICE = "/cds-services/outside-medications-patient-view"
WARFARIN = drug("warfarin sodium 5 MG Oral Tablet", "855332")
MEDICATIONS = "medication-reconciliation"
ABOUT = f"about.{MEDICATIONS}"
"""The boxes of records in the form of a report."""


@pytest.fixture(scope="module")
def assessed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The feeds and the one run of a patient with two differences, script in every text."""
    folder = tmp_path_factory.mktemp("assessed")
    shop = {"resourceType": "Organization", "id": "o", "name": SCRIPT}
    said = {"performer": [{"actor": {"reference": "Organization/o"}}]}
    compare(
        folder,
        ehr=[patient(), listed(drug("lisinopril 10 MG Oral Tablet", "314076"))],
        pharmacy=[
            patient(), shop, dispensed(WARFARIN, dosageInstruction=[{"text": SCRIPT}]),
            dispensed(drug(SCRIPT), "d2", **said),
        ],
    )  # fmt: skip
    summary = {"run": "r", "as_of": "2026-11-01", "notes": [], "checks": [], "resources": {}}
    (folder / "run" / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture
def site(tmp_path: Path, assessed: Path) -> Iterator[Site]:
    (tmp_path / "current").symlink_to(assessed / "run", target_is_directory=True)
    (tmp_path / "uptake.toml").write_text(
        f'[assess]\nas_of = "2026-11-01"\n[feeds.ehr]\npath = "{assessed}/ehr"\nrole = "ehr"\n'
        f'[feeds.pharmacy]\npath = "{assessed}/pharmacy"\nrole = "external"\n'
    )
    project = read_project(tmp_path)
    state = open_state(project.state_url)
    yield Site(project, state, BASE)
    state.close()


@pytest.fixture
def state(site: Site) -> State:
    return site.state


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(
        create_app(site), base_url=BASE, client=("127.0.0.1", 5), follow_redirects=False
    )


def card_of(client: TestClient) -> dict[str, Any]:
    body = {"hook": "patient-view", "hookInstance": str(uuid4()),
            "context": {"patientId": "p", "userId": "Practitioner/pr-1"}}  # fmt: skip
    (card,) = client.post(SERVICE, json=body).json()["cards"]
    return dict(card)


def cards_of(client: TestClient) -> list[Any]:
    body = {"hook": "patient-view", "hookInstance": str(uuid4()), "context": {"patientId": "p"}}
    return list(client.post(SERVICE, json=body).json()["cards"])


def events(state: State, *names: str) -> list[tuple[Any, ...]]:
    with state.read() as connection:
        rows = connection.execute(
            select(*(event_inbox.c[n] for n in ("action", *names))).order_by(event_inbox.c.seq)
        )
        return [tuple(row) for row in rows]


class Page(HTMLParser):
    """The forms of a page: each action with its fields and the values of its buttons."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.forms: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given["action"], {}, []))
        elif tag in ("input", "textarea", "select") and self.forms:
            self.forms[-1][1][given["name"]] = given.get("value", "")
        elif tag in ("button", "option") and self.forms:
            self.forms[-1][2].append(given.get("value", ""))

    def named(self, action: str) -> list[tuple[dict[str, str], list[str]]]:
        return [(fields, values) for at, fields, values in self.forms if at == action]


def opened(client: TestClient) -> tuple[str, Page]:
    path = f"/panel?card={card_of(client)['uuid']}"
    response = client.get(path)
    assert response.status_code == 200
    return path, Page(response.text)


def test_what_differs_is_shown_with_both_sides(client: TestClient) -> None:
    path, page = opened(client)
    text = " ".join(client.get(path).text.split())
    assert "style=" not in text
    assert page.tags >= {"h1", "h2", "h3", "dl"}
    assert "<script>alert" not in text
    assert "warfarin sodium 5 MG Oral Tablet" in text
    assert "2026-10-01" in text
    assert "pharmacy" in text
    assert "is not in the chart" in text
    assert "Not in the chart" not in text, "it is said once"
    forms = page.named("/panel/answer")
    assert len(forms) >= 2
    for fields, values in forms:
        assert values == ["continue", "stop", "change", "unsure"]
        assert fields.keys() == {"card", "id", "use_case", "item", "reason"}
    assert len({fields["id"] for fields, _ in forms}) == len(forms)
    assert len({fields["item"] for fields, _ in forms}) == len(forms)


def test_opening_it_is_a_view_and_looking_ahead_is_none(client: TestClient, state: State) -> None:
    path, _ = opened(client)
    client.get(path, headers={"Sec-Purpose": "prefetch;prerender"})
    client.head(path)
    assert [e for e in events(state, "use_case", "practitioner") if e[0] == "viewed"] == [
        ("viewed", MEDICATIONS, "pr-1")
    ]


def test_an_answer_is_kept_shown_and_no_longer_asked(client: TestClient, state: State) -> None:
    path, page = opened(client)
    forms = page.named("/panel/answer")
    for fields, _ in forms:
        sent = fields | {"choice": "continue", "reason": f"  he takes\nit {SCRIPT}"}
        for _ in range(2):  # sent again, it is the same
            back = client.post("/panel/answer", data=sent)
            assert back.status_code == 303
            assert back.headers["location"] == f"{path}#i-{fields['item']}"
    kept = answers_of(state, "p", MEDICATIONS)
    assert {a.choice for a in kept.values()} == {"continue"}
    assert {a.by for a in kept.values()} == {"pr-1"}
    acted = [e for e in events(state, "reason", "comment", "card") if e[0] == "acted"]
    assert len(acted) == len(forms)
    assert acted[0][1:3] == ("Continue", f"he takes it {SCRIPT}")
    assert f"card={acted[0][3]}" in path
    text = client.get(path).text
    assert "he takes it &lt;script&gt;" in text
    assert "Change the answer" in text
    assert ANSWERED not in text, "the answer says so"
    assert ", by you<" in text
    assert "pr-1" not in text, "nobody knows a colleague by an id"
    assert cards_of(client) == []
    assert {e[1] for e in events(state, "reason") if e[0] == "withheld"} >= {ANSWERED}


def test_the_newest_answer_counts_and_unsure_settles_nothing(
    client: TestClient, state: State
) -> None:
    _, page = opened(client)
    for fields, _ in page.named("/panel/answer"):
        for choice in ("stop", "unsure"):
            sent = fields | {"choice": choice, "id": str(uuid4())}
            client.post("/panel/answer", data=sent)
    assert {a.choice for a in answers_of(state, "p", MEDICATIONS).values()} == {"unsure"}
    assert len(cards_of(client)) == 1


def test_an_answer_is_the_patients_own(client: TestClient, state: State) -> None:
    _, page = opened(client)
    fields, _ = page.named("/panel/answer")[0]
    client.post("/panel/answer", data=fields | {"choice": "stop"})
    assert answers_of(state, "q", MEDICATIONS) == {}
    assert answers_of(state, "p", "care-gap-closure") == {}


@pytest.mark.parametrize(
    "changed",
    [{"choice": "delete"}, {"choice": ""}, {"item": "<b>"}, {"item": ""}, {"id": "x"},
     {"card": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}, {"card": "", "view": "x"}],
)  # fmt: skip
def test_a_form_that_is_not_ours_keeps_nothing(
    client: TestClient, state: State, changed: dict[str, str]
) -> None:
    _, page = opened(client)
    fields, _ = page.named("/panel/answer")[0]
    sent = fields | {"choice": "stop"} | changed
    assert client.post("/panel/answer", data=sent).status_code == 409
    with state.read() as connection:
        assert connection.execute(select(panel_answer)).all() == []


def test_a_foreign_page_answers_nothing(client: TestClient, state: State) -> None:
    _, page = opened(client)
    fields, _ = page.named("/panel/answer")[0]
    headers = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    sent = fields | {"choice": "stop"}
    assert client.post("/panel/answer", data=sent, headers=headers).status_code == 403
    assert answers_of(state, "p", MEDICATIONS) == {}


class TestReport:
    @pytest.fixture(autouse=True)
    def linked(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What was linked to the findings of the run; this run has none."""
        found: list[str] = []
        monkeypatch.setattr(pages.feedback, "link_new", lambda _, key, *__: found.append(key))
        return found

    def test_something_is_wrong_with_an_entry(
        self, client: TestClient, state: State, linked: list[str]
    ) -> None:
        path, page = opened(client)
        ((fields, values),) = page.named("/panel/report")
        assert fields[ABOUT] == "ehr|MedicationRequest/c1", "what is the same may be wrong, too"
        assert values == [""], "the button"
        assert "by" not in fields  # the card says who was shown it
        one = "pharmacy|MedicationDispense/d1"
        sent = fields | {ABOUT: one, "text": f"wrong dose {SCRIPT}"}
        for _ in range(2):
            back = client.post("/panel/report", data=sent)
            assert back.headers["location"] == f"{path}&said=reported#said"
        assert "Thank you" in client.get(back.headers["location"]).text
        with state.read() as connection:
            (row,) = connection.execute(select(feedback)).all()
        assert (row.kind, row.about_kind, row.about) == ("data quality", "resource", one)
        assert (row.reporter, row.use_case) == ("pr-1", MEDICATIONS)
        assert set(linked) == {row.id}

    def test_of_the_whole_card(self, client: TestClient, state: State) -> None:
        path, page = opened(client)
        ((fields, _),) = page.named("/panel/report")
        del fields[ABOUT]
        client.post("/panel/report", data=fields | {"text": "all wrong"})
        with state.read() as connection:
            (row,) = connection.execute(select(feedback)).all()
        assert (row.about_kind, row.about) == ("card", path.partition("=")[2])

    def test_evidence_of_another_feed_does_not_lend_its_name_to_the_patient(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = datetime(2026, 10, 1, tzinfo=UTC)
        told = (Context("a result", source="pharmacy", at=at),)
        gap = Item("due", "a gap", told, "info", ("Patient/p1",))
        drug_ = Item("omission", "a drug", told, "info", ("MedicationDispense/d1",))
        page = served(client, monkeypatch, Judged("two", (gap, drug_)))
        assert "pharmacy|MedicationDispense/d1" in page
        assert "pharmacy|Patient/p1" not in page

    def test_without_a_word(self, client: TestClient, state: State) -> None:
        _, page = opened(client)
        ((fields, _),) = page.named("/panel/report")
        response = client.post("/panel/report", data=fields | {"text": " \n "})
        assert response.status_code == 400
        assert "Nothing was sent: say what is wrong" in response.text
        assert f'value="{fields[ABOUT]}" checked' in response.text

    def test_one_report_of_several_things(
        self, client: TestClient, state: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        at = datetime(2026, 10, 1, tzinfo=UTC)
        told = (Context("x", source="pharmacy", at=at),)
        drugs = [Item("omission", f"drug {n}", told, "info", (f"MedicationDispense/d{n}",))
                 for n in (1, 2)]  # fmt: skip
        late = Item("late", f"late {SCRIPT}", told, "info", ("Patient/p",), (), "cannot be told")
        text = served(client, monkeypatch, Judged("two", tuple(drugs)), Judged("gap", (late,)))
        assert text.count("drug 1") == 3, "the row, the name of its form, the box"
        ((fields, _),) = Page(text).named("/panel/report")
        gap = f"Care gaps: late {SCRIPT}"
        assert fields["words.care-gap-closure"] == gap
        records = [f"pharmacy|MedicationDispense/d{n}" for n in (1, 2)]
        sent = fields | {ABOUT: [*records, records[0]], "words.care-gap-closure": gap, "text": "?"}
        client.post("/panel/report", data=sent)
        with state.read() as connection:
            (row,) = connection.execute(select(feedback)).all()
        assert row.about_kind == "resource"
        assert row.about.split("\n") == [*records, gap]
        assert row.use_case == MEDICATIONS, "of several use cases that of the card"

    def test_of_one_use_case_it_is_the_reports(
        self, client: TestClient, state: State, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        text = served(client, monkeypatch, Judged("two", ()), Judged("gap", (item("late"),)))
        ((fields, _),) = Page(text).named("/panel/report")
        del fields[ABOUT]
        sent = fields | {"words.none-of-ours": "x", "text": "wrong"}
        client.post("/panel/report", data=sent)
        with state.read() as connection:
            (row,) = connection.execute(select(feedback)).all()
        assert (row.about_kind, row.use_case) == ("card", "care-gap-closure")
        assert row.about.split("\n")[1:] == ["Care gaps: late"]

    def test_about_what_is_no_record(self, client: TestClient, state: State) -> None:
        _, page = opened(client)
        ((fields, _),) = page.named("/panel/report")
        response = client.post(
            "/panel/report", data=fields | {ABOUT: "bad", "text": f"so {SCRIPT}"}
        )
        assert response.status_code == 400
        assert "a resource is named as feed|Type/id" in response.text
        assert "so &lt;script&gt;" in response.text, "what was typed is not lost"
        with state.read() as connection:
            assert connection.execute(select(feedback)).all() == []


class TestLooks:
    def test_how_long_a_section_was_seen(self, client: TestClient, state: State) -> None:
        path, _ = opened(client)
        key = str(uuid4())
        card = path.partition("=")[2]
        for part, seconds in (("0", "12.5"), ("1", "3"), ("1", "3")):
            sent = {"card": card, "id": f"{key}.{part}", f"sec.{MEDICATIONS}": seconds}
            assert client.post("/panel/left", data=sent).status_code == 204
        looks = [e for e in events(state, "seconds", "card") if e[0] == "viewed" and e[1]]
        assert looks == [("viewed", 12.5, card), ("viewed", 3.0, card)]

    @pytest.mark.parametrize(
        ("name", "seconds"),
        [("sec.none-of-ours", "3"), (f"sec.{MEDICATIONS}", "-1"), (f"sec.{MEDICATIONS}", "nan"),
         (f"sec.{MEDICATIONS}", "inf"), (f"sec.{MEDICATIONS}", "1e9"), (f"sec.{MEDICATIONS}", "x")],
    )  # fmt: skip
    def test_what_is_no_look(
        self, client: TestClient, state: State, name: str, seconds: str
    ) -> None:
        path, _ = opened(client)
        before = len(events(state))
        sent = {"card": path.partition("=")[2], "id": f"{uuid4()}.0", name: seconds}
        assert client.post("/panel/left", data=sent).status_code == 204
        assert len(events(state)) == before


@pytest.mark.parametrize("card", ["", "x", SCRIPT, "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"])
def test_a_card_nobody_was_shown(client: TestClient, state: State, card: str) -> None:
    response = client.get("/panel", params={"card": card})
    assert response.status_code == 404
    assert "<script" not in response.text
    assert events(state) == []


def served(client: TestClient, monkeypatch: pytest.MonkeyPatch, *judged: Judged | None) -> str:
    """Return the panel where services of other use cases say this."""
    codes = (MEDICATIONS, "care-gap-closure", "deterioration-alerts", "a-new-one")
    made = {
        code: Service(code, "patient-view", "t", "d", code, (), lambda _, said=said: said)
        for code, said in zip(codes, judged, strict=False)
    }
    path = f"/panel?card={card_of(client)['uuid']}"
    monkeypatch.setattr(panel, "services", lambda _: made)
    return str(client.get(path).text)


def item(text: str, **more: Any) -> Item:
    said = Context("7.1", "%", "under 7", "rising", "northside-lab", "Dr. Who",
                   datetime(2026, 10, 31, 14, 5, tzinfo=UTC))  # fmt: skip
    return Item(**{"kind": text, "text": text, "context": (said,), "severity": "info"} | more)


def test_every_use_case_has_its_section_the_cards_first(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = served(
        client, monkeypatch,
        Judged("Two lists differ", (item("a drug"),), ("Compared as of then.",)),
        Judged("One gap is open", (item("HbA1c"), item("late", withheld="cannot be told"),
                                     item("more", withheld=care_gaps.MORE))),
        Judged("NEWS2 is 7", (item("NEWS2", severity="critical"),)),
        Judged("Something new", (item("new"),)),
    )  # fmt: skip
    plain = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    titles = ("Outside medications and the chart", "NEWS2 is 7", "Something new", "Care gaps")
    order = [plain.index(title) for title in titles]
    assert order == sorted(order)
    assert "7.1 % (under 7) , rising 2026-10-31 14:05 UTC, by Dr. Who, northside-lab" in plain
    assert "1 more that is on no card" in plain
    assert "Not on a card: cannot be told" in plain
    assert plain.index("more gaps than a card shows") < plain.index("1 more that is on no card")
    assert "Done elsewhere" in plain
    assert "Critical" in plain
    buttons = {f["use_case"]: v for f, v in Page(text).named("/panel/answer")}
    assert buttons["a-new-one"] == ["noted"]


def test_an_allergy_is_told_from_the_drug_that_meets_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = Context("taken", source="ehr", at=datetime(2026, 10, 1, tzinfo=UTC))
    said = (mine, Context("ibuprofen", source="ehr", at=mine.at))
    met = Item("allergy", "aspirin", said, "warning", ("MedicationStatement/m",))
    twice = Item("duplicate", "aspirin twice", said, "warning", ("MedicationStatement/n",))
    text = served(client, monkeypatch, Judged("two", (met, twice)))
    assert re.findall(r"<dt>([^<]*)", text)[:4] == [
        "Chart", "Allergy in the chart", "Chart", "Chart, too",
    ]  # fmt: skip
    assert "No outside source has it" not in text


def test_a_note_of_two_sections_stands_once_below_them(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [Judged("s", (item("a"),), ("As of now.", own)) for own in ("One.", "Two.")]
    text = served(client, monkeypatch, *both)
    assert text.count("As of now.") == 1
    assert text.index("Two.") < text.index("As of now.")


def test_a_judge_without_a_word_has_no_section(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = served(client, monkeypatch, None, Judged("Not for the panel", (), panel=False))
    assert "Nothing differs from the chart, and nothing is due." in text
    assert "Not for the panel" not in text


def test_the_judge_is_given_the_patient_of_the_card(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases: list[Case] = []
    service = Service("s", "patient-view", "t", "d", MEDICATIONS, (), cases.append)
    path = f"/panel?card={card_of(client)['uuid']}"
    monkeypatch.setattr(panel, "services", lambda _: {"s": service})
    client.get(path)
    (case,) = cases
    assert (case.patient, case.user, case.hook) == ("p", "pr-1", "patient-view")
    assert case.known.as_of == "2026-11-01"


def test_an_id_of_two_people_shows_nothing(
    site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsure:
        doubt, another, as_of = "two people may stand in one record", "", ""

        def rows(self, _: str) -> list[Any]:
            return []

    path = f"/panel?card={card_of(client)['uuid']}"
    monkeypatch.setattr(pages, "known_of", lambda *_: Unsure())
    assert "not shown: two people may stand in one record." in client.get(path).text


def test_what_may_be_answered_is_content() -> None:
    asked = asked_of("care-gap-closure")
    assert [c.code for c in asked.choices] == ["done-elsewhere", "declined", "not-applicable"]
    assert asked.choice("declined") == Choice("declined", "Declined", asked.choices[1].settles)
    assert asked.choice("none") is None
    assert asked_of("unheard-of").choices == asked_of("default").choices


def test_no_project_no_panel(tmp_path: Path, state: State) -> None:
    client = TestClient(create_app(Site(Project(), state, BASE)), base_url=BASE)
    assert client.get("/panel").status_code == 404


def test_the_script_is_small_and_ours() -> None:
    path = Path(__file__).parents[2] / "uptake" / "web" / "static" / "panel.js"
    assert path.stat().st_size < 4096
    assert not re.search(r"https?://|eval|innerHTML", path.read_text())
