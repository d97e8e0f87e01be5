"""Splink with its usual comparisons, trained by EM, as its guide for persons has it.

In: a Parquet file of prepared records. Out: rid_l, rid_r, probability, decided (at least .5).
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

FILLED = 0.05
"""A column with fewer values is left out."""


def main(source: str, out: str) -> None:
    """Train, predict and write."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    connection = duckdb.connect(config={"threads": 2})
    connection.execute(f"create table person as select rid as unique_id, * from '{source}'")
    names = [row[0] for row in connection.execute("describe person").fetchall()]
    shares = ", ".join(f"count({name}) / count(*)" for name in names)
    counted = connection.execute(f"select {shares} from person").fetchall()[0]
    has = {name for name, share in zip(names, counted, strict=True) if share >= FILLED}
    linker = Linker(
        DuckDBAPI(connection=connection).register(connection.table("person")),
        SettingsCreator(
            link_type="dedupe_only",
            comparisons=comparisons(has),
            blocking_rules_to_generate_predictions=candidates(has),
            retain_intermediate_calculation_columns=False,
            retain_matching_columns=False,
        ),
        log_level=logging.ERROR,
    )
    train(linker, has)
    scored = linker.inference.predict(threshold_match_weight=-10)
    connection.execute(
        "copy (select unique_id_l as rid_l, unique_id_r as rid_r, match_probability as probability,"
        f" match_probability >= .5 as decided from {scored.physical_name})"
        f" to '{out}' (format parquet)"
    )


def comparisons(has: set[str]) -> list[Any]:
    """The comparison that Splink's library has for each kind of column."""
    every = {
        "given": cl.NameComparison("given").configure(term_frequency_adjustments=True),
        "family": cl.NameComparison("family").configure(term_frequency_adjustments=True),
        "birth_date": cl.DateOfBirthComparison(
            "birth_date", input_is_string=True, datetime_format="%Y-%m-%d"
        ),
        "gender": cl.ExactMatch("gender"),
        "line": cl.JaroWinklerAtThresholds("line", [0.95, 0.88]).configure(
            term_frequency_adjustments=True
        ),
        "zip": cl.LevenshteinAtThresholds("zip", [1]).configure(term_frequency_adjustments=True),
        "phone": cl.DamerauLevenshteinAtThresholds("phone", [1]),
        "email": cl.EmailComparison("email"),
        "ssn": cl.DamerauLevenshteinAtThresholds("ssn", [1, 2]),
    }
    return [comparison for name, comparison in every.items() if name in has]


def candidates(has: set[str]) -> list[Any]:
    """Blocking rules over the columns that are there."""
    wanted = (
        ("ssn",),
        ("phone",),
        ("email",),
        ("given", "family"),
        ("birth_date", "family"),
        ("birth_date", "given"),
        ("birth_date", "zip"),
        ("zip", "family"),
        ("zip", "given"),
        ("line",),
    )
    return [block_on(*names) for names in wanted if has.issuperset(names)]


def train(linker: Linker, has: set[str]) -> None:
    """Prevalence from sure rules, u from random pairs, m by EM."""
    sure = (("given", "family", "birth_date"), ("family", "birth_date", "zip"), ("ssn",))
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on(*names) for names in sure if has.issuperset(names)], recall=0.7
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for names in (("given", "family"), ("birth_date",), ("zip", "family")):
        if has.issuperset(names):
            training.estimate_parameters_using_expectation_maximisation(block_on(*names))


if __name__ == "__main__":
    main(*sys.argv[1:])
