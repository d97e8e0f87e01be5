"""The rollout pages: every form kept, half filled, wrong; nothing typed is markup."""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import web_cases as cases
from click.testing import CliRunner

from uptake.adoption.access import import_access
from uptake.adoption.series import Series, Week
from uptake.cli import main
from uptake.definitions import read_measures
from uptake.project import Project, read_project
from uptake.rollout.charter import read_charter, write_item
from uptake.rollout.drafting import baseline
from uptake.rollout.gates import read_decisions, read_waivers
from uptake.rollout.people import champions, trained_people
from uptake.rollout.workflow import placed, read_maps, read_placements
from uptake.state.database import open_state
from uptake.web.app import create_app
from uptake.web.site import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
CODE = "medication-reconciliation"
BASE = f"/rollout/{CODE}"
PAGES = (
    "/rollout", f"/rollout?use_case={CODE}", f"{BASE}/charter", f"{BASE}/map",
    f"{BASE}/map/current", f"{BASE}/map/design", f"{BASE}/people", f"{BASE}/gates",
)  # fmt: skip
ACCESS = """practitioner,name,role,unit,surfaces
p1,Dr Ada Bell,Physician (MD),4 West,uptake-panel
p2,Ben Cole,RN,4 West,uptake-panel
p3,Cy Dorn,Database administrator,4 West,uptake-panel
p4,Di Ek,RN,5 East,uptake-panel
p5,Di Ek,RN,5 East,uptake-panel
"""
OWNER = "Dr Ada Bell"
ITEMS = {
    "form": "items", "problem": "Lists differ.", "owner": OWNER, "owner_role": "Physician (MD)",
    "measure": "reconciled-in-24-hours", "baseline": "20 %", "target": "at least 60 %",
    "guardrails": "hours-to-first-order", "by": "Sam Ortiz",
}  # fmt: skip
CRITERION = {
    "given": "an admitted patient", "when": "the chart is opened", "then": "the list is there",
    "kind": "requirement", "bound": "allergies", "by": "Sam Ortiz", "do": "save",
}  # fmt: skip
MAP = {
    "form": "map", "do": "save", "rows": "2", "actor-1": "Physician", "actor-2": "Nurse",
    "action-1": "Takes the history", "action-2": "Calls the pharmacy", "system-1": "Bedside",
    "system-2": "", "data-1": "", "data-2": "", "surface-1": "", "surface-2": "uptake-panel",
    "dated": "2026-10-01", "observer": "Grace Hill", "observer_role": "RN", "by": "Sam Ortiz",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Site, "real_now", lambda _: NOW)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a project with an access list, before its first run."""
    cases.write_project(tmp_path)
    found = cases.make_site(tmp_path)
    (tmp_path / "access.csv").write_text(ACCESS, "utf-8")
    import_access(
        found.state, ["uptake-panel"], tmp_path / "access.csv", as_of=date(2026, 10, 1), now=NOW
    )
    yield found
    found.state.close()


@pytest.fixture
def client(site: Site) -> TestClient:
    return TestClient(create_app(site), base_url="http://127.0.0.1:8000", follow_redirects=False)


def kept(client: TestClient, path: str, sent: dict[str, str]) -> str:
    """Send a form that is to be kept; returns where it leads."""
    answer = client.post(path, data=sent)
    assert answer.status_code == 303, errors(answer.text)
    where: str = answer.headers["location"]
    assert client.get(where).status_code == 200
    return where


def refused(client: TestClient, path: str, sent: dict[str, str]) -> dict[str, list[str]]:
    """Send a form that is to be refused; returns its faults by the field they lead to."""
    answer = client.post(path, data=sent)
    assert answer.status_code == 400
    found: dict[str, list[str]] = {}
    for field, sentence in errors(answer.text):
        assert f'id="{field}"' in answer.text, field
        found.setdefault(field, []).append(sentence)
    assert found
    return found


def errors(text: str) -> list[tuple[str, str]]:
    """Return the faults of a page's summary: the field each leads to, and the sentence."""
    summary = text.partition('class="errors"')[2].partition("</ul>")[0]
    return [
        (f, html.unescape(s)) for f, s in re.findall(r'<li><a href="#([^"]*)">(.*?)</a>', summary)
    ]


def lead(text: str) -> str:
    found = re.search(r'<p class="lead">(.*?)</p>', text, re.DOTALL)
    assert found
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]))


