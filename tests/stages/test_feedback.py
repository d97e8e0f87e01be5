"""A report, its cause, its change and the run that verifies it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from usage_cases import new_state

from uptake.model import Severity
from uptake.rollout.errors import RolloutError
from uptake.rollout.feedback import (
    Report,
    answer,
    assign,
    changed,
    confirm,
    counts,
    figures,
    link,
    queue,
    read_item,
    reopen,
    report,
    verify,
)
from uptake.rollout.fhir_feedback import as_task

if TYPE_CHECKING:
    from uptake.state.database import State

T0 = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"
KEYS = ("check", "feed", "resource_type", "resource_id", "patient_id", "fix_key")
POTASSIUM = ("TXT-02", "ehr", "Observation")


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return new_state(tmp_path)


def run(
    folder: Path,
    hours: float,
    findings: Sequence[tuple[str | None, ...]],
    patients: Sequence[str] = ("p1", "p2", "p3"),
    sent: int = 9,
    **verdicts: str,
) -> Path:
    """Write the files of a run that began so many hours after T0."""
    began = f"{at(hours):%Y-%m-%dT%H:%M:%SZ}-abcd"
    out = folder / "runs" / began.replace(":", "")
    out.mkdir(parents=True)
    told = {"TXT-02": "fail", "COD-01": "pass"} | verdicts
    checks = [{"code": code, "verdict": verdict} for code, verdict in told.items()]
    summary = {"run": began, "checks": checks, "resources": {"ehr": {"Observation": sent}}}
    (out / "summary.json").write_text(json.dumps(summary))
    rows: list[dict[str, Any]] = [dict(zip(KEYS, f, strict=True)) for f in findings]
    for row in rows:
        row["fingerprint"] = "/".join(str(row[k]) for k in KEYS[:4])
    columns = (*KEYS, "fingerprint")
    table = {name: pa.array([r[name] for r in rows], pa.string()) for name in columns}
    pq.write_table(pa.table(table), out / "findings.parquet")
    keys = {"feed": ["ehr"] * len(patients), "kind": ["id"] * len(patients)}
    pq.write_table(pa.table(keys | {"value": list(patients)}), out / "person_key.parquet")
    return out


FOUND = [
    (*POTASSIUM, "o1", "p1", "potassium"),
    (*POTASSIUM, "o2", "p2", "potassium"),
    (*POTASSIUM, "o3", "p2", "potassium"),
    (*POTASSIUM, "o9", "p1", "urine colour"),
    ("COD-01", "ehr", "Observation", "o2", "p2", "x|K"),
]


def send(state: State, key: str = "r1", about: str = "ehr|Observation/o1", **more: Any) -> bool:
    kind = "resource" if "|" in about else "nothing"
    fields: dict[str, Any] = {
        "id": key, "kind": "data quality", "use_case": "deterioration-alerts",
        "about_kind": kind, "about": about, "text": f"potassium is text {SCRIPT}",
        "reporter": "pr-031", "role": "nurse", "unit": "6 North", "at": T0,
    }  # fmt: skip
    return report(state, Report(**(fields | more)))


def status(state: State, key: str = "r1") -> str:
    return read_item(state, key, at(1000)).status


def test_a_report_sent_again_is_the_same_report(state: State) -> None:
    assert send(state)
    assert not send(state, text="another text")
    (item,) = queue(state, at(5))
    assert item.text == f"potassium is text {SCRIPT}"
    assert (item.status, item.owner, item.age) == ("new", "", timedelta(hours=5))


def test_every_fault_of_a_report_is_told_at_once(state: State) -> None:
    with pytest.raises(RolloutError) as error:
        send(state, "a b", "Observation/o1|", kind="rant", text="x" * 20_001 + "\x00")
    assert len(error.value.faults) == 5
    assert queue(state, T0) == ()


def test_a_report_is_linked_to_the_cause_and_to_everybody_with_it(
    state: State, tmp_path: Path
) -> None:
    send(state)
    before = run(tmp_path, 1, FOUND)
    linked = link(state, "r1", before, at(2))
    assert linked.sentence == "TXT-02 finds this; 2 patients have the same cause"
    assert [(c.check, c.fix_key, c.patients) for c in linked.causes] == [("TXT-02", "potassium", 2)]
    assert link(state, "r1", before, at(3)) == linked
    item = read_item(state, "r1", at(4))
    assert [s.what for s in item.steps] == ["linked"]
    assert (item.patients, item.first_response) == (2, None)


def test_what_no_check_finds_stays_open_for_a_person(state: State, tmp_path: Path) -> None:
    send(state, about="ehr|Observation/fine")
    linked = link(state, "r1", run(tmp_path, 1, FOUND), at(2))
    assert linked.sentence == "no check finds anything here; a person looks at it"
    changed(state, "r1", "told the ward", by="Ada", at=at(3))
    verdict = verify(state, "r1", run(tmp_path, 5, []), at(6))
    assert verdict.outcome == "cannot tell"
    assert "no check finds this" in verdict.sentence
    confirm(state, "r1", by="pr-031", at=at(7))
    assert status(state) == "closed"


def fixable(state: State, tmp_path: Path) -> None:
    send(state)
    link(state, "r1", run(tmp_path, 1, FOUND), at(2))


def test_a_clean_run_after_the_change_closes_it(state: State, tmp_path: Path) -> None:
    fixable(state, tmp_path)
    assign(state, "r1", "Bo Chen", by="Ada", at=at(3))
    changed(state, "r1", "the device sends quantities", by="Bo Chen", at=at(4))
    verdict = verify(state, "r1", run(tmp_path, 5, FOUND[3:]), at(6))
    told = "TXT-02 was run again on the same 2 patients and found nothing; closed"
    assert (verdict.outcome, verdict.left, verdict.sentence) == ("verified", 0, told)
    item = read_item(state, "r1", at(99))
    assert [s.what for s in item.steps] == ["linked", "assigned", "changed", "verified", "closed"]
    assert (item.status, item.verified, item.owner) == ("closed", True, "Bo Chen")
    assert (item.first_response, item.age) == (timedelta(hours=3), timedelta(hours=6))
    assert verify(state, "r1", run(tmp_path, 7, []), at(8)).outcome == "cannot tell"


def test_one_finding_left_is_not_clean(state: State, tmp_path: Path) -> None:
    fixable(state, tmp_path)
    changed(state, "r1", "half of it", by="Bo", at=at(4))
    verdict = verify(state, "r1", run(tmp_path, 5, FOUND[1:2]), at(6))
    assert (verdict.outcome, verdict.left) == ("not clean", 1)
    assert verdict.sentence == "not clean: 1 finding is left of TXT-02 on the same 2 patients"
    assert status(state) == "not clean"
    changed(state, "r1", "the rest", by="Bo", at=at(7))
    assert status(state) == "changed"
    assert verify(state, "r1", run(tmp_path, 8, []), at(9)).outcome == "verified"


def test_a_cause_that_was_only_renamed_is_not_clean(state: State, tmp_path: Path) -> None:
    fixable(state, tmp_path)
    changed(state, "r1", "renamed", by="Bo", at=at(4))
    renamed = [(*f[:5], "kalium") for f in FOUND[:3]]
    assert verify(state, "r1", run(tmp_path, 5, renamed), at(6)).left == 3


def test_others_with_another_cause_do_not_hold_it_open(state: State, tmp_path: Path) -> None:
    """Another patient's finding, another fix_key, another feed and another check are not its."""
    fixable(state, tmp_path)
    changed(state, "r1", "mended", by="Bo", at=at(4))
    others = [
        (*POTASSIUM, "o7", "p3", "potassium"),
        (*POTASSIUM, "o9", "p1", "urine colour"),
        ("TXT-02", "lab", "Observation", "o1", "p1", "potassium"),
        ("COD-01", "ehr", "Observation", "o1", "p1", "x|K"),
    ]
    assert verify(state, "r1", run(tmp_path, 5, others), at(6)).outcome == "verified"


