"""The demo hospital of 1,000 patients has the proportions its stories need, whatever the seed."""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hospital_cases import (
    AS_OF,
    GO_LIVE,
    LOCAL,
    MONTH,
    Facts,
    code,
    instant,
    week,
)

from uptake.demo.hospital import build_hospital

DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=[1, 2])
def facts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    began = time.process_time()
    hospital = build_hospital(1000, request.param)
    return Facts(hospital, tmp_path_factory.mktemp("usage"), time.process_time() - began)


def by_week(times: list[datetime]) -> list[int]:
    counts = Counter(week(t) for t in times)
    assert set(counts) <= set(range(1, 27))
    return [counts[w] for w in range(1, 27)]


def test_a_thousand_patients_take_seconds_and_megabytes(facts: Facts, tmp_path: Path) -> None:
    began = time.process_time()
    facts.hospital.write_feeds(tmp_path)
    # 6 on a free core; cores of test machines are shared
    assert facts.seconds + time.process_time() - began < 12
    assert sum(p.stat().st_size for p in tmp_path.rglob("*.gz")) < 9_000_000


def test_daily_life_is_even_over_26_weeks(facts: Facts) -> None:
    visits = by_week([instant(e["period"]["start"]) for e in facts.visits])
    assert min(visits) > 50
    assert max(visits) < 80
    stays = by_week([instant(e["period"]["start"]) for e in facts.stays])
    assert sum(stays) == 286
    assert min(stays) >= 7
    assert max(stays) <= 15
    orders = by_week([instant(o["authoredOn"]) for o in facts.of("ehr", "ServiceRequest")])
    assert set(orders) == {13}


def test_stays_are_of_two_to_four_days_with_sets_every_six_hours(facts: Facts) -> None:
    wards = Counter(e["location"][0]["location"]["reference"] for e in facts.stays)
    assert set(wards) == {"Location/loc-4e", "Location/loc-5w", "Location/loc-6n"}
    assert max(wards.values()) - min(wards.values()) <= 1
    for stay in facts.stays:
        if stay["status"] == "finished":
            start, end = (instant(stay["period"][side]) for side in ("start", "end"))
            assert 1.8 * DAY < end - start < 4.2 * DAY
    times = defaultdict(list)
    for one in facts.sets:
        times[one.stay].append(one.at)
    gaps = [b - a for of in times.values() for a, b in pairwise(of)]
    assert timedelta(hours=5.5) < statistics.median(gaps) < timedelta(hours=7)


def test_orders_are_signed_one_to_three_hours_after_admission(facts: Facts) -> None:
    first: dict[str, datetime] = {}
    for order in facts.of("ehr", "MedicationRequest"):
        if code(order["category"][0] | {"code": order["category"][0]}) == "inpatient":
            at = instant(order["authoredOn"])
            stay = order["encounter"]["reference"]
            first[stay] = min(at, first.get(stay, at))
    for stay in facts.stays:
        after = first[f"Encounter/{stay['id']}"] - instant(stay["period"]["start"])
        assert timedelta(hours=1) <= after <= timedelta(hours=3)


def test_two_hundred_and_forty_gaps_of_which_71_are_under_14_local_codes(facts: Facts) -> None:
    gaps = [mrn for mrn in facts.diabetics if not facts.has_test(mrn, AS_OF)]
    assert (len(facts.diabetics), len(gaps)) == (340, 240)
    local = [mrn for mrn in gaps if facts.has_test(mrn, AS_OF, LOCAL)]
    assert len(local) == 71
    codes = {(c, m) for m, tests in facts.tests.items() for _, s, c in tests if s == LOCAL}
    assert len({c for c, _ in codes}) == 14
    assert {m for _, m in codes} == set(local)
    at_the_lab = {mrn for (feed, _), mrn in facts.mrn.items() if feed == "northside-lab"}
    assert facts.diabetics <= at_the_lab


def test_about_8_of_100_sets_come_from_the_bay_and_one_in_eight_calls(facts: Facts) -> None:
    west = [s for s in facts.sets if s.feed == "west-monitors"]
    assert 0.07 <= len(west) / len(facts.sets) <= 0.09
    assert 0.10 <= sum(s.alerts for s in facts.sets) / len(facts.sets) <= 0.14
    for row in facts.of("west-monitors", "Observation"):
        local = datetime.fromisoformat(row["effectiveDateTime"])
        assert local.tzinfo is None
        late = instant(row["meta"]["lastUpdated"]) - instant(row["effectiveDateTime"])
        assert late == timedelta(seconds=75)


