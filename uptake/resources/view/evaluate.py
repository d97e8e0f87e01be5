"""FHIRPath to SQL. In: the tree of an expression and where it stands; out: a value."""

from __future__ import annotations

from dataclasses import replace

from uptake.resources.view.fhirpath import (
    Binary,
    Call,
    Constant,
    Expression,
    Index,
    Literal,
    Member,
    Negate,
    This,
)
from uptake.resources.view.functions import call, exists, truth
from uptake.resources.view.moments import MOMENTS, compared
from uptake.resources.view.shape import is_primitive, sql_type
from uptake.resources.view.value import (
    NOTHING,
    Context,
    Notes,
    Value,
    clean,
    fail,
    let,
    navigate,
    one,
    quote,
    refuse_choice,
    variable,
)

_ARITHMETIC = {"+", "-", "*", "/"}


def evaluate(tree: Expression, at: Context) -> Value:
    """Return the value of an expression; raises DefinitionError for what cannot be meant."""
    match tree:
        case Literal():
            return literal(tree.type, tree.text)
        case This():
            return at.this
        case Constant():
            return _constant(tree, at)
        case Member():
            return _member(tree, at)
        case Call():
            return _call(tree, at)
        case Index():
            return _index(tree, at)
        case Negate():
            operand = _number(evaluate(tree.operand, at), f"`{tree.operand}`", at.notes)
            return replace(operand, sql=f"(-{operand.sql})", parent=None)
        case Binary():
            return _binary(tree, at)


def literal(type_name: str, text: str) -> Value:
    """Return the SQL of a primitive written out; numbers are taken as they stand."""
    if sql_type(type_name) == "VARCHAR":
        return Value(quote(text), type_name)
    if type_name == "boolean":
        return Value(text.upper(), type_name)
    return Value(f"CAST({text} AS {sql_type(type_name)})", type_name)


def _constant(tree: Constant, at: Context) -> Value:
    if tree.name == "rowIndex":
        return Value(at.row_index, "integer")
    if tree.name == "resource":
        return at.root
    if tree.name not in at.constants:
        raise fail(f"`{tree}` is not defined; the view's constants are {sorted(at.constants)}")
    return at.constants[tree.name]


def _member(tree: Member, at: Context) -> Value:
    if tree.source is None:
        if at.this is at.root and tree.name == at.root.type:
            return at.root
        return navigate(at.this, tree.name, at.notes)
    return navigate(evaluate(tree.source, at), tree.name, at.notes)


def _call(tree: Call, at: Context) -> Value:
    source = at.this if tree.source is None else evaluate(tree.source, at)
    if tree.function == "where":
        return _where(source, tree, at)
    if tree.function == "exists" and tree.arguments:
        return Value(exists(_where(source, tree, at), at.notes), "boolean")
    if tree.function == "extension":
        return _extension(source, tree, at)
    return call(source, tree, at.notes)


def _where(source: Value, tree: Call, at: Context) -> Value:
    if len(tree.arguments) != 1:
        raise fail(f"{tree.function}() takes one criterion, not {len(tree.arguments)}")
    refuse_choice(source)
    if source.type is None:
        return source
    criterion = tree.arguments[0]

    def condition(name: str) -> str:
        element = replace(source, sql=name, many=False, sparse=False, parent=None)
        met = evaluate(criterion, replace(at, this=element))
        return truth(met, f"`{criterion}`", at.notes)

    if source.many:
        name = variable(at.notes)
        sql = f"list_filter({clean(source, at.notes)}, lambda {name}: {condition(name)})"
    else:
        sql = let(source.sql, lambda x: f"(CASE WHEN {condition(x)} THEN {x} END)", at.notes)
    return replace(source, sql=sql, sparse=False, parent=None)


def _extension(source: Value, tree: Call, at: Context) -> Value:
    if len(tree.arguments) != 1:
        raise fail(f"extension() takes one URL, not {len(tree.arguments)}")
    found = navigate(source, "extension", at.notes)
    criterion = Binary("=", Member(None, "url"), tree.arguments[0])
    return _where(found, Call(None, "where", (criterion,)), at)


