"""What stands beside the chain, and the charts of measures."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chain_cases import CASE, LIVE, MANY, served, situation, viewed, weeks
from reached import NOW, event, person
from web_cases import assess

from uptake.delivery.hooks import SURFACE
from uptake.model import Feed
from uptake.rollout.feedback import Report, report
from uptake.rollout.people import add_champion, add_training
from uptake.web import outcome, strips
from uptake.web.run import CheckRow, Input, Summary, read_summary
from uptake.web.templating import environment


def summary(*inputs: Input, verdict: str = "pass", **told: object) -> Summary:
    gate = CheckRow("CNF-01", "x", "high", 0, 0, 0, 0, 0.02, verdict)
    return Summary("r", "2026-11-01", inputs, (gate,), (), **told)  # type: ignore[arg-type]


def technical(folder: Path, of: Summary, *declared: str) -> strips.Technical:
    feeds = [Feed(name, folder, "external") for name in declared]
    with situation(folder) as one:
        return strips.technical(of, feeds, one)


EHR, LAB = Input("ehr", "a", 1000, 1000, 0), Input("lab", "b", 100, 97, 3)


class TestTechnical:
    def test_all_is_well_where_all_was_read(self, tmp_path: Path) -> None:
        found = technical(tmp_path, summary(EHR), "ehr")
        assert (found.verdict, found.sentence) == (
            "met", "Technically, all is well: the feed was read, nothing was kept out.",
        )  # fmt: skip

    def test_a_few_records_kept_out_are_said(self, tmp_path: Path) -> None:
        found = technical(tmp_path, summary(EHR, LAB), "ehr", "lab")
        assert (found.verdict, found.sentence) == (
            "met",
            "Technically, all is well: both feeds were read, 3 of 1,100 records were kept out.",
        )

    def test_more_than_are_allowed_is_wrong(self, tmp_path: Path) -> None:
        found = technical(tmp_path, summary(LAB, verdict="fail"))
        assert (found.verdict, found.sentence) == (
            "under",
            "Technically, something is wrong: 3 of 100 records were kept out, where at most 2 % "
            "are allowed.",
        )

    def test_a_feed_that_sent_nothing_is_named(self, tmp_path: Path) -> None:
        refused = Input("pharmacy", "c", 4, 0, 4)
        found = technical(tmp_path, summary(EHR, refused), "ehr", "lab", "pharmacy")
        assert found.verdict == "under"
        assert found.sentence.endswith("nothing of lab and pharmacy was read.")
        assert found.facts[0].value == "1 of 3"

    def test_the_newest_receipt_of_each_feed_the_oldest_first(self, tmp_path: Path) -> None:
        days = {f"feed{n}": datetime(2026, 10, 9 - n, 12, tzinfo=UTC) for n in range(8)}
        fact = technical(tmp_path, summary(EHR, received=days)).facts[-1]
        assert (fact.name, fact.value) == ("Newest receipt", "2026-10-09")
        assert fact.note.startswith("feed7 Oct 2, feed6 Oct 3, ")
        assert fact.note.endswith("feed2 Oct 7, 2 more are newer")

    def test_calls_of_28_days_are_counted_and_those_with_a_card(self, tmp_path: Path) -> None:
        def call(number: int, action: str, days: int) -> dict[str, object]:
            at = NOW - timedelta(days=days)
            return event(number, action, at=at, id=f"{number}-{action}", surface=SURFACE)

        calls = [call(n, "requested", 1) for n in range(3)] + [call(1, "served", 1)]
        calls += [call(9, "requested", 29), event(8, "requested", 0)]
        with situation(tmp_path, calls) as one:
            fact = next(f for f in strips.technical(summary(EHR), (), one).facts
                        if f.name == "CDS calls answered")  # fmt: skip
        assert (fact.value, fact.note) == ("3", "in 28 days, 1 with a card")

    def test_without_a_call_there_is_none(self, tmp_path: Path) -> None:
        facts = technical(tmp_path, summary(EHR)).facts
        assert [f.value for f in facts if f.name == "CDS calls answered"] == ["none"]


class TestPeople:
    def test_champions_count_where_both_use_it(self, tmp_path: Path) -> None:
        people = [person(f"pr-{n}", ("nurse", "physician")[n % 2], (("4 East", "6 North")[n > 20],))
                  for n in MANY]  # fmt: skip
        with situation(tmp_path, [*served(), *viewed(1, 2, 21)], people=people) as one:
            for unit, who, role in (
                ("4 East", "pr-1", "physician"), ("4 East", "pr-2", "nurse"),
                ("6 North", "pr-21", "physician"), ("6 North", "pr-22", "nurse"),
            ):  # fmt: skip
                add_champion(one.state, CASE, unit, who, role, "Sam", NOW)
            for n in range(1, 11):
                add_training(one.state, CASE, f"pr-{n}", LIVE, "Sam", NOW)
            add_training(one.state, CASE, "somebody else", LIVE, "Sam", NOW)
            report(one.state, Report("r1", "unmet need", CASE, "nothing", "", "Slow", "", "", "",
                                     NOW))  # fmt: skip
            found = {fact.name: fact.value for fact in strips.people(one)}
        assert found == {
            "Champions": "1 of 2 units", "Trained": "25 %", "Feedback answered": "0 of 1",
        }  # fmt: skip

    def test_what_nobody_knows_is_not_zero(self, tmp_path: Path) -> None:
        with situation(tmp_path, people=[]) as one:
            found = {fact.name: fact.value for fact in strips.people(one)}
        assert found == {
            "Champions": "cannot tell", "Trained": "cannot tell", "Feedback answered": "none",
        }  # fmt: skip


# --- charts of measures -------------------------------------------------------------------------


def test_a_share_has_its_limits_in_the_unit_of_the_chart(tmp_path: Path) -> None:
    rows = weeks("days-to-closure", 30, 10) + [
        row | {"value": None, "counts": n % 2 == 0}
        for row in weeks("repeat-tests", 0, 0)
        for n in range(4)
    ]  # fmt: skip
    rows = [{**row, "unit": f"{row['unit']} {i}"} for i, row in enumerate(rows)]
    with situation(tmp_path, measure_row=rows) as one:
        share = {**one.definitions.measures}
        share["repeat-tests"] = replace(share["repeat-tests"], statistic="share")
        known = replace(one.definitions, measures=share)
        drawn = outcome.measures(replace(one, definitions=known), known.use_cases[CASE])
    assert [d.columns[1] for d in drawn] == ["Days", "Share"]
    assert drawn[1].columns[-3:] == ("Mean", "Limits", "What it says")
    assert {row[1:4] for row in drawn[1].rows} == {("50 %", "50 %", "50 % to 50 %")}
    assert "mean 50 %" in drawn[1].svg
    assert drawn[0].note == "The limits rest on 10 points; from 13 on they can be relied on."


def test_a_long_action_is_a_sentence_with_a_short_link() -> None:
    parts = environment().get_template("parts.html").module
    short = str(parts.next_of("Map 14 codes.", "/mappings"))
    assert '<a class="button" href="/mappings">Map 14 codes.</a>' in short
    action = "Move it to the step of the work where the decision is taken: a card in the chart."
    long = str(parts.next_of(action, "/rollout"))
    assert f"</b> {action} <a" in long
    assert f'">Do this<span class="unseen">: {action}</span></a>' in long
    assert "<a" not in str(parts.next_of(action, ""))


@pytest.mark.parametrize("verdict", ["met", "under"])
def test_the_state_is_said_in_words_and_not_by_a_colour_alone(verdict: str, tmp_path: Path) -> None:
    found = technical(tmp_path, summary(EHR, verdict={"met": "pass", "under": "fail"}[verdict]))
    assert ("all is well" in found.sentence) == (verdict == "met")


def test_a_run_says_when_each_feed_was_last_received(tmp_path: Path) -> None:
    """What has no zone, or lies in the future, says nothing of it."""
    moments = (
        "2026-10-01T09:00:00Z", "2026-10-02T23:30:00-05:00", "2026-10-20T09:00:00",
        "2027-01-01T00:00:00Z",
    )  # fmt: skip
    for feed, told in (("ehr", moments), ("lab", moments[2:])):
        (tmp_path / feed).mkdir()
        patients = [
            {"resourceType": "Patient", "id": f"p{n}", "meta": {"lastUpdated": moment}}
            for n, moment in enumerate(told)
        ]
        lines = "".join(f"{json.dumps(patient)}\n" for patient in patients)
        (tmp_path / feed / "Patient.ndjson").write_text(lines)
    tables = "".join(f'[feeds.{f}]\npath = "{f}"\nrole = "ehr"\n' for f in ("ehr", "lab"))
    (tmp_path / "uptake.toml").write_text(f'[assess]\nas_of = "2026-11-01"\n{tables}')
    assess(tmp_path)
    found = json.loads((tmp_path / "current" / "summary.json").read_text())
    assert found["received"] == {"ehr": "2026-10-03T04:30:00+00:00"}
    assert read_summary(tmp_path / "current").received["ehr"].hour == 4