def test_authorizations_became_faster_after_go_live_not_rarer(facts: Facts) -> None:
    claims = {f"Claim/{c['id']}": c["referral"]["reference"] for c in facts.of("ehr", "Claim")}
    signed = {
        f"ServiceRequest/{o['id']}": instant(o["authoredOn"])
        for o in facts.of("ehr", "ServiceRequest")
    }
    days: dict[bool, list[float]] = {True: [], False: []}
    denied: dict[bool, list[bool]] = {True: [], False: []}
    for answer in facts.of("ehr", "ClaimResponse"):
        at, order = instant(answer["created"]), signed[claims[answer["request"]["reference"]]]
        if not GO_LIVE - 9 * DAY < order < GO_LIVE + 28 * DAY:
            days[order >= GO_LIVE].append((at - order) / DAY)
        denied[at >= GO_LIVE].append("preAuthRef" not in answer)
        assert ("preAuthRef" in answer) == (answer["disposition"] == "Approved")
    assert 9 < statistics.median(days[False]) < 10
    assert 4 < statistics.median(days[True]) < 5
    assert min(days[False]) >= 6
    assert max(days[False]) <= 13
    for refused in denied.values():
        assert 0.10 <= sum(refused) / len(refused) <= 0.14
    assert 0 < len(signed) - len(facts.of("ehr", "ClaimResponse")) < 20


def test_a_third_live_in_households_of_believable_ages(facts: Facts) -> None:
    homes = defaultdict(list)
    for p in facts.of("ehr", "Patient"):
        if not p["id"].endswith("-r"):
            key = (p["name"][0]["family"], p["address"][0]["line"][0], p["telecom"][0]["value"])
            homes[key].append(date.fromisoformat(p["birthDate"]))
    shared = [births for births in homes.values() if len(births) > 1]
    assert 0.30 <= sum(map(len, shared)) / 1000 <= 0.37
    for births in shared:
        assert len(births) <= 4
        adults = [b for b in births if b <= date(2008, 11, 1)]
        assert adults
        for child in set(births) - set(adults):
            assert any((child - a).days > 20 * 365 for a in adults)


def test_riverside_knows_about_a_third(facts: Facts) -> None:
    known = {mrn for (feed, _), mrn in facts.mrn.items() if feed == "riverside-hospital"}
    assert 330 <= len(known) <= 370
    admitted = {facts.mrn["ehr", e["subject"]["reference"]] for e in facts.stays}
    outside = known | {mrn for (feed, _), mrn in facts.mrn.items() if feed == "corner-pharmacy"}
    assert len(admitted & outside) > 0.95 * len(admitted)


def test_the_device_of_6_north_sends_23_results_of_19_patients_as_text(facts: Facts) -> None:
    typed = [o for o in facts.of("ehr", "Observation") if "valueString" in o]
    assert len(typed) == 23
    assert len({o["subject"]["reference"] for o in typed}) == 19
    assert {code(o) for o in typed} == {"2823-3"}
    assert min(week(instant(o["effectiveDateTime"])) for o in typed) >= 20
    [story] = [s for s in facts.hospital.truth.stories if s["story"] == "nurse"]
    assert story["resource"] in {o["id"] for o in typed}
    [nurse] = [c for c in facts.hospital.staff if c.id == story["practitioner"]]
    assert (nurse.unit, nurse.role) == ("6 North Surgery", "nurse")


def test_the_120_clinicians(facts: Facts) -> None:
    staff = facts.hospital.staff
    assert len(staff) == len({c.id for c in staff}) == len({c.name for c in staff}) == 120
    assert len({c.unit for c in staff}) == 6
    assert {c.id for c in staff} < {p["id"] for p in facts.of("ehr", "Practitioner")}
    for unit in {c.unit for c in staff} - {"Access & Coordination"}:
        assert {"physician", "nurse"} <= {c.role for c in staff if c.unit == unit}


# How the surfaces were used


def with_access(facts: Facts, surface: str) -> set[str]:
    rows = facts.log("access")
    return {r["practitioner"] for r in rows if surface in r["surfaces"].split(";")}