def write_whole(client: TestClient) -> None:
    """Write a charter that its owner can sign."""
    kept(client, f"{BASE}/charter", ITEMS)
    for number in (1, 2, 3):
        kept(client, f"{BASE}/charter", CRITERION | {"form": f"criterion-{number}"})


def sign(client: TestClient, site: Site, **changes: str) -> dict[str, str]:
    seen = read_charter(site.state, CODE).digest
    sent = {"form": "sign", "by": OWNER, "role": "Physician (MD)", "seen": seen}
    return sent | changes


# --- pages --------------------------------------------------------------------------------------


def test_every_page_answers_before_the_first_run(client: TestClient) -> None:
    for path in PAGES:
        text = client.get(path).text
        assert text.count("<h1>") == 1, path
        assert len(lead(text)) > 3, path
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
    assert lead(client.get("/rollout").text) == "All four use cases wait at scoping."


@pytest.mark.parametrize(
    "path",
    ["/rollout?use_case=nope", "/rollout/nope/charter", "/rollout/nope/gates", f"{BASE}/nope",
     f"{BASE}/map/nope"],
)  # fmt: skip
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, data={"form": "items"}).status_code in (404, 405)


@pytest.mark.parametrize("page", ["charter", "map", "people", "gates", "map/current"])
@pytest.mark.parametrize("form", ["", "nope", "criterion-8", "criterion-²", "waive-", "decide-x"])
def test_a_form_that_no_page_has_keeps_nothing(
    client: TestClient, site: Site, page: str, form: str
) -> None:
    answer = client.post(f"{BASE}/{page}", data={"form": form, "until": "2026-12-01"})
    assert answer.status_code in (200, 400)  # 200: rows of a map, shown again
    assert not read_charter(site.state, CODE).parts
    assert not read_maps(site.state, CODE)
    assert not read_waivers(site.state, CODE)


def test_a_form_without_a_name_says_so_at_the_name(client: TestClient) -> None:
    faults = refused(client, f"{BASE}/charter", ITEMS | {"by": "  "})
    assert faults == {"items-by": ["Who writes it? A name is needed."]}


# --- charter ------------------------------------------------------------------------------------


def test_a_draft_says_what_definitions_say_and_no_more_twice(
    client: TestClient, site: Site
) -> None:
    assert kept(client, f"{BASE}/charter", {"form": "draft"}).endswith("#items")
    charter = read_charter(site.state, CODE)
    assert {item.name for item in charter.items} == {"problem", "measure", "guardrails"}
    assert all(item.drafted for item in charter.items)
    again = client.post(f"{BASE}/charter", data={"form": "draft"})
    assert "Nothing is new" in again.text
    assert "a draft from definitions and data" in again.text


def test_what_a_person_leaves_as_drafted_stays_a_draft(client: TestClient, site: Site) -> None:
    kept(client, f"{BASE}/charter", {"form": "draft"})
    said = {item.name: item.text for item in read_charter(site.state, CODE).items}
    kept(client, f"{BASE}/charter", {"form": "items", "by": "Sam", "owner": OWNER} | said)
    drafted = {i.name: i.drafted for i in read_charter(site.state, CODE).items}
    assert drafted == {"problem": True, "measure": True, "guardrails": True, "owner": False}


def test_a_half_filled_charter_is_kept_and_says_what_is_missing(
    client: TestClient, site: Site
) -> None:
    kept(client, f"{BASE}/charter", {"form": "items", "by": "Sam", "owner": OWNER})
    text = client.get(f"{BASE}/charter").text
    assert "Still missing: problem, owner's role, measure, baseline, target and guardrails" in lead(
        text
    )
    assert 'value="Sam"' in text  # the name is remembered
    kept(client, f"{BASE}/charter", {"form": "items", "by": "Sam", "owner": ""})
    assert read_charter(site.state, CODE).text("owner") == ""


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("owner_role", "IT project manager", "not by IT"),
        ("owner_role", "friend", "does not say so"),
        ("target", "soon", "no number"),
        ("target", "at most 60 %", "higher is better"),
        ("target", "0.6", "60 %"),
        ("measure", "nope", "none that is computed"),
    ],
)
def test_what_could_never_be_signed_is_refused_at_its_field(
    client: TestClient, site: Site, field: str, text: str, told: str
) -> None:
    faults = refused(client, f"{BASE}/charter", ITEMS | {field: text})
    assert list(faults) == [f"items-{field}"]
    assert told in faults[f"items-{field}"][0]
    assert not read_charter(site.state, CODE).items
    shown = client.post(f"{BASE}/charter", data=ITEMS | {field: text}).text
    assert f'id="items-{field}" aria-invalid="true"' in shown
    assert (html.escape(text) in shown) == (field != "measure")  # a list has no such measure