@pytest.mark.parametrize(
    ("hours", "patients", "verdict", "why"),
    [
        (3, ("p1", "p2"), "pass", "older than the change"),
        (5, ("p1", "p2"), "not run", "TXT-02 was not run"),
        (5, ("p1", "p3"), "pass", "1 of the 2 patients are not in the newest run's data"),
    ],
)
def test_a_run_that_cannot_tell_verifies_nothing(
    state: State, tmp_path: Path, hours: float, patients: tuple[str, ...], verdict: str, why: str
) -> None:
    fixable(state, tmp_path)
    after = run(tmp_path, hours, [], patients, **{"TXT-02": verdict})
    assert "nothing was changed yet" in verify(state, "r1", after, at(6)).sentence
    changed(state, "r1", "mended", by="Bo", at=at(4))
    found = verify(state, "r1", after, at(6))
    assert found.outcome == "cannot tell"
    assert why in found.sentence
    assert status(state) == "changed"


def test_a_feed_that_went_silent_is_not_clean(state: State, tmp_path: Path) -> None:
    """A check with nothing left to judge verifies, but not where nothing is sent any more."""
    fixable(state, tmp_path)
    changed(state, "r1", "mended", by="Bo", at=at(4))
    none = {"TXT-02": "not applicable"}
    silent = verify(state, "r1", run(tmp_path, 5, [], sent=0, **none), at(6))
    assert silent.sentence == "the newest run has no Observation of ehr, so it cannot tell"
    assert verify(state, "r1", run(tmp_path, 7, [], **none), at(8)).outcome == "verified"


