"""In: a judged database. Out: pairs side by side, to see why the figures are what they are.

The sets hold nobody's data, so their rows may be printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

SHOWN = ("given", "middle", "family", "suffix", "birth_date", "gender", "line", "zip", "phone")

WRONG = {
    "wrongly linked": "select rid_l, rid_r, kind as why from judged_link "
    "where outcome = 'auto' and not same",
    "missed": "select rid_l, rid_r, array_to_string(noises, '+') || ' ' || outcome as why "
    "from true_pair where outcome not in ('auto', 'review')",
    "wrongly in review": "select rid_l, rid_r, kind as why from judged_link "
    "where outcome = 'review' and not same",
}


def examples(db: Database, count: int) -> str:
    """So many pairs of each way to be wrong, in an order that does not follow the file."""
    return "\n\n".join(
        f"{title}\n" + "\n".join(_pairs(db, query, count)) for title, query in WRONG.items()
    )


def _pairs(db: Database, query: str, count: int) -> list[str]:
    columns = ", ".join(f"coalesce({{side}}.{name}, '')" for name in (*SHOWN, "email", "ssn"))
    rows = db.rows(f"""
        select why, s.probability, k.veto,
          [{columns.format(side="l")}], [{columns.format(side="r")}]
        from ({query}) q
        join set_row l on l.rid = rid_l join set_row r on r.rid = rid_r
        left join scored_pair s using (rid_l, rid_r)
        left join patient_link k using (rid_l, rid_r)
        order by hash(rid_l, rid_r) limit {count}
    """)
    return [
        f"- {why} p {'–' if p is None else f'{p:.4f}'} {veto or ''}\n"
        f"    {' | '.join(left)}\n    {' | '.join(right)}"
        for why, p, veto, left, right in rows
    ]
