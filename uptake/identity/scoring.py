"""How likely each pair is one person. In: candidates and a model; out: `scored`.

Splink scores them, but for a few pairs it is not set up: they are scored by the query that it would
write. The prevalence is then estimated anew from the scores, until it stays.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from uptake.identity.pairs import beside, columns_compared, levelled
from uptake.identity.weights import equality, scored_sql, weight_sql

if TYPE_CHECKING:
    from splink import SplinkDataFrame

    from uptake.engine.duckdb import Database
    from uptake.identity.model import Comparison, Model

LEAST_WEIGHT = -8.0
"""Pairs under this are not kept: one in 250 would be true."""
AT_ONCE = 60_000
"""Up to so many pairs are scored without Splink, by the same query."""
ROUNDS = 20
"""Of the estimate of the prevalence; it stays after some five."""


def settings(model: Model) -> dict[str, Any]:
    """Return the model as Splink takes it, over `pair_level`: a pair is a record of its own."""
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
    level = f"level_{comparison.name}_l"
    levels: list[dict[str, Any]] = [
        {
            "sql_condition": f"{level} = -1",
            "label_for_charts": "cannot tell",
            "is_null_level": True,
        }
    ]
    equal = equality(comparison)
    for k, told in enumerate(comparison.levels):
        levels.append(
            {
                # by this condition Splink knows whose u the frequency of a name stands in for
                "sql_condition": equal if told.when == equal else f"{level} = {k}",
                "label_for_charts": told.label,
                "m_probability": told.m,
                "u_probability": told.u,
            }
        )
        if told.tf:
            levels[-1]["tf_adjustment_column"] = comparison.tf
            levels[-1]["tf_adjustment_weight"] = told.tf
    levels[-1]["sql_condition"] = "ELSE"
    return {"output_column_name": comparison.name, "comparison_levels": levels}


def score(db: Database, model: Model) -> Model:
    """Make `scored`: l, r, weight, probability, and the weight of each comparison.

    Returns the model with the prevalences that the scores tell.
    """
    names = [c.tf for c in model.comparisons if c.tf]
    for name in names:
        _frequencies(db, name, model)
    (pairs,) = db.row("select count(*) from compared")
    if pairs > AT_ONCE:
        _weigh(db, model, names)
    else:
        _weigh_at_once(db, model, names)
    return _settle(db, model)


def _weigh(db: Database, model: Model, names: Sequence[str]) -> None:
    """Make `weighed` by Splink: l, r, evidence (the weight without the prior), weights and levels.

    The levels are found first, since Splink would work out what several of them ask each time
    anew, on rows of fifty columns. Its records are the pairs: each has its levels, and the names
    that both have.
    """
    levels = ", ".join(f"level_{c.name}" for c in model.comparisons)
    pair = beside({*names, *columns_compared(model)}, "from compared")
    same = ", ".join(f"case when {n}_l = {n}_r then {n}_l end as {n}" for n in names)
    db.run(
        f"create or replace table pair_level as select (l::bigint << 32) + r as n, {levels}, "
        f"{same} from ({levelled(model, pair)})"
    )
    found = _predicted(db, model, names)
    weights = ", ".join(
        f"coalesce(mw_{c.name}, 0)"
        + (f" + coalesce(mw_tf_adj_{c.name}, 0)" if c.tf else "")
        + f" as weight_{c.name}"
        for c in model.comparisons
    )
    db.run(
        "create or replace temp table weighed as "
        "select (n >> 32)::integer as l, (n & 4294967295)::integer as r, "
        f"match_weight - ({_odds(model.prevalence)}) as evidence, {weights}, {levels} "
        f"from {found.physical_name} f join pair_level p on p.n = f.n_l"
    )
    found.drop_table_from_database_and_remove_from_cache()
    db.run("drop table pair_level")


def _predicted(db: Database, model: Model, names: Iterable[str]) -> SplinkDataFrame:
    """Return what Splink says of `pair_level`, of the pairs that are likely enough."""
    from splink import DuckDBAPI, Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    api = DuckDBAPI(connection=db.connection)
    linker = Linker(
        api.register("pair_level"),
        settings(model),
        log_level=logging.ERROR,
        validate_settings=False,
    )
    tables = linker.table_management
    for name in names:
        tables.register_term_frequency_lookup(api.register(f"frequency_of_{name}"), name)
    db.run(
        "create or replace table blocked_pair as "
        "select '0' as match_key, n as join_key_l, n as join_key_r "
        f"from ({_at_most(db, model, names)}) where weight >= {LEAST_WEIGHT}"
    )
    tables.register_blocked_pairs_for_predict(api.register("blocked_pair"))
    found = linker.inference.predict(threshold_match_weight=LEAST_WEIGHT, warning_mode="never")
    db.run("drop table blocked_pair")
    return found


def _at_most(db: Database, model: Model, names: Iterable[str]) -> str:
    """Return the query of the largest weight that each pair could have: with the rarest of names.

    Most pairs cannot be likely even so, and Splink need not see them.
    """
    rarest = []
    for name in names:
        (share,) = db.row(f"select min(tf_{name}) from frequency_of_{name}")
        rarest += [f"{share or 1.0}::double as tf_{name}_{side}" for side in "lr"]
    weight = " + ".join(map(weight_sql, model.comparisons))
    return (
        f"select n, {_odds(model.prevalence)} + {weight} as weight "
        f"from (select *, {', '.join(rarest)} from pair_level)"
    )


def _weigh_at_once(db: Database, model: Model, names: Iterable[str]) -> None:
    """Make `weighed` by the query that Splink would run, which takes half a second to write it.

    It is materialized before it is filtered: else DuckDB works out every level twice.
    """
    told = ", ".join(f"frequency_of_{name}.tf_{name}" for name in names)
    joins = " ".join(f"left join frequency_of_{name} using ({name})" for name in names)
    query = scored_sql(replace(model, across=model.prevalence), "from compared")
    db.run(
        f"""
        create or replace temp table weighed as
        with person_record as materialized (select p.*, {told} from main.person_record p {joins}),
        everything as materialized ({query})
        select l, r, weight - ({_odds(model.prevalence)}) as evidence,
          * exclude (l, r, weight, probability)
        from everything where weight >= {LEAST_WEIGHT}
        """
    )


def _frequencies(db: Database, column: str, model: Model) -> None:
    """Make the table of how frequent each name is, leaning on the prior while records are few."""
    worth = float(model.settings["prior_names"])
    typical = max(
        level.u for c in model.comparisons if c.tf == column for level in c.levels if level.tf == 1
    )
    db.run(
        f"create or replace table frequency_of_{column} as "
        f"select {column}, (count(*) + {worth * typical}) / (sum(count(*)) over () + {worth}) "
        f"as tf_{column} from person_record where {column} is not null group by {column}"
    )


def _settle(db: Database, model: Model) -> Model:
    """Make `scored` with the prevalences at which the expected true pairs agree with them."""
    db.run(
        "create or replace temp table settled as select w.*, a.feed = b.feed as within "
        "from weighed w join person_record a on a.n = w.l join person_record b on b.n = w.r"
    )
    within, across = (_prevalence(db, model, own) for own in (True, False))
    prior = f"case when within then {_odds(within)} else {_odds(across)} end"
    db.run(
        f"create or replace table scored as select l, r, evidence + {prior} as weight, "
        "1 / (1 + pow(2, -weight)) as probability, * exclude (l, r, evidence, within) "
        "from settled"
    )
    db.run("drop table settled")
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
            "from settled "
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
