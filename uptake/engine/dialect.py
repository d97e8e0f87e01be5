"""The SQL that definitions may use. In: a query; out: its faults, each with line and remedy.

Allowed is what an example in `content/functions.toml` shows: a function by name, number and form of
its arguments, syntax by the parser's name for it. Everything else is refused, so a query gives the
same rows on every run and on every engine.
"""

from __future__ import annotations

import difflib
import functools
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.engine.doubles import may_be_double
from uptake.engine.tokens import Call, Token, calls_of, read_tokens, tables_of

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["Fault", "check_query", "known_tables", "tables_of"]

_ALLOWED = "uptake/content/functions.toml lists what is allowed"
# Parts of a node that say nothing, or whose own class says it.
_PLAIN = ("this", "expression", "expressions", "limit", "offset", "sample")
_ORDERED = ("RowNumber", "Lag", "Lead")
_INTEGERS = ("INT", "BIGINT", "SMALLINT", "TINYINT")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong at a line of the query, counted from 1, and what to do about it."""

    line: int
    message: str


@functools.cache
def _content(name: str) -> dict[str, Any]:
    path = resources.files("uptake") / "content" / name
    return tomllib.loads(path.read_text(encoding="utf-8"))


@functools.cache
def known_tables() -> frozenset[str]:
    """Return the names of the tables that definitions may read, reference tables among them."""
    lists = _content("tables.toml")
    folder = resources.files("uptake") / "content" / "reference"
    reference = frozenset(path.name.removesuffix(".csv") for path in folder.iterdir())
    return reference.union(lists["flat"], lists["datatype"], lists["other"])


def check_query(
    sql: str, tables: Collection[str], texts: Collection[str] = ()
) -> tuple[list[Fault], list[str]]:
    """Return every fault of a query, lines counted from its first, and its result's columns.

    The query may read `tables` and its own CTEs. The result's columns named in `texts` end as text,
    so a double there is a fault, too. Columns are empty when the query cannot be parsed.
    """
    tokens = read_tokens(sql)
    faults = [*_call_faults(tokens), *_word_faults(tokens)]
    parsed = _parse(sql, tokens[0].name if tokens else "")
    if isinstance(parsed, Fault):
        return sorted({*faults, parsed}), []
    called = {fault.line for fault in faults}
    faults += [f for f in _syntax_faults(parsed) if f.line not in called]
    faults += [*_table_faults(parsed, tables), *_rule_faults(parsed, texts)]
    return sorted(set(faults)), [column.output_name for column in parsed.selects]


def _parse(sql: str, first: str) -> exp.Query | Fault:
    import sqlglot  # lazy: run-time use of tested definitions needs no parser
    from sqlglot import errors, exp

    if first not in ("select", "with", "("):
        return Fault(1, f"{first or 'nothing'} is no query; begin with select or with")
    try:
        parsed = sqlglot.parse(sql, dialect="duckdb")
    except errors.SqlglotError as error:
        details = (getattr(error, "errors", None) or [{}])[0]
        what = str(details.get("description") or error).split("\n")[0].split(" but got ")[0]
        return Fault(
            int(details.get("line") or 1), f"the SQL cannot be read: {what}; try it in DuckDB"
        )
    statements = [s for s in parsed if s is not None and not isinstance(s, exp.Semicolon)]
    if len(statements) != 1:
        return Fault(1, f"{len(statements)} statements; write exactly one query")
    query = statements[0]
    if not isinstance(query, exp.Query):
        return Fault(1, f"{query.key} is no query; begin with select or with")
    return query


# ---- What is called


def _call_faults(tokens: list[Token]) -> Iterator[Fault]:
    """Judge every call by name, number and form of its arguments."""
    functions, refused = (
        _content("functions.toml")["function"],
        _content("functions.toml")["refused"],
    )
    for call in calls_of(tokens):
        if call.name in refused:
            yield Fault(call.line, f"{call.name}() is refused: {refused[call.name]}")
        elif call.method:
            yield Fault(call.line, f".{call.name}() hangs behind a dot; write {call.name}(…)")
        elif call.name not in functions:
            near = difflib.get_close_matches(call.name, functions, 1, 0.7)
            hint = f"did you mean {near[0]}()?" if near else _ALLOWED
            yield Fault(call.line, f"{call.name}() is not a function a query may use; {hint}")
        else:
            yield from _form_faults(call, functions[call.name])


def _form_faults(call: Call, form: dict[str, Any]) -> Iterator[Fault]:
    fewest, most = form["arguments"]
    if not fewest <= len(call.arguments) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        yield Fault(
            call.line, f"{call.name}() has {len(call.arguments)} arguments; give it {wanted}"
        )
        return
    for at, argument in enumerate(call.arguments, start=1):
        written = " ".join(token.text for token in argument)
        literal = len(argument) == 1 and argument[0].kind in ("string", "number")
        words = form.get("one_of", {}).get(str(at))
        where = f"argument {at} of {call.name}() is {written}"
        if at in form.get("literal", ()) and not literal:
            yield Fault(call.line, f"{where}; write the text or number out ({form['why']})")
        elif at in form.get("positive", ()) and (written == "0" or written.startswith("-")):
            yield Fault(call.line, f"{where}; it must be 1 or more ({form['why']})")
        elif words and written.strip("'").lower() not in words:
            yield Fault(call.line, f"{where}; write one of {', '.join(words)}")


def _word_faults(tokens: list[Token]) -> Iterator[Fault]:
    """Judge what stands without brackets: words that are an answer, signs, kinds of quotes."""
    refused = _content("functions.toml")["refused_words"]
    for at, token in enumerate(tokens):
        before = tokens[at - 1].name if at else ""
        after = tokens[at + 1] if at + 1 < len(tokens) else Token("sign", "", token.line)
        free = token.kind == "word" and before not in (".", "as")
        if token.text == ";":
            yield Fault(token.line, "`;` ends the query; take it out")
        elif token.text == "$" or (free and token.name in "exb" and after.kind == "string"):
            yield Fault(token.line, "a text in a special notation; write it between plain quotes")
        elif free and token.name in refused and (token.name, after.name) != ("at", "time"):
            yield Fault(token.line, f"`{token.name}` is refused: {refused[token.name]}")


# ---- What is written


def features(node: exp.Expr) -> Iterator[str]:
    """Yield the names of what a node of the parser's tree uses: its class, clauses and variants."""
    name = type(node).__name__
    if name == "DataType":
        yield f"type {node.this.name}"
        return
    yield name
    if name in ("Literal", "Identifier", "Anonymous", "Var", "Boolean"):
        return
    for key, value in node.args.items():
        if value is None or value is False or value == [] or key == "is_string":
            continue
        if isinstance(value, str):
            yield f"{name}.{key}={value.upper()}"
        elif type(value).__name__ == "Var":
            yield f"{name}:{key}={value.name.upper()}"
        elif key not in _PLAIN:
            yield f"{name}.{key}"


