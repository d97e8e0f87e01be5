"""The functions of FHIRPath. In: a name, a subject, arguments; out: the expression of the call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from uptake.conformance.elements import (
    Environment,
    Evaluation,
    Item,
    Items,
    Unsupported,
    all_children,
    boolean,
    children,
    system,
    truth,
    type_of,
)
from uptake.conformance.operators import distinct, is_number, one, same, whole_number

CONSTANTS = {
    "ucum": "http://unitsofmeasure.org",
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
}
LOOKING = frozenset(
    [
        "matches",
        "startsWith",
        "endsWith",
        "contains",
        "substring",
        "length",
        "toInteger",
        "toString",
        "isDistinct",
        "distinct",
        "intersect",
        "union",
        "combine",
        "indexOf",
        "lower",
        "upper",
        "replace",
        "replaceMatches",
        "toDecimal",
        "select",
        "subsetOf",
        "supersetOf",
    ]
)
"""Functions that look at what is in an element, not only at whether it is there."""
BLIND = frozenset(["exists", "empty", "not", "count", "hasValue", "all"])
"""Functions whose answer does not hold what they were asked of."""

DERIVED = {
    "code": "string", "id": "string", "markdown": "string",
    "url": "uri", "canonical": "uri", "uuid": "uri", "oid": "uri",
    "positiveInt": "integer", "unsignedInt": "integer",
    "Age": "Quantity", "Count": "Quantity", "Distance": "Quantity", "Duration": "Quantity",
}  # fmt: skip
"""The types that R4 derives from others: https://hl7.org/fhir/R4/datatypes.html"""
_SYSTEM = {
    "Boolean": "boolean", "String": "string", "Integer": "integer", "Decimal": "decimal",
    "Date": "date", "DateTime": "dateTime", "Time": "time",
}  # fmt: skip
"""FHIRPath's own types by the FHIR primitive that is read as one."""

Arguments = Sequence[Evaluation]


def of_type(subject: Evaluation, name: str, *, check: bool) -> Evaluation:
    """Return the elements of a type, or with `check` whether the one there is of it."""
    wanted = _SYSTEM.get(name, name)

    def fits(item: Item) -> bool:
        found = type_of(item)
        return wanted in (found, DERIVED.get(found)) or (
            wanted == "Resource" and found[0].isupper()
        )

    def run(env: Environment, focus: Items) -> Items:
        items = subject(env, focus)
        if check:
            single = one(items)
            return [] if single is None else boolean(fits(single))
        return [item for item in items if fits(item)]

    return run


def index(subject: Evaluation, position: Evaluation) -> Evaluation:
    """Return the element at a position, counted from 0."""

    def run(env: Environment, focus: Items) -> Items:
        at, items = whole_number(position(env, focus)), subject(env, focus)
        return [] if at is None or at < 0 else items[at : at + 1]

    return run


def negate(subject: Evaluation) -> Evaluation:
    """Return the number with the other sign."""

    def run(env: Environment, focus: Items) -> Items:
        single = one(subject(env, focus))
        if single is None:
            return []
        if not is_number(single.value):
            raise Unsupported("a sign before something else than a number")
        return [system(-single.value)]

    return run


def check_pattern(pattern: str) -> None:
    """Raise Unsupported for a regular expression of another kind than those read here."""
    try:
        re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise Unsupported(f"the pattern of matches() cannot be read here: {error}") from error


def call(name: str, subject: Evaluation, arguments: Arguments) -> Evaluation:
    """Return the expression of a call; raises Unsupported for a function that is not known here."""
    if name == "trace":
        return subject
    if name == "exists" and len(arguments) < 2:
        return _exists(_where(subject, arguments[0]) if arguments else subject)
    if name in _CRITERIA and len(arguments) == 1:
        return _CRITERIA[name](subject, arguments[0])
    if name == "iif" and len(arguments) in (2, 3):
        return _iif(subject, arguments)
    if name in _PLAIN and not arguments:
        plain = _PLAIN[name]
        return lambda env, focus: plain(subject(env, focus))
    if name in _WITH_ITEMS and len(arguments) == 1:
        work, (other,) = _WITH_ITEMS[name], arguments
        return lambda env, focus: work(subject(env, focus), other(env, focus))
    if name in _TEXTS and len(arguments) in _TEXTS[name].arguments:
        return _text_call(name, subject, arguments)
    known = name in (*_CRITERIA, *_PLAIN, *_WITH_ITEMS, *_TEXTS, "exists", "iif")
    how = "is not known here with that many arguments" if known else "is not known here"
    raise Unsupported(f"{name}() {how}")


def _iif(subject: Evaluation, arguments: Arguments) -> Evaluation:
    def run(env: Environment, focus: Items) -> Items:
        items = subject(env, focus)
        if truth(arguments[0](env, items)):
            return arguments[1](env, items)
        return arguments[2](env, items) if len(arguments) > 2 else []

    return run


def _where(subject: Evaluation, criterion: Evaluation) -> Evaluation:
    return lambda env, focus: [i for i in subject(env, focus) if truth(criterion(env, [i]))]


def _exists(found: Evaluation) -> Evaluation:
    return lambda env, focus: boolean(bool(found(env, focus)))


def _all(subject: Evaluation, criterion: Evaluation) -> Evaluation:
    return lambda env, focus: boolean(
        all(truth(criterion(env, [i])) is True for i in subject(env, focus))
    )