def test_a_criterion_is_kept_changed_and_taken_away(client: TestClient, site: Site) -> None:
    where = kept(client, f"{BASE}/charter", CRITERION | {"form": "criterion-1"})
    assert where.endswith("#criterion-1")
    changed = CRITERION | {"form": "criterion-1", "kind": "check", "bound": "TXT-01"}
    kept(client, f"{BASE}/charter", changed)
    (held,) = read_charter(site.state, CODE).criteria
    assert (held.bound_kind, held.bound_to, held.by) == ("check", "TXT-01", "Sam Ortiz")
    kept(client, f"{BASE}/charter", {"form": "criterion-1", "do": "remove", "by": "Sam"})
    assert not read_charter(site.state, CODE).criteria


def test_a_half_filled_criterion_is_told_at_each_field(client: TestClient) -> None:
    faults = refused(client, f"{BASE}/charter", {"form": "criterion-1", "given": "x", "do": "save"})
    assert list(faults) == [f"criterion-1-{f}" for f in ("when", "then", "kind", "bound", "by")]
    assert all(len(told) == 1 for told in faults.values())


@pytest.mark.parametrize("kind", ["check", "requirement"])
def test_a_criterion_is_bound_to_what_is_there(client: TestClient, kind: str) -> None:
    sent = CRITERION | {"form": "criterion-1", "kind": kind, "bound": "NOPE-1"}
    assert list(refused(client, f"{BASE}/charter", sent)) == ["criterion-1-bound"]


def test_the_owner_signs_the_whole_charter(client: TestClient, site: Site) -> None:
    write_whole(client)
    assert "reads it and signs" in client.get(f"{BASE}/charter").text
    kept(client, f"{BASE}/charter", sign(client, site))
    charter = read_charter(site.state, CODE)
    assert charter.signed == charter.required == 10
    assert lead(client.get(f"{BASE}/charter").text).startswith("10 of 10 items")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"by": "Sam Ortiz"}, "Only its owner signs"),
        ({"role": "IT"}, "not by IT"),
        ({"role": ""}, "In which role?"),
        ({"seen": ""}, "changed while you read it"),
        ({"seen": "0" * 64}, "changed while you read it"),
    ],
)
def test_a_signature_that_does_not_hold_is_refused(
    client: TestClient, site: Site, changes: dict[str, str], told: str
) -> None:
    write_whole(client)
    answer = client.post(f"{BASE}/charter", data=sign(client, site, **changes))
    assert answer.status_code == 400
    assert any(told in sentence for _, sentence in errors(answer.text))
    assert not read_charter(site.state, CODE).signed


def test_a_charter_that_changed_while_it_was_read_is_not_signed(
    client: TestClient, site: Site
) -> None:
    write_whole(client)
    sent = sign(client, site)
    write_item(site.state, CODE, "target", "at least 10 %", "Eve", NOW)
    (told,) = refused(client, f"{BASE}/charter", sent).values()
    assert "read it once more" in told[0]


# --- map ----------------------------------------------------------------------------------------


def test_the_work_is_observed_designed_and_every_requirement_placed(
    client: TestClient, site: Site
) -> None:
    assert kept(client, f"{BASE}/map/current", MAP).endswith("/map#current")
    kept(client, f"{BASE}/map/design", MAP | {"dated": "2026-10-08", "actor-1": "Registrar"})
    case = site.definitions().use_cases[CODE]
    sent = {"form": "places", "by": "Sam"} | {f"step-{r.code}": "2" for r in case.requirements}
    assert kept(client, f"{BASE}/map", sent).endswith("#places")
    where = placed(read_maps(site.state, CODE), read_placements(site.state, CODE))
    assert set(where.values()) == {2}
    assert f"{len(case.requirements)} of {len(case.requirements)} requirements" in lead(
        client.get(f"{BASE}/map").text
    )
    before = read_placements(site.state, CODE)
    kept(client, f"{BASE}/map", sent)  # what is not changed is not written again
    assert read_placements(site.state, CODE) == before
    kept(client, f"{BASE}/map", sent | {"step-allergies": "0"})
    assert "allergies" not in placed(read_maps(site.state, CODE), read_placements(site.state, CODE))


