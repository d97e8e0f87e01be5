"""What is so of a pair is worked out once, and what Splink and the own query make of it is one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from linkage_cases import found, people, read

from benchmarks.linkage.sets import database
from uptake.engine.duckdb import brief_database
from uptake.identity import scoring
from uptake.identity.linkage import link
from uptake.identity.model import shipped_model
from uptake.identity.pairs import beside, columns_judged, columns_of, with_facts

MODEL = shipped_model()
SAID = replace(
    MODEL,
    facts={
        "unread": "no_such_column_l = 1",
        "near": "abs(a_l - a_r) <= 1",
        "both": "near_lr and b_l = b_r",
    },
)


def test_facts_are_columns_and_only_those_that_are_read() -> None:
    with brief_database() as db:
        db.run("create table person_record (n integer, a integer, b varchar)")
        db.run("insert into person_record values (0, 1, 'x'), (1, 2, 'x'), (2, 5, 'x')")
        pair = beside(["a", "b"], "select * from (values (0, 1), (0, 2)) p(l, r)")
        query = with_facts(pair, ["both_lr"], SAID)
        assert db.rows(f"select l, r, near_lr, both_lr from ({query}) order by r") == [
            (0, 1, True, True),
            (0, 2, False, False),
        ]
        assert query.count("abs(") == 1, "worked out once"


def test_columns_are_those_of_a_condition_and_of_its_facts() -> None:
    assert columns_of(["both_lr"], SAID) == {"a", "b"}
    assert columns_of(["c_l = 1"], SAID) == {"c"}
    assert columns_of(["home_lr"], MODEL) == {"phones", "line", "zip", "house"}


def test_every_fact_of_the_model_is_read() -> None:
    conditions = [veto.when for veto in MODEL.vetoes]
    conditions += [level.when for c in MODEL.comparisons for level in c.levels]
    conditions += [c.null for c in MODEL.comparisons]
    read_ = set(re.findall(r"\b(\w+)_lr\b", " ".join((*conditions, *MODEL.facts.values()))))
    assert read_ == set(MODEL.facts)


def test_what_is_judged_stands_in_the_records() -> None:
    with database() as db:
        read(db, people(3))
        link(db)
        has = {row[0] for row in db.rows("select column_name from (describe person_record)")}
    frequent = {f"tf_{c.tf}" for c in MODEL.comparisons if c.tf}
    assert frequent < columns_judged(MODEL) <= has | frequent


def test_splink_finds_the_pairs_that_the_own_query_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = people(400)
    for n, row in enumerate(people(400)[:90]):
        change = ("birth_date", "given", "family", "line", "phone")[n % 5]
        rows.append({**row, change: rows[n + 1][change], "rec_id": f"again {n}"})
    told = []
    for at_once in (scoring.AT_ONCE, -1):
        monkeypatch.setattr(scoring, "AT_ONCE", at_once)
        with database() as db:
            read(db, rows)
            told.append(found(db, link(db)))
    own, splinks = told
    assert len(own.scored) > 60
    assert splinks.scored == pytest.approx(own.scored, abs=1e-6)
    assert {p: (k.outcome, k.veto, k.levels) for p, k in splinks.pairs.items()} == {
        p: (k.outcome, k.veto, k.levels) for p, k in own.pairs.items()
    }


def test_digits_of_birth_dates_are_counted_to_two() -> None:
    """Damerau's distance is dear, so it is not asked where it cannot be two."""
    with brief_database() as db:
        db.run("""
            create table person_record as
            select row_number() over (order by born) - 1 as n, born as birth_date,
              left(born, 4)::integer as birth_year, right(born, 5) as birth_day
            from (select (date '1921-01-02' + (97 * range)::integer)::varchar as born
                  from range(400))
        """)
        pairs = beside(
            ["birth_date", "birth_year", "birth_day"],
            "select l.n as l, r.n as r from person_record l cross join person_record r",
        )
        wrong, two = db.row(
            "select count(*) filter (least(digits_lr, 3) <> least(told, 3)), "
            "count(*) filter (digits_lr = 2) from (select *, "
            "damerau_levenshtein(birth_date_l, birth_date_r) as told "
            f"from ({with_facts(pairs, ['digits_lr'], MODEL)}))"
        )
        assert wrong == 0
        assert two > 900
