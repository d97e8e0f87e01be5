"""No line that the gate accepts fails in DuckDB or is read there differently than by Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from uptake import r4
from uptake.feeds.chunks import Chunk
from uptake.feeds.files import SourceFile
from uptake.resources.gate import judge
from uptake.resources.view.shape import Shape, Tree, from_tree, is_deferred, transform_spec

FILE = SourceFile(0, "feed", Path("a.ndjson"), "a.ndjson", 0)
TYPES = ("Patient", "Observation", "MedicationRequest", "Encounter", "Claim", "Questionnaire")
DEPTH = 3
"""Levels of fields that are generated."""

USUAL = ("0", "-0", "1", "42", "-7", "1.0", "1.50", "0.1", "1e2", "1E+2", "1.5e-3", "2147483648")
LARGE = (
    *("9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808"),
    *("-9223372036854775809", "123456789012345678901234567890", "1e308", "1e309", "1e999"),
)
ODD = ("-1e999", "5e-324", "1e-400", "0.30000000000000004", "01", "1.", ".5", "+1", "NaN")
NUMBERS = st.sampled_from((*USUAL, *LARGE, *ODD))
TEXTS = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        ["", "a", "2026-01-02T03:04:05Z", "\0", '"', "\\", "\u2028", "\U0001f600", "1"]
    ),
)


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """Return a JSON string, some of its characters as escapes."""
    plain = json.dumps(text, ensure_ascii=draw(st.booleans()))
    if not text or draw(st.integers(0, 3)):
        return plain
    at = draw(st.integers(0, len(text) - 1))
    units = text[at].encode("utf-16-be", "surrogatepass").hex()
    digits = [units[i : i + 4] for i in range(0, len(units), 4)]
    escape = "".join("\\u" + (d.upper() if draw(st.booleans()) else d) for d in digits)
    return json.dumps(text[:at])[:-1] + escape + json.dumps(text[at + 1 :])[1:]


STRINGS = TEXTS.flatmap(spelled)
ANYTHING = st.one_of(
    NUMBERS, STRINGS, st.sampled_from(["true", "false", "null", "{}", "[]", "[null]", '{"a":[1]}'])
)
BLANK = st.sampled_from(["", "", "", " ", "\t", "\r", " \r "])


def is_right(draw: st.DrawFn) -> bool:
    """Tell whether this value is what R4 says; one in forty is anything else."""
    return draw(st.integers(0, 39)) > 0


@st.composite
def value_of(draw: st.DrawFn, type_name: str, depth: int) -> str:
    """Return JSON for a value of a type, or now and then for something else."""
    if not is_right(draw):
        return draw(ANYTHING)
    node = r4.node(type_name)
    if node.kind == "primitive-type":
        if type_name == "boolean":
            return draw(st.sampled_from(["true", "false"]))
        if type_name == "decimal" or type_name in ("integer", "positiveInt", "unsignedInt"):
            return draw(NUMBERS)
        return draw(STRINGS)
    if node.kind in ("abstract", "resource") or depth == 0:
        return draw(st.sampled_from(["{}", '{"id":"x"}', '{"resourceType":"Patient"}']))
    return draw(object_of(type_name, depth - 1))


@st.composite
def object_of(draw: st.DrawFn, type_name: str, depth: int, *first: str) -> str:
    """Return JSON for an object of a type: some fields, perhaps unknown ones, or one twice."""
    fields = draw(st.lists(st.sampled_from(r4.node(type_name).fields), max_size=4))
    pairs = list(first)
    for field in fields:
        key = draw(spelled(field.json_name))
        one = value_of(field.type, depth)
        right = draw(st.integers(0, 39)) > 0
        if field.many == right:
            items = draw(st.lists(st.one_of(one, st.just("null")), max_size=3))
            text = "[" + draw(BLANK) + ",".join(items) + draw(BLANK) + "]"
        else:
            text = draw(one)
        pairs.append(f"{key}{draw(BLANK)}:{draw(BLANK)}{text}")
    if draw(st.integers(0, 9)) == 0:
        pairs.append(f"{draw(STRINGS)}:{draw(ANYTHING)}")
    blank = draw(BLANK)
    return "{" + blank + f",{blank}".join(draw(st.permutations(pairs))) + "}"


@st.composite
def line(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a resource type and a line that is a resource of it, or nearly."""
    resource_type = draw(st.sampled_from(TYPES))
    text = draw(object_of(resource_type, DEPTH, f'"resourceType":"{resource_type}"'))
    raw = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 19)) == 0:
        at = draw(st.integers(0, len(raw)))
        raw = raw[:at] + draw(st.sampled_from([b"", b"\xff", b"\0", b'"', b"}", b"\\"])) + raw[at:]
    return resource_type, raw.replace(b"\n", b" ")