def test_a_design_before_an_observation_is_refused_at_its_day(client: TestClient) -> None:
    faults = refused(client, f"{BASE}/map/design", MAP)
    assert list(faults) == ["map-dated"]
    assert "no clinician observed the work before" in faults["map-dated"][0]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dated": "2026-13-45"}, "map-dated"),
        ({"dated": ""}, "map-dated"),
        ({"dated": "0001-01-01"}, "map-dated"),
        ({"dated": "2027-05-01"}, "map-dated"),
        ({"observer": ""}, "map-observer"),
        ({"observer_role": "IT"}, "map-observer_role"),
        ({"by": ""}, "map-by"),
        ({"action-2": ""}, "map-action-2"),
        ({"actor-1": ""}, "map-actor-1"),
        ({"surface-2": "nope"}, "map-surface-2"),
        ({"rows": "0"}, "map-actor-1"),
        ({"rows": "many"}, "map-actor-1"),
    ],
)
def test_a_map_that_does_not_hold_is_refused_at_its_field(
    client: TestClient, site: Site, changes: dict[str, str], field: str
) -> None:
    assert list(refused(client, f"{BASE}/map/current", MAP | changes)) == [field]
    assert not read_maps(site.state, CODE)
    shown = client.post(f"{BASE}/map/current", data=MAP | changes).text
    assert changes.get("rows") or 'value="Calls the pharmacy"' in shown or "action-2" in changes


@pytest.mark.parametrize(
    ("do", "actors"),
    [
        ("add", ["Physician", "Nurse", ""]),
        ("remove-1", ["Nurse"]),
        ("up-2", ["Nurse", "Physician"]),
        ("up-1", ["Physician", "Nurse"]),
        ("insert-2", ["Physician", "", "Nurse"]),
        ("remove-9", ["Physician", "Nurse"]),
        ("remove-²", ["Physician", "Nurse"]),
        ("", ["Physician", "Nurse"]),
    ],
)
def test_rows_change_without_script_and_nothing_is_kept(
    client: TestClient, site: Site, do: str, actors: list[str]
) -> None:
    answer = client.post(f"{BASE}/map/current", data=MAP | {"do": do})
    assert answer.status_code == 200
    assert re.findall(r'name="actor-\d+" value="([^"]*)"', answer.text) == actors
    assert 'value="2026-10-01"' in answer.text
    assert not read_maps(site.state, CODE)


def test_empty_rows_are_left_out_and_the_next_version_begins_with_the_last(
    client: TestClient, site: Site
) -> None:
    kept(client, f"{BASE}/map/current", MAP | {"rows": "4"})
    (drawn,) = read_maps(site.state, CODE)
    assert [step.actor for step in drawn.steps] == ["Physician", "Nurse"]
    for kind in ("current", "design"):
        text = client.get(f"{BASE}/map/{kind}").text
        assert re.findall(r'name="actor-\d+" value="([^"]*)"', text) == ["Physician", "Nurse"]


@pytest.mark.parametrize("step", ["9", "-1", "two", "²"])
def test_a_step_that_is_not_there_is_refused_and_no_place_is_kept(
    client: TestClient, site: Site, step: str
) -> None:
    kept(client, f"{BASE}/map/current", MAP)
    kept(client, f"{BASE}/map/design", MAP)
    sent = {"form": "places", "by": "Sam", "step-identity": "1", "step-allergies": step}
    assert list(refused(client, f"{BASE}/map", sent)) == ["places-step-allergies"]
    assert not read_placements(site.state, CODE)


# --- people -------------------------------------------------------------------------------------


def held(site: Site) -> list[tuple[str, str]]:
    found = champions(site.state, CODE, ["4 West", "5 East"], None, date(2026, 11, 1))
    return [(c.unit, c.practitioner) for unit in found for c in unit.champions]