def test_a_change_may_mend_one_of_several_findings(state: State, tmp_path: Path) -> None:
    send(state, about="ehr|Observation/o2")
    linked = link(state, "r1", run(tmp_path, 1, FOUND), at(2))
    assert linked.sentence == "COD-01, TXT-02 find this; 2 patients have the same cause"
    with pytest.raises(RolloutError, match="not linked to a finding of CTX-01"):
        changed(state, "r1", "mended", by="Bo", at=at(3), check="CTX-01")
    changed(state, "r1", "mended", by="Bo", at=at(4), check="TXT-02")
    assert verify(state, "r1", run(tmp_path, 5, FOUND[4:]), at(6)).outcome == "verified"


class TestSeveralThings:
    """One report of several things is closed when each was heard, by a run or by the reporter."""

    LAB = ("COD-01", "lab", "Observation")
    BOTH = "ehr|Observation/o1\nlab|Observation/l1"

    def both(self, state: State, folder: Path, about: str = BOTH) -> None:
        send(state, about=about)
        found = [*FOUND[:2], (*self.LAB, "l1", "q1", "K"), (*self.LAB, "l2", "q2", "K"),
                 ("TXT-02", "lab", "Observation", "l9", "q1", "potassium")]  # fmt: skip
        before = self.run(folder, 1, found)
        linked = link(state, "r1", before, at(2))
        assert linked.sentence == "COD-01, TXT-02 find this; 4 patients have the same cause"
        assert [(c.check, c.patients) for c in linked.causes] == [("COD-01", 2), ("TXT-02", 2)]

    def run(self, folder: Path, hours: float, findings: Any) -> Path:
        """A run of two feeds."""
        out = run(folder, hours, findings)
        summary = json.loads((out / "summary.json").read_text())
        summary["resources"]["lab"] = {"Observation": 9}
        (out / "summary.json").write_text(json.dumps(summary))
        keys = {"feed": ["ehr", "ehr", "lab", "lab"], "kind": ["id"] * 4}
        pq.write_table(
            pa.table(keys | {"value": ["p1", "p2", "q1", "q2"]}), out / "person_key.parquet"
        )
        return out

    def test_a_run_that_finds_nothing_of_any_closes_it(self, state: State, tmp_path: Path) -> None:
        self.both(state, tmp_path)
        changed(state, "r1", "mended", by="Bo", at=at(3))
        half = verify(state, "r1", self.run(tmp_path, 4, FOUND[:1]), at(5))
        assert half.sentence == "not clean: 1 finding is left of TXT-02 on the same 4 patients"
        changed(state, "r1", "mended", by="Bo", at=at(6))
        whole = verify(state, "r1", self.run(tmp_path, 7, []), at(8))
        assert whole.sentence == (
            "COD-01, TXT-02 were run again on the same 4 patients and found nothing; closed"
        )
        assert status(state) == "closed"

    def test_another_feeds_fault_of_the_same_name_is_not_its(
        self, state: State, tmp_path: Path
    ) -> None:
        """TXT-02 was found on the EHR's record only; that the laboratory has it too is no news."""
        self.both(state, tmp_path)
        changed(state, "r1", "mended", by="Bo", at=at(3))
        others = [("TXT-02", "lab", "Observation", "l9", "q1", "potassium")]
        assert verify(state, "r1", self.run(tmp_path, 4, others), at(5)).outcome == "verified"

    def test_a_change_of_one_does_not_close_the_other(self, state: State, tmp_path: Path) -> None:
        self.both(state, tmp_path)
        changed(state, "r1", "mended", by="Bo", at=at(3), check="TXT-02")
        left_ = [(*self.LAB, "l1", "q1", "K")]
        part = verify(state, "r1", self.run(tmp_path, 4, left_), at(5))
        assert part.outcome == "verified in part"
        assert part.sentence.endswith(
            "found nothing; 1 other thing was reported, so the reporter confirms the change"
        )
        assert status(state) == "changed"
        changed(state, "r1", "mapped", by="Al", at=at(6), check="COD-01")
        assert verify(state, "r1", self.run(tmp_path, 7, []), at(8)).outcome == "verified"
        assert status(state) == "closed"

    def test_what_no_check_finds_the_reporter_confirms(self, state: State, tmp_path: Path) -> None:
        self.both(state, tmp_path, f"{self.BOTH}\nCare gaps: HbA1c in diabetes: due")
        changed(state, "r1", "mended", by="Bo", at=at(3))
        with pytest.raises(RolloutError, match="a run after the change"):
            confirm(state, "r1", by="pr-031", at=at(3))
        assert verify(state, "r1", self.run(tmp_path, 4, []), at(5)).outcome == "verified in part"
        with pytest.raises(RolloutError, match="the reporter confirms"):
            confirm(state, "r1", by="Bo", at=at(6))
        confirm(state, "r1", by="pr-031", at=at(6))
        assert status(state) == "closed"

    def test_where_the_run_that_found_it_is_gone_the_reporter_confirms(
        self, state: State, tmp_path: Path
    ) -> None:
        self.both(state, tmp_path)
        changed(state, "r1", "mended", by="Bo", at=at(3))
        after = self.run(tmp_path, 4, [])
        (next((tmp_path / "runs").glob("*T0900*")) / "findings.parquet").unlink()
        assert verify(state, "r1", after, at(5)).outcome == "verified in part"

    def test_it_is_one_report(self, state: State, tmp_path: Path) -> None:
        self.both(state, tmp_path)
        answer(state, "r1", "both are mended", by="Bo", at=at(3))
        (item,) = queue(state, at(4))
        assert item.subjects == ("ehr|Observation/o1", "lab|Observation/l1")
        task = as_task(item)[0]
        assert task["focus"] == {"reference": "Observation/o1"}
        assert task["input"] == [
            {"type": {"text": "about"}, "valueReference": {"reference": "Observation/l1"}}
        ]
        assert figures([item]).answered == 1

    def test_too_many(self, state: State) -> None:
        with pytest.raises(RolloutError, match="50 things at most"):
            send(state, about="\n".join(f"ehr|Observation/o{n}" for n in range(51)))