def tree(type_name: str, sent: Any) -> Tree:
    """Return every field of a type that was sent, with those below."""
    found: Tree = {}
    for name, value in sent.items() if isinstance(sent, dict) else ():
        field = r4.node(type_name).field(name)
        if field is None or r4.node(field.type).kind in ("abstract", "resource"):
            continue
        branch = found.setdefault(name, {})
        if r4.node(field.type).kind != "primitive-type" and not is_deferred(type_name, field):
            for one in value if isinstance(value, list) else [value]:
                grow(branch, tree(field.type, one))
    return found


def grow(branch: Tree, more: Tree) -> None:
    for name, below in more.items():
        grow(branch.setdefault(name, {}), below)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def compare(shape: Shape, sent: Any, read: Any, path: str) -> None:
    """Compare what Python's json reads to what DuckDB reads, field by field."""
    for name, below in shape.fields.items():
        field = r4.node(shape.type).field(name)
        assert field
        here, there = sent.get(name), None if read is None else read[name]
        if field.many:
            assert (here is None) == (there is None), f"{path}.{name}"
            assert len(here or ()) == len(there or ()), f"{path}.{name}"
            pairs = list(zip(here or (), there or (), strict=True))
        else:
            pairs = [(here, there)]
        for one, other in pairs:
            compare_value(shape.type, field, below, one, other, f"{path}.{name}")


def compare_value(
    type_name: str, field: r4.Field, below: Shape, sent: Any, read: Any, path: str
) -> None:
    if is_deferred(type_name, field):
        assert sent == (None if read is None else json.loads(read)), path
    elif sent is None:
        assert read is None or all(v is None for v in read.values()), path
    elif r4.node(field.type).kind == "primitive-type":
        assert type(read) in ((bool,) if isinstance(sent, bool) else (int, float, str)), path
        assert read == (float(sent) if isinstance(read, float) else sent), path
    else:
        compare(below, sent, read, path)


def repeats(text: bytes) -> bool:
    """Tell whether any object repeats a key, by reading every object."""
    found = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(len(dict(pairs)) < len(pairs))
        return dict(pairs)

    json.loads(text, object_pairs_hook=note)
    return any(found)


@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(one=line())
def test_what_the_gate_accepts_duckdb_reads_alike(
    connection: duckdb.DuckDBPyConnection, one: tuple[str, bytes]
) -> None:
    resource_type, raw = one
    judged = judge(Chunk(FILE, 1, 0, raw, document=False))
    assert len(judged.records) + len(judged.rejected) == 1
    if not judged.records:
        said = judged.rejected[0]
        assert said.error
        assert said.raw == raw
        return
    text = judged.records[0].text.decode()
    assert not repeats(text.encode())
    sent = json.loads(text)
    shape = from_tree(resource_type, tree(resource_type, sent))
    ((read,),) = connection.execute(
        f"select json_transform(?::varchar, '{transform_spec(shape)}')", [text]
    ).fetchall()
    compare(shape, sent, read, resource_type)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_repeated_key_is_found_and_nothing_else(data: st.DataObject) -> None:
    keys = st.sampled_from(["a", "b", 'q"', "\\", "é", "a\\"]).flatmap(spelled)
    values = st.recursive(
        st.one_of(STRINGS, st.sampled_from(["1", "null", "1e5"])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda v: f"[{', '.join(v)}]"),
            st.lists(st.tuples(keys, inner), max_size=4).map(
                lambda v: "{" + ",".join(f"{k}: {w}" for k, w in v) + "}"
            ),
        ),
        max_leaves=8,
    )
    text = f'{{"resourceType":"Basic","x":{data.draw(values)}}}'.encode()
    judged = judge(Chunk(FILE, 1, 0, text, document=False))
    assert bool(judged.rejected) == repeats(text)
    if judged.rejected:
        assert "stands twice" in judged.rejected[0].error
        assert judged.rejected[0].path.startswith("$.x")
