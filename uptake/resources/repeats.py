"""Keys that stand twice in one object. In: JSON text; out: where the first of them stands.

Parsers keep the first or the last of two and say nothing, so such a text means two things.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

_write = msgspec.json.Encoder().encode
_read_pairs = re.compile(rb"\\u00(?:22|5[cC])")


def may_repeat_keys(text: bytes, document: Any) -> bool:
    """Tell whether an object of the text may repeat a key; False is certain.

    Writing the parsed document again drops a repeated key and its two quotes, so equal numbers of
    unescaped quotes prove that none was dropped; this costs an eighth of a slower exact parse.
    Escapes that spell a quote or a backslash change the count: those few texts take that parse.
    """
    written = _write(document)
    if written == text:
        return False
    return bool(_read_pairs.search(text)) or _quotes(written) != _quotes(text)


def _quotes(text: bytes) -> int:
    return text.count(b'"') - text.count(b'\\"')


class _Pairs(list[tuple[str, Any]]):
    """An object as its keys and values in order, repeats included."""


def repeated_key(text: bytes) -> str:
    """Return the JSON path of the first repeated key, by an exact parse; empty if none repeats."""
    import json

    return _find_repeated(json.loads(text, object_pairs_hook=_Pairs), "$")


def _find_repeated(value: Any, path: str) -> str:
    if isinstance(value, _Pairs):
        seen = set()
        for key, below in value:
            found = f"{path}.{key}" if key in seen else _find_repeated(below, f"{path}.{key}")
            if found:
                return found
            seen.add(key)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if found := _find_repeated(item, f"{path}[{number}]"):
                return found
    return ""
