"""Duplicates: what waits and in which order, two records side by side, decisions, what follows."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duplicate_cases as cases
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import web_cases
from duplicate_cases import ANA, ANNA, BO, CHAIN, LINKED, LOST, SCRIPT, TWINS, WAITS, A

from uptake.identity.decisions import decide, decisions, history, pair
from uptake.web import run as runs
from uptake.web.app import create_app
from uptake.web.charts import Weight, waterfall
from uptake.web.views.duplicates import pairs
from uptake.web.views.duplicates.pairs import key_of
from uptake.web.views.duplicates.patients import side_by_side

if TYPE_CHECKING:
    from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("duplicates")
    cases.write_project(folder)
    web_cases.assess(folder)
    return folder


@pytest.fixture
def site(project: Path) -> Iterator[Site]:
    """A site without any decision, and the pairs of `duplicate_cases`."""
    for path in project.glob("state.db*"):
        path.unlink()
    cases.write_pairs((project / "current").resolve())
    found = web_cases.make_site(project)
    yield found
    found.state.close()


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(create_app(site), base_url="http://127.0.0.1:8000", follow_redirects=False)


def at(of: pairs.Pair, query: str = "") -> str:
    return f"/patients/review/{key_of(of)}{query}"


def listed(text: str) -> list[str]:
    """Return the keys of the pairs of a page, in order."""
    return list(
        dict.fromkeys(re.findall(r'<th scope="row" class="key"><a href="[^"]*/(\w+)', text))
    )


def say(client: TestClient, of: pairs.Pair, decision: str, **more: str) -> Any:
    newest = re.search(r'name="seen" value="(\d+)"', client.get(at(of)).text)
    seen = newest[1] if newest else "0"
    return client.post(at(of), data={"decision": decision, "by": "Ada", "seen": seen, **more})


class TestTheWorkList:
    def test_the_first_sentence_says_what_waits_and_which_comes_first(
        self, client: TestClient
    ) -> None:
        text = client.get("/patients/review").text
        assert "3 pairs wait for a decision, first the 2 with a medication or an allergy" in text
        assert listed(text) == [key_of(WAITS), key_of(LOST), key_of(CHAIN)]
        assert "2 medications and 1 allergy stand on one record only" in text

    @pytest.mark.parametrize(
        ("queue", "found"), [("auto", [LINKED]), ("related", [TWINS]), ("decided", [])]
    )
    def test_each_outcome_has_its_queue(
        self, client: TestClient, queue: str, found: list[pairs.Pair]
    ) -> None:
        text = client.get(f"/patients/review?queue={queue}").text
        assert listed(text) == [key_of(of) for of in found]
        assert "3 pairs wait" in text

    def test_a_feed_shows_the_pairs_that_a_record_of_it_is_in(self, client: TestClient) -> None:
        assert listed(client.get("/patients/review?feed=ehr").text) == [key_of(WAITS), key_of(LOST)]
        assert "There is none of" in client.get("/patients/review?feed=nope").text

    def test_people_stand_once_however_many_of_their_records_are_alike(
        self, site: Site, client: TestClient
    ) -> None:
        run = site.run()
        assert run is not None
        other = pair(ANA, A)
        cases.write_pairs(run, [*cases.ROWS, cases.row(other, "review", cases.UNSURE, harm=1)])
        told = [(1, *ANA), (2, *ANNA), (2, *A), (3, *BO)]
        rows = [
            {"person": person, "feed": feed, "kind": "id", "system": "", "value": name}
            for person, feed, name in told
        ]
        before = (run / "person_key.parquet").read_bytes()
        pq.write_table(pa.Table.from_pylist(rows), run / "person_key.parquet")
        text = client.get("/patients/review").text
        opened = client.get(at(other)).text
        (run / "person_key.parquet").write_bytes(before)
        assert "3 pairs wait for a decision" in text
        assert listed(text) == [key_of(WAITS), key_of(LOST), key_of(CHAIN)]
        assert "and 1 more pair of their records" in text
        assert "1 of 3" in opened

    @pytest.mark.parametrize("query", ["queue=nope", "page=0", "page=999", "page=<script>"])
    def test_what_makes_no_sense_shows_the_queue(self, client: TestClient, query: str) -> None:
        answer = client.get(f"/patients/review?{query}")
        assert answer.status_code == 200
        assert len(listed(answer.text)) == 3

    def test_where_the_figures_are_not_of_people_the_page_says_so(
        self, site: Site, client: TestClient
    ) -> None:
        run = site.run()
        assert run is not None
        cases.write_pairs(run, passed=False)
        text = client.get("/patients/review").text
        assert "Nothing is linked by itself" in text
        assert "other given names</bdi>: 0.31; the bound is 0.01" in text

    def test_where_none_waits_what_other_checks_found_is_not_passed_over(
        self, site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = site.run()
        assert run is not None
        cases.write_pairs(run, [])
        records = (("", "Patient/secret-bo"), ("", "Patient/secret-nowhere"))
        found = (runs.Pair("DUP-01", "ehr", "one number", records),)
        monkeypatch.setattr(runs, "pairs", lambda _: found)
        text = client.get("/patients/review").text
        assert "No pair waits for a decision here; 1 pair below waits for whoever keeps" in text
        assert "1 pair of records waits for whoever keeps the patient index" in text
        assert SCRIPT not in text
        one, other = re.findall(r'(?:record|other)" class="key">(.*?)</td>', text, re.DOTALL)
        assert "born <bdi>1950-01-31</bdi>" in one
        assert other.strip() == "<bdi>secret-nowhere</bdi>", "it cannot be read: the id stays"

    def test_where_nothing_was_found_the_page_says_no_more(
        self, site: Site, client: TestClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = site.run()
        assert run is not None
        cases.write_pairs(run, [])
        monkeypatch.setattr(runs, "pairs", lambda _: ())
        text = client.get("/patients/review").text
        assert "No pair of records waits for a decision." in text
        assert "Found by other checks" not in text

    def test_a_run_that_compared_nobody_shows_what_the_checks_found(
        self, site: Site, client: TestClient
    ) -> None:
        run = site.run()
        assert run is not None
        (run / "pairs.parquet").unlink()
        text = client.get("/patients/review").text
        assert 'aria-label="Queues"' not in text
        assert "Whoever keeps the patient index decides" in text
        assert client.get(at(WAITS)).status_code == 404

    def test_a_hundred_thousand_pairs_are_listed_at_once(self, site: Site) -> None:
        run = site.run()
        assert run is not None
        many = pq.read_table(run / "pairs.parquet").slice(1, 1).to_pylist()[0]
        rows = [{**many, "id_l": f"{n:06}", "harm": n % 7} for n in range(100_000)]
        cases.write_pairs(run, rows)
        began = time.perf_counter()
        with pairs.opened(run, ()) as opened:
            found = opened.queue("review", "", 1)
            place = opened.place("review", "", found.rows[0].key)
        took = time.perf_counter() - began
        assert (found.counts["review"], found.pages, place.number) == (100_000, 2_000, 1)
        assert took < 2, "a third of a second on an idle machine"


class TestOnePair:
    def test_it_says_how_likely_and_what_a_mistake_costs(self, client: TestClient) -> None:
        text = client.get(at(WAITS)).text
        assert "With a probability of 0.47 these are one person; that is not enough" in text
        assert "2 medications and 1 allergy stand on one record only." in text
        assert "1 of 3" in text

    def test_what_differs_is_marked_and_told_in_words(self, client: TestClient) -> None:
        text = client.get(at(WAITS)).text
        assert "<mark>1961-04-02</mark>" in text
        assert re.search(r"Birth date <span[^>]*>differs<", text)
        assert re.search(r"Phone <span[^>]*>the same<", text), "a prefix is no difference"
        assert "<mark>María</mark> García" in text, "an accent is no difference"
        assert "anna@example.org" in text

    def test_what_would_change_is_reckoned(self, client: TestClient) -> None:
        text = client.get(at(WAITS)).text
        assert "With the same birth date it would be linked (probability 0.993)." in text
        text = client.get(at(TWINS)).text
        assert "Without the objection it would not be linked either" in text
        assert "With the same given name its probability would be over 0.999, but the giv" in text
        assert "With other birth dates" in client.get(at(LINKED)).text

    def test_the_weights_are_drawn_and_stand_in_a_table(self, client: TestClient) -> None:
        text = client.get(at(WAITS)).text
        assert 'role="img"' in text
        assert "<td>One digit of the birth date differs</td><td>+6.5</td>" in text
        assert "<td>Before anything is compared</td><td>−13.0</td>" in text
        assert "<td>Middle name: cannot tell</td><td>+0.0</td><td>says nothing</td>" in text

    def test_the_others_of_its_group_are_links(self, client: TestClient) -> None:
        assert f'href="{at(CHAIN)}"' in client.get(at(WAITS)).text
        assert f'href="{at(LINKED)}"' in client.get(at(LOST)).text

    def test_a_record_that_is_gone_is_said_to_be(self, client: TestClient) -> None:
        text = client.get(at(LOST)).text
        assert "The right record is not among what was sent any more: shown as it was comp" in text
        assert "<mark>1950-01-13</mark>" in text

    def test_a_script_in_the_data_is_text(self, client: TestClient) -> None:
        for path in ("/patients/review", at(LOST), at(LINKED)):
            text = client.get(path).text
            assert "<script>alert" not in text
            assert "&lt;" in text

    def test_no_address_and_no_title_names_anybody(self, client: TestClient) -> None:
        for path in ("/patients/review", at(WAITS), at(LOST)):
            text = client.get(path).text
            said = [*re.findall(r'(?:href|action)="([^"]*)"', text), *re.findall("<title>.*", text)]
            assert not [
                one for one in said if re.search("secret|garcia|anna|MRN", one, re.IGNORECASE)
            ]

    @pytest.mark.parametrize("key", ["nope", "0" * 16, "<b>"])
    def test_a_pair_that_is_not_there_is_404(self, client: TestClient, key: str) -> None:
        assert client.get(f"/patients/review/{key}").status_code == 404
        assert client.post(f"/patients/review/{key}", data={"by": "A"}).status_code == 404


class TestDeciding:
    def test_a_decision_leads_to_the_next_pair(self, client: TestClient, site: Site) -> None:
        answer = say(client, WAITS, "same", note="asked the ward")
        assert answer.status_code == 303
        assert answer.headers["location"] == at(LOST, f"?kept={key_of(WAITS)}")
        (kept,) = decisions(site.state)
        assert (kept.decision, kept.by, kept.note, kept.model) == (
            "same",
            "Ada",
            "asked the ward",
            "1",
        )
        assert kept.probability == pytest.approx(0.465, abs=0.001)
        following = client.get(answer.headers["location"]).text
        assert "Kept: <b>the same person</b>" in following
        assert 'value="Ada"' in following, "the name is remembered"
        text = client.get("/patients/review").text
        assert listed(text) == [key_of(LOST), key_of(CHAIN)]
        assert "1 decision is newer than this one" in text
        assert listed(client.get("/patients/review?queue=decided").text) == [key_of(WAITS)]

    def test_the_last_pair_leads_back_to_the_list(self, client: TestClient) -> None:
        assert say(client, CHAIN, "different").headers["location"].startswith("/patients/review?")
        answer = say(client, WAITS, "different", queue="review", feed="ehr")
        assert answer.headers["location"].startswith(at(LOST, "?feed=ehr"))

    def test_unsure_stays_and_comes_last(self, client: TestClient) -> None:
        say(client, WAITS, "unsure")
        assert listed(client.get("/patients/review").text) == [
            key_of(LOST), key_of(CHAIN), key_of(WAITS),
        ]  # fmt: skip

    def test_the_same_is_taken_back(self, client: TestClient, site: Site) -> None:
        say(client, WAITS, "same")
        text = client.get(at(WAITS)).text
        assert 'value="unlinked"' in text
        assert 'value="same"' not in text
        assert say(client, WAITS, "unlinked").status_code == 303
        assert listed(client.get("/patients/review").text)[0] == key_of(WAITS)
        assert [d.decision for d in history(site.state, WAITS)] == ["unlinked", "same"]

    def test_a_pair_that_the_run_lost_can_be_taken_back(
        self, client: TestClient, site: Site
    ) -> None:
        of = pair(ANA, BO)
        decide(site.state, of, "same", by="Ada", at=NOW)
        text = client.get(at(of)).text
        assert "The newest run does not find this pair." in text
        assert 'value="unlinked"' in text
        assert listed(client.get("/patients/review?queue=decided").text) == [key_of(of)]

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            ({"by": "Ada"}, "Choose what the two records are."),
            ({"by": "Ada", "decision": "merge"}, "Choose what the two records are."),
            ({"by": " ", "decision": "same"}, "write your name"),
            ({"by": "Ada", "decision": "unlinked"}, "can be unlinked"),
        ],
    )
    def test_what_cannot_be_kept_is_shown_with_what_is_wrong(
        self, client: TestClient, site: Site, data: dict[str, str], why: str
    ) -> None:
        answer = client.post(at(WAITS), data={**data, "note": SCRIPT})
        assert answer.status_code == 400
        assert why in answer.text
        assert 'value="&lt;script&gt;alert(1)&lt;/script&gt;"' in answer.text
        assert decisions(site.state) == ()

    def test_what_keeps_two_groups_apart_is_said_of_all_their_pairs(
        self, client: TestClient, site: Site
    ) -> None:
        """Bo of the EHR and Bob of the laboratory are linked; Ana was proposed for both."""
        run = site.run()
        assert run is not None
        bo, bob = pair(ANA, BO), pair(ANA, cases.BOB)
        more = [cases.row(of, "review", cases.UNSURE, harm=9) for of in (bo, bob)]
        cases.write_pairs(run, [*cases.ROWS, *more])
        text = client.get(at(bo)).text
        assert "2, 3 or 4 also for the other pair between their groups" in text
        answer = say(client, bo, "different", also="yes")
        assert answer.headers["location"].startswith(at(WAITS)), "the other one does not follow"
        kept = {d.records: d.decision for d in decisions(site.state)}
        assert kept == {bo.records: "different", bob.records: "different"}

    def test_that_two_are_the_same_is_said_of_one_pair_only(
        self, client: TestClient, site: Site
    ) -> None:
        run = site.run()
        assert run is not None
        bo, bob = pair(ANA, BO), pair(ANA, cases.BOB)
        more = [cases.row(of, "review", cases.UNSURE) for of in (bo, bob)]
        cases.write_pairs(run, [*cases.ROWS, *more])
        assert say(client, bo, "same", also="yes").status_code == 303
        assert [d.records for d in decisions(site.state)] == [bo.records]

    def test_somebody_else_was_faster(self, client: TestClient, site: Site) -> None:
        decide(site.state, WAITS, "different", by="Bo", at=NOW)
        answer = client.post(at(WAITS), data={"decision": "same", "by": "Ada", "seen": "0"})
        assert answer.status_code == 400
        assert "Somebody decided on this pair meanwhile" in answer.text
        assert " checked" not in answer.text, "Enter alone does not overrule them"
        assert "<bdi>Bo</bdi>" in answer.text

    def test_a_contradiction_leads_to_the_decision_that_stands_against_it(
        self, client: TestClient, site: Site
    ) -> None:
        other = pair(ANA, cases.A)
        decide(site.state, other, "different", by="Bo", at=NOW)
        say(client, WAITS, "same")
        answer = say(client, CHAIN, "same")
        assert answer.status_code == 400
        assert f'href="{at(other)}">Open the decision' in answer.text

    def test_the_page_says_when_a_record_changed_since(
        self, client: TestClient, site: Site
    ) -> None:
        say(client, WAITS, "unsure")
        (kept,) = decisions(site.state)
        snapshot = json.loads(kept.snapshot)
        assert [r["id"] for r in snapshot["records"]] == [ANA[1], ANNA[1]]
        assert snapshot["group"] == [list(ANA), list(ANNA)]
        assert "changed since" not in client.get(at(WAITS)).text
        snapshot["records"][1]["sha256"] = "0" * 64
        decide(site.state, WAITS, "unsure", by="Bo", at=NOW, snapshot=json.dumps(snapshot))
        assert "The right record changed since." in client.get(at(WAITS)).text

    def test_a_foreign_page_decides_nothing(self, client: TestClient, site: Site) -> None:
        answer = client.post(
            at(WAITS),
            data={"decision": "same", "by": "Ada"},
            headers={"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        )
        assert answer.status_code == 403
        assert decisions(site.state) == ()


class TestSideBySide:
    def found(self, left: dict[str, Any], right: dict[str, Any]) -> dict[str, str]:
        return {d.title: d.found for d in side_by_side(left, right)}

    @pytest.mark.parametrize(
        ("one", "other", "found"),
        [
            ("José Álvarez", "JOSE ALVAREZ", "the same"),
            ("Иван Петров", "Ivan Petrov", "the same"),
            ("Ana García López", "Ana Garcia", "partly the same"),
            ("Ana", "Bo", "differs"),
            ("", "Bo", "on one only"),
            ("", "", "on neither"),
        ],
    )
    def test_names_are_compared_word_by_word(self, one: str, other: str, found: str) -> None:
        told = self.found({"name": [{"text": one}]}, {"name": [{"text": other}]})
        assert told["Name"] == found

    def test_numbers_of_other_systems_say_nothing(self) -> None:
        one = {"identifier": [{"system": "a", "value": "1"}, {"system": "b", "value": "2"}]}
        assert self.found(one, {"identifier": [{"system": "c", "value": "1"}]})["Numbers"] == (
            "of other systems"
        )
        told = self.found(one, {"identifier": [{"system": "b", "value": "3"}]})
        assert told["Numbers"] == "differs"
        told = self.found(one, {"identifier": [{"system": "b", "value": "2"}]})
        assert told["Numbers"] == "the same"

    @pytest.mark.parametrize("wrong", [None, 1, "x", [], {}, [None], [1], ["x"], [{"value": 1}]])
    def test_an_element_of_the_wrong_type_is_passed_over(self, wrong: object) -> None:
        names = ("name", "address", "telecom", "identifier", "birthDate")
        told = self.found(dict.fromkeys(names, wrong), {})
        assert told["Name"] == "on neither"
        assert told["Numbers"] == "on neither"


class TestTheWaterfall:
    def test_each_bar_begins_where_the_last_one_ends(self) -> None:
        weights = [Weight("prior", -3.0, "a"), Weight("name", 5.0, "b"), Weight("none", 0.0, "c")]
        drawn = waterfall(weights, title="Why", sentence="Because", outcome="0.8")
        assert drawn.rows == (
            ("Prior", "−3.0", "a"), ("Name", "+5.0", "b"), ("None", "+0.0", "c"),
            ("All together", "+2.0", "0.8"),
        )  # fmt: skip
        assert drawn.note == "1 more could not be compared and weighs nothing."
        assert 'aria-label="Because"' in drawn.svg
        starts = re.findall(r'd="M(\d+\.?\d*),', drawn.svg)
        assert len(starts) >= 3
