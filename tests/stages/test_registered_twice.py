"""DUP-02 over links as linkage and reviewers leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from identity_cases import Resource, link, patient, tables

import uptake
from uptake.definitions.checks import read_check
from uptake.findings.checks import TABLES, answer
from uptake.identity import normal
from uptake.identity.demographics import read_demographics
from uptake.identity.normal import build_records
from uptake.identity.outcomes import GATE

CHECK = read_check(Path(uptake.__file__).parent / "content" / "checks" / "DUP-02.md")
PEOPLE = [
    patient(name, name=[{"family": name}], birthDate=f"19{n}0-02-03")
    for n, name in enumerate(("anna", "bert", "carl", "dora"), 5)
]
LINKS = """
create table patient_link (rid_l bigint, rid_r bigint, outcome varchar, probability double,
  veto varchar, decided varchar);
create table patient_cluster (cluster bigint, rid bigint);
"""
TABLES_READ = {"linked_record", "text", "identifier", *normal.REFERENCE}
"""What the check reads, but for links: here they are as each test says."""
Pair = tuple[str, str, str, float | None, str, str]
"""Two ids, outcome, probability, veto, decision."""


def judged(
    folder: Path, pairs: list[Pair], *clusters: tuple[str, ...], **feeds: list[Resource]
) -> dict[str, tuple[Any, ...]]:
    """Return what the check says of each Patient by id: violates, evidence, the other's id."""
    with tables(folder, *TABLES_READ, **feeds) as db:
        rids = dict(db.rows("select id, rid from record"))
        read_demographics(db)
        build_records(db, most=12)
        db.run(LINKS)
        rows = [
            (*sorted((rids[a], rids[b])), outcome, probability, veto, decided)
            for a, b, outcome, probability, veto, decided in pairs
        ]
        columns = ("rid_l", "rid_r", "outcome", "probability", "veto", "decided")
        db.insert("patient_link", columns, rows)
        grouped = [(min(rids[m] for m in c), rids[member]) for c in clusters for member in c]
        db.insert("patient_cluster", ("cluster", "rid"), grouped)
        db.run(TABLES)
        answer(db, CHECK)
        told = db.rows(
            "select p.id, violates, evidence, o.id from answer a join place_of p on p.rid = a.key "
            "left join place_of o on o.rid = a.other"
        )
    assert len(told) == len(rids)
    return {identity: tuple(rest) for identity, *rest in told}


def test_one_row_a_record_with_its_likeliest_other(tmp_path: Path) -> None:
    pairs: list[Pair] = [
        ("anna", "bert", "review", 0.714, "the given names differ", ""),
        ("anna", "carl", "auto", 0.99961, "", ""),
        ("bert", "carl", "related", 0.95, "", ""),
    ]
    assert judged(tmp_path, pairs, ehr=PEOPLE) == {
        "anna": (True, "auto, probability 0.999", "carl"),
        "bert": (True, "review, probability 0.714: the given names differ", "anna"),
        "carl": (True, "auto, probability 0.999", "anna"),
        "dora": (False, None, None),
    }


@pytest.mark.parametrize(
    ("decided", "violates"),
    [("", True), ("unsure", True), ("unlinked", True), ("same", True), ("different", False),
     ("related", False)],
)  # fmt: skip
def test_what_a_reviewer_decided(tmp_path: Path, decided: str, *, violates: bool) -> None:
    found = judged(tmp_path, [("anna", "bert", "auto", 0.995, "", decided)], ehr=PEOPLE)
    assert found["anna"][0] is found["bert"][0] is violates
    if decided == "same":
        assert found["anna"][1].endswith("; a reviewer found them to be the same")


def test_what_the_sanity_gate_withholds_is_not_told(tmp_path: Path) -> None:
    withheld: list[Pair] = [
        ("anna", "bert", "review", 0.999, GATE, ""),
        ("anna", "carl", "review", 0.6, "the given names differ", ""),
    ]
    found = judged(tmp_path, withheld, ehr=PEOPLE)
    assert {name: row[0] for name, row in found.items()} == {
        "anna": True, "bert": None, "carl": True, "dora": False,
    }  # fmt: skip
    assert found["anna"][2] == "carl"


@pytest.mark.parametrize(
    ("probability", "decided", "violates"),
    [(0.5, "", True), (0.49, "", None), (0.49, "unsure", None), (0.49, "same", True)],
)
def test_less_than_likely_is_told_by_a_reviewer_alone(
    tmp_path: Path, probability: float, decided: str, *, violates: bool | None
) -> None:
    pairs: list[Pair] = [("anna", "bert", "review", probability, "", decided)]
    assert judged(tmp_path, pairs, ehr=PEOPLE)["bert"][0] is violates


def test_of_equals_the_first_by_id(tmp_path: Path) -> None:
    pairs: list[Pair] = [
        ("anna", "dora", "review", 0.8, "", ""),
        ("anna", "carl", "review", 0.8, "", ""),
    ]
    assert judged(tmp_path, pairs, ehr=PEOPLE[::-1])["anna"][2] == "carl"


def test_two_senders_keep_a_record_each(tmp_path: Path) -> None:
    anna, bert, carl, _ = PEOPLE
    across: list[Pair] = [("anna", "carl", "auto", 0.999, "", "")]
    assert not any(
        row[0] for row in judged(tmp_path, across, ehr=[anna, bert], lab=[carl]).values()
    )


def test_linked_to_one_record_of_another_sender(tmp_path: Path) -> None:
    anna, bert, carl, _ = PEOPLE
    across: list[Pair] = [
        ("anna", "carl", "auto", 0.999, "", ""),
        ("bert", "carl", "auto", 0.999, "", ""),
    ]
    group = ("anna", "bert", "carl")
    found = judged(tmp_path / "one", across, group, ehr=[anna, bert], lab=[carl])
    through = "auto, through a record of another sender"
    assert found == {
        "anna": (True, through, "bert"), "bert": (True, through, "anna"),
        "carl": (False, None, None),
    }  # fmt: skip
    across.append(("anna", "bert", "auto", 0.999, "", "different"))
    apart = judged(tmp_path / "two", across, group, ehr=[anna, bert], lab=[carl])
    assert not any(row[0] for row in apart.values())


@pytest.mark.parametrize(
    "changes", [link("bert", "replaced-by"), link("bert", "seealso"), {"active": False}]
)
def test_what_is_joined_or_out_of_use_is_registered_once(tmp_path: Path, changes: Resource) -> None:
    sent = [PEOPLE[0] | changes, *PEOPLE[1:]]
    found = judged(tmp_path, [("anna", "bert", "auto", 0.995, "", "")], ehr=sent)
    assert found["anna"] == found["bert"] == (False, None, None)


@pytest.mark.parametrize(
    ("elements", "violates"),
    [
        ({"birthDate": "1950-01-02"}, None),
        ({"name": [{"family": "Unknown"}], "birthDate": "1950-01-02"}, None),
        ({"name": [{"family": "Amato"}]}, None),
        ({"name": [{"family": "Amato"}], "birthDate": "1950"}, False),
        ({"name": [{"family": "Amato"}], "telecom": [{"value": "555-0100"}]}, False),
        ({"name": [{"family": "Amato"}], "identifier": [{"value": "17"}]}, False),
    ],
)
def test_what_cannot_be_compared_cannot_be_judged(
    tmp_path: Path, elements: Resource, *, violates: bool | None
) -> None:
    assert judged(tmp_path, [], ehr=[patient("x", **elements)])["x"][0] is violates
