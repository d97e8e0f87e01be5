"""A pair as if one thing agreed. In: two `person_record`s, a model; out: what would become of it.

Levels and vetoes are the model's own SQL, asked of the records with the columns of one comparison
made equal: so a veto that would fall falls here too, and one that would rise is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from uptake.engine.duckdb import Database, brief_database, quoted
from uptake.identity.explain import Alternative, Scored, probability
from uptake.identity.outcomes import judged_query
from uptake.identity.pairs import beside, columns_compared, columns_of, levelled

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.identity.explain import Level
    from uptake.identity.model import Comparison, Model


def if_alike(
    persons: Path,
    pair: Scored,
    records: Sequence[tuple[str, str]],
    model: Model,
    weights: Mapping[tuple[str, str], float],
) -> tuple[Alternative, ...]:
    """Return what would become of a pair if one comparison were as records of one person have it.

    `persons` is persons.parquet of the run, `weights` what a level (comparison, label) weighs in
    it; one that the run has not weighs what the model says. Empty where a record is not there.
    """
    with brief_database("256MB") as db:
        source = f"read_parquet({quoted(str(persons))})"
        columns = {n: kind for n, kind, *_ in db.rows(f"describe select * from {source}")}
        for side, record in zip("lr", records, strict=True):
            db.run(
                f"create table one_{side} as select * from {source} where feed = ? and id = ?",
                [*record],
            )
        if db.row("select (select count(*) from one_l), (select count(*) from one_r)") != (1, 1):
            return ()
        _suppose(db, model, columns)
        return _judged(db, pair, model, weights)


def _suppose(db: Database, model: Model, columns: Mapping[str, str]) -> None:
    """Make `person_record`: both records for each comparison, with its columns made equal.

    The two of comparison k have the numbers 2k and 2k + 1; where one is silent, it says what the
    other says.
    """
    rows = []
    for k, comparison in enumerate(model.comparisons):
        alike = _columns_of(comparison, columns, model)
        told = ", ".join(_shared(name, columns[name]) for name in sorted(alike))
        replaced = f" replace ({told})" if told else ""
        rows += [
            f"select {2 * k + n} as n, n as rid, {side}.*{replaced} from one_l l, one_r r"
            for n, side in enumerate("lr")
        ]
    db.run(f"create table person_record as {' union all by name '.join(rows)}")


def _columns_of(comparison: Comparison, columns: Mapping[str, str], model: Model) -> set[str]:
    """Return the columns that are equal on the level that records of one person mostly have."""
    usual = max(comparison.levels, key=lambda level: level.m)
    begun = {name.partition("_")[0] for name in columns_of([usual.when], model)}
    return {name for name in columns if name.partition("_")[0] in begun}


def _shared(name: str, kind: str) -> str:
    one, other = (f"nullif({s}.{name}, [])" if kind.endswith("[]") else f"{s}.{name}" for s in "lr")
    return f"coalesce({one}, {other}, {'l.' + name}) as {name}"


def _judged(
    db: Database,
    pair: Scored,
    model: Model,
    weights: Mapping[tuple[str, str], float],
) -> tuple[Alternative, ...]:
    levels = ", ".join(f"level_{c.name}" for c in model.comparisons)
    pairs = "select n as l, n + 1 as r from person_record where n % 2 = 0"
    pairs = beside(columns_compared(model), pairs)
    rows = db.rows(f"select l, {levels} from ({levelled(model, pairs)}) order by l")
    known = {level.comparison: level for level in pair.levels}
    told = [_weighed(n, found, pair, model, known, weights) for n, *found in rows]
    _score(db, model, [[*row, *found] for row, (_, *found) in zip(told, rows, strict=True)])
    judged = {
        n: (outcome, veto)
        for n, outcome, veto in db.rows(f"select l, outcome, veto from ({judged_query(model)})")
    }
    found = []
    for n, levels_ in ((row[0], row[1:]) for row in rows):
        comparison = model.comparisons[n // 2]
        level = levels_[n // 2]
        label = comparison.levels[level].label if level >= 0 else ""
        if label and comparison.title in known and label != known[comparison.title].label:
            outcome, veto = judged.get(n, ("", ""))
            found.append(Alternative(label, told[n // 2][3], outcome, veto))
    return tuple(found)


def _score(db: Database, model: Model, rows: Sequence[Sequence[float]]) -> None:
    """Make `scored` of what was weighed and of the levels."""
    kinds = {"l": "integer", "r": "integer", "weight": "double", "probability": "double"}
    kinds |= {f"weight_{c.name}": "double" for c in model.comparisons}
    kinds |= {f"level_{c.name}": "tinyint" for c in model.comparisons}
    db.run(f"create table scored ({', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
    db.insert("scored", list(kinds), rows)


def _weighed(
    n: int,
    found: Sequence[int],
    pair: Scored,
    model: Model,
    known: Mapping[str, Level],
    weights: Mapping[tuple[str, str], float],
) -> list[float]:
    """Return a row of `scored` but for the levels: what is as it was weighs what it weighed."""
    told = []
    for comparison, level in zip(model.comparisons, found, strict=True):
        was = known.get(comparison.title)
        if level < 0:
            told.append(0.0)
            continue
        now = comparison.levels[level]
        if was is not None and was.label == now.label:
            told.append(was.weight)
        else:
            told.append(weights.get((comparison.title, now.label), math.log2(now.m / now.u)))
    weight = pair.levels[0].weight + math.fsum(told)
    return [n, n + 1, weight, probability(weight), *told]