def _index(tree: Index, at: Context) -> Value:
    source = evaluate(tree.source, at)
    refuse_choice(source)
    position = _number(evaluate(tree.position, at), f"[{tree.position}]", at.notes)
    if position.type == "decimal":
        raise fail(f"[{tree.position}] is not a whole number")
    if source.type is None:
        return source
    if isinstance(tree.position, Literal):
        found = int(tree.position.text)
        if not source.many:
            return source if found == 0 else replace(source, sql="NULL", parent=None)
        sql = f"{clean(source, at.notes)}[{found + 1}]"
    elif source.many:
        # A negative index would count from the end.
        sql = let(
            position.sql,
            lambda i: f"{clean(source, at.notes)}[(CASE WHEN {i} >= 0 THEN {i} + 1 END)]",
            at.notes,
        )
    else:
        sql = f"(CASE WHEN {position.sql} = 0 THEN {source.sql} END)"
    return replace(source, sql=sql, many=False, sparse=False, parent=None)


def _binary(tree: Binary, at: Context) -> Value:
    left, right = evaluate(tree.left, at), evaluate(tree.right, at)
    if tree.operator in ("and", "or"):
        a = truth(left, f"`{tree.left}`", at.notes)
        b = truth(right, f"`{tree.right}`", at.notes)
        return Value(f"({a} {tree.operator.upper()} {b})", "boolean")
    refuse_choice(left)
    refuse_choice(right)
    if tree.operator in _ARITHMETIC:
        return _arithmetic(tree, left, right, at.notes)
    if left.type is None or right.type is None:
        return Value("CAST(NULL AS BOOLEAN)", "boolean")
    if _family(left.type) != _family(right.type):
        hint = "; a date is written @2026-01-31" if _family(left.type) == "moment" else ""
        raise fail(f"`{tree}` compares {left.type} with {right.type}{hint}")
    if not is_primitive(left.type):
        raise fail(f"`{tree}` compares {left.type}, which is not a single value")
    return Value(_comparison(tree, left, right, at.notes), "boolean")


def _comparison(tree: Binary, left: Value, right: Value, notes: Notes) -> str:
    """Collections are equal if their elements are; only single values are less or greater."""
    operator = "=" if tree.operator == "!=" else tree.operator
    moments = str(left.type) in MOMENTS
    if (left.many or right.many) and operator == "=" and not moments:
        sql = _equal_lists(left, right, notes)
    else:
        a, b = one(left, f"`{tree}`", notes).sql, one(right, f"`{tree}`", notes).sql
        sql = f"({a} {operator} {b})"
        if moments:
            types = (str(left.type), str(right.type))
            sql = let(a, lambda x: let(b, lambda y: compared(x, operator, y, types), notes), notes)
    return f"(NOT {sql})" if tree.operator == "!=" else sql


def _equal_lists(left: Value, right: Value, notes: Notes) -> str:
    lists = [clean(v, notes) if v.many else f"[{v.sql}]" for v in (left, right)]
    present = " AND ".join(exists(v, notes) for v in (left, right))
    return f"(CASE WHEN {present} THEN {lists[0]} = {lists[1]} END)"


def _arithmetic(tree: Binary, left: Value, right: Value, notes: Notes) -> Value:
    if left.type is None or right.type is None:
        return NOTHING
    what = f"`{tree}`"
    if tree.operator == "+" and _family(left.type) == _family(right.type) == "string":
        a, b = one(left, what, notes).sql, one(right, what, notes).sql
        return Value(f"({a} || {b})", "string")
    a, b = _number(left, what, notes).sql, _number(right, what, notes).sql
    if tree.operator == "/":
        return Value(f"(CAST({a} AS DOUBLE) / nullif({b}, 0))", "decimal")
    decimal = "decimal" in (left.type, right.type)
    return Value(f"({a} {tree.operator} {b})", "decimal" if decimal else "integer")


def _number(value: Value, what: str, notes: Notes) -> Value:
    refuse_choice(value)
    if value.type is not None and _family(value.type) != "number":
        raise fail(f"{what} takes numbers, not {value.type}")
    return one(value, what, notes)


def _family(type_name: str) -> str:
    """Return the kind of value: only values of a kind can be compared."""
    if not is_primitive(type_name):
        return type_name
    if type_name in MOMENTS:
        return "time" if type_name == "time" else "moment"
    kinds = {"VARCHAR": "string", "BOOLEAN": "boolean"}
    return kinds.get(sql_type(type_name), "number")
