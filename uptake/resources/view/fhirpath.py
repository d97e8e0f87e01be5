"""The FHIRPath of ViewDefinitions, parsed. In: the text of an expression; out: a small tree.

The grammar is the subset that SQL on FHIR asks for: paths, indexers, functions, literals,
`%constants`, `$this`, comparison, `and`, `or` and arithmetic. `str()` of a tree is FHIRPath again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from uptake.errors import DefinitionError

LONGEST = 300
"""Tokens in an expression; more is a mistake, and the tree would outgrow Python's stack."""
DEEPEST = 20
"""Brackets within brackets."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out; `type` is the FHIR primitive, `text` the value without quotes or `@`."""

    type: str
    text: str

    def __str__(self) -> str:
        if self.type == "string":
            return _quoted(self.text, "'")
        mark = {"date": "@", "dateTime": "@", "time": "@T"}.get(self.type, "")
        partial = "T" if self.type == "dateTime" and "T" not in self.text else ""
        return f"{mark}{self.text}{partial}"


@dataclass(frozen=True, slots=True)
class This:
    """The element at hand: `$this`."""

    def __str__(self) -> str:
        return "$this"


@dataclass(frozen=True, slots=True)
class Constant:
    """`%name`."""

    name: str

    def __str__(self) -> str:
        return f"%{_identifier(self.name)}"


@dataclass(frozen=True, slots=True)
class Member:
    """A step to an element; without a source, from the element at hand."""

    source: Expression | None
    name: str

    def __str__(self) -> str:
        return f"{_prefix(self.source)}{_identifier(self.name)}"


@dataclass(frozen=True, slots=True)
class Call:
    """A function; without a source, of the element at hand."""

    source: Expression | None
    function: str
    arguments: tuple[Expression, ...]

    def __str__(self) -> str:
        arguments = ", ".join(map(str, self.arguments))
        return f"{_prefix(self.source)}{_identifier(self.function)}({arguments})"


@dataclass(frozen=True, slots=True)
class Index:
    """`source[position]`, counted from 0."""

    source: Expression
    position: Expression

    def __str__(self) -> str:
        return f"{self.source}[{self.position}]"


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and an operator."""

    operator: str
    left: Expression
    right: Expression

    def __str__(self) -> str:
        return f"({self.left} {self.operator} {self.right})"


@dataclass(frozen=True, slots=True)
class Negate:
    """`-operand`."""

    operand: Expression

    def __str__(self) -> str:
        return f"(-{self.operand})"


Expression: TypeAlias = Literal | This | Constant | Member | Call | Index | Binary | Negate

BINDING = {
    "or": 1, "and": 2, "=": 3, "!=": 3, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 5, "-": 5, "*": 6, "/": 6,
}  # fmt: skip
"""How tightly each operator binds: https://hl7.org/fhirpath/N1/#operator-precedence"""
UNSUPPORTED = {
    "implies", "xor", "in", "contains", "is", "as", "div", "mod", "|", "&", "~", "!~",
}  # fmt: skip

_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<moment>@T?\d[\d\-:TZ+]*(?:\.\d[\d\-:Z+]*)?)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<quoted>`(?:[^`\\]|\\.)*`)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<variable>\$[A-Za-z]+)
    |(?P<mark>!=|!~|<=|>=|[()\[\]{}.,%=<>+\-*/|&~])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_DATE = r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?"
_TIME = r"(?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)?"
_MOMENTS = (
    ("date", re.compile(f"@({_DATE})", re.ASCII)),
    ("time", re.compile(f"@T({_TIME})", re.ASCII)),
    ("dateTime", re.compile(rf"@({_DATE}T{_TIME}(?:Z|[+-]\d\d:\d\d)?)", re.ASCII)),
    ("dateTime", re.compile(f"@({_DATE})T", re.ASCII)),
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `text` has neither quotes nor escapes."""

    kind: str
    text: str
    column: int


def parse(text: str) -> Expression:
    """Return the tree of an expression; raises DefinitionError naming the fault and its column."""
    return _Parser(text).whole()


def _tokens(text: str) -> list[Token]:
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise DefinitionError([f"column {at + 1}: `{text[at]}` is not FHIRPath"])
        kind = str(match.lastgroup)
        if kind in ("string", "quoted"):
            found.append(Token(kind, _unescaped(match[0][1:-1]), at + 1))
        elif kind != "space":
            found.append(Token(kind, match[0], at + 1))
        at = match.end()
    if len(found) > LONGEST:
        raise DefinitionError([f"{len(found)} tokens; an expression has at most {LONGEST}"])
    return [*found, Token("end", "the end", len(text) + 1)]


def _unescaped(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9A-Fa-f]{4})|(.))", one, text, flags=re.DOTALL)


def _quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def _identifier(name: str) -> str:
    plain = re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name)
    reserved = name in BINDING or name in UNSUPPORTED or name in ("true", "false")
    return name if plain and not reserved else _quoted(name, "`")


