"""SQL text cut into tokens. In: a query; out: its tokens, its function calls, the tables it reads.

It knows words, strings and brackets, no grammar: enough to name what a query calls and reads in
microseconds, where a parser takes its time to load. `dialect` holds the grammar; a test holds the
two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<word>\w+)
    |(?P<sign>\|\||::|<>|<=|>=|!=|->>|->|==|.)""",
    re.VERBOSE | re.DOTALL,
)

# A word before a bracket that calls nothing.
# fmt: off
_NOT_CALLED = frozenset((
    "all", "and", "any", "as", "between", "by", "case", "cross", "distinct", "else", "except",
    "exists", "extract", "filter", "from", "having", "in", "inner", "intersect", "is", "join",
    "like", "limit", "materialized", "not", "on", "or", "order", "over", "partition", "qualify",
    "select", "then", "union", "using", "values", "when", "where", "with", "within", "numeric",
    "decimal", "varchar", "cast", "try_cast",
))
# fmt: on
# fmt: off
_ENDS_FROM = frozenset((
    "select", "where", "group", "having", "order", "window", "qualify", "limit", "offset",
    "union", "except", "intersect",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its kind (`word`, `quoted`, `string`, `number`, `sign`), text as written, line."""

    kind: str
    text: str
    line: int

    @property
    def name(self) -> str:
        """The word or quoted name in lower case; of other tokens the text."""
        return self.text.strip('"').lower() if self.kind == "quoted" else self.text.lower()

    @property
    def is_name(self) -> bool:
        """True for a word or a quoted name."""
        return self.kind in ("word", "quoted")


@dataclass(frozen=True, slots=True)
class Call:
    """A function call: its name in lower case, its line and the tokens of each argument."""

    name: str
    line: int
    arguments: tuple[tuple[Token, ...], ...]
    method: bool
    """True when written behind a dot: `a.lower()`, `main.lower(a)`."""


def read_tokens(sql: str) -> list[Token]:
    """Return the tokens of a query without blanks and comments; lines count from 1."""
    tokens = []
    line = 1
    for match in _TOKEN.finditer(sql):
        kind, text = str(match.lastgroup), match.group()
        if kind != "blank":
            tokens.append(Token(kind, text, line))
        line += text.count("\n")
    return tokens


def calls_of(tokens: list[Token]) -> Iterator[Call]:
    """Yield every call `name(…)`, outer before inner; keywords before a bracket are not calls."""
    for at, token in enumerate(tokens[:-1]):
        if not token.is_name or tokens[at + 1].text != "(":
            continue
        if token.kind == "word" and token.name in _NOT_CALLED:
            continue
        if _opens_cte(tokens, at) or (at and tokens[at - 1].name == "as"):
            continue
        behind_dot = at > 0 and tokens[at - 1].text == "."
        yield Call(token.name, token.line, _arguments(tokens, at + 2), behind_dot)


def _opens_cte(tokens: list[Token], at: int) -> bool:
    """Say whether a name is followed by `as (`, with or without `[not] materialized`."""
    following = [t.name for t in tokens[at + 1 : at + 5]]
    if following[:1] != ["as"]:
        return False
    rest = [name for name in following[1:] if name not in ("not", "materialized")]
    return rest[:1] == ["("]


def _arguments(tokens: list[Token], start: int) -> tuple[tuple[Token, ...], ...]:
    arguments: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[start:]:
        if token.text in ("(", "[", "{"):
            depth += 1
        elif token.text in (")", "]", "}"):
            depth -= 1
            if depth < 0:
                break
        elif token.text == "," and depth == 0:
            arguments.append([])
            continue
        arguments[-1].append(token)
    return tuple(tuple(a) for a in arguments) if arguments != [[]] else ()


@cache
def tables_of(sql: str) -> frozenset[str]:
    """Return the names of the tables a query reads, in lower case, its own CTEs left out."""
    tokens = read_tokens(sql)
    ctes = {t.name for at, t in enumerate(tokens) if t.is_name and _opens_cte(tokens, at)}
    return frozenset(_names_read(tokens)) - ctes


def _names_read(tokens: list[Token]) -> Iterator[str]:
    """Yield each name after `from`, `join`, or a comma of a from clause."""
    levels = [_Level(allowed=True)]
    expected = False
    before: Token | None = None
    for token in tokens:
        if token.text == "(":
            levels.append(_Level(allowed=expected or not _is_call(before), clause=expected))
        elif token.text == ")":
            levels = levels[:-1] or [_Level(allowed=True)]
            expected = False
        elif expected and token.is_name and token.name not in ("lateral", "select", "with"):
            yield token.name
            expected = False
        elif token.text == ",":
            expected = levels[-1].clause
        elif token.kind == "word":
            expected = levels[-1].allowed and _opens_from(token, before)
            levels[-1].clause = expected or (levels[-1].clause and token.name not in _ENDS_FROM)
        before = token


@dataclass(slots=True)
class _Level:
    """Between two brackets: may a from clause stand here (not in `extract(…)`), is one open."""

    allowed: bool
    clause: bool = False


def _is_call(before: Token | None) -> bool:
    return before is not None and before.is_name and before.name not in _NOT_CALLED - {"extract"}


def _opens_from(token: Token, before: Token | None) -> bool:
    if token.name == "join":
        return True
    return token.name == "from" and (before is None or before.name != "distinct")
