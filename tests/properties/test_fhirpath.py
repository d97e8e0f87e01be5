"""The parser of FHIRPath: what it writes it reads again, and no text makes it crash."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from uptake.errors import DefinitionError
from uptake.resources.view import compile_view
from uptake.resources.view.fhirpath import (
    BINDING,
    Binary,
    Call,
    Constant,
    Expression,
    Index,
    Literal,
    Member,
    Negate,
    This,
    parse,
)

NAMES = st.one_of(st.from_regex(r"[a-z][A-Za-z0-9]{0,8}", fullmatch=True), st.text(min_size=1))
LITERALS = st.one_of(
    st.text(max_size=20).map(lambda text: Literal("string", text)),
    st.integers(0, 10**12).map(lambda number: Literal("integer", str(number))),
    st.decimals(0, 1000, places=3).map(lambda number: Literal("decimal", str(number))),
    st.booleans().map(lambda flag: Literal("boolean", str(flag).lower())),
    st.dates().map(lambda date: Literal("date", date.isoformat())),
    st.dates().map(lambda date: Literal("dateTime", f"{date}T10:00:00.000+02:00")),
    st.dates().map(lambda date: Literal("dateTime", date.isoformat())),
    st.times().map(lambda time: Literal("time", time.isoformat("milliseconds"))),
)
LEAVES = st.one_of(
    LITERALS,
    st.just(This()),
    NAMES.map(Constant),
    NAMES.map(lambda name: Member(None, name)),
)


def _branches(below: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    calls = st.lists(below, max_size=2).map(tuple)
    return st.one_of(
        st.builds(Member, below, NAMES),
        st.builds(Call, st.none() | below, NAMES, calls),
        st.builds(Index, below, below),
        st.builds(Binary, st.sampled_from(sorted(BINDING)), below, below),
        st.builds(Negate, below),
    )


TREES = st.recursive(LEAVES, _branches, max_leaves=8)
PIECES = (
    "name given use value code where exists first ofType extension ( ) [ ] . , ' ` % $this "
    "$index @2020 @T10 1 1.5 'x' = != < and or + - * / Quantity true \\ \\u00 is | div"
)
PIECE = st.sampled_from(PIECES.split())


@given(TREES)
def test_what_is_written_is_read_again(tree: Expression) -> None:
    assert parse(str(tree)) == tree


@given(st.text() | st.lists(PIECE, max_size=40).map(" ".join) | st.lists(PIECE).map("".join))
def test_no_text_crashes_the_parser(text: str) -> None:
    with contextlib.suppress(DefinitionError):
        parse(text)


@given(st.lists(PIECE, max_size=12).map(" ".join))
def test_no_path_crashes_the_compiler(path: str) -> None:
    view = {"resource": "Patient", "select": [{"column": [{"name": "a", "path": path}]}]}
    with contextlib.suppress(DefinitionError):
        compile_view(view)


@given(st.sampled_from(["(", "-", "a.", "a[", "where(", "a = "]), st.integers(0, 5000))
def test_depth_is_bounded(piece: str, times: int) -> None:
    with contextlib.suppress(DefinitionError):
        parse(piece * times + "a" + ")" * times * (piece[-1] == "("))
