"""What is said of conflicts, and how grave they are. In: content/conflicts.toml; out: tables."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uptake.reconciliation.conflicts.model import Severity


@dataclass(frozen=True, slots=True)
class Kind:
    """What is said of one kind of conflict."""

    words: str
    text: str
    severity: Severity
    grave: Severity | None = None
    problem: Severity | None = None
    older: Severity | None = None

    def weigh(self, *, grave: bool = False, problem: bool = False, older: bool = False) -> Severity:
        """Return how grave one of this kind is: what makes it graver comes first."""
        weighed = ((grave, self.grave), (older, self.older), (problem, self.problem))
        return next((severity for holds, severity in weighed if holds and severity), self.severity)


@dataclass(frozen=True, slots=True)
class Rules:
    """What conflicts.toml says."""

    kinds: Mapping[str, Kind]
    severe_codes: frozenset[str]
    severe_words: tuple[str, ...]
    none_known: Mapping[str, frozenset[str]]
    """A code that says that there is no allergy, to the categories it denies."""
    empty_words: Mapping[str, frozenset[str]]
    """Of `allergy` and `problem`: words of a name that do not tell one from another."""
    results: Mapping[str, frozenset[str]]


@functools.cache
def rules() -> Rules:
    """Return the rules that ship."""
    text = (resources.files("uptake") / "content" / "conflicts.toml").read_text("utf-8")
    read: dict[str, Any] = tomllib.loads(text)
    return Rules(
        {name: Kind(**kind) for name, kind in read["kind"].items()},
        frozenset(read["severe"]["codes"]),
        tuple(read["severe"]["words"]),
        {code: frozenset(denied) for code, denied in read["none-known"].items()},
        {name: frozenset(words) for name, words in read["words"].items()},
        {name: frozenset(codes) for name, codes in read["results"].items()},
    )
