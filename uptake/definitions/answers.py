"""Front matter as typed values. In: a table of a document; out: its answers; faults are noted."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.definitions.document import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from uptake.definitions.document import Document


@functools.cache
def defaults() -> dict[str, Any]:
    """Return what a definition gets when it does not say: `content/defaults.toml`."""
    path = resources.files("uptake") / "content" / "defaults.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


class Answers:
    """One table of front matter; a reader notes a fault and returns an empty value of its type."""

    def __init__(self, document: Document, table: Mapping[str, Any], *place: str) -> None:
        self.document = document
        self.table = table
        self.place = place

    def fault(self, key: str, message: str) -> None:
        """Note a fault at a key's line."""
        self.document.fault(self.document.line_of(*self.place, key), message)

    def only(self, known: Collection[str], required: Sequence[str]) -> None:
        """Note the keys that nobody reads and the required ones that are missing."""
        for key in self.table:
            if key not in known:
                self.fault(key, f"unknown key {key!r}; {nearest(key, sorted(known))}")
        for key in required:
            if key not in self.table:
                self.fault(key, f"the key {key!r} is missing; add it")

    def text(self, key: str, default: str = "") -> str:
        """Return a text that is not empty."""
        value = self.table.get(key, default)
        if isinstance(value, str) and (value.strip() or key not in self.table):
            return value
        self.fault(key, f"{key} is {value!r}; write a text between quotes")
        return default

    def word(self, key: str, words: Sequence[str], default: str = "") -> str:
        """Return one of some allowed words."""
        value = self.text(key, default)
        if not value or value in words:
            return value
        self.fault(key, f"{key} is {value!r}; {nearest(value, words)}")
        return default

    def share(self, key: str, default: float) -> float:
        """Return a share, 0 to 1."""
        value = self.table.get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        self.fault(key, f"{key} is {value!r}; write a share from 0 to 1, as in 0.05 for 5 %")
        return default

    def truth(self, key: str) -> bool:
        """Return true or false; false when not said."""
        value = self.table.get(key, False)
        if isinstance(value, bool):
            return value
        self.fault(key, f"{key} is {value!r}; write true or false")
        return False

    def code(self) -> str:
        """Return the code: letters, digits, hyphens, dots and underscores."""
        code = self.text("code")
        if code and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", code):
            self.fault("code", f"code is {code!r}; write letters, digits, - . and _ only")
        return code

    def number(self, key: str) -> int | None:
        """Return a whole number above 0, or None when not said."""
        value = self.table.get(key)
        if value is None or (isinstance(value, int) and value is not True and value > 0):
            return value
        self.fault(key, f"{key} is {value!r}; write a whole number above 0")
        return None

    def texts(self, key: str, *, or_one: bool = False) -> tuple[str, ...]:
        """Return a list of texts; with `or_one` a single text is a list of one."""
        value = self.table.get(key, [])
        if or_one and isinstance(value, str):
            value = [value]
        good = isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)
        if good and (value or key not in self.table):
            return tuple(value)
        self.fault(key, f'{key} is {value!r}; write a list of texts, as in ["a", "b"]')
        return ()

    def lists(self, key: str) -> dict[str, tuple[str, ...]]:
        """Return a table of lists of texts."""
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            self.fault(key, f"{key} is {value!r}; write a table, system = [codes]")
            return {}
        inner = Answers(self.document, value, *self.place, key)
        return {name: inner.texts(name) for name in value}
