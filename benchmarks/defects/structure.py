"""CNF-01: records that no parser should take, and odd ones that every parser should.

Each is a record of its own beside the clean ones: nothing refers to it, its line tells which it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson

from benchmarks.defects.case import Case, Draw, laboratory

if TYPE_CHECKING:
    from benchmarks.corpus import Resource


def sent(change: Callable[[bytes], bytes], **elements: object) -> Callable[[Draw], bytes]:
    """The record with these elements, then its bytes changed."""

    def edit(draw: Draw) -> bytes:
        # Half a day off its model, so that what is let in duplicates nothing.
        apart = timedelta(minutes=draw.random.randrange(30, 700))
        at = (draw.at + apart).isoformat()
        draw.resource |= {"effectiveDateTime": at, "issued": at}
        return change(orjson.dumps(draw.resource | elements))

    return edit


def whole(record: bytes) -> bytes:
    """As it is."""
    return record


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """The first occurrence replaced."""

    def change(record: bytes) -> bytes:
        assert old in record, old
        return record.replace(old, new, 1)

    return change


def first(key: bytes, value: bytes) -> Callable[[bytes], bytes]:
    """Another member in front of all others."""
    return lambda record: b"{" + key + b":" + value + b"," + record[1:]


def bad(variant: str, edit: Callable[[Draw], bytes]) -> Case:
    """A record to be quarantined."""
    return Case("CNF-01", variant, "Observation", edit, where=laboratory, fresh=True)


def odd(variant: str, edit: Callable[[Draw], bytes], also: tuple[str, ...] = ()) -> Case:
    """A record to be let in."""
    return Case("CNF-01", variant, "Observation", edit, False, also, laboratory, fresh=True)


NOTE: list[Resource] = [{"text": "mark"}]

CASES = (
    bad("cut off", sent(lambda record: record[: len(record) // 2])),
    bad("single quotes", sent(lambda record: record.replace(b'"', b"'"))),
    bad("a comma too many", sent(lambda record: record[:-1] + b",}")),
    bad("two objects on a line", sent(lambda record: record + record)),
    bad("invalid UTF-8", sent(swap(b"mark", b"m\xffrk"), note=NOTE)),
    bad("overlong UTF-8", sent(swap(b"mark", b"m\xc0\xafrk"), note=NOTE)),
    bad("a raw control character", sent(swap(b"mark", b"ma\x01rk"), note=NOTE)),
    bad("duplicate key", sent(first(b'"status"', b'"registered"'))),
    bad("NaN", sent(swap(b'"value":', b'"value":NaN,"was":'))),
    bad("infinite number", sent(swap(b'"value":', b'"value":1e999,"was":'))),
    bad("number as a string", sent(whole, valueQuantity={"value": "1.5"})),
    bad("date as a number", sent(whole, issued=20190301)),
    bad("array for an object", sent(whole, subject=[{"reference": "Patient/1"}])),
    bad("object for an array", sent(whole, category={"text": "lab"})),
    bad("id is a number", sent(whole, id=42)),
    bad("an array", sent(lambda record: b"[" + record + b"]")),
    bad("not JSON", sent(lambda _record: b"ERROR: connection reset by peer")),
    odd("blanks around", sent(lambda record: b"  " + record + b" \t")),
    odd("carriage return at the end", sent(lambda record: record + b"\r")),
    odd("carriage return between members", sent(swap(b',"', b',\r"'))),
    odd("escaped surrogate pair", sent(swap(b"mark", b"\\ud83d\\ude00"), note=NOTE)),
    odd("line separator U+2028", sent(swap(b"mark", b"a\xe2\x80\xa8b"), note=NOTE)),
    odd(
        "an exponent",
        sent(
            swap(b'"value":1.0', b'"value":1.5E+2'),
            valueQuantity={
                "value": 1.0,
                "unit": "mg/dL",
                "system": "http://unitsofmeasure.org",
                "code": "mg/dL",
            },
        ),
        also=("PLA-01", "PLA-02", "PLA-03", "PLA-04", "PLA-07"),
    ),
    odd("the same key at another level", sent(whole, note=[{"text": "id", "id": "status"}])),
)
