"""Dates and times as FHIR has them, partial and as text. In: SQL of text; out: SQL that compares
them, or gives the earliest and the latest moment they can mean.

Sources: https://hl7.org/fhirpath/N1/#datetime-equality and #lowboundary.
"""

from __future__ import annotations

MOMENTS = frozenset({"date", "dateTime", "instant", "time"})


def compared(a: str, operator: str, b: str, types: tuple[str, str]) -> str:
    """Return the comparison: NULL where precisions differ and the common part cannot decide.

    Two moments with an hour are compared as instants; one without an offset is read as UTC.
    """
    partial = _compared_as_text(a, operator, b)
    if types == ("date", "date"):
        return f"({partial})"
    cast, longest = ("TIME", 5) if "time" in types else ("TIMESTAMPTZ", 10)
    full = f"TRY_CAST({a} AS {cast}) {operator} TRY_CAST({b} AS {cast})"
    both = f"length({a}) > {longest} AND length({b}) > {longest}"
    return f"(CASE WHEN {both} THEN {full} ELSE {partial} END)"


def _compared_as_text(a: str, operator: str, b: str) -> str:
    n = f"least(length({a}), length({b}))"
    left, right = f"left({a}, {n})", f"left({b}, {n})"
    decided = f"{left} {operator} {right}"
    same_length = f"length({a}) = length({b})"
    return f"CASE WHEN {left} <> {right} OR {same_length} THEN {decided} END"


def boundary(x: str, type_name: str, *, low: bool) -> str:
    """Return the least or greatest value that a decimal, date or time of its precision can mean.

    A decimal's precision is that of its shortest form, since JSON readers drop trailing zeros
    after the first: 1.0 gives 0.95 and 1.05, and so does 1.00.
    """
    if type_name == "decimal":
        return _decimal(x, "-" if low else "+")
    if type_name == "time":
        return _time(x, low=low)
    if type_name == "date":
        return _date(x, low=low)
    return _date_time(x, low=low)


def _decimal(x: str, sign: str) -> str:
    decimals = f"length(split_part(CAST({x} AS VARCHAR), '.', 2))"
    half = f"CAST(0.5 AS DOUBLE) / power(10, {decimals})"
    return f"round({x} {sign} {half}, CAST({decimals} + 1 AS INTEGER))"


def _time(x: str, *, low: bool) -> str:
    whole = "00:00:00.000" if low else "23:59:59.999"
    return f"concat({x}, substr('{whole}', length({x}) + 1))"


def _date(x: str, *, low: bool) -> str:
    if low:
        return f"concat({x}, substr('0000-01-01', length({x}) + 1))"
    month = f"concat({x}, substr('0000-12', length({x}) + 1))"
    last = f"CAST(last_day(TRY_CAST(concat({month}, '-01') AS DATE)) AS VARCHAR)"
    return f"CASE WHEN length({x}) >= 10 THEN {x} ELSE {last} END"


def _date_time(x: str, *, low: bool) -> str:
    """Without an offset, the moment starts first at +14:00 and ends last at -12:00."""
    date = _date(f"left({x}, 10)", low=low)
    time = _time(f"regexp_extract({x}, 'T([0-9:.]*)', 1)", low=low)
    offset = f"nullif(regexp_extract({x}, 'T.*(Z|[+-][0-9][0-9]:[0-9][0-9])$', 1), '')"
    return f"{date} || 'T' || {time} || coalesce({offset}, '{'+14:00' if low else '-12:00'}')"
