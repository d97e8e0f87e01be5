"""Two records side by side, in SQL. In: a model; out: queries of what is so of each pair.

A pair has the columns of both records (`given_l`, `given_r`) and facts (`home_lr`): what several
levels and vetoes ask of it, worked out once. A fact is a condition of identity.toml by its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from uptake.identity.model import Comparison, Model

_COLUMN = re.compile(r"\b(\w+)_[lr]\b")
_FACT = re.compile(r"\b(\w+)_lr\b")


def columns_of(texts: Iterable[str], model: Model) -> set[str]:
    """Return the columns of `person_record` that conditions read, by themselves or by a fact."""
    told = " ".join(texts)
    needed = [model.facts[name] for name in _needed(told, model.facts)]
    return set(_COLUMN.findall(" ".join((told, *needed))))


def columns_compared(model: Model) -> set[str]:
    """Return the columns of `person_record` that levels read."""
    return columns_of(map(level_sql, model.comparisons), model)


def columns_judged(model: Model) -> set[str]:
    """Return the columns that the queries of `scored` and `judged_pair` read of a record."""
    vetoed = columns_of((veto.when for veto in model.vetoes), model)
    frequent = {f"tf_{c.tf}" for c in model.comparisons if c.tf}
    return columns_compared(model) | vetoed | frequent | {"n", "rid", "feed"}


def beside(columns: Iterable[str], pairs: str) -> str:
    """Return the query of pairs with these columns of both records.

    `pairs` is a query of l and r, numbers of `person_record`, and of what else is kept of them.
    """
    return (
        f"select p.*, {_of_both(columns)} from ({pairs}) p "
        "join person_record l on l.n = p.l join person_record r on r.n = p.r"
    )


def crossed(columns: Iterable[str], left: str, right: str) -> str:
    """Return the query of pairs, l and r, of each record of a query with each of another one."""
    return f"select l.n as l, r.n as r, {_of_both(columns)} from ({left}) l cross join ({right}) r"


def _of_both(columns: Iterable[str]) -> str:
    return ", ".join(f"{s}.{name} as {name}_{s}" for s in "lr" for name in sorted(columns))


def with_facts(query: str, texts: Iterable[str], model: Model) -> str:
    """Return the query with a column more for each fact that conditions read.

    A fact may be said with those before it.
    """
    left = _needed(" ".join(texts), model.facts)
    while left:
        ready = {n: sql for n, sql in left.items() if not left.keys() & set(_FACT.findall(sql))}
        told = ", ".join(f"{sql} as {name}_lr" for name, sql in ready.items())
        query = f"select *, {told} from ({query})"
        left = {name: sql for name, sql in left.items() if name not in ready}
    return query


def _needed(text: str, facts: Mapping[str, str]) -> dict[str, str]:
    """Return the facts that a text names, and those that they are said with."""
    needed: dict[str, str] = {}
    for name in reversed(list(facts)):
        if name in _FACT.findall(" ".join((text, *needed.values()))):
            needed[name] = facts[name]
    return dict(reversed(needed.items()))


def levelled(model: Model, pair: str, conditions: Iterable[str] = ()) -> str:
    """Return a query of pairs with the level of each comparison, `level_…`; -1: cannot tell.

    The query has the columns of both records that levels read. The facts of other conditions are
    added, too.
    """
    levels = [level_sql(c) for c in model.comparisons]
    told = ", ".join(
        f"{sql}::tinyint as level_{c.name}"
        for c, sql in zip(model.comparisons, levels, strict=True)
    )
    return f"select *, {told} from ({with_facts(pair, [*levels, *conditions], model)})"


def level_sql(comparison: Comparison) -> str:
    """Return the SQL of which level a pair is on: its place in `levels`, or -1: cannot tell."""
    cases = " ".join(
        f"when {level.when} then {k}" for k, level in enumerate(comparison.levels) if level.when
    )
    return f"(case when {comparison.null} then -1 {cases} else {len(comparison.levels) - 1} end)"
