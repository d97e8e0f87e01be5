"""What became of each opportunity, and the four numbers counted from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from reached import CASE, LIST, NOW, PORTAL, SURFACES, event, opportunity, person, reach

from uptake.adoption import breakdown, causes, stages
from uptake.adoption.workflow_time import spans
from uptake.model import Stage, UseCase

USE_CASE = UseCase(
    CASE, "Care", "patients", 0.9, 0.1, "", "", "", (), Path(),
    opportunity="select 1", moment="visits", acted="select 1",
)  # fmt: skip
MANY = range(1, 41)


def counts(folder: Path, opportunities: list, events: list) -> stages.Counts:
    opened = reach(folder, opportunities, events)
    try:
        return stages.count(opened, CASE)
    finally:
        opened.close()


def test_served_before_it_is_due_is_in_time(tmp_path: Path) -> None:
    sent = [event(1, "served", 60), event(2, "served", 61), event(3, "served", -60)]
    found = counts(tmp_path, [opportunity(n) for n in (1, 2, 3, 4)], sent)
    assert (found.expected, found.on_time, found.late) == (4, 2, 1)


def test_what_came_before_it_opened_does_not_count(tmp_path: Path) -> None:
    found = counts(tmp_path, [opportunity(1)], [event(1, "served", -61)])
    assert (found.on_time, found.late) == (0, 0)


def test_what_is_not_due_yet_is_not_expected(tmp_path: Path) -> None:
    later = opportunity(1, at_time=NOW - timedelta(minutes=5), due=NOW + timedelta(hours=1))
    assert counts(tmp_path, [later], []).expected == 0


def test_before_go_live_nothing_is_expected(tmp_path: Path) -> None:
    early = opportunity(1, at_time=NOW - timedelta(days=140))
    assert counts(tmp_path, [early], []).expected == 0


def test_another_patient_s_view_is_not_this_one_s(tmp_path: Path) -> None:
    sent = [event(1, "served"), event(2, "served"), event(1, "viewed", 5)]
    assert counts(tmp_path, [opportunity(1), opportunity(2)], sent).seen == 1


def test_what_a_surface_of_two_use_cases_shows_is_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(SURFACES[PORTAL], use_cases=("another", CASE))
    monkeypatch.setitem(SURFACES, PORTAL, both)
    sent = [event(1, "served", use_case=""), event(1, "viewed", 5, use_case="")]
    found = counts(tmp_path, [opportunity(1)], sent)
    assert (found.on_time, found.seen) == (1, 1)


def test_a_patient_nobody_knows_is_nobody_s(tmp_path: Path) -> None:
    sent = [event(1, "served", patient="unknown"), event(1, "served", patient="")]
    assert counts(tmp_path, [opportunity(1)], sent).on_time == 0


def test_a_number_of_two_people_is_nobody_s(tmp_path: Path) -> None:
    twins = [
        {"person": n, "feed": "ehr", "kind": "identifier", "system": s, "value": "mrn-1"}
        for n, s in ((1, "a"), (2, "b"))
    ]
    opened = reach(tmp_path, [opportunity(1)], [event(1, "served")], person_key=twins)
    assert stages.count(opened, CASE).on_time == 0
    opened.close()


def test_a_view_may_come_a_little_before_its_delivery(tmp_path: Path) -> None:
    sent = [event(1, "served", 10), event(1, "viewed", 7), event(2, "served", 10)]
    found = counts(tmp_path, [opportunity(1), opportunity(2)], [*sent, event(2, "viewed", 2)])
    assert found.seen == 1, "two clocks differ by minutes, not by eight"


def test_an_event_twice_in_the_log_counts_once(tmp_path: Path) -> None:
    sent = [event(1, "served"), event(1, "served")]
    opened = reach(tmp_path, [opportunity(1)], sent)
    assert opened.db.row("select count(*) from event")[0] == 1
    opened.close()


@pytest.mark.parametrize(("action", "seen"), [("overridden", 1), ("accepted", 1), ("requested", 0)])
def test_what_shows_that_it_was_seen(action: str, seen: int, tmp_path: Path) -> None:
    found = counts(tmp_path, [opportunity(1)], [event(1, "served"), event(1, action, 5)])
    assert found.seen == seen


def test_acted_on_is_told_of_what_was_seen_and_is_over(tmp_path: Path) -> None:
    held = [
        opportunity(1, acted=True, acted_at=NOW - timedelta(days=6)),
        opportunity(2),
        opportunity(3, acted=None, until=NOW + timedelta(days=1)),
        opportunity(4, acted=None),
        opportunity(5, actionable=False),
        opportunity(6, acted=True),
        opportunity(7, acted=True, until=NOW + timedelta(days=1)),  # early; others may follow
    ]
    seen = (1, 2, 3, 4, 5, 7)
    sent = [event(n, a, m) for n in seen for a, m in (("served", 0), ("viewed", 5))]
    found = counts(tmp_path, held, [*sent, event(6, "served")])
    assert (found.seen, found.actionable, found.open, found.untold, found.acted) == (6, 5, 2, 1, 1)


def test_under_thirty_nothing_is_told(tmp_path: Path) -> None:
    opened = reach(tmp_path, [opportunity(n) for n in range(29)], [event(1, "served")])
    told = stages.delivered(stages.count(opened, CASE), USE_CASE)
    assert (told.verdict, told.number) == ("cannot tell", "")
    assert "only 29 were expected, and 30 are needed" in told.sentence
    opened.close()


def test_the_four_numbers(tmp_path: Path) -> None:
    sent = [event(n, "served") for n in MANY] + [
        event(n, "viewed", 5, practitioner=f"pr-{n}") for n in MANY if n % 2
    ]
    held = [opportunity(n, acted=n % 4 == 1) for n in MANY]
    people = [person(f"pr-{n}") for n in MANY]
    opened = reach(tmp_path, held, sent, people)
    found = stages.count(opened, CASE)
    told = {
        "delivered": stages.delivered(found, USE_CASE),
        "seen": stages.seen(opened, found, USE_CASE),
        "used": stages.used(opened, USE_CASE),
        "acted": stages.acted_on(replace(found, actionable=40), USE_CASE),
    }
    opened.close()
    assert {k: (t.numerator, t.denominator, t.verdict) for k, t in told.items()} == {
        "delivered": (40, 40, "met"),
        "seen": (20, 40, "under"),
        "used": (20, 40, "met"),
        "acted": (10, 40, "under"),
    }
    assert told["seen"].number == "50 %"


def test_without_views_in_the_log_seen_cannot_be_told(tmp_path: Path) -> None:
    opened = reach(tmp_path, [opportunity(n) for n in MANY], [event(n, "served") for n in MANY])
    told = stages.seen(opened, stages.count(opened, CASE), USE_CASE)
    assert (told.verdict, "audit log" in told.reason) == ("cannot tell", True)
    opened.close()


def test_without_an_access_list_used_cannot_be_told(tmp_path: Path) -> None:
    opened = reach(tmp_path, [opportunity(1)])
    assert stages.used(opened, USE_CASE).verdict == "cannot tell"
    opened.close()


def test_an_old_access_list_tells_nothing(tmp_path: Path) -> None:
    opened = reach(tmp_path, [opportunity(1)], [], [person(f"pr-{n}") for n in MANY])
    opened.access = replace(opened.access, as_of=date(2026, 7, 1)) if opened.access else None
    assert stages.used(opened, USE_CASE).reason == "the access list is 123 days old"
    opened.close()


def test_events_of_strangers_tell_nothing_of_use(tmp_path: Path) -> None:
    sent = [event(n, "viewed", 5, practitioner=f"x-{n}") for n in range(1, 11)]
    opened = reach(tmp_path, [opportunity(1)], sent, [person(f"pr-{n}") for n in MANY])
    assert "not on the access list" in stages.used(opened, USE_CASE).reason
    opened.close()


def test_a_person_in_two_units_is_one_person_and_in_both(tmp_path: Path) -> None:
    people = [person("pr-1", units=("4 East", "6 North")), person("pr-2", units=("6 North",))]
    sent = [event(1, "viewed", 5, practitioner="pr-1")]
    opened = reach(tmp_path, [opportunity(1)], sent, people)
    groups = breakdown.breakdown(opened, CASE, Stage.USED, "unit")
    assert [(g.name, g.numerator, g.denominator) for g in groups] == [
        ("4 East", 1, 1),
        ("6 North", 1, 2),
    ]
    assert len(breakdown.people(opened, CASE)) == 2
    assert breakdown.users(opened, CASE) == ["pr-1"]
    opened.close()


def test_those_who_never_used_it_stand_before_those_who_stopped(tmp_path: Path) -> None:
    sent = [event(1, "viewed", -40 * 24 * 60, practitioner="pr-1")]
    people = [person("pr-1"), person("pr-2"), person("pr-3")]
    opened = reach(tmp_path, [opportunity(1)], sent, people)
    found = [(p.practitioner, p.last is None) for p in breakdown.people(opened, CASE)]
    assert found == [("pr-2", True), ("pr-3", True), ("pr-1", False)]
    opened.close()


@pytest.mark.parametrize("by", breakdown.BY)
@pytest.mark.parametrize(
    "stage", [Stage.DELIVERED, Stage.SEEN, Stage.USED, Stage.ACTED_ON], ids=str
)
def test_parts_add_up_to_the_whole(stage: Stage, by: str, tmp_path: Path) -> None:
    held = [opportunity(n, place=f"unit {n % 3}", acted=n % 4 == 1) for n in MANY]
    sent = [event(n, "served", surface=(PORTAL, LIST)[n % 2]) for n in MANY]
    sent += [event(n, "viewed", 5, practitioner=f"pr-{n}") for n in MANY if n % 2]
    people = [person(f"pr-{n}", ("nurse", "physician")[n % 2]) for n in MANY]
    opened = reach(tmp_path, held, sent, people)
    groups = breakdown.breakdown(opened, CASE, stage, by)
    found = stages.count(opened, CASE)
    opened.close()
    whole = {
        Stage.DELIVERED: (found.on_time, found.expected),
        Stage.SEEN: (found.seen, found.on_time),
        Stage.USED: (20, 40),
        Stage.ACTED_ON: (found.acted, found.seen),
    }[stage]
    if by == "role" and stage in (Stage.DELIVERED, Stage.SEEN):
        assert not groups, "nobody's role is known of what nobody opened"
    else:
        assert (sum(g.numerator for g in groups), sum(g.denominator for g in groups)) == whole


def test_a_cause_is_what_late_ones_have_and_others_have_not(tmp_path: Path) -> None:
    late = range(1, 11)
    sent = [event(n, "served", 300 if n in late else 0) for n in MANY]
    findings = [
        {"check": c, "feed": "ehr", "resource_type": "Encounter", "resource_id": f"e{n}",
         "severity": "high"}
        for n in MANY
        for c, those in (("TIM-03", late), ("DUP-01", MANY))
        if n in those
    ]  # fmt: skip
    opened = reach(tmp_path, [opportunity(n) for n in MANY], sent, findings=findings)
    best, *rest = causes.late_deliveries(opened, CASE)
    opened.close()
    assert (best.kind, best.name, best.failed, best.having) == ("check", "TIM-03", 10, 10)
    assert best.explains == pytest.approx(1.0)
    everywhere = next(t for t in rest if t.name == "DUP-01")
    assert everywhere.explains == 0.0, "what all have explains nothing"


def test_where_nothing_was_served_nothing_is_compared(tmp_path: Path) -> None:
    opened = reach(tmp_path, [opportunity(n) for n in MANY])
    assert causes.late_deliveries(opened, CASE) == []
    opened.close()


def test_reasons_and_openings_after_the_decision(tmp_path: Path) -> None:
    at = NOW - timedelta(days=7)
    held = [opportunity(n, decided_at=at + timedelta(minutes=30)) for n in (1, 2, 3)]
    sent = [event(n, "served") for n in (1, 2, 3)]
    sent += [event(1, "overridden", 10, reason="done"), event(2, "overridden", 90, reason="done")]
    sent += [event(3, "overridden", 20)]
    opened = reach(tmp_path, held, sent)
    assert causes.refusals(opened, CASE) == [("done", 2), ("no reason given", 1)]
    assert causes.too_late(opened, CASE) == (1, 3)
    opened.close()


def test_times_between_anchors(tmp_path: Path) -> None:
    sent = [event(n, "served") for n in (1, 2, 3)]
    sent += [event(1, "viewed", 10), event(2, "viewed", 30), event(3, "viewed", -2)]
    opened = reach(tmp_path, [opportunity(n) for n in (1, 2, 3)], sent)
    (span,) = spans(opened, CASE)
    opened.close()
    assert (span.begins, span.ends, span.rows, span.before) == ("served", "opened", 2, 1)
    assert span.median == pytest.approx(20.0)