@pytest.mark.parametrize(
    ("surface", "who", "at", "what", "uses", "low", "high"),
    [
        ("outside-records-portal", "User ID", "Event Time", "Event", "Opened", 0.10, 0.15),
        ("pre-visit-list", "staff", "when", "what", "opened", 0.55, 0.65),
        ("authorization-worklist", "Clerk", "Timestamp", "Activity", "opened", 0.70, 0.80),
    ],
)
def test_who_used_it_in_the_last_28_days(
    facts: Facts, surface: str, who: str, at: str, what: str, uses: str, low: float, high: float
) -> None:
    allowed = with_access(facts, surface)
    assert len(allowed) >= 36
    rows = facts.log(surface)
    users = {r[who] for r in rows if r[what] == uses and instant(r[at]) >= MONTH}
    assert low <= len(users & allowed) / len(allowed) <= high


def test_the_portal_is_mostly_never_opened(facts: Facts) -> None:
    rows = facts.log("outside-records-portal")
    served, opened = (
        {r["MRN"]: instant(r["Event Time"]) for r in rows if r["Event"] == event}
        for event in ("Records available", "Opened")
    )
    seen = late = on_time = 0
    live = [e for e in facts.stays if instant(e["period"]["start"]) >= GO_LIVE]
    for stay in live:
        mrn, start = (
            facts.mrn["ehr", stay["subject"]["reference"]],
            instant(stay["period"]["start"]),
        )
        on_time += mrn in served and served[mrn] - start < timedelta(minutes=40)
        if mrn in opened and opened[mrn] - start < DAY:
            seen += 1
            late += opened[mrn] - start > timedelta(hours=3)
    assert 0.97 <= on_time / len(live) <= 1
    assert 0.12 <= seen / len(live) <= 0.13
    assert late / seen == pytest.approx(0.8, abs=0.05)
    stays = {f"Encounter/{e['id']}": e for e in live}
    reconciled = [
        m for m in facts.of("ehr", "MedicationStatement") if m["context"]["reference"] in stays
    ]
    assert len(reconciled) == sum(r["Event"] == "Reconciled" for r in rows) > 0
    for statement in reconciled:
        start = instant(stays[statement["context"]["reference"]]["period"]["start"])
        assert instant(statement["dateAsserted"]) - start < DAY


def test_the_pre_visit_list_names_the_visits_with_an_open_gap(facts: Facts) -> None:
    gaps = [
        (facts.mrn["ehr", e["subject"]["reference"]], at)
        for e in facts.visits
        if (at := instant(e["period"]["start"])) >= GO_LIVE
        and (mrn := facts.mrn["ehr", e["subject"]["reference"]]) in facts.diabetics
        and not facts.has_test(mrn, at)
    ]
    rows = [r for r in facts.log("pre-visit-list") if r["patient"] in facts.diabetics]
    counts = Counter(r["what"] for r in rows)
    assert 0.96 <= counts["listed"] / len(gaps) <= 0.99
    assert 0.68 <= counts["opened"] / counts["listed"] <= 0.76
    done = [
        any(at < t <= at + 30 * DAY and s != LOCAL for t, s, _ in facts.tests[mrn])
        for mrn, at in gaps
    ]
    assert sum(done) == counts["ordered"]
    assert sum(done) / len(gaps) == pytest.approx(1 / 6, abs=0.01)
    elsewhere = {r["patient"] for r in rows if r["reason"] == "done elsewhere"}
    assert len(elsewhere) > 30
    assert all(facts.has_test(mrn, AS_OF, LOCAL) for mrn in elsewhere)


def test_orders_reach_the_work_list_and_are_submitted(facts: Facts) -> None:
    rows = facts.log("authorization-worklist")
    counts = {
        w: len({r["Order"] for r in rows if r["Activity"] == w}) for w in ("on list", "opened")
    }
    signed = {o["id"]: instant(o["authoredOn"]) for o in facts.of("ehr", "ServiceRequest")}
    live = [i for i, at in signed.items() if at >= GO_LIVE]
    assert counts["on list"] / len(live) == pytest.approx(0.98, abs=0.015)
    assert counts["opened"] / counts["on list"] == pytest.approx(0.88, abs=0.03)
    for row in rows:
        if row["Activity"] == "on list":
            assert instant(row["Timestamp"]) - signed[row["Order"]] < timedelta(hours=12)