def test_champions_are_named_by_id_or_by_a_name_and_end(client: TestClient, site: Site) -> None:
    sent = {"form": "champion", "their_unit": "4 West", "by": "Sam"}
    where = kept(client, f"{BASE}/people", sent | {"practitioner": "p1"})
    assert where.endswith("/people#champions")
    kept(client, f"{BASE}/people", sent | {"practitioner": "ben cole"})
    assert held(site) == [("4 West", "p1"), ("4 West", "p2")]
    assert lead(client.get(f"{BASE}/people").text).startswith("1 of 2 units has")
    end = {"form": "end", "champion": "4 West|p1", "until": "2026-11-02", "by": "Sam"}
    kept(client, f"{BASE}/people", end)
    assert "until 2026-11-02" in client.get(f"{BASE}/people").text


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"practitioner": "p9"}, ["champion-practitioner"]),
        ({"practitioner": "Di Ek"}, ["champion-practitioner"]),  # two have this name
        ({"practitioner": "p3"}, ["champion-their_role"]),
        ({"their_role": "IT"}, ["champion-their_role"]),
        ({"their_unit": "", "by": ""}, ["champion-their_unit", "champion-by"]),
        ({"practitioner": ""}, ["champion-practitioner", "champion-their_role"]),
    ],
)
def test_a_champion_that_nobody_could_see_is_refused(
    client: TestClient, site: Site, changes: dict[str, str], fields: list[str]
) -> None:
    sent = {"form": "champion", "their_unit": "4 West", "practitioner": "p1", "by": "Sam"}
    assert list(refused(client, f"{BASE}/people", sent | changes)) == fields
    assert not held(site)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"champion": "4 West|p2"}, ["end-champion"]),
        ({"until": "yesterday"}, ["end-until"]),
        ({"champion": "", "until": "", "by": ""}, ["end-until", "end-champion", "end-by"]),
    ],
)
def test_an_end_that_does_not_hold_is_refused(
    client: TestClient, site: Site, changes: dict[str, str], fields: list[str]
) -> None:
    sent = {"form": "champion", "their_unit": "4 West", "practitioner": "p1", "by": "Sam"}
    kept(client, f"{BASE}/people", sent)
    end = {"form": "end", "champion": "4 West|p1", "until": "2026-12-31", "by": "Sam"}
    assert list(refused(client, f"{BASE}/people", end | changes)) == fields


def test_training_is_kept_for_everybody_ticked(client: TestClient, site: Site) -> None:
    sent = {"form": "training", "day": "2026-10-20", "by": "Sam"}
    answer = client.post(
        f"{BASE}/people", data=sent | {"trained": ["p1", "p2"], "practitioner": "p3"}
    )
    assert answer.status_code == 303
    assert trained_people(site.state, CODE) == {"p1", "p2", "p3"}
    assert "3 of 5 people with access are trained" in lead(client.get(f"{BASE}/people").text)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"trained": ""}, "training-practitioner"),
        ({"trained": "p9"}, "training-practitioner"),
        ({"practitioner": "nobody"}, "training-practitioner"),
        ({"day": "20.10.2026"}, "training-day"),
        ({"day": "2027-01-01"}, "training-day"),
        ({"by": ""}, "training-by"),
    ],
)
def test_a_training_that_does_not_hold_is_refused(
    client: TestClient, site: Site, changes: dict[str, str], field: str
) -> None:
    sent = {"form": "training", "trained": "p1", "day": "2026-10-20", "by": "Sam"} | changes
    assert list(refused(client, f"{BASE}/people", sent)) == [field]
    assert not trained_people(site.state, CODE)


def test_without_an_access_list_people_are_named_by_id(tmp_path: Path) -> None:
    cases.write_project(tmp_path)
    site = cases.make_site(tmp_path)
    client = TestClient(create_app(site), base_url="http://localhost", follow_redirects=False)
    assert "there is no access list" in client.get(f"{BASE}/people").text
    sent = {"form": "champion", "their_unit": "4 West", "practitioner": "u7", "by": "Sam"}
    assert list(refused(client, f"{BASE}/people", sent)) == ["champion-their_role"]
    kept(client, f"{BASE}/people", sent | {"their_role": "RN"})
    kept(client, f"{BASE}/people",
         {"form": "training", "practitioner": "u7", "day": "2026-10-20", "by": "Sam"})  # fmt: skip
    assert "<bdi>u7</bdi>" in client.get(f"{BASE}/people").text
    assert trained_people(site.state, CODE) == {"u7"}
    site.state.close()


