"""Merges that the EHR did, or undid: what is seen, from which run, and what is an alarm."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from relation_cases import Load, Resource, patient, problem

from uptake.identity.decisions import Decided, Record
from uptake.identity.merges import FILE, Merge, find_merges, read_merges, write_merges
from uptake.identity.results import write_duplicates

AT = datetime(2026, 11, 3, 9, tzinfo=UTC)
LATER = AT + timedelta(days=30)
A, B = Record("ehr", "a"), Record("ehr", "b")


def linked(identity: str, kind: str, other: str, **more: Any) -> Resource:
    link = [{"other": {"reference": f"Patient/{other}"}, "type": kind}]
    return patient(identity, link=link, **more)


def said(decision: str) -> Decided:
    return Decided("ehr", "a", "ehr", "b", decision, "Dr Ray", AT)


class Runs:
    """Loads one after the other, each with the run before it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before: Path | None = None
        self.number = 0

    def run(
        self, *records: Resource, decided: str = "", at: datetime = AT, known: bool = True
    ) -> tuple[Merge, ...]:
        """Return the merges of a load; `known`: the linkage has a pair of a and b."""
        self.number += 1
        folder = self.folder / str(self.number)
        folder.mkdir()
        load = Load(folder)
        load.put("ehr", "all.ndjson", *records)
        load.rows("select * from reference r, condition c, person_record p")
        db = load.db
        try:
            db.run(_PAIR, [known])
            decisions = [said(decided)] if decided else []
            found = find_merges(db, decisions, at, self.before)
            write_merges(db, found, folder)
            assert read_merges(db, folder) == found
            write_duplicates(db, folder)
        finally:
            db.close()
        self.before = folder
        return found


_PAIR = """
create or replace table patient_link as
select l.rid as rid_l, r.rid as rid_r, 'review' as outcome, 0.5::double as probability,
  0.0::double as weight, '' as veto, '' as decided,
  []::struct(comparison varchar, label varchar, weight double)[] as levels
from sent_patient l join sent_patient r on l.id = 'a' and r.id = 'b' where ?
"""
"""What the linkage says of a and b, however alike they are."""


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


@pytest.mark.parametrize(
    ("records", "replaced"),
    [
        ([linked("a", "replaced-by", "b"), patient("b", "18")], "a"),
        ([patient("a"), linked("b", "replaced-by", "a")], "b"),
        ([patient("a"), linked("b", "replaces", "a")], "a"),
        ([linked("a", "replaces", "b"), linked("b", "replaced-by", "a")], "b"),
        ([linked("a", "replaced-by", "b")], "a"),
    ],
)
def test_a_record_that_the_other_replaces_was_merged(
    runs: Runs, records: list[Resource], replaced: str
) -> None:
    [merge] = runs.run(*records, decided="same")
    assert (merge.how, merge.replaced, merge.seen_at) == ("replaced", replaced, AT)
    assert merge.records == (A, B)
    assert not merge.alarms


@pytest.mark.parametrize(
    "records",
    [
        [patient("a"), patient("b")],
        [linked("a", "seealso", "b"), patient("b")],
        [patient("a", active=False), patient("b")],
        [linked("a", "seealso", "b", active=False), patient("b", active=False)],
        [linked("a", "replaced-by", "c"), patient("b"), patient("c")],
        [linked("a", "replaced-by", "b"), linked("b", "replaced-by", "a")],
        [
            patient("a", link=[{"other": {"reference": "RelatedPerson/b"}, "type": "seealso"}]),
            patient("b", active=False),
        ],
    ],
)
def test_anything_less_is_no_merge(runs: Runs, records: list[Resource]) -> None:
    assert runs.run(*records) == ()


def test_an_inactive_record_linked_to_the_other_was_merged(runs: Runs) -> None:
    [merge] = runs.run(patient("a"), linked("b", "seealso", "a", active=False))
    assert (merge.how, merge.replaced, merge.kept) == ("inactive", "b", "a")


def test_every_link_of_a_survivor_is_read(runs: Runs) -> None:
    links = [{"other": {"reference": f"Patient/{n}"}, "type": "replaces"} for n in "xyb"]
    [merge] = runs.run(patient("a", link=links), patient("b"))
    assert (merge.replaced, merge.kept) == ("b", "a")


def test_a_merge_of_records_that_nobody_judged_is_not_said(runs: Runs) -> None:
    records = [linked("a", "replaced-by", "b"), patient("b")]
    assert runs.run(*records, known=False) == ()
    assert len(runs.run(*records, known=False, decided="unsure")) == 1