@functools.cache
def allowed_features() -> frozenset[str]:
    """Return the features that the examples in `functions.toml` show."""
    import sqlglot

    content = _content("functions.toml")
    examples = [e["example"] for part in ("function", "syntax") for e in content[part].values()]
    trees = [sqlglot.parse_one(example, dialect="duckdb") for example in examples]
    return frozenset(f for tree in trees for node in tree.walk() for f in features(node))


def _syntax_faults(query: exp.Query) -> list[Fault]:
    refused, allowed = _content("functions.toml")["refused"], allowed_features()
    advised, unknown = [], []
    for node in query.walk():
        for feature in features(node):
            if feature in refused:
                message = f"`{_snippet(node)}` is refused: {refused[feature]}"
                advised.append(Fault(_line(node), message))
                break
            if feature not in allowed:
                what = f"`{_snippet(node)}` ({feature})"
                message = f"{what} is not SQL a query may use; {_ALLOWED}"
                unknown.append(Fault(_line(node), message))
                break
    # What is refused by name explains what is unknown on its line.
    explained = {fault.line for fault in advised}
    return advised + [fault for fault in unknown if fault.line not in explained]


def _snippet(node: exp.Expr) -> str:
    text = " ".join(node.sql(dialect="duckdb").split())
    return text if len(text) <= 40 else text[:39] + "…"


def _line(node: exp.Expr) -> int:
    """Return the first line known of a node: its own, its parts', else its parent's."""
    lines = [n.meta["line"] for n in node.walk() if "line" in n.meta]
    if lines:
        return int(min(lines))
    return _line(node.parent) if node.parent is not None else 1


def _table_faults(query: exp.Query, tables: Collection[str]) -> Iterator[Fault]:
    from sqlglot import exp

    ctes = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
    for cte in query.find_all(exp.CTE):
        if cte.alias.lower() in tables:
            yield Fault(_line(cte), f"`{cte.alias}` is a table's name; give the CTE another one")
    for table in query.find_all(exp.Table):
        name = table.name.lower()
        if table.db or (name and name not in tables and name not in ctes):
            near = difflib.get_close_matches(name, [*tables, *ctes], 1)
            hint = f"did you mean {near[0]}?" if near else "docs/tables.md lists the tables"
            written = f"{table.db}.{name}" if table.db else name
            yield Fault(_line(table), f"there is no table `{written}`; {hint}")


