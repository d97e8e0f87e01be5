"""What stands around the resources of a Bundle. In: JSON text; out: its entries, what it says.

A Bundle is no record: its entries are. What it says of itself is kept apart, for it tells whether a
search was read to its end and whether an entry says what to do with it. Nothing here is refused: a
wrong type in a link or a request spoils no resource.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class SentBundle:
    """A Bundle without its entries; `offset` is what its entries have as `bundle`."""

    line: int
    offset: int
    type: str | None
    total: int | None
    matches: int
    """Entries that a search found: neither what it included nor what it says of itself."""
    self_url: str | None
    next_url: str | None


class Entry(msgspec.Struct, gc=False):
    """One entry of a Bundle."""

    fullUrl: str | None = None  # noqa: N815 -- FHIR's name
    resource: msgspec.Raw = msgspec.Raw()
    request: msgspec.Raw = msgspec.Raw()

    @property
    def method(self) -> str | None:
        """The method of its request; empty when that names none, None without a request."""
        request = _value(self.request)
        if request is None:
            return None
        method = request.get("method") if isinstance(request, dict) else None
        return method if isinstance(method, str) else ""


class Bundle(msgspec.Struct, gc=False):
    """A Bundle; only what its entries are must have the right type."""

    entry: list[msgspec.Raw] | None = None
    type: msgspec.Raw = msgspec.Raw()
    total: msgspec.Raw = msgspec.Raw()
    link: msgspec.Raw = msgspec.Raw()


class _Search(msgspec.Struct, gc=False):
    search: msgspec.Raw = msgspec.Raw()


read_bundle = msgspec.json.Decoder(Bundle).decode
read_entry = msgspec.json.Decoder(Entry).decode
_read_search = msgspec.json.Decoder(_Search).decode
_read = msgspec.json.Decoder().decode


def describe(bundle: Bundle, line: int, offset: int) -> SentBundle:
    """Return what a Bundle says of itself."""
    kind, total, links = _value(bundle.type), _value(bundle.total), _value(bundle.link)
    urls = {
        link["relation"]: link["url"]
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, dict)
        and isinstance(link.get("relation"), str)
        and isinstance(link.get("url"), str)
    }
    return SentBundle(
        line,
        offset,
        kind if isinstance(kind, str) else None,
        total
        if isinstance(total, int) and not isinstance(total, bool) and 0 <= total < 2**63
        else None,
        sum(_is_match(bytes(entry)) for entry in bundle.entry or ()) if kind == "searchset" else 0,
        urls.get("self"),
        urls.get("next"),
    )


def _is_match(entry: bytes) -> bool:
    """Tell whether a search found an entry; one that does not say was found (FHIR R4, search)."""
    try:
        search = _value(_read_search(entry).search)
    except msgspec.MsgspecError:
        return False
    return not isinstance(search, dict) or search.get("mode", "match") == "match"


def _value(raw: msgspec.Raw) -> Any:
    """Return what a raw value says; None where there is none."""
    return _read(raw) if bytes(raw) else None
