"""How likely each pair is one person. In: candidates and a model; out: `scored`.

Splink scores them. The prevalence is then estimated anew from the scores, until it stays.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from splink import DuckDBAPI, Linker

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.identity.model import Comparison, Model

LEAST_WEIGHT = -8.0
"""Pairs under this are not kept: one in 250 would be true."""
ROUNDS = 20
"""Of the estimate of the prevalence; it stays after some five."""


def settings(model: Model) -> dict[str, Any]:
    """Return the model as Splink takes it."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "n",
        "sql_dialect": "duckdb",
        "probability_two_random_records_match": model.prevalence,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": True,
        "blocking_rules_to_generate_predictions": ["l.n = r.n"],
        "comparisons": [_comparison(c) for c in model.comparisons],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": comparison.null,
            "label_for_charts": "cannot tell",
            "is_null_level": True,
        }
    ]
    for level in comparison.levels:
        told: dict[str, Any] = {
            "sql_condition": level.when or "ELSE",
            "label_for_charts": level.label,
            "m_probability": level.m,
            "u_probability": level.u,
        }
        if level.tf:
            told["tf_adjustment_column"] = comparison.tf
            told["tf_adjustment_weight"] = level.tf
        levels.append(told)
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def score(db: Database, model: Model) -> Model:
    """Make `scored` (l, r, weight, probability and a row of levels); returns the model
    with the prevalence that the scores tell.
    """
    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=db.connection)
    linker = Linker(
        api.register("person_record"),
        settings(model),
        log_level=logging.ERROR,
        validate_settings=False,
    )
    tables = linker.table_management
    for comparison in model.comparisons:
        if comparison.tf:
            name = _frequencies(db, comparison.tf, model)
            tables.register_term_frequency_lookup(api.register(name), comparison.tf)
    db.run(
        "create or replace table blocked_pair as "
        "select '0' as match_key, l as join_key_l, r as join_key_r from compared"
    )
    tables.register_blocked_pairs_for_predict(api.register("blocked_pair"))
    found = linker.inference.predict(threshold_match_weight=LEAST_WEIGHT, warning_mode="never")
    settled = _settle(db, found.physical_name, model)
    found.drop_table_from_database_and_remove_from_cache()
    db.run("drop table blocked_pair")
    return settled


def _frequencies(db: Database, column: str, model: Model) -> str:
    """Make the table of how frequent each name is, leaning on the prior while records are few."""
    name = f"frequency_of_{column}"
    worth = float(model.settings["prior_names"])
    typical = max(
        level.u for c in model.comparisons if c.tf == column for level in c.levels if level.tf == 1
    )
    db.run(
        f"create or replace table {name} as "
        f"select {column}, (count(*) + {worth * typical}) / (sum(count(*)) over () + {worth}) "
        f"as tf_{column} from person_record where {column} is not null group by {column}"
    )
    return name


def _settle(db: Database, found: str, model: Model) -> Model:
    """Make `scored` with the prevalences at which the expected true pairs agree with them."""
    weights = ", ".join(
        f"coalesce(mw_{c.name}, 0)"
        + (f" + coalesce(mw_tf_adj_{c.name}, 0)" if c.tf else "")
        + f" as weight_{c.name}"
        for c in model.comparisons
    )
    began = _odds(model.prevalence)
    db.run(
        "create or replace temp table weighed as "
        f"select n_l as l, n_r as r, match_weight - ({began}) as evidence, "
        f"a.feed = b.feed as within, {weights} from {found} "
        "join person_record a on a.n = n_l join person_record b on b.n = n_r"
    )
    within, across = (_prevalence(db, model, own) for own in (True, False))
    prior = f"case when within then {_odds(within)} else {_odds(across)} end"
    db.run(
        f"create or replace table scored as select l, r, evidence + {prior} as weight, "
        "1 / (1 + pow(2, -weight)) as probability, * exclude (l, r, evidence, within) "
        "from weighed"
    )
    db.run("drop table weighed")
    return replace(model, prevalence=within, across=across)


def _prevalence(db: Database, model: Model, within: bool) -> float:
    """Return how many of the possible pairs of one feed, or of two, are of one person.

    It leans on the model's `twice` while there are few records.
    """
    (records,) = db.row("select count(*) from person_record")
    (own,) = db.row(
        "select coalesce(sum(n * (n - 1) // 2), 0)::bigint from "
        "(select count(*) as n from person_record group by feed)"
    )
    if not records:
        return model.prevalence
    told = model.settings
    possible = own if within else records * (records - 1) // 2 - own
    possible = max(possible, records * told["as_if"] / 2)
    prevalence = model.prevalence
    for _ in range(ROUNDS):
        (expected,) = db.row(
            # as decimals: a sum of doubles depends on the order of its rows
            "select coalesce(sum((1 / (1 + pow(2, -(evidence + $prior))))::decimal(38, 12)), 0) "
            "from weighed "
            "where within = $within",
            {"prior": _odds(prevalence), "within": within},
        )
        worth = told["twice_worth"]
        share = (float(expected) + told["twice"] * worth) / (records + worth)
        new = min(share * records / possible, 0.5)
        settled = abs(new / prevalence - 1) < 0.001
        prevalence = new
        if settled:
            break
    return prevalence


def _odds(probability: float) -> float:
    """Return the log2 odds of a probability."""
    return math.log2(probability / (1 - probability))