def _select(subject: Evaluation, projection: Evaluation) -> Evaluation:
    return lambda env, focus: [o for i in subject(env, focus) for o in projection(env, [i])]


def _repeat(subject: Evaluation, projection: Evaluation) -> Evaluation:

    def run(env: Environment, focus: Items) -> Items:
        found: Items = []
        waiting = subject(env, focus)
        while waiting:
            # Only what is new goes on (FHIRPath N1, 5.2.3): so `repeat($this)` comes to an end.
            more = distinct([o for i in waiting for o in projection(env, [i])])
            waiting = [o for o in more if not any(same(o, f) for f in found)]
            found += waiting
        return found

    return run


def _extension(subject: Evaluation, url: Evaluation) -> Evaluation:

    def run(env: Environment, focus: Items) -> Items:
        wanted = one(url(env, focus))
        found = [e for i in subject(env, focus) for e in children(i, "extension")]
        return [
            e
            for e in found
            if wanted and isinstance(e.value, dict) and e.value.get("url") == wanted.value
        ]

    return run


def descendants(items: Items) -> Items:
    """Return everything below the elements."""

    def below(item: Item) -> Iterator[Item]:
        for child in all_children(item):
            yield child
            yield from below(child)

    return [found for item in items for found in below(item)]


def _has_value(items: Items) -> Items:
    single = len(items) == 1 and items[0].value
    return boolean(len(items) == 1 and single is not None and not isinstance(single, dict))


def _not(items: Items) -> Items:
    found = truth(items)
    return boolean(None if found is None else not found)


def _to_integer(items: Items) -> Items:
    single = one(items)
    text = "" if single is None else str(single.value)
    return [system(int(text))] if re.fullmatch(r"[+-]?\d+", text) else []


def _to_string(items: Items) -> Items:
    single = one(items)
    if single is None or isinstance(single.value, dict):
        return []
    value = single.value
    return [system(str(value).lower() if isinstance(value, bool) else str(value))]


def _intersect(left: Items, right: Items) -> Items:
    return distinct([a for a in left if any(same(a, b) for b in right)])


def _skip(items: Items, count: Items) -> Items:
    number = whole_number(count)
    return [] if number is None else items[max(number, 0) :]


def _take(items: Items, count: Items) -> Items:
    number = whole_number(count)
    return [] if number is None else items[: max(number, 0)]


class _Text(NamedTuple):
    """A function of a text."""

    work: Callable[..., bool | float | str]
    type: type[str] | type[int] = str
    """Of its arguments."""
    arguments: Sequence[int] = (1,)
    """How many it may have."""


def _text_call(name: str, subject: Evaluation, arguments: Arguments) -> Evaluation:
    work, wanted, _ = _TEXTS[name]

    def run(env: Environment, focus: Items) -> Items:
        single = one(subject(env, focus))
        told = [one(a(env, focus)) for a in arguments]
        if single is None or not isinstance(single.value, str) or None in told:
            return []
        values = [t.value for t in told if t]
        if not all(type(value) is wanted for value in values):
            raise Unsupported(f"{name}() of something else than {_WORDS[wanted]}")
        return [system(work(single.value, *values))]

    return run


def _matches(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text, re.DOTALL) is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise Unsupported("an element holds a pattern that cannot be read here") from error


def _substring(text: str, start: int, length: int | None = None) -> str:
    return text[start : None if length is None else start + length]


_CRITERIA: dict[str, Callable[[Evaluation, Evaluation], Evaluation]] = {
    "where": _where,
    "all": _all,
    "select": _select,
    "repeat": _repeat,
    "extension": _extension,
}
_PLAIN: dict[str, Callable[[Items], Items]] = {
    "empty": lambda items: boolean(not items),
    "not": _not,
    "hasValue": _has_value,
    "count": lambda items: [system(len(items))],
    "first": lambda items: items[:1],
    "last": lambda items: items[-1:],
    "tail": lambda items: items[1:],
    "distinct": distinct,
    "isDistinct": lambda items: boolean(len(distinct(items)) == len(items)),
    "children": lambda items: [c for item in items for c in all_children(item)],
    "descendants": descendants,
    "single": lambda items: [single] if (single := one(items)) else [],
    "toInteger": _to_integer,
    "toString": _to_string,
    "allTrue": lambda items: boolean(all(i.value is True for i in items)),
    "anyTrue": lambda items: boolean(any(i.value is True for i in items)),
    "length": lambda items: [system(len(i.value)) for i in items if isinstance(i.value, str)],
}
_WITH_ITEMS: dict[str, Callable[[Items, Items], Items]] = {
    "intersect": _intersect,
    "union": lambda left, right: distinct([*left, *right]),
    "combine": lambda left, right: [*left, *right],
    "skip": _skip,
    "take": _take,
}
_WORDS = {str: "texts", int: "whole numbers"}
_TEXTS = {
    "matches": _Text(_matches),
    "startsWith": _Text(lambda text, start: text.startswith(start)),
    "endsWith": _Text(lambda text, end: text.endswith(end)),
    "contains": _Text(lambda text, part: part in text),
    "substring": _Text(_substring, int, (1, 2)),
    "indexOf": _Text(lambda text, part: text.find(part)),
    "lower": _Text(lambda text: text.lower(), arguments=(0,)),
    "upper": _Text(lambda text: text.upper(), arguments=(0,)),
    "replace": _Text(lambda text, old, new: text.replace(old, new), arguments=(2,)),
}