def test_a_run_that_does_not_say_whose_data_it_has(state: State, tmp_path: Path) -> None:
    fixable(state, tmp_path)
    changed(state, "r1", "mended", by="Bo", at=at(4))
    after = run(tmp_path, 5, [])
    (after / "person_key.parquet").unlink()
    assert "does not say whose data" in verify(state, "r1", after, at(6)).sentence


def test_friction_is_closed_by_a_dated_change_and_its_reporter(state: State) -> None:
    send(state, about="", kind="workflow friction")
    with pytest.raises(RolloutError, match="nothing was changed yet"):
        confirm(state, "r1", by="pr-031", at=at(1))
    changed(state, "r1", "the link opens at the list", by="Bo", at=at(2))
    with pytest.raises(RolloutError, match="the reporter confirms"):
        confirm(state, "r1", by="Bo", at=at(3))
    confirm(state, "r1", by="pr-031", at=at(4))
    with pytest.raises(RolloutError, match="closed"):
        changed(state, "r1", "more", by="Bo", at=at(5))
    reopen(state, "r1", "it is back", by="pr-031", at=at(6))
    assert status(state) == "reopened"
    with pytest.raises(RolloutError, match="nothing was changed yet"):
        confirm(state, "r1", by="pr-031", at=at(7))


def test_a_run_decides_where_a_check_finds_it(state: State, tmp_path: Path) -> None:
    fixable(state, tmp_path)
    changed(state, "r1", "mended", by="Bo", at=at(4))
    with pytest.raises(RolloutError, match="a run after the change closes it"):
        confirm(state, "r1", by="pr-031", at=at(5))


