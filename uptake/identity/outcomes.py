"""What becomes of a scored pair. In: `scored`, a model; out: `patient_link`, `patient_cluster`.

Four outcomes: auto (linked, in figures only), review (a person decides), related (one household,
two people), and not a match, which is not listed. A veto keeps a pair from auto however likely it
is. A group of linked records that holds a pair kept apart, or that grew too large, is reviewed
whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.identity.pairs import beside, columns_of, with_facts
from uptake.identity.weights import weighed

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.identity.model import Comparison, Model

APART = "another pair of its group is kept apart"
GROWN = "its group grew too large to be sure of"
DECIDED = "a reviewer does not take them for one person"
GATE = "the figures of this load are not what linkage expects, so nothing is linked by itself"


def decide_outcomes(db: Database, model: Model) -> None:
    """Make `judged_pair`: the pairs that are likely enough, each with its outcome and veto."""
    db.run(f"create or replace table judged_pair as {judged_query(model)}")


def judged_query(model: Model) -> str:
    """Return the query of `judged_pair` over `scored` and `person_record`."""
    conditions = [veto.when for veto in model.vetoes]
    likely = f"select * from scored where probability >= {model.settings['outcome']['review']}"
    pair = beside({"rid", *columns_of(conditions, model)}, likely)
    return _judged(model, with_facts(pair, conditions, model))


def judged_at_once(model: Model, pair: str) -> str:
    """Return the query of `judged_pair` over a query of pairs with `columns_judged` of both."""
    pair = weighed(model, pair, [veto.when for veto in model.vetoes])
    least = model.settings["outcome"]["review"]
    return _judged(model, f"select * from ({pair}) where probability >= {least}")


def _judged(model: Model, pair: str) -> str:
    bounds = model.settings["outcome"]
    cases = "\n".join(f"when {v.when} then {k}" for k, v in enumerate(model.vetoes))
    words = ", ".join(quoted(v.words) for v in model.vetoes)
    apart = ", ".join(str(v.apart).lower() for v in model.vetoes)
    outcomes = ", ".join(quoted(v.outcome) for v in model.vetoes)
    levels = ", ".join(f"{_label(c)} as {c.name}" for c in model.comparisons)
    told = ", ".join(
        f"struct_pack(comparison := {quoted(c.title)}, label := {c.name}, "
        f"weight := weight_{c.name})"
        for c in model.comparisons
    )
    return f"""
        with labelled as (select *, {levels} from ({pair})),
        -- materialized: else each veto is asked twice, for the filter once more
        vetoed as materialized (
          select *, case {cases or "when false then 0"} end as k from labelled
        )
        select l, r, least(rid_l, rid_r) as rid_l, greatest(rid_l, rid_r) as rid_r,
          probability, weight, [{told}] as levels,
          coalesce([{words}][k + 1], '') as veto, coalesce([{apart}][k + 1], false) as apart,
          case when k is null and probability >= {bounds["auto"]} then 'auto'
            else coalesce([{outcomes}][k + 1], 'review') end as outcome
        from vetoed where coalesce([{outcomes}][k + 1], '') <> 'none'
        """


def _label(comparison: Comparison) -> str:
    """Return the SQL of the label of the level a pair is on."""
    labels = ", ".join(quoted(x) for x in ("cannot tell", *(v.label for v in comparison.levels)))
    return f"[{labels}][level_{comparison.name} + 2]"


def cluster(db: Database, model: Model, *, trusted: bool) -> None:
    """Make the outcomes of `judged_pair` final, and `patient_cluster`.

    `trusted` is what the sanity gate said: where it is false nothing is linked by itself. What a
    reviewer decided (`decided_pair`) goes before that: *same* links, all but *unsure* else keep
    apart.
    """
    if not trusted:
        _to_review(db, "true", GATE)
    _to_review(db, "(l, r) in (select l, r from decided_pair where decision <> 'same')", DECIDED)
    _group(db)
    grown = model.settings["outcome"]["grown"]
    _to_review(
        db,
        "l in (select n from grouped_record where root in (select root from grouped_record "
        f"group by root having count(*) > {grown}))",
        GROWN,
    )
    _to_review(
        db,
        "l in (select n from grouped_record where root in ("
        f"select a.root from ({_APART}) p join grouped_record a on a.n = p.l "
        "join grouped_record b on b.n = p.r and b.root = a.root))",
        APART,
    )
    _group(db)
    db.run(
        "create or replace table patient_cluster as select a.rid as cluster, b.rid "
        "from grouped_record c join person_record a on a.n = c.root "
        "join person_record b on b.n = c.n"
    )
    db.run("drop table grouped_record")


_SAME = "select l, r from decided_pair where decision = 'same'"
_APART = f"""
select l, r from judged_pair where apart and (l, r) not in ({_SAME})
union select l, r from decided_pair where decision not in ('same', 'unsure')
"""


def _group(db: Database) -> None:
    """Make `grouped_record`: the records that links join, and the smallest of each group."""
    roots = grouped(
        db.rows(f"select l, r from judged_pair where outcome = 'auto' union {_SAME} order by l, r")
    )
    db.run("create or replace temp table grouped_record (n integer, root integer)")
    db.insert("grouped_record", ("n", "root"), list(roots.items()))


def _to_review(db: Database, where: str, why: str) -> None:
    db.run(
        f"update judged_pair set outcome = 'review', veto = {quoted(why)} "
        f"where outcome = 'auto' and ({where}) and (l, r) not in ({_SAME})"
    )


def grouped(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return the smallest member of each connected group, by member."""
    parent: dict[int, int] = {}

    def root(x: int) -> int:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {member: root(member) for member in parent}
