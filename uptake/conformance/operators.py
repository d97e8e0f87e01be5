"""The operators of FHIRPath. In: two expressions; out: the expression of both."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from uptake.conformance.elements import (
    Environment,
    Evaluation,
    Item,
    Items,
    Unsupported,
    boolean,
    system,
    truth,
)
from uptake.conformance.moments import compared

MOMENTS = frozenset(["date", "dateTime", "instant", "time"])
NUMBERS = frozenset(["integer", "decimal", "positiveInt", "unsignedInt"])

Logic = Callable[[bool | None, bool | None], bool | None]


def one(items: Items) -> Item | None:
    """Return the only element, None where there is none; raises Unsupported for several."""
    if len(items) > 1:
        raise Unsupported("several elements where one belongs")
    return items[0] if items else None


def whole_number(items: Items) -> int | None:
    """Return the only whole number, None where there is none; raises Unsupported for another."""
    single = one(items)
    if single is None:
        return None
    if not isinstance(single.value, int) or isinstance(single.value, bool):
        raise Unsupported("something else where a whole number belongs")
    return single.value


def is_number(value: object) -> bool:
    """Tell whether a JSON value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_as_its_type_says(item: Item) -> bool:
    """Tell whether the JSON is of the item's type; that it is not is told by another rule."""
    if item.type in NUMBERS:
        return is_number(item.value)
    if item.type == "boolean":
        return isinstance(item.value, bool)
    return isinstance(item.value, str if item.type[:1].islower() else dict)


def same(left: Item, right: Item) -> bool | None:
    """Tell whether two elements are equal; None where a date's precision leaves it open."""
    a, b = left.value, right.value
    if left.type in MOMENTS and isinstance(a, str) and isinstance(b, str) and a != b:
        order = compared(a, b)
        return None if order is None else order == 0
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    return bool(a == b)


def _logical(rule: Logic) -> Callable[[Evaluation, Evaluation], Evaluation]:
    def build(left: Evaluation, right: Evaluation) -> Evaluation:
        return lambda env, focus: boolean(rule(truth(left(env, focus)), truth(right(env, focus))))

    return build


def _and(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _or(a: bool | None, b: bool | None) -> bool | None:
    if a or b:
        return True
    return None if a is None or b is None else False


def _xor(a: bool | None, b: bool | None) -> bool | None:
    return None if a is None or b is None else a != b


def _implies(a: bool | None, b: bool | None) -> bool | None:
    return _or(None if a is None else not a, b)


def equal(left: Items, right: Items) -> bool | None:
    """Tell whether two collections are equal; None where one is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    found = [same(a, b) for a, b in zip(left, right, strict=True)]
    return False if False in found else None if None in found else True


def _equal(*, wanted: bool, alike: bool) -> Callable[[Evaluation, Evaluation], Evaluation]:
    def build(left: Evaluation, right: Evaluation) -> Evaluation:
        def run(env: Environment, focus: Items) -> Items:
            a, b = left(env, focus), right(env, focus)
            if alike and (not a or not b):
                return boolean((not a and not b) is wanted)
            found = equal(a, b)
            return boolean(None if found is None else found is wanted)

        return run

    return build


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Evaluation, Evaluation], Evaluation]:
    def build(left: Evaluation, right: Evaluation) -> Evaluation:
        def run(env: Environment, focus: Items) -> Items:
            a, b = one(left(env, focus)), one(right(env, focus))
            if a is None or b is None:
                return []
            order = _order(a, b)
            return [] if order is None else boolean(test(order, 0))

        return run

    return build


def _order(a: Item, b: Item) -> int | None:
    """Return -1, 0 or 1; None where it cannot be told (another unit, another precision).

    Raises Unsupported for what has no order, as a quantity and a number.
    """
    if not (_is_as_its_type_says(a) and _is_as_its_type_says(b)):
        return None
    low, high = a.value, b.value
    if isinstance(low, dict) and isinstance(high, dict):  # quantities
        units = [(q.get("system"), q.get("code", q.get("unit"))) for q in (low, high)]
        low, high = low.get("value"), high.get("value")
        if units[0] != units[1] or not (is_number(low) and is_number(high)):
            return None
    elif isinstance(low, str) and isinstance(high, str):
        if a.type in MOMENTS or b.type in MOMENTS:
            return compared(low, high)
    elif not (is_number(low) and is_number(high)):
        raise Unsupported("values of different types are compared")
    return int(low > high) - int(low < high)


def _membership(*, turned: bool) -> Callable[[Evaluation, Evaluation], Evaluation]:
    def build(left: Evaluation, right: Evaluation) -> Evaluation:
        element, collection = (right, left) if turned else (left, right)

        def run(env: Environment, focus: Items) -> Items:
            wanted = one(element(env, focus))
            if wanted is None:
                return []
            return boolean(any(same(wanted, item) for item in collection(env, focus)))

        return run

    return build


def distinct(items: Items) -> Items:
    """Return each element once."""
    found: Items = []
    for item in items:
        if not any(same(item, other) for other in found):
            found.append(item)
    return found


def _union(left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda env, focus: distinct([*left(env, focus), *right(env, focus)])


def _concatenated(left: Evaluation, right: Evaluation) -> Evaluation:
    def run(env: Environment, focus: Items) -> Items:
        parts = [one(side(env, focus)) for side in (left, right)]
        return [system("".join("" if p is None else str(p.value) for p in parts))]

    return run


def _arithmetic(work: Callable[[Any, Any], Any]) -> Callable[[Evaluation, Evaluation], Evaluation]:
    def build(left: Evaluation, right: Evaluation) -> Evaluation:
        def run(env: Environment, focus: Items) -> Items:
            a, b = one(left(env, focus)), one(right(env, focus))
            if a is None or b is None:
                return []
            if not (_is_as_its_type_says(a) and _is_as_its_type_says(b)):
                return []
            texts = all(isinstance(x.value, str) and x.type not in MOMENTS for x in (a, b))
            if not (texts and work is operator.add) and not all(is_number(x.value) for x in (a, b)):
                raise Unsupported("arithmetic with something else than numbers")
            if b.value == 0 and work in (operator.truediv, operator.floordiv, operator.mod):
                return []
            return [system(work(a.value, b.value))]

        return run

    return build


OPERATORS: dict[str, Callable[[Evaluation, Evaluation], Evaluation]] = {
    "and": _logical(_and),
    "or": _logical(_or),
    "xor": _logical(_xor),
    "implies": _logical(_implies),
    "=": _equal(wanted=True, alike=False),
    "!=": _equal(wanted=False, alike=False),
    "~": _equal(wanted=True, alike=True),
    "!~": _equal(wanted=False, alike=True),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": _membership(turned=False),
    "contains": _membership(turned=True),
    "|": _union,
    "&": _concatenated,
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "div": _arithmetic(operator.floordiv),
    "mod": _arithmetic(operator.mod),
}