# --- gates --------------------------------------------------------------------------------------


def waive(client: TestClient, condition: str, **changes: str) -> None:
    sent = {"reason": "A start", "until": "2026-12-31", "by": "Ada"} | changes
    kept(client, f"{BASE}/gates", sent | {"form": f"waive-{condition}"})


def test_gates_are_passed_one_after_the_other(client: TestClient, site: Site) -> None:
    early = {"form": "decide-scoping", "day": "2026-10-02", "by": "Ada"}
    faults = refused_anywhere(client, f"{BASE}/gates", early)
    assert any("not met" in sentence for sentence in faults)
    for condition in ("scoping-charter", "scoping-acceptance", "build-observed", "build-placed"):
        waive(client, condition)
    assert lead(client.get(f"/rollout?use_case={CODE}").text) == (
        "It passed no gate yet; scoping is to be decided."
    )
    assert kept(client, f"{BASE}/gates", early).endswith("#scoping")
    assert [d.stage for d in read_decisions(site.state, CODE)] == ["scoping"]
    late = {"form": "decide-build", "day": "2026-10-01", "by": "Ada"}
    (told,) = refused(client, f"{BASE}/gates", late).values()
    assert told == ["The gate scoping was passed on 2026-10-02, after 2026-10-01."]
    kept(client, f"{BASE}/gates", late | {"day": "2026-10-05"})
    text = client.get("/rollout").text
    assert lead(text) == "Four use cases: three wait at scoping and one waits at go-live."
    assert "Waived until 2026-12-31 by <bdi>Ada</bdi>" in client.get(f"{BASE}/gates").text


def refused_anywhere(client: TestClient, path: str, sent: dict[str, str]) -> list[str]:
    """Return the faults of a form that the page does not show as things stand."""
    answer = client.post(path, data=sent)
    assert answer.status_code == 400
    return [sentence for _, sentence in errors(answer.text)]


def test_go_live_may_be_still_to_come(client: TestClient, site: Site) -> None:
    for gate in ("charter", "acceptance"):
        waive(client, f"scoping-{gate}")
    for gate in ("observed", "placed"):
        waive(client, f"build-{gate}")
    for gate in ("assessed", "recent", "fitness", "blockers", "champions"):
        waive(client, f"go-live-{gate}")
    for stage in ("scoping", "build"):
        kept(client, f"{BASE}/gates", {"form": f"decide-{stage}", "day": "2026-10-02", "by": "Ada"})
    kept(client, f"{BASE}/gates", {"form": "decide-go-live", "day": "2026-11-20", "by": "Ada"})
    assert "on 2026-11-20" in client.get("/rollout").text


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"reason": ""}, ["reason"]),
        ({"reason": "", "by": ""}, ["reason", "by"]),
        ({"until": "2026-11-01"}, ["until"]),
        ({"until": "soon"}, ["until"]),
        ({"until": "9999-12-31"}, ["until"]),
    ],
)
def test_a_waiver_that_nobody_answers_for_is_refused(
    client: TestClient, site: Site, changes: dict[str, str], fields: list[str]
) -> None:
    form = "waive-scoping-charter"
    sent = {"form": form, "reason": "A start", "until": "2026-12-31", "by": "Ada"} | changes
    assert list(refused(client, f"{BASE}/gates", sent)) == [f"{form}-{f}" for f in fields]
    assert not read_waivers(site.state, CODE)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [({"day": "2027-01-01"}, ["review-day"]),
     ({"day": "x", "by": ""}, ["review-by", "review-day"])],
)  # fmt: skip
def test_a_review_is_kept_of_a_day_that_was(
    client: TestClient, changes: dict[str, str], fields: list[str]
) -> None:
    sent = {"form": "review", "day": "2026-10-30", "by": "Ada"}
    assert list(refused(client, f"{BASE}/gates", sent | changes)) == fields
    kept(client, f"{BASE}/gates", sent)
    assert (
        "The outcome was reviewed on 2026-10-30 by <bdi>Ada</bdi>"
        in client.get(f"{BASE}/gates").text
    )


# --- what is typed is text ----------------------------------------------------------------------


