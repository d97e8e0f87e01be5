"""How likely pairs are one person, in SQL. In: a model; out: the query that Splink would run.

Splink scores a whole load. A query for one record has no time to set it up, so the same levels,
weights and frequencies are written out here; a test holds both against each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from uptake.identity.model import level_sql

if TYPE_CHECKING:
    from uptake.identity.model import Comparison, Model


def scored_sql(model: Model, columns: Iterable[str], pairs: str) -> str:
    """Return the query of `scored`: l, r, weight, probability and the weight of each comparison.

    `pairs` is a query of l and r, numbers of `person_record`, whose columns these are; it has
    `tf_…`, how frequent a name is, for each comparison that goes by frequency.
    """
    both = ", ".join(f"{side}.{name} as {name}_{side}" for side in "lr" for name in columns)
    levels = ", ".join(f"{level_sql(c)} as level_{c.name}" for c in model.comparisons)
    weights = ", ".join(f"{weight_sql(c)} as weight_{c.name}" for c in model.comparisons)
    names = [f"weight_{c.name}" for c in model.comparisons]
    within, across = (math.log2(share / (1 - share)) for share in (model.prevalence, model.across))
    # who asks without a feed asks as that one would which knows the record
    prior = (
        f"case when feed_l = feed_r or '' in (feed_l, feed_r) "
        f"then {within!r}::double else {across!r}::double end"
    )
    return f"""
        select n_l as l, n_r as r, {prior} + {" + ".join(names)} as weight,
          1 / (1 + pow(2::double, -weight)) as probability, {", ".join(names)}
        from (select *, {weights} from (select *, {levels} from (
          select {both} from ({pairs}) p
          join person_record l on l.n = p.l join person_record r on r.n = p.r)))
    """


def weight_sql(comparison: Comparison) -> str:
    """Return the SQL of what the level of a pair weighs, log2 of m / u; 0 where none can be told.

    A level that goes by frequency is an agreement on the name: there u is how frequent this one
    is, not how frequent names are on average.
    """
    cases = []
    for k, level in enumerate(comparison.levels):
        weight = f"{math.log2(level.m / level.u)!r}::double"
        if level.tf:
            typical = math.log2(_agreement(comparison))
            one, other = (f"tf_{comparison.tf}_{side}" for side in "lr")
            # of two names that are one only one may be known: that of a new record is not
            frequent = f"greatest(coalesce({one}, {other}), coalesce({other}, {one}))"
            weight += f" + coalesce({level.tf!r} * ({typical!r}::double - log2({frequent})), 0)"
        cases.append(f"when {k} then {weight}")
    return f"(case level_{comparison.name} {' '.join(cases)} else 0::double end)"


def _agreement(comparison: Comparison) -> float:
    """Return u of the level that is the equality of the name and nothing else, as Splink does."""
    equal = f"{comparison.tf}_l = {comparison.tf}_r"
    return next(level.u for level in comparison.levels if level.when.strip("() ") == equal)
