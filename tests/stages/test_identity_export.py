"""The work list: what stands in it, in which order, and that its FHIR keeps the rules of R4."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import conformance_cases as conformance
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uptake.identity import exporting
from uptake.identity.decisions import Decided

LEVEL = pa.struct([("comparison", pa.string()), ("label", pa.string()), ("weight", pa.float64())])
PAIRS = pa.schema(
    [
        *((name, pa.string()) for name in ("feed_l", "id_l", "feed_r", "id_r")),
        ("probability", pa.float64()),
        ("outcome", pa.string()),
        ("veto", pa.string()),
        ("weight", pa.float64()),
        ("levels", pa.list_(LEVEL)),
        ("harm", pa.int32()),
        ("harm_reason", pa.string()),
        ("decided", pa.string()),
    ]
)
CLUSTERS = pa.schema([("cluster", pa.int64()), ("feed", pa.string()), ("id", pa.string())])
AT = datetime(2026, 11, 3, 9, tzinfo=UTC)


def said(one: str, other: str, decision: str, **more: Any) -> Decided:
    """A decision, as the state has one."""
    (feed_l, id_l), (feed_r, id_r) = one.split("|"), other.split("|")
    return Decided(feed_l, id_l, feed_r, id_r, decision, **{"by": "Dr Ray", "at": AT} | more)


def pair(one: str, other: str, **more: Any) -> dict[str, Any]:
    (feed_l, id_l), (feed_r, id_r) = one.split("|"), other.split("|")
    levels = [
        {"comparison": "prior", "label": "", "weight": -20.0},
        {"comparison": "given name", "label": "same", "weight": 9.0},
        {"comparison": "gender", "label": "same", "weight": 1.0},
        {"comparison": "birth date", "label": "same", "weight": 14.0},
        {"comparison": "household", "label": "elsewhere", "weight": -2.0},
    ]
    return {
        "feed_l": feed_l, "id_l": id_l, "feed_r": feed_r, "id_r": id_r, "probability": 0.75,
        "outcome": "review", "veto": "", "weight": 1.58, "levels": levels, "harm": 0,
        "harm_reason": "", "decided": "",
    } | more  # fmt: skip


def a_run(folder: Path, *pairs: dict[str, Any], groups: dict[str, int] | None = None) -> Path:
    pq.write_table(pa.Table.from_pylist(list(pairs), PAIRS), folder / "pairs.parquet")
    members = [(n, *name.split("|")) for name, n in (groups or {}).items()]
    rows = [{"cluster": n, "feed": feed, "id": key} for n, feed, key in members]
    pq.write_table(pa.Table.from_pylist(rows, CLUSTERS), folder / "clusters.parquet")
    return folder


def records(line: exporting.Line) -> str:
    return f"{line.id_l}+{line.id_r}"


def test_confirmed_pairs_come_first_then_what_a_mistake_would_cost(tmp_path: Path) -> None:
    run = a_run(
        tmp_path,
        pair("ehr|a", "ehr|b", probability=0.6),
        pair("ehr|a", "ehr|c", probability=0.9),
        pair("ehr|d", "ehr|e", probability=0.5, harm=3),
        pair("ehr|f", "ehr|g", probability=0.2),
        pair("ehr|h", "ehr|i", probability=0.99),
    )
    decided = [said("ehr|f", "ehr|g", "same"), said("ehr|h", "ehr|i", "different")]
    lines = exporting.worklist(run, decided)
    assert [(line.rank, line.task, records(line)) for line in lines] == [
        (1, "merge", "f+g"),
        (2, "judge", "d+e"),
        (3, "judge", "a+c"),
        (4, "judge", "a+b"),
        (5, "keep apart", "h+i"),
    ]


def test_records_of_one_feed_come_before_those_of_two(tmp_path: Path) -> None:
    run = a_run(
        tmp_path,
        pair("ehr|a", "lab|b", harm=5),
        pair("ehr|c", "ehr|d"),
        pair("ehr|e", "lab|f"),
        pair("lab|g", "lab|h"),
    )
    decided = [said("ehr|e", "lab|f", "same"), said("lab|g", "lab|h", "same")]
    tasks = [(line.task, records(line)) for line in exporting.worklist(run, decided)]
    assert tasks == [("merge", "g+h"), ("link", "e+f"), ("judge", "c+d"), ("judge", "a+b")]


@pytest.mark.parametrize(
    ("decision", "task"),
    [
        ("same", "merge"),
        ("unsure", "judge"),
        ("different", "keep apart"),
        ("related", "keep apart"),
        ("unlinked", "keep apart"),
    ],
)
def test_the_newest_decision_says_what_is_to_be_done(
    tmp_path: Path, decision: str, task: str
) -> None:
    run = a_run(tmp_path, pair("ehr|a", "ehr|b"))
    earlier = "different" if decision == "same" else "same"
    decided = [
        said("ehr|a", "ehr|b", decision, at=AT + timedelta(days=1)),
        said("ehr|a", "ehr|b", earlier),
    ]
    [line] = exporting.worklist(run, decided)
    assert (line.task, line.decision, line.by) == (task, decision, "Dr Ray")
    assert line.at == "2026-11-04T09:00:00+00:00"


def test_a_related_pair_is_no_work_until_somebody_decides(tmp_path: Path) -> None:
    run = a_run(tmp_path, pair("ehr|a", "ehr|b", outcome="related"))
    assert exporting.worklist(run, []) == ()
    [line] = exporting.worklist(run, [said("ehr|a", "ehr|b", "same")])
    assert (line.task, line.outcome) == ("merge", "related")


def test_a_decision_stands_where_the_run_no_longer_finds_the_pair(tmp_path: Path) -> None:
    [line] = exporting.worklist(a_run(tmp_path), [said("ehr|a", "lab|b", "same")])
    assert (line.task, line.outcome, line.probability, line.why) == ("link", "", None, "")


def test_what_was_merged_stands_last(tmp_path: Path) -> None:
    run = a_run(tmp_path, pair("ehr|a", "ehr|b", harm=9), pair("ehr|c", "ehr|d"))
    done = [(("ehr", "a"), ("ehr", "b"))]
    tasks = [line.task for line in exporting.worklist(run, [], done)]
    assert tasks == ["judge", "merged"]


def test_why_is_the_veto_or_the_levels_that_weigh_most(tmp_path: Path) -> None:
    veto = "the given names differ"
    run = a_run(tmp_path, pair("ehr|a", "ehr|b", veto=veto), pair("ehr|c", "ehr|d"))
    whys = {records(line): line.why for line in exporting.worklist(run, [])}
    assert whys["a+b"] == veto
    assert whys["c+d"] == "birth date: same; given name: same; household: elsewhere"


def test_records_of_one_group_are_told_to_be_so(tmp_path: Path) -> None:
    run = a_run(
        tmp_path,
        pair("ehr|a", "ehr|b"),
        pair("ehr|b", "ehr|c"),
        groups={"ehr|a": 4, "ehr|b": 4, "ehr|c": 7},
    )
    clusters = {records(line): line.cluster for line in exporting.worklist(run, [])}
    assert clusters == {"a+b": 4, "b+c": None}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "\nx"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str) -> None:
    run = a_run(tmp_path, {**pair("ehr|a", "ehr|b"), "id_r": text})
    exporting.write_worklist(run, [said("ehr|a", f"ehr|{text}", "same", by=text)], tmp_path)
    with (tmp_path / "duplicates.csv").open(newline="") as stream:
        [row] = csv.DictReader(stream)
    assert (row["id_r"], row["by"]) == (f"'{text}", f"'{text}")
    assert row["probability"] == "0.750000"
    assert row["task"] == "merge"


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "duplicates.ndjson").open(encoding="utf-8")]


@pytest.fixture
def resources(tmp_path: Path) -> list[dict[str, Any]]:
    """A linkage, one that was taken back, and two tasks: one of them unsure."""
    run = a_run(
        tmp_path,
        pair("ehr|a", "lab|b"),
        pair("ehr|c", "lab|d"),
        pair("ehr|e", "ehr|f", harm=2, harm_reason="2 medications are on one record only"),
        pair("ehr|g", "ehr|h"),
        pair("ehr|i", "ehr|k"),
    )
    decided = [
        said("ehr|a", "lab|b", "same"),
        said("ehr|c", "lab|d", "unlinked"),
        said("ehr|g", "ehr|h", "unsure"),
        said("ehr|i", "ehr|k", "different"),
    ]
    counted = exporting.write_worklist(run, decided, tmp_path, chart=["ehr"])
    assert counted == {"merge": 0, "link": 1, "judge": 2, "keep apart": 2, "merged": 0}
    return written(tmp_path)


def test_every_resource_keeps_the_rules_of_r4(resources: list[dict[str, Any]]) -> None:
    assert len(resources) == 4
    assert [conformance.told(one) for one in resources] == [[], [], [], []]


def test_the_rules_would_tell(resources: list[dict[str, Any]]) -> None:
    linkage = resources[0]
    assert conformance.told(linkage | {"item": linkage["item"][:1]})
    assert conformance.told(resources[1] | {"intent": "perhaps"})


def test_a_confirmed_pair_is_a_linkage_by_its_reviewer(resources: list[dict[str, Any]]) -> None:
    linkage = resources[0]
    assert (linkage["resourceType"], linkage["active"]) == ("Linkage", True)
    assert linkage["author"] == {"display": "Dr Ray"}
    assert [item["type"] for item in linkage["item"]] == ["source", "alternate"]
    chart, lab = (item["resource"] for item in linkage["item"])
    assert chart["reference"] == "Patient/a"
    # Patient/b on the EHR's server would be another patient
    assert "reference" not in lab
    assert lab["identifier"] == {"system": "urn:uptake:feed:lab", "value": "b"}


def test_a_link_taken_back_is_no_longer_active(resources: list[dict[str, Any]]) -> None:
    back = [r for r in resources if r["resourceType"] == "Linkage" and not r["active"]]
    assert [r["item"][0]["resource"]["reference"] for r in back] == ["Patient/c"]


def test_a_probable_pair_is_a_task_on_the_linkage_it_would_become(
    resources: list[dict[str, Any]],
) -> None:
    task, unsure = (r for r in resources if r["resourceType"] == "Task")
    [linkage] = task["contained"]
    assert task["focus"]["reference"] == f"#{linkage['id']}"
    assert (linkage["active"], "author" in linkage) == (False, False)
    # both lie in the chart: which one is the right one nobody has said
    assert {item["type"] for item in linkage["item"]} == {"alternate"}
    assert task["for"]["reference"] == "Patient/e"
    assert [tuple(i.values())[1] for i in task["input"]] == [0.75, 2]
    assert "businessStatus" not in task
    assert unsure["businessStatus"] == {"text": "unsure"}


def test_without_a_chart_one_feed_is_its_own_server_and_two_are_none(tmp_path: Path) -> None:
    def paths(*pairs: dict[str, Any]) -> list[bool]:
        exporting.write_worklist(a_run(tmp_path, *pairs), [], tmp_path)
        items = (i for r in written(tmp_path) for i in r["contained"][0]["item"])
        return ["reference" in item["resource"] for item in items]

    assert paths(pair("lab|a", "lab|b")) == [True, True]
    assert paths(pair("lab|a", "clinic|b")) == [False, False]
    assert paths(pair("lab|a", "lab|not an id")) == [True, False]


def test_two_exports_name_a_pair_alike(tmp_path: Path) -> None:
    run = a_run(tmp_path, pair("ehr|a", "ehr|b"))
    first = exporting.write_worklist(run, [], tmp_path)
    task = written(tmp_path)
    assert exporting.write_worklist(run, [], tmp_path) == first
    assert written(tmp_path) == task
    exporting.write_worklist(run, [said("ehr|a", "ehr|b", "same")], tmp_path)
    assert [r["id"] for r in written(tmp_path)] == [r["id"] for r in task]
