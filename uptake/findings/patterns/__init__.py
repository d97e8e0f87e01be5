"""What only many values together show. In: the tables of a load; out: small tables of patterns.

A median, a rhythm, a change of level: what SQL cannot work out the same way on every engine is
worked out here, once; a check then is a query again.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.findings.patterns.drift import build_drift
from uptake.findings.patterns.hours import build_hour_shifts
from uptake.findings.patterns.volumes import build_volumes
from uptake.findings.patterns.zones import build_zone_offsets

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database


@dataclass(frozen=True, slots=True)
class PatternTable:
    """A table of patterns: the tables it is made from, and how, by its settings."""

    reads: frozenset[str]
    section: str
    """Of `content/patterns.toml`."""
    make: Callable[[Database, Mapping[str, Any]], None]


TABLES: Mapping[str, PatternTable] = {
    "zone_offset": PatternTable(frozenset({"moment"}), "zones", build_zone_offsets),
    "hour_shift": PatternTable(
        frozenset({"event", "zone_offset", "moment"}), "hours", build_hour_shifts
    ),
    "volume": PatternTable(frozenset({"event", "zone_offset", "moment"}), "volumes", build_volumes),
    "drift": PatternTable(frozenset({"event", "observation"}), "drift", build_drift),
}
"""By name, in the order in which they read each other."""


def build(db: Database, name: str) -> None:
    """Make one table of patterns."""
    table = TABLES[name]
    table.make(db, settings(table.section))


def settings(section: str) -> Mapping[str, Any]:
    """Return a section of `content/patterns.toml`."""
    found: Mapping[str, Any] = _content()[section]
    return found


@functools.cache
def _content() -> Mapping[str, Any]:
    path = resources.files("uptake") / "content" / "patterns.toml"
    return tomllib.loads(path.read_text("utf-8"))