def test_a_pair_judged_in_the_run_before_is_looked_for(runs: Runs) -> None:
    assert runs.run(patient("a"), patient("b")) == ()
    [merge] = runs.run(linked("a", "replaced-by", "b"), patient("b"), known=False)
    assert merge.how == "replaced"


def numbers(identity: str, *values: str) -> Resource:
    made = patient(identity)
    made["identifier"] = [made["identifier"][0] | {"value": value} for value in values]
    return made


def test_a_record_is_gone_and_its_number_came_to_the_other(runs: Runs) -> None:
    assert runs.run(numbers("a", "1017"), numbers("b", "1018")) == ()
    [merge] = runs.run(numbers("a", "1017", "1018"), at=LATER)
    assert (merge.how, merge.replaced, merge.kept) == ("taken over", "b", "a")
    assert (merge.seen_at, merge.facts) == (LATER, 0)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ([numbers("a", "1017"), numbers("b", "1018")], [numbers("a", "1017")]),
        ([numbers("a", "1017", "1018"), numbers("b", "1018")], [numbers("a", "1017", "1018")]),
        ([numbers("a", "1017"), numbers("b")], [numbers("a", "1017", "1018")]),
        ([numbers("a", "1017"), numbers("b", "1018", "1019")], [numbers("a", "1017", "1018")]),
    ],
)
def test_a_record_may_be_gone_for_other_reasons(
    runs: Runs, before: list[Resource], now: list[Resource]
) -> None:
    assert runs.run(*before) == ()
    assert runs.run(*now) == ()


def test_a_merge_is_seen_once_and_stands_when_the_old_record_is_no_longer_sent(
    runs: Runs,
) -> None:
    runs.run(linked("a", "replaced-by", "b"), patient("b"))
    [again] = runs.run(linked("a", "replaced-by", "b"), patient("b"), at=LATER)
    assert again.seen_at == AT
    [gone] = runs.run(patient("b"), at=LATER)
    assert (gone.how, gone.seen_at) == ("replaced", AT)


def test_a_merge_that_was_undone_is_said_from_then_on(runs: Runs) -> None:
    runs.run(linked("a", "replaced-by", "b"), patient("b"), problem("1", "b", {"text": "x"}))
    apart = [patient("a"), patient("b"), problem("1", "a", {"text": "x"})]
    [undone] = runs.run(*apart, at=LATER)
    assert (undone.how, undone.replaced, undone.seen_at) == ("undone", "a", LATER)
    assert undone.facts == 1
    assert undone.sentence == "it was merged, and both records stand for themselves again"
    [still] = runs.run(*apart, at=LATER + timedelta(days=1))
    assert still == undone
    [merged] = runs.run(linked("a", "replaced-by", "b"), patient("b"), at=LATER)
    assert (merged.how, merged.seen_at) == ("replaced", LATER)


@pytest.mark.parametrize(
    ("decision", "alarms"),
    [("same", False), ("unsure", False), ("different", True), ("related", True),
     ("unlinked", True)],
)  # fmt: skip
def test_a_merge_of_what_a_reviewer_keeps_apart_is_an_alarm(
    runs: Runs, decision: str, alarms: bool
) -> None:
    [merge] = runs.run(linked("a", "replaced-by", "b"), patient("b"), decided=decision)
    assert (merge.decision, merge.alarms) == (decision, alarms)
    assert merge.sentence.startswith("merged in the EHR, though") is alarms
    [undone] = runs.run(patient("a"), patient("b"), decided=decision)
    assert not undone.alarms


def test_facts_on_the_replaced_record_are_counted(runs: Runs) -> None:
    wrong = problem("3", "a", {"text": "x"})
    wrong["verificationStatus"] = {"coding": [{"code": "entered-in-error"}]}
    records = [
        linked("a", "replaced-by", "b"),
        patient("b"),
        problem("1", "a", {"text": "x"}),
        problem("2", "b", {"text": "x"}),
        wrong,
    ]
    [merge] = runs.run(*records)
    assert merge.facts == 1
    assert merge.sentence.endswith("; 1 fact is still on the replaced record")


def test_without_a_file_of_an_earlier_run_nothing_is_known_of_it(
    runs: Runs, tmp_path: Path
) -> None:
    runs.before = tmp_path
    assert runs.run(numbers("a", "1017", "1018")) == ()
    assert (runs.before / FILE).is_file()
