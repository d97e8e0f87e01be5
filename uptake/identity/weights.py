"""How likely pairs are one person, in SQL. In: a model; out: the query that Splink would run.

Splink scores a whole load. A query for one record has no time to set it up, so the same levels,
weights and frequencies are written out here; a test holds both against each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from uptake.identity.pairs import beside, columns_compared, levelled

if TYPE_CHECKING:
    from uptake.identity.model import Comparison, Model


def scored_sql(model: Model, pairs: str) -> str:
    """Return the query of `scored`: l, r, weight, probability, weight and level of each comparison.

    `pairs` is a query of l and r, numbers of `person_record`, which has `tf_…`, how frequent a name
    is, for each comparison that goes by frequency.
    """
    frequent = {f"tf_{c.tf}" for c in model.comparisons if c.tf}
    told = ", ".join(f"weight_{c.name}, level_{c.name}" for c in model.comparisons)
    pair = beside({"feed", *frequent, *columns_compared(model)}, pairs)
    return f"select l, r, weight, probability, {told} from ({weighed(model, pair)})"


def weighed(model: Model, pair: str, conditions: Iterable[str] = ()) -> str:
    """Return a query of pairs with all that `scored_sql` tells of them, and its own columns.

    The facts of other conditions are added, too.
    """
    weights = ", ".join(f"{weight_sql(c)} as weight_{c.name}" for c in model.comparisons)
    added = " + ".join(f"weight_{c.name}" for c in model.comparisons)
    within, across = (math.log2(share / (1 - share)) for share in (model.prevalence, model.across))
    # who asks without a feed asks as that one would which knows the record
    prior = (
        f"case when feed_l = feed_r or '' in (feed_l, feed_r) "
        f"then {within!r}::double else {across!r}::double end"
    )
    return f"""
        select *, {prior} + {added} as weight, 1 / (1 + pow(2::double, -weight)) as probability
        from (select *, {weights} from ({levelled(model, pair, conditions)}))
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


def equality(comparison: Comparison) -> str:
    """Return the condition that both have one name, as the level has it that says no more."""
    return f"{comparison.tf}_l = {comparison.tf}_r"


def _agreement(comparison: Comparison) -> float:
    """Return u of the level that is the equality of the name and nothing else, as Splink does."""
    equal = equality(comparison)
    return next(level.u for level in comparison.levels if level.when == equal)
