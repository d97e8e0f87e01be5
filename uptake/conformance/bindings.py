"""Codes against the value sets they are bound to. In: a value and a binding; out: in it, or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from uptake.conformance.definitions import Binding

Expansion: TypeAlias = "Callable[[str], frozenset[tuple[str, str]] | None]"
"""The codes of a value set as (system, code), or None where they cannot be listed."""

CODED = ("CodeableConcept", "Coding", "code", "Quantity", "string", "uri", "Age", "Duration")


class ValueSet:
    """The codes of a value set."""

    def __init__(self, codes: frozenset[tuple[str, str]]) -> None:
        self.codes = codes

    @cached_property
    def plain(self) -> frozenset[str]:
        """The codes without their systems: what an element of type `code` may say."""
        return frozenset(code for _, code in self.codes)

    @cached_property
    def by_spelling(self) -> Mapping[str, tuple[str, str] | None]:
        """The code of each spelling; None where two codes are spelt alike."""
        found: dict[str, tuple[str, str] | None] = {}
        for system, code in sorted(self.codes):
            key = _spelling(code)
            found[key] = None if key in found else (system, code)
        return found


class ValueSets:
    """Value sets by their URL, listed once."""

    def __init__(self, expansion: Expansion) -> None:
        self._expansion = expansion
        self._known: dict[str, ValueSet | None] = {}

    def get(self, url: str) -> ValueSet | None:
        """Return a value set, None where its codes cannot be listed."""
        if url not in self._known:
            codes = self._expansion(url)
            self._known[url] = None if codes is None else ValueSet(codes)
        return self._known[url]

    def holds(self, binding: Binding, value: Any) -> bool | None:
        """Tell whether a value is in the value set of a binding; None: it cannot be told."""
        found = self.get(binding.value_set)
        if found is None:
            return None
        if isinstance(value, str):
            return value in found.plain
        if not isinstance(value, dict):
            return None
        codings = list(_codings(value))
        return any((c.get("system", ""), c.get("code")) in found.codes for c in codings)

    def suggest(self, binding: Binding, value: Any) -> str | None:
        """Return the code that is meant where only its spelling or its system is another."""
        found = self.get(binding.value_set)
        if found is None:
            return None
        codes = [value] if isinstance(value, str) else [c.get("code") for c in _codings(value)]
        for code in codes:
            meant = found.by_spelling.get(_spelling(code)) if isinstance(code, str) else None
            if meant:
                return meant[1] if isinstance(value, str) else "|".join(meant)
        return None


def _codings(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    inner = value.get("coding")
    if isinstance(inner, list):
        yield from (c for c in inner if isinstance(c, dict))
    elif "code" in value:
        yield value


def _spelling(code: str) -> str:
    return re.sub(r"[\s_\-]+", "", code).lower()
