"""What only many values together show. In: the tables of a load; out: small tables of patterns.

A median, a rhythm, a change of level: what SQL cannot work out the same way on every engine is
worked out here, once; a check then is a query again.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.findings.patterns.drift import build_drift
from uptake.findings.patterns.hours import build_hour_shifts
from uptake.findings.patterns.volumes import build_volumes
from uptake.findings.patterns.zones import build_zone_offsets

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

SOURCES = {
    "zone_offset": frozenset({"moment"}),
    "hour_shift": frozenset({"event", "zone_offset", "moment"}),
    "volume": frozenset({"event", "zone_offset", "moment"}),
    "drift": frozenset({"event", "observation"}),
}
"""The tables of patterns, and the tables each is made from."""

_BUILDERS: Mapping[str, Callable[[Database], None]] = {
    "zone_offset": lambda db: build_zone_offsets(db, settings("zones")),
    "hour_shift": lambda db: build_hour_shifts(db, settings("hours")),
    "volume": lambda db: build_volumes(db, settings("volumes")),
    "drift": lambda db: build_drift(db, settings("drift")),
}


def build_patterns(db: Database, wanted: frozenset[str]) -> None:
    """Make the wanted tables of patterns, in the order in which they read each other."""
    for name, build in _BUILDERS.items():
        if name in wanted:
            build(db)


def settings(section: str) -> Mapping[str, Any]:
    """Return a section of `content/patterns.toml`."""
    found: Mapping[str, Any] = _content()[section]
    return found


@functools.cache
def _content() -> Mapping[str, Any]:
    path = resources.files("uptake") / "content" / "patterns.toml"
    return tomllib.loads(path.read_text("utf-8"))