def test_the_reporter_sees_the_answer_also_after_it_is_closed(state: State) -> None:
    send(state, about="", kind="unmet need")
    answer(state, "r1", "planned for spring", by="Bo", at=at(1))
    confirm(state, "r1", by="pr-031", at=at(2))
    answer(state, "r1", "it is there", by="Bo", at=at(3))
    item = read_item(state, "r1", at(4))
    assert (item.answer, item.status, item.age) == ("it is there", "closed", timedelta(hours=2))


@pytest.mark.parametrize("key", ["r9", "' or 1=1 --"])
def test_a_report_nobody_sent(state: State, key: str) -> None:
    with pytest.raises(RolloutError, match="no such report"):
        assign(state, key, "Bo", by="Ada", at=T0)


def test_the_queue_is_by_severity_times_patients(state: State, tmp_path: Path) -> None:
    from dataclasses import dataclass

    @dataclass
    class Known:
        severity: Severity

    send(state, "many", "ehr|Observation/o1")
    send(state, "severe", "ehr|Observation/s")
    send(state, "old", "", kind="workflow friction", at=at(-50))
    send(state, "done", "", kind="unmet need", at=at(-99))
    answer(state, "done", "no", by="Bo", at=at(-98))
    confirm(state, "done", by="pr-031", at=at(-97))
    first = run(tmp_path, 1, [*FOUND, ("COD-01", "ehr", "Observation", "s", "p1", "x|S")])
    for key in ("many", "severe"):
        link(state, key, first, at(2))
    checks: Any = {"TXT-02": Known(Severity.LOW), "COD-01": Known(Severity.BLOCKER)}
    items = queue(state, at(3), checks)
    assert [(i.id, i.weight) for i in items] == [
        ("severe", 5), ("many", 4), ("old", 0), ("done", 0),
    ]  # fmt: skip
    assert [i.id for i in queue(state, at(3))][:2] == ["many", "severe"]  # by patients alone
    numbers = figures(items)
    assert (numbers.reports, numbers.open, numbers.answered) == (4, 3, 1)
    assert (numbers.first_response, numbers.time_to_fix) == (timedelta(hours=1), timedelta(hours=2))
    told = counts(state, "deterioration-alerts", at(24 * 6))
    assert (told.answered, told.unanswered, told.waiting) == (1, 1, 2)


def test_a_report_as_fhir(state: State, tmp_path: Path) -> None:
    fixable(state, tmp_path)
    assign(state, "r1", "Bo Chen", by="Ada", at=at(3))
    task, said = as_task(read_item(state, "r1", at(4)))
    assert (task["resourceType"], task["status"], task["intent"]) == ("Task", "accepted", "order")
    assert task["businessStatus"] == {"text": "assigned"}
    assert task["focus"] == {"reference": "Observation/o1"}
    assert task["reasonReference"] == {"reference": f"Communication/{said['id']}"}
    assert said["payload"] == [{"contentString": f"potassium is text {SCRIPT}"}]
    answer(state, "r1", "mended", by="Bo", at=at(5))
    *_, told = as_task(read_item(state, "r1", at(6)))
    assert told["inResponseTo"] == [{"reference": f"Communication/{said['id']}"}]
    assert json.dumps(told).count("pr-031") == 0