def _prefix(source: Expression | None) -> str:
    return "" if source is None else f"{source}."


class _Parser:
    """Precedence climbing over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    @property
    def _next(self) -> Token:
        return self.tokens[self.at]

    def _take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def _accept(self, mark: str) -> bool:
        found = self._next.kind == "mark" and self._next.text == mark
        self.at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._accept(mark):
            self._fail(f"`{mark}` is expected, not `{self._next.text}`")

    def _fail(self, what: str) -> None:
        raise DefinitionError([f"column {self._next.column}: {what}"])

    def whole(self) -> Expression:
        tree = self._expression()
        if self._next.kind != "end":
            self._fail(f"`{self._next.text}` is not expected here")
        return tree

    def _expression(self, binding: int = 0) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            self._fail(f"more than {DEEPEST} levels of brackets")
        left = self._operand()
        while (operator := self._operator()) and BINDING[operator] > binding:
            self._take()
            left = Binary(operator, left, self._expression(BINDING[operator]))
        self.depth -= 1
        return left

    def _operator(self) -> str:
        """Return the operator that comes next, or nothing."""
        token = self._next
        if token.kind not in ("name", "mark"):
            return ""
        if token.text in UNSUPPORTED:
            self._fail(f"the operator `{token.text}` is not in the subset of ViewDefinitions")
        return token.text if token.text in BINDING else ""

    def _operand(self) -> Expression:
        negative = 0
        while self._accept("-") or self._accept("+"):
            negative += self.tokens[self.at - 1].text == "-"
        tree = self._primary()
        while True:
            if self._accept("."):
                tree = self._step(tree)
            elif self._accept("["):
                tree = Index(tree, self._expression())
                self._expect("]")
            else:
                break
        for _ in range(negative):
            tree = Negate(tree)
        return tree

    def _primary(self) -> Expression:
        token = self._next
        if self._accept("("):
            tree = self._expression()
            self._expect(")")
            return tree
        if self._accept("%"):
            if self._next.kind not in ("name", "quoted", "string"):
                self._fail("a constant's name is expected after `%`")
            return Constant(self._take().text)
        if token.kind == "name" and token.text in ("true", "false"):
            return Literal("boolean", self._take().text)
        if token.kind in ("string", "number", "moment"):
            return _literal(self._take())
        if token.kind == "variable":
            if token.text != "$this":
                self._fail(f"`{token.text}` is not in the subset of ViewDefinitions")
            self._take()
            return This()
        return self._step(None)

    def _step(self, source: Expression | None) -> Expression:
        if self._next.kind not in ("name", "quoted"):
            self._fail(f"an element or a function is expected, not `{self._next.text}`")
        name = self._take().text
        if not self._accept("("):
            return Member(source, name)
        arguments: list[Expression] = []
        while not self._accept(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._expression())
        return Call(source, name, tuple(arguments))


def _literal(token: Token) -> Literal:
    if token.kind == "string":
        return Literal("string", token.text)
    if token.kind == "number":
        return Literal("decimal" if "." in token.text else "integer", token.text)
    for type_name, pattern in _MOMENTS:
        if match := pattern.fullmatch(token.text):
            return Literal(type_name, match[1])
    raise DefinitionError([f"column {token.column}: `{token.text}` is not a date or a time"])