# ---- What must be so for the same answer on every run and engine


def _rule_faults(query: exp.Query, texts: Collection[str]) -> Iterator[Fault]:
    from sqlglot import exp

    for node in query.walk():
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            yield Fault(_line(node), "`*` changes when a table gains a column; name the columns")
        elif isinstance(node, exp.Sum) and not _is_whole(node.this):
            yield Fault(
                _line(node),
                "a sum of doubles depends on the order of rows; cast "
                "to integer inside it, or sum a case of whole numbers",
            )
        elif isinstance(node, exp.Window) and type(node.this).__name__ in _ORDERED:
            yield from _order_faults(node)
        elif isinstance(node, exp.Interval) and not isinstance(node.this, exp.Literal):
            yield Fault(
                _line(node),
                "an interval is a number written out and a unit; of a column "
                "use to_hours or to_days",
            )
        elif isinstance(node, exp.Sub) and _is_date(node.this) and _is_date(node.expression):
            yield Fault(
                _line(node),
                "a date less a date is a number on DuckDB, an interval on "
                "Spark; compare with `+ interval n day`",
            )
    yield from _double_faults(query, texts)


def _is_whole(node: exp.Expr) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Case):
        ends = [branch.args["true"] for branch in node.args["ifs"]]
        default = node.args.get("default")
        return all(_is_whole(end) for end in [*ends, *([default] if default else [])])
    if isinstance(node, exp.Cast):
        return node.to.this.name in _INTEGERS
    if isinstance(node, exp.Paren | exp.Neg):
        return _is_whole(node.this)
    return isinstance(node, exp.Null) or (isinstance(node, exp.Literal) and node.is_int)


def _is_date(node: exp.Expr) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Cast):
        return bool(node.to.this.name == "DATE")
    return isinstance(node, exp.Column) and node.name.lower().endswith("_date")


def _order_faults(window: exp.Window) -> Iterator[Fault]:
    """A row number needs an order without ties: `rid`, and `expression` over a datatype table."""
    from sqlglot import exp

    order = window.args.get("order")
    names = {c.name.lower() for c in order.find_all(exp.Column)} if order else set()
    select = window.find_ancestor(exp.Select)
    sources = {t.name.lower() for t in select.find_all(exp.Table)} if select else set()
    needed = {"rid"}
    if sources & set(_content("tables.toml")["datatype"]):
        needed = {"rid", "expression"}
    if missing := sorted(needed - names, reverse=True):
        yield Fault(
            _line(window),
            f"`{_snippet(window)}` has ties that fall as they like; end its "
            f"order by with {', '.join(missing)}",
        )


def _value_of(node: exp.Expr) -> exp.Expr:
    """Return what a cast casts, or a member of `{'name': …}` holds."""
    from sqlglot import exp

    value: exp.Expr = node.expression if isinstance(node, exp.PropertyEQ) else node.this
    return value


def _double_faults(query: exp.Query, texts: Collection[str]) -> Iterator[Fault]:
    """A double has another text on each engine, and rounds otherwise when cast to an integer."""
    from sqlglot import exp

    is_double = may_be_double(query, _content("tables.toml"))
    into_text = "; cast it to decimal(18, 6) first, or use value_key"
    for node in query.find_all(exp.Cast, exp.DPipe, exp.Concat, exp.PropertyEQ):
        kind = node.to.this.name if isinstance(node, exp.Cast) else "TEXT"
        inner = (
            list(node.flatten())
            if isinstance(node, exp.DPipe)
            else (node.expressions if isinstance(node, exp.Concat) else [_value_of(node)])
        )
        if not any(is_double(part) for part in inner):
            continue
        if kind in ("TEXT", "VARCHAR"):
            yield Fault(_line(node), f"`{_snippet(node)}` makes text of a double{into_text}")
        elif kind in _INTEGERS and not isinstance(node.this, exp.Floor | exp.Round):
            yield Fault(
                _line(node),
                f"`{_snippet(node)}` rounds on DuckDB and cuts off on Spark; "
                "put floor() or round() inside the cast",
            )
    for column in query.selects:
        if column.output_name in texts and is_double(column):
            yield Fault(_line(column), f"{column.output_name} is a double{into_text}")
