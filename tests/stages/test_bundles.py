"""What Bundles and exports say of themselves: small feeds in, rows and verdicts out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from relation_cases import Load, bundle, links

from uptake.resources.store import open_store

BASE = "https://ehr.example.org/fhir"
MANIFEST: dict[str, Any] = {
    "transactionTime": "2026-01-01T00:00:00Z",
    "output": [{"type": "Patient", "url": f"{BASE}/1.ndjson", "count": 3}],
    "error": [],
}
PATIENTS = tuple({"resourceType": "Patient", "id": f"p{n}"} for n in range(3))


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    made = Load(tmp_path)
    yield made
    made.db.close()


def verdicts(load: Load) -> dict[str, bool | None]:
    """Return what CNF-10 says of each type; one violation makes a type violated."""
    said: dict[str, bool | None] = {}
    for row in load.says("CNF-10"):
        said[row["type"]] = said.get(row["type"]) or row["violates"]
    return said


def test_a_bundle_says_what_it_is(load: Load) -> None:
    found = bundle(
        "searchset",
        {"fullUrl": f"{BASE}/Patient/p0", "resource": PATIENTS[0]},
        {"resource": PATIENTS[1], "search": {"mode": "include"}},
        total=7,
        link=links(self=f"{BASE}/Patient?name=x", next=f"{BASE}?page=2"),
    )
    load.put("ehr", "a.ndjson", PATIENTS[2], found)
    (row,) = load.rows("select * exclude (bundle) from bundle")
    assert row == (
        "ehr", "a.ndjson", 2, "searchset", 7, 1, f"{BASE}/Patient?name=x", f"{BASE}?page=2",
    )  # fmt: skip
    entries = load.db.rows("select full_url, method, bundle_type from bundle_entry order by 1")
    assert entries == [(f"{BASE}/Patient/p0", None, "searchset"), (None, None, "searchset")]


def test_a_request_is_kept_with_its_entry(load: Load) -> None:
    load.put(
        "ehr",
        "a.ndjson",
        bundle(
            "transaction",
            {"resource": PATIENTS[0], "request": {"method": "PUT", "url": "Patient/p0"}},
            {"resource": PATIENTS[1], "request": {"url": "Patient"}},
            {"resource": PATIENTS[2]},
        ),
    )
    rows = load.rows("select r.id, e.method from bundle_entry e join resource r using (rid)")
    assert sorted(rows) == [("p0", "PUT"), ("p1", ""), ("p2", None)]


@pytest.mark.parametrize(
    "odd",
    [
        {"type": 7, "total": "many", "link": "none"},
        {"type": None, "total": True, "link": [None, {"relation": "next"}, {"url": 5}]},
        {"total": -1, "link": {}},
    ],
)
def test_what_is_wrong_around_the_entries_spoils_none(load: Load, odd: dict[str, Any]) -> None:
    wrong = bundle("searchset", {"resource": PATIENTS[0], "request": [], "search": "x"}) | odd
    load.put("ehr", "a.ndjson", wrong)
    (row,) = load.rows("select total, self_url, next_url from bundle")
    assert row == (None, None, None)
    assert load.db.rows("select id from record") == [("p0",)]


def test_one_content_in_two_bundles_is_one_record_and_two_entries(load: Load) -> None:
    twice = [bundle("collection", {"resource": PATIENTS[0]}) for _ in range(2)]
    load.put("ehr", "a.ndjson", *twice)
    assert load.rows("select count(distinct rid), count(*) from bundle_entry") == [(1, 2)]


def test_a_bundle_within_a_bundle_has_its_own_row(load: Load) -> None:
    inner = bundle("collection", {"resource": PATIENTS[0]})
    load.put("ehr", "a.ndjson", bundle("batch", {"resource": inner}))
    kinds = load.rows("select type, (select count(*) from bundle_entry) from bundle order by 1")
    assert kinds == [("batch", 1), ("collection", 1)]


def test_a_manifest_counts_what_came(load: Load) -> None:
    load.put("ehr", "Patient.ndjson", *PATIENTS)
    load.put("ehr", "manifest.json", MANIFEST)
    assert verdicts(load) == {"Patient": False}


@pytest.mark.parametrize(
    ("came", "violates"),
    [
        (PATIENTS[:2], True),
        ((*PATIENTS[:2], '{"resourceType":"Patient","id":1}'), None),
        ((*PATIENTS, {"resourceType": "Patient", "id": "one-more"}), False),
        ((*PATIENTS[:2], PATIENTS[1]), False),
    ],
)
def test_fewer_lines_than_the_manifest_counts(load: Load, came: Any, violates: bool | None) -> None:
    """A line that was kept out may be the missing one; a line that came twice came."""
    load.put("ehr", "Patient.ndjson", *came)
    load.put("ehr", "manifest.json", MANIFEST)
    assert verdicts(load) == {"Patient": violates}


def test_the_counts_of_several_files_add_up(load: Load) -> None:
    files = [{"type": "Patient", "url": f"{BASE}/{n}", "count": 2} for n in range(2)]
    load.put("ehr", "Patient.ndjson", *PATIENTS)
    load.put("ehr", "manifest.json", MANIFEST | {"output": files})
    (row,) = load.says("CNF-10")
    assert (row["violates"], row["evidence"]) == (True, "the manifest counts 4 lines, 3 came")


def test_a_type_of_which_nothing_came(load: Load) -> None:
    output = [{"type": "Observation", "url": f"{BASE}/2.ndjson", "count": 9}]
    load.put("ehr", "Patient.ndjson", *PATIENTS)
    load.put("ehr", "manifest.json", MANIFEST | {"output": output})
    assert verdicts(load) == {"Observation": True}


def test_a_manifest_without_counts_tells_nothing(load: Load) -> None:
    output = [{"type": "Patient", "url": f"{BASE}/1.ndjson"}, "odd", {"count": "3"}]
    load.put("ehr", "Patient.ndjson", *PATIENTS)
    load.put("ehr", "manifest.json", MANIFEST | {"output": output})
    assert set(verdicts(load).values()) == {None}


def test_error_files_and_outcomes(load: Load) -> None:
    error = [{"type": "OperationOutcome", "url": f"{BASE}/e.ndjson"}]
    load.put("with-manifest", "Patient.ndjson", *PATIENTS)
    load.put("with-manifest", "manifest.json", MANIFEST | {"error": error})
    fault = {"severity": "fatal", "code": "exception"}
    load.put("with-outcome", "a.ndjson", {"resourceType": "OperationOutcome", "issue": [fault]})
    rows = {(r["feed"], r["type"]): r["violates"] for r in load.says("CNF-10")}
    assert rows == {
        ("with-manifest", "Patient"): False,
        ("with-manifest", "OperationOutcome"): True,
        ("with-outcome", "OperationOutcome"): True,
    }


def test_a_manifest_is_one_feeds_own(load: Load) -> None:
    load.put("half", "Patient.ndjson", PATIENTS[0])
    load.put("half", "manifest.json", MANIFEST)
    load.put("whole", "Patient.ndjson", *PATIENTS)
    load.put("whole", "manifest.json", MANIFEST)
    rows = {r["feed"]: r["violates"] for r in load.says("CNF-10")}
    assert rows == {"half": True, "whole": False}


def test_a_served_type_that_is_absent(load: Load) -> None:
    """Of a feed of 30 patients it is said; a type that not every sender has is left out."""
    served = [
        {"type": t, "interaction": [{"code": "read"}]} for t in ("Condition", "Goal", "Patient")
    ]
    unread = [{"type": "Observation", "interaction": [{"code": "create"}]}]
    says = {
        "resourceType": "CapabilityStatement", "status": "active", "kind": "instance",
        "rest": [{"mode": "server", "resource": served + unread}],
    }  # fmt: skip
    many = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(30)]
    load.put("many", "a.ndjson", says, *many)
    load.put("few", "a.ndjson", says, *many[:29])
    rows = {(r["feed"], r["type"]): r["violates"] for r in load.says("CNF-10")}
    assert rows == {("many", "Condition"): True, ("few", "Condition"): None}


def test_what_was_said_is_there_again_when_the_store_is_reused(load: Load) -> None:
    load.put("ehr", "Patient.ndjson", *PATIENTS)
    load.put("ehr", "manifest.json", MANIFEST)
    load.put("ehr", "b.ndjson", bundle("collection", {"resource": PATIENTS[0]}))
    first, again = load.store(), open_store(load.folder / "store")
    assert first.exported == again.exported
    assert [(f.type, f.count, f.error) for f in again.exported] == [("Patient", 3, False)]
    assert first.bundle_parts == again.bundle_parts
    assert len(again.bundle_parts) == 1
