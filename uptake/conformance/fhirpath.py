"""The FHIRPath of invariants. In: the text of an expression; out: a function over elements.

FHIRPath N1 (https://hl7.org/fhirpath/N1/) as far as the invariants of R4 and US Core go. What is
not known here is refused when the expression is read; what only a resource shows (several elements
where one belongs), when it runs: either way the rule is listed as not judged. It runs over few
resources (one of each shape), so it is an interpreter and no SQL.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TypeAlias

from uptake.conformance import functions
from uptake.conformance.elements import (
    Evaluation,
    Items,
    Unsupported,
    children,
    system,
)
from uptake.conformance.operators import OPERATORS

BINDING = {
    "implies": 1, "or": 2, "xor": 2, "and": 3, "in": 4, "contains": 4,
    "=": 5, "!=": 5, "~": 5, "!~": 5, "<": 6, "<=": 6, ">": 6, ">=": 6,
    "|": 7, "is": 8, "as": 8, "+": 9, "-": 9, "&": 9, "*": 10, "/": 10, "div": 10, "mod": 10,
}  # fmt: skip
"""How tightly each operator binds: https://hl7.org/fhirpath/N1/#operator-precedence"""

_TOKEN = re.compile(
    r"""\s+|//[^\n]*
    |(?P<moment>@T?[\d][\d\-:TZ+.]*)
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\]|\\.)*`)
    |(?P<variable>\$[A-Za-z]+)
    |(?P<mark>!=|!~|<=|>=|[()\[\]{}.,%=<>+\-*/|&~])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"f": "\f", "n": "\n", "r": "\r", "t": "\t"}

Token: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression ready to run, and the names of elements whose content it looks at."""

    text: str
    run: Evaluation
    reads: frozenset[str]
    """A rule that only asks whether an element exists reads none."""
    whole: bool
    """True when it looks at the resource around the element."""


@functools.cache
def compile_expression(text: str) -> Expression:
    """Return an expression; raises Unsupported, saying why it cannot be judged."""
    parser = _Parser(text)
    run = parser.expression(0)
    if parser.next != ("end", ""):
        raise Unsupported(f"`{parser.next[1]}` is not expected")
    return Expression(text, run, frozenset(parser.reads), parser.whole)


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unsupported(f"`{text[at]}` is not FHIRPath")
        at = match.end()
        if match.lastgroup:
            found.append((match.lastgroup, match[0]))
    return [*found, ("end", "")]


def unescaped(text: str) -> str:
    """Return what a quoted text says."""

    def one(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9A-Fa-f]{4})|(.))", one, text[1:-1], flags=re.DOTALL)


class _Parser:
    """Precedence climbing that gives closures; notes the elements an operator looks into."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.reads: set[str] = set()
        self.whole = False
        self.last = ""
        """The last step of the operand that was read last."""

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def accept(self, mark: str) -> bool:
        found = self.next == ("mark", mark)
        self.at += found
        return found

    def is_written_out(self) -> bool:
        """Tell whether the argument that comes next is a text and nothing else."""
        return self.next[0] == "string" and self.tokens[self.at + 1] == ("mark", ")")

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise Unsupported(f"`{mark}` is expected, not `{self.next[1]}`")

    def expression(self, binding: int) -> Evaluation:
        left = self.operand()
        while (operator := self.next[1]) and BINDING.get(operator, 0) > binding:
            if self.next[0] not in ("name", "mark"):
                break
            self.take()
            if operator in ("is", "as"):
                left = functions.of_type(left, self.type_name(), check=operator == "is")
                continue
            self.read(operator)
            right = self.expression(BINDING[operator])
            self.read(operator)
            left = OPERATORS[operator](left, right)
        return left

    def read(self, operator: str) -> None:
        """Note the operand's last step, if the operator looks at what is in it."""
        if operator not in ("and", "or", "xor", "implies") and self.last:
            self.reads.add(self.last)

    def type_name(self) -> str:
        name = self.take()
        while self.accept("."):
            name = self.take()
        return name

    def operand(self) -> Evaluation:
        negative = False
        while self.accept("-") or self.accept("+"):
            negative ^= self.tokens[self.at - 1][1] == "-"
        found = self.primary()
        while True:
            if self.accept("."):
                found = self.step(found)
            elif self.accept("["):
                position = self.expression(0)
                self.expect("]")
                found = functions.index(found, position)
            else:
                break
        return functions.negate(found) if negative else found

    def primary(self) -> Evaluation:
        kind, text = self.next
        if self.accept("("):
            found = self.expression(0)
            self.expect(")")
            return found
        if self.accept("{"):
            self.expect("}")
            return lambda _env, _focus: []
        if self.accept("%"):
            return self.constant(self.take())
        if kind == "variable":
            self.take()
            return _variable(text)
        if kind in ("string", "number", "moment") or text in ("true", "false"):
            self.take()
            self.last = ""
            return _literal(kind, text)
        return self.step(None)

    def constant(self, name: str) -> Evaluation:
        name = unescaped(name) if name[:1] in "'`" else name
        self.last = ""
        if name in ("resource", "rootResource"):
            self.whole = True
            return lambda env, _focus: [env.resource if name == "resource" else env.root]
        if name == "context":
            return lambda env, _focus: env.context
        if name in functions.CONSTANTS:
            constant = system(functions.CONSTANTS[name])
            return lambda _env, _focus: [constant]
        raise Unsupported(f"%{name} is not known here")

    def step(self, source: Evaluation | None) -> Evaluation:
        kind, text = self.next
        if kind != "name":
            raise Unsupported(f"an element is expected, not `{text}`")
        self.take()
        name = unescaped(text) if text.startswith("`") else text
        if self.accept("("):
            return self.call(source, name)
        self.last = name
        if source is None:
            return lambda _env, focus: _members(focus, name)
        return lambda env, focus: [c for i in source(env, focus) for c in children(i, name)]

    def call(self, source: Evaluation | None, name: str) -> Evaluation:
        subject = source or (lambda _env, focus: focus)
        if name in functions.LOOKING:
            self.read(name)
        if name in ("ofType", "as", "is"):
            found = functions.of_type(subject, self.type_name(), check=name == "is")
            self.expect(")")
            return found
        arguments: list[Evaluation] = []
        last = self.last
        while not self.accept(")"):
            if arguments:
                self.expect(",")
            if name == "matches" and self.is_written_out():
                functions.check_pattern(unescaped(self.next[1]))
            arguments.append(self.expression(0))
            if name in functions.LOOKING or name == "select":
                self.read(name)
        self.last = "" if name in functions.BLIND else last
        return functions.call(name, subject, arguments)


def _members(focus: Items, name: str) -> Items:
    """Return the children of a name; a path may begin with the name of the resource's type."""
    if name[:1].isupper() and any(item.type == name for item in focus):
        return focus
    return [c for item in focus for c in children(item, name)]


def _variable(name: str) -> Evaluation:
    if name == "$this":
        return lambda _env, focus: focus
    raise Unsupported(f"{name} is not known here")


def _literal(kind: str, text: str) -> Evaluation:
    if kind == "string":
        item = system(unescaped(text))
    elif kind == "number":
        item = system(float(text) if "." in text else int(text))
    elif kind == "moment":
        item = system(text[1:], "time" if text.startswith("@T") else "dateTime")
    else:
        item = system(text == "true")
    return lambda _env, _focus: [item]