def test_alerts_of_the_record_come_at_once_and_those_of_the_bay_late(facts: Facts) -> None:
    sent = [e for e in facts.alerts if e["subtype"][0]["code"] == "alert-sent"]
    times = defaultdict(list)
    for event in sent:
        times[event["entity"][0]["what"]["reference"]].append(instant(event["recorded"]))
    first = {
        mrn: ref
        for (feed, ref), mrn in facts.mrn.items()
        if feed == "ehr" and not ref.endswith("-r")
    }
    on_time = {"ehr": 0, "west-monitors": 0}
    calls = [s for s in facts.sets if s.alerts and s.at >= GO_LIVE]
    patient = {
        f"Encounter/{e['id']}": first[facts.mrn[feed, e["subject"]["reference"]]]
        for feed in ("ehr", "west-monitors")
        for e in facts.of(feed, "Encounter")
    }
    for one in calls:
        waits = [t - one.received for t in times[patient[one.stay]] if t >= one.received]
        on_time[one.feed] += bool(waits) and min(waits) <= timedelta(minutes=5)
    of = Counter(s.feed for s in calls)
    assert on_time["ehr"] / of["ehr"] >= 0.98
    assert 0.06 <= of["west-monitors"] / len(calls) <= 0.15
    # the late one of a set may come just when the next set calls
    assert on_time["west-monitors"] / of["west-monitors"] < 0.2


def test_alerts_are_read_and_dismissed(facts: Facts) -> None:
    by_code = defaultdict(list)
    for event in facts.alerts:
        by_code[event["subtype"][0]["code"]].append(event)
    sent = len(by_code["alert-sent"])
    done, over = len(by_code["alert-acknowledged"]), len(by_code["alert-overridden"])
    assert (done + over) / sent == pytest.approx(0.82, abs=0.02)
    assert 0.14 <= done / sent <= 0.19
    reasons = Counter(e["outcomeDesc"] for e in by_code["alert-overridden"])
    assert set(reasons) == {"already aware", "chronic value", "reading wrong"}
    assert reasons.most_common(1)[0][0] == "already aware"
    readers = {
        e["agent"][0]["who"]["reference"].partition("/")[2]
        for e in by_code["alert-read"]
        if instant(e["recorded"]) >= MONTH
    }
    allowed = with_access(facts, "deterioration-alerts")
    assert 0.60 <= len(readers & allowed) / len(allowed) <= 0.70


def test_only_after_an_acknowledged_alert_somebody_measures_again(facts: Facts) -> None:
    times = defaultdict(list)
    for one in facts.sets:
        times[one.stay].append(one.at)
    answers = defaultdict(list)
    for event in facts.alerts:
        answers[event["entity"][1]["what"]["reference"]].append(
            (instant(event["recorded"]), event["subtype"][0]["code"])
        )
    again: dict[str, list[bool]] = {"alert-acknowledged": [], "alert-overridden": []}
    for stay, events in answers.items():
        for at, what in events:
            if what in again and stay in times:
                again[what].append(any(at < t < at + timedelta(hours=1) for t in times[stay]))
    assert all(again["alert-acknowledged"])
    assert not any(again["alert-overridden"])
    assert len(again["alert-acknowledged"]) > 30


def test_the_logs_have_a_few_oddities(facts: Facts) -> None:
    listed = facts.log("access")
    units = Counter(r["practitioner"] for r in listed)
    assert sorted(units.values())[-2:] == [1, 2]
    worklist = facts.log("authorization-worklist")
    assert sum(r["Clerk"] not in units for r in worklist if r["Clerk"]) == 2
    known = set(facts.mrn.values())
    assert sum(r["patient"] not in known for r in facts.log("pre-visit-list")) == 3
    shown = {r["Order"]: instant(r["Timestamp"]) for r in worklist if r["Activity"] == "on list"}
    early = [
        shown[r["Order"]] - instant(r["Timestamp"])
        for r in worklist
        if r["Activity"] == "opened" and instant(r["Timestamp"]) < shown[r["Order"]]
    ]
    assert early == [timedelta(minutes=2)]


def test_usage_began_at_go_live(facts: Facts) -> None:
    logs = (("pre-visit-list", "when"), ("authorization-worklist", "Timestamp"))
    times = [instant(r[at]) for surface, at in logs for r in facts.log(surface)]
    times += [instant(r["Event Time"]) for r in facts.log("outside-records-portal")]
    times += [instant(e["recorded"]) for e in facts.alerts]
    assert min(times) > GO_LIVE - DAY
    assert max(times) < AS_OF