def test_a_script_in_every_field_is_text_on_every_page(client: TestClient, site: Site) -> None:
    evil = cases.SCRIPT + '" onfocus="alert(1)\x00\u202e'
    kept(client, f"{BASE}/charter",
         {"form": "items", "by": evil} | dict.fromkeys(("problem", "owner", "baseline",
                                                       "guardrails"), evil))  # fmt: skip
    words = dict.fromkeys(("given", "when", "then", "bound", "by"), evil)
    kept(client, f"{BASE}/charter", words | {"form": "criterion-1", "kind": "practice"})
    steps = {f"{name}-{n}": evil for name in ("actor", "action", "system", "data") for n in (1, 2)}
    for kind in ("current", "current", "design"):
        sent = MAP | steps | {"observer": evil, "by": evil, "surface-1": "", "surface-2": ""}
        kept(client, f"{BASE}/map/{kind}", sent)
    kept(client, f"{BASE}/map", {"form": "places", "step-identity": "1", "by": evil})
    kept(client, f"{BASE}/people", {"form": "champion", "their_unit": evil, "practitioner": "p1",
                                    "by": evil})  # fmt: skip
    waive(client, "scoping-charter", reason=evil, by=evil)
    kept(client, f"{BASE}/gates", {"form": "review", "day": "2026-10-30", "by": evil})
    pages = [client.get(path).text for path in PAGES]
    for path, form in (("charter", "items"), ("charter", "criterion-2"), ("charter", "sign"),
                       ("people", "champion"), ("people", "end"), ("people", "training"),
                       ("map/current", "map"), ("gates", "waive-scoping-acceptance"),
                       ("gates", "review")):  # fmt: skip
        names = ("owner_role", "target", "measure", "given", "kind", "bound", "role", "seen",
                 "their_unit", "their_role", "practitioner", "champion", "until", "day", "trained",
                 "observer", "observer_role", "dated", "reason", "surface-1", "by")  # fmt: skip
        sent = dict.fromkeys(names, evil) | {"form": form, "do": "save", "rows": "1"}
        answer = client.post(f"{BASE}/{path}", data=sent)
        assert answer.status_code == 400, form
        pages.append(answer.text)
    for text in pages:
        assert "<script>alert" not in text
        assert not re.search(r'"\s+onfocus=', text)
        assert "\u202e" not in text
        assert "\x00" not in text
    assert sum("&lt;script&gt;alert(1)" in text for text in pages) >= 12


# --- drafts -------------------------------------------------------------------------------------


def test_init_drafts_the_charter_of_every_use_case(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["init", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert done.output.count("\n") == 1
    project = read_project(tmp_path / "new")
    state = open_state(project.state_url)
    for code in ("care-gap-closure", "deterioration-alerts", CODE, "prior-authorization"):
        charter = read_charter(state, code)
        assert charter.missing == ("owner", "owner_role", "baseline", "target")
        assert {item.by for item in charter.items} == {"uptake"}
        assert charter.signed == 0
    state.close()
    again = CliRunner().invoke(main, ["init", str(tmp_path / "new")])
    assert again.exit_code == 2


def test_a_baseline_says_where_the_outcome_stands() -> None:
    measures = read_measures(Project().content("measures"), verify=[])
    first = date(2026, 5, 4)
    weeks = tuple(Week(first + timedelta(weeks=n), 10.0 + n, 5) for n in range(6))

    def of(before: int, shown: tuple[Week, ...] = weeks) -> str | None:
        return baseline(Series(measures["reconciled-in-24-hours"], shown, before, None, None, 0))

    assert of(0) == "14 % in the 4 weeks to 2026-06-14"  # not live: the last four weeks
    assert of(2) == "10 % in the 2 weeks before go-live"
    assert of(0, weeks[:1]) == "10 % in the week to 2026-05-10"
    assert of(0, ()) is None
    assert baseline(None) is None


def test_a_run_lets_the_draft_say_the_baseline(made_once: cases.MadeOnce, tmp_path: Path) -> None:
    cases.copy_assessed(made_once, tmp_path)
    site = cases.make_site(tmp_path)
    client = TestClient(create_app(site), base_url="http://localhost", follow_redirects=False)
    for path in PAGES:
        assert client.get(path).status_code == 200, path
    assert client.post(f"{BASE}/charter", data={"form": "draft"}).status_code == 303
    charter = read_charter(site.state, CODE)
    # These data have no stay: nothing tells a baseline, and none is made up.
    assert charter.text("measure")
    assert not charter.text("baseline")
    site.state.close()
