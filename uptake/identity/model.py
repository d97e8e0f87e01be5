"""How two records are compared. In: content/identity.toml and counts; out: a model with weights.

Fellegi and Sunter (1969): a level of a comparison weighs log2(m / u), where m is its share among
pairs of one person and u its share among other pairs. m is a prior that ships; u is counted in the
data where a level is the equality of columns, sampled otherwise, and leans on a prior while there
is little to count. So one configuration serves every load, and nothing is trained on labels.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.identity.pairs import beside, columns_compared, levelled

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

SAMPLED = 100_000
"""Random pairs that are looked at."""
LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Level:
    """One outcome of a comparison."""

    label: str
    when: str
    """SQL over columns with `_l` and `_r`; empty: none of the levels above."""
    m: float
    u: float
    counted: tuple[str, ...] = ()
    """Columns whose equality the level is, joined by commas; of several the most frequent."""
    fixed: bool = False
    """u stays as it ships."""
    tf: float = 0.0
    """How far the frequency of the name stands in for u: 0 not at all, 1 wholly."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that is compared."""

    name: str
    title: str
    null: str
    """SQL: when nothing can be said."""
    levels: tuple[Level, ...]
    tf: str = ""
    """The column whose frequencies count."""


@dataclass(frozen=True, slots=True)
class Veto:
    """Why a pair is not linked however likely it is."""

    words: str
    when: str
    outcome: str
    """review, related (somebody else of the same household), or none: the pair is not shown."""
    apart: bool
    """True where it speaks for two people; False where there is too little to be sure."""


@dataclass(frozen=True, slots=True)
class Model:
    """All that a comparison rests on."""

    version: str
    comparisons: tuple[Comparison, ...]
    vetoes: tuple[Veto, ...]
    settings: Mapping[str, Any]
    facts: Mapping[str, str] = field(default_factory=dict)
    """SQL of what is so of a pair, by name: conditions read it as `name_lr`."""
    prevalence: float = 0.0
    """The probability that two records of one feed, taken at random, are of one person."""
    across: float = 0.0
    """The same of records of two feeds: whom two senders know they know on purpose."""
    counts: Mapping[str, float] = field(default_factory=dict)


@cache
def shipped_model() -> Model:
    """Return the model that ships, with its priors."""
    path = Path(str(resources.files("uptake"))) / "content" / "identity.toml"
    told = tomllib.loads(path.read_text("utf-8"))
    words = {name: f"{name}_lr" for name in told["pair"]}
    facts = {name: sql.format(**words) for name, sql in told["pair"].items()}
    comparisons = tuple(
        Comparison(
            c["name"],
            c["title"],
            c["null"].format(**words),
            tuple(_level(level, words) for level in c["level"]),
            c.get("tf", ""),
        )
        for c in told["comparison"]
    )
    vetoes = tuple(
        Veto(
            v["words"], v["when"].format(**words), v.get("outcome", "review"), v.get("apart", True)
        )
        for v in told.get("veto", ())
    )
    settings = {k: v for k, v in told.items() if k not in ("comparison", "veto", "pair")}
    return Model(told["version"], comparisons, vetoes, settings, facts)


def _level(told: Mapping[str, Any], words: Mapping[str, str]) -> Level:
    counted = told.get("counted", ())
    when = (
        told.get("when", "").format(**words)
        if "{" in told.get("when", "")
        else told.get("when", "")
    )
    return Level(
        told["label"],
        when,
        told["m"],
        told["u"],
        (counted,) if isinstance(counted, str) else tuple(counted),
        told.get("fixed", False),
        float(told.get("tf", 0.0)),
    )


def fitted(db: Database, model: Model) -> Model:
    """Return the model with u from the records at hand, and the prevalence to begin with."""
    (records,) = db.row("select count(*) from person_record")
    pairs = records * (records - 1) / 2
    prior = float(model.settings["prior_pairs"])
    prevalence = 2 * model.settings["twice"] / max(records, model.settings["as_if"])
    sampled = _sampled(db, model, records)
    comparisons = []
    for comparison, shares in zip(model.comparisons, sampled, strict=True):
        seen = sum(shares)
        levels = []
        for level, hits in zip(comparison.levels, shares, strict=True):
            if level.fixed:
                levels.append(level)
                continue
            found, of = float(hits), float(seen)
            if level.counted and pairs:
                found = max(_coincidences(db, columns) for columns in level.counted)
                found, of = max(found - prevalence * pairs * level.m, 0.3 * found), pairs
            u = (found + level.u * prior) / (of + prior)
            levels.append(replace(level, u=min(max(u, LEAST), 1.0)))
        comparisons.append(replace(comparison, levels=tuple(levels)))
    return replace(model, comparisons=tuple(comparisons), prevalence=prevalence, across=prevalence)


def _coincidences(db: Database, columns: str) -> float:
    """Return how many pairs of records are equal in these columns; a list's items count each."""
    names = [name.strip() for name in columns.split(",")]
    lists = ("phones", "emails", "numbers", "mrns")
    parts = ", ".join(f"unnest({n}) as {n}" if n in lists else n for n in names)
    known = " and ".join(f"{n} is not null" for n in names)
    (found,) = db.row(
        f"select coalesce(sum(c * (c - 1) / 2), 0)::double from (select count(*)::double as c "
        f"from (select {parts} from person_record) where {known} group by {', '.join(names)})"
    )
    return float(found)


def _sampled(db: Database, model: Model, records: int) -> list[list[int]]:
    """Return, for each comparison, how many of some random pairs are on each level.

    The pairs are the same in every run: record n with the one some steps further on, the steps
    being spread over the load.
    """
    if records < 2:
        return [[0] * len(c.levels) for c in model.comparisons]
    rounds = max(1, min(records - 1, SAMPLED // records))
    steps = sorted({1 + (records - 1) * k // rounds for k in range(rounds)} - {records})
    some = "" if records <= SAMPLED else f"where n % {records // SAMPLED + 1} = 0"
    columns = ", ".join(
        f"count(*) filter (level_{c.name} = {k})"
        for c in model.comparisons
        for k in range(len(c.levels))
    )
    db.run(
        f"create or replace temp table sampled as select n as l, (n + step) % {records} as r "
        f"from person_record cross join (select unnest({steps}) as step) {some}"
    )
    pair = beside(columns_compared(model), "from sampled")
    row = db.row(f"select {columns} from ({levelled(model, pair)})")
    db.run("drop table sampled")
    found, at = [], 0
    for comparison in model.comparisons:
        found.append(list(row[at : at + len(comparison.levels)]))
        at += len(comparison.levels)
    return found
