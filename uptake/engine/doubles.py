"""Which expressions may be doubles. In: a parsed query; out: a function that says so of its nodes.

The tables' columns are told by their names (`content/tables.toml`); CTEs and subqueries by what
they select. In doubt the answer is yes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot import exp

# What has a double for a result whatever goes in, and what is never one.
_ALWAYS = frozenset({"Div", "TimeToUnix"})
# fmt: off
_HANDED_ON = frozenset((
    "Add", "Sub", "Mul", "Mod", "Neg", "Paren", "Abs", "Floor", "Round", "Coalesce", "Nullif",
    "Greatest", "Least", "Min", "Max", "Sum", "Window", "Filter", "Case", "If", "Lag", "Lead",
    "Alias", "Subquery", "Ordered",
))
# fmt: on


def may_be_double(query: exp.Query, tables: Mapping[str, Any]) -> Callable[[exp.Expr], bool]:
    """Return a function that says whether an expression of the query may be a double."""
    from sqlglot import exp

    ctes = {cte.alias.lower(): cte.this for cte in query.find_all(exp.CTE)}
    endings, without = tuple(tables["doubles"]), frozenset(tables["without_doubles"])

    def judge(node: exp.Expr | None) -> bool:
        name = type(node).__name__
        if node is None or name not in _HANDED_ON:
            return (
                name in _ALWAYS
                or _is_double_by_form(node)
                or (isinstance(node, exp.Column) and of_column(node))
            )
        if isinstance(node, exp.Subquery):
            return any(judge(column) for column in node.this.selects)
        if isinstance(node, exp.Case):
            branches = [branch.args["true"] for branch in node.args["ifs"]]
            return any(judge(part) for part in [*branches, node.args.get("default")])
        return any(
            judge(part) for part in (node.this, node.args.get("expression"), *node.expressions)
        )

    def of_column(column: exp.Column) -> bool:
        return any(of_source(source, column) for source in _sources(column))

    def of_source(source: exp.Expr, column: exp.Column) -> bool:
        wanted = column.name.lower()
        if isinstance(source, exp.Table) and source.name.lower() not in ctes:
            ends = wanted.rsplit("_", 1)[-1] in endings
            return ends and source.name.lower() not in without
        inner = ctes[source.name.lower()] if isinstance(source, exp.Table) else source.this
        at = [i for i, c in enumerate(inner.selects) if c.alias_or_name.lower() == wanted]
        branches = inner.find_all(exp.Select) if isinstance(inner, exp.SetOperation) else [inner]
        return any(judge(b.selects[i]) for b in branches for i in at if i < len(b.selects))

    return judge


def _is_double_by_form(node: exp.Expr | None) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Cast):
        return node.to.this.name in ("DOUBLE", "FLOAT")
    if isinstance(node, exp.Extract | exp.Anonymous):
        return "epoch" in node.sql().lower()
    return isinstance(node, exp.Literal) and not node.is_string and "e" in node.name.lower()


def _sources(column: exp.Column) -> list[exp.Expr]:
    """Return the tables and subqueries a column may come from, the nearest select's first."""
    from sqlglot import exp

    found: list[exp.Expr] = []
    select = column.find_ancestor(exp.Select)
    while select is not None:
        clause = select.args.get("from_")
        parts = [clause.this] if clause else []
        parts += [join.this for join in select.args.get("joins") or []]
        qualifier = column.table.lower()
        named = [p for p in parts if not qualifier or p.alias_or_name.lower() == qualifier]
        found += [p for p in named if isinstance(p, exp.Table | exp.Subquery)]
        if found:
            break
        select = select.find_ancestor(exp.Select)
    return found
