"""The measure of linkage: sets are read as they were sent, and figures are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.assess import Cost
from benchmarks.linkage import compare, told
from benchmarks.linkage.examples import examples
from benchmarks.linkage.figures import Figures, Share, Slice, figures
from benchmarks.linkage.hospital import hospital
from benchmarks.linkage.sets import SETS, database, read_pairs, read_set, read_shared

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

LINKED = """
create table candidate_pair as from (values (1, 2), (1, 3), (1, 4), (6, 7)) t(rid_l, rid_r);
create table scored_pair as
from (values (1, 2, 10.0, 0.999), (6, 7, 8.0, 0.99), (1, 3, 5.0, 0.6), (1, 4, 2.0, 0.5),
  (4, 5, 1.0, 0.2)) t(rid_l, rid_r, weight, probability);
create table patient_link as
from (values (1, 2, 'auto', 0.999, ''), (6, 7, 'auto', 0.99, ''), (1, 3, 'review', 0.6, 'far'),
  (1, 4, 'review', 0.5, ''), (4, 5, 'related', 0.2, ''))
  t(rid_l, rid_r, outcome, probability, veto);
create table patient_cluster as
from (values (1, 1), (1, 2), (1, 3), (6, 6), (6, 7)) t(cluster, rid)
"""
PEOPLE = [
    {"rec_id": f"r{n}", "person_id": person, "source": "A", "kind": kind, "noise": noise}
    for n, (person, kind, noise) in enumerate(
        [
            ("p1", "", "orig"),
            ("p1", "", "moved"),
            ("p1", "", "nickname"),
            ("p2", "", ""),
            ("p2", "", "moved"),
            ("p3", "twin", ""),
            ("p4", "twin", ""),
        ],
        start=1,
    )
]


@pytest.fixture
def db() -> Iterator[Database]:
    with database() as opened:
        yield opened


def run(db: Database, statements: str) -> None:
    for statement in statements.split(";"):
        db.run(statement)


@pytest.fixture
def judged(db: Database) -> Figures:
    read_set(db, pa.Table.from_pylist(PEOPLE))
    run(db, LINKED)
    return figures(db)


def test_figures_count_pairs_of_records(judged: Figures) -> None:
    assert (judged.records, judged.true_pairs, judged.candidates) == (7, 4, 4)
    assert judged.candidate_recall == Share(4, 2)
    assert judged.auto_precision == Share(2, 1)
    assert judged.auto_recall == Share(4, 1)
    assert judged.found == Share(4, 2)
    assert judged.review_true == Share(2, 1)
    assert judged.review_load == pytest.approx(200 / 7)
    assert (judged.related, judged.related_true) == (1, 1)
    assert (judged.cluster_precision, judged.cluster_recall) == (Share(4, 3), Share(4, 3))


def test_a_linked_trap_is_named(judged: Figures) -> None:
    assert judged.traps_linked == 1
    assert judged.false_auto == (("twin", 1),)


def test_best_f1_is_over_the_whole_range_of_weights(judged: Figures) -> None:
    assert judged.best_f1 == pytest.approx(2 * 3 / (5 + 4))
    assert judged.best_weight == 1.0
    assert judged.half_f1 == pytest.approx(2 * 2 / (4 + 4))


def test_calibration_sets_what_is_stated_beside_what_is_true(judged: Figures) -> None:
    told_of = {(band.low, band.high): band for band in judged.calibration}
    middle = told_of[0.5, 0.9]
    assert (middle.pairs, middle.stated, middle.true) == (2, pytest.approx(0.55), 0.5)
    assert told_of[0.999, 1.0].pairs == 1
    assert told_of[0.99, 0.999].true == 0
    assert told_of[0.9, 0.99].stated is None


def test_noise_of_a_pair_is_what_was_done_to_either(judged: Figures) -> None:
    by_noise = {part.name: part for part in judged.by_noise}
    assert by_noise["moved"] == Slice("moved", 3, 1, auto=1, review=0, related=1)
    assert by_noise["nickname"] == Slice("nickname", 2, 1, auto=0, review=1, related=0)
    assert [part.missed for part in judged.by_noise] == [2, 1], "most missed first"


def test_tables_say_the_figures(judged: Figures, db: Database) -> None:
    row = told.table({"small": judged}, {"small": 0.25}).splitlines()[-1]
    assert row.startswith("| small | 7 | 4 | 0.50000 | 0.250 | 1 | 1 | 0.5000 | 28.57 | 0.500 |")
    assert "wrongly linked: twin 1" in told.details(judged)
    shown = examples(db, 5)
    assert shown.count("\n- ") == 4, "one wrongly linked, two missed, one wrongly in review"
    assert judged.data()["review_load"] == judged.review_load


def test_a_set_without_records_has_no_shares(db: Database) -> None:
    read_set(db, pa.Table.from_pylist(PEOPLE[:1]).slice(0, 0))
    run(db, LINKED)
    empty = figures(db)
    assert (empty.true_pairs, empty.best_f1, empty.auto_recall.value) == (0, None, None)
    assert "| – | – |" in told.table({"empty": empty}, {"empty": 0.0})


def test_columns_become_what_a_patient_has(db: Database, tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text(
        "rec_id,person_id,source,given,middle,family,suffix,maiden,birth_date,gender,"
        "line,zip,phone,ssn,mrn\n"
        "a,1,X,Ana, ,Ruiz,,Soto,19800102,f,1 High St,60601,555-0100,123-45-6789,77\n"
        "b,1,Y,Ana,M,Ruiz,Jr,,2/3/1980,M,,,,,\n"
    )
    read_set(db, path)
    assert db.rows("select feed, id, birth_date, gender from sent_patient order by rid") == [
        ("X", "a", "1980-01-02", "female"),
        ("Y", "b", "1980-02-03", "male"),
    ]
    names = "select rid, use, family, given, suffix from sent_name order by rid, n"
    assert db.rows(names) == [
        (1, "official", "Ruiz", ["Ana"], []),
        (1, "maiden", "Soto", [], []),
        (2, "official", "Ruiz", ["Ana", "M"], ["Jr"]),
    ]
    assert db.rows("select rid, line, postal_code from sent_address") == [
        (1, ["1 High St"], "60601")
    ]
    assert db.rows("select rid, system, value from sent_contact") == [(1, "phone", "555-0100")]
    assert db.rows("select rid, type, value from sent_number order by n") == [
        (1, "MR", "77"),
        (1, "SS", "123-45-6789"),
    ]


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("1980-1-2", "1980-01-02"),
        ("1/2/1980", "1980-01-02"),
        ("1/2/80", "1980-01-02"),
        ("1/2/05", "1/2/05"),
        ("1980-02", "1980-02"),
        ("Missing, but age 23", "Missing, but age 23"),
        ("1980 102", "1980 102"),
    ],
)
def test_only_whole_dates_are_written_anew(db: Database, sent: str, read: str) -> None:
    read_set(db, pa.table({"rec_id": ["a"], "source": ["X"], "birth_date": [sent]}))
    assert db.rows("select birth_date from sent_patient") == [(read,)]


def test_without_social_security_numbers(db: Database) -> None:
    rows = pa.table({"rec_id": ["a"], "source": ["X"], "ssn": ["1"], "mrn": ["2"]})
    read_set(db, rows, ssn=False)
    assert db.rows("select type, value from sent_number") == [("MR", "2")]


def test_grades_go_before_persons(db: Database) -> None:
    rows = [
        {"rec_id": "s", "source": "seed", "match_id": "1", "expected": None},
        *(
            {"rec_id": grade, "source": "test", "match_id": "1", "expected": grade}
            for grade in ("match", "no_match", "possible_match")
        ),
    ]
    read_set(db, pa.Table.from_pylist(rows))
    run(
        db,
        """
        create table patient_link as
        from (values (1, 2, 'auto'), (1, 3, 'auto'), (1, 4, 'auto')) t(rid_l, rid_r, outcome);
        create table candidate_pair as select rid_l, rid_r from patient_link;
        create table scored_pair as
        select rid_l, rid_r, 9.0 as weight, 1.0 as probability from patient_link;
        create table patient_cluster as
        from (values (1, 1), (1, 2), (1, 3), (1, 4)) t(cluster, rid)
        """,
    )
    found = figures(db)
    assert found.auto_precision == Share(2, 1), "a possible match is neither right nor wrong"
    assert found.auto_recall == Share(1, 1), "two records that were graded to a third are unjudged"
    assert found.false_auto == (("graded no match", 1),)
    assert ("possible_match", "", "auto", 1) in found.graded


def test_pairs_of_different_people_are_traps(db: Database, tmp_path: Path) -> None:
    read_set(db, pa.Table.from_pylist(PEOPLE))
    path = tmp_path / "pairs.csv"
    path.write_text("id_a,id_b,truth,trap\nr7,r6,non_match,twin_similar\nr1,r2,match,clean\n")
    read_pairs(db, path)
    assert db.rows("from graded_pair") == [(6, 7, "no_match", "twin_similar")]
    run(db, LINKED)
    assert figures(db).false_auto == (("twin_similar", 1),)


@pytest.mark.parametrize(
    ("name", "records", "pairs", "graded"),
    [
        ("febrl3", 5000, 6538, 0),
        ("uganda", 5000, 1000, 0),
        ("cdc", 1128, None, 84),
        ("traps", 23447, 3894, 2365),
    ],
)
def test_shared_sets(
    db: Database, shared: Path, name: str, records: int, pairs: int | None, graded: int
) -> None:
    assert name in SETS
    read_shared(db, name)
    assert db.row("select count(*), count(distinct rid) from sent_patient") == (records, records)
    assert db.row("select count(*) from graded_pair") == (graded,)
    if pairs is not None:
        of_persons = "select count(*) as c from truth group by person_id"
        assert db.row(f"select sum(c * (c - 1) / 2) from ({of_persons})") == (pairs,)


def test_the_demo_hospital_as_a_set(db: Database) -> None:
    patients = hospital(40, 3)
    read_set(db, patients)
    assert db.row("select count(*) from truth where noise = 'registered twice'")[0] >= 1
    assert db.row("select count(*) from sent_number") == (0,), "numbers would say who is who"
    feeds, persons, records = db.row(
        "select count(distinct source), count(distinct person_id), count(*) from set_row"
    )
    assert feeds > 1
    assert 40 <= persons < records


def test_a_peer_is_judged_by_the_same_truth(db: Database, tmp_path: Path) -> None:
    read_set(db, pa.Table.from_pylist(PEOPLE))
    out = tmp_path / "out.parquet"
    pairs = [(1, 2, 0.9, True), (6, 7, 0.8, True), (1, 3, 0.7, False)]
    names = ("rid_l", "rid_r", "probability", "decided")
    rows = [dict(zip(names, pair, strict=True)) for pair in pairs]
    pq.write_table(pa.Table.from_pylist(rows), out)
    cost = Cost(1.0, 1.0, 100.0, 100.0, 0, "", "")
    tool = compare.judged(db, "a tool", cost, out, "decided")
    assert (tool.pairs, tool.hits, tool.traps, tool.true_pairs) == (2, 1, 1, 4)
    assert tool.best_f1 == pytest.approx(2 * 2 / (3 + 4))
    failed = compare.judged(db, "another", Cost(1.0, 1.0, 1.0, 1.0, 1, "", "no\nway\n"), out, "")
    assert failed.failure == "exit 1: way"
    table = compare.table([tool, failed]).splitlines()
    assert table[2] == "| a tool | 2 | 0.5000 | 0.2500 | 0.3333 | 0.5714 | 1 | 1.0 | 100 |"
    assert table[3].startswith("| another | exit 1: way |")
