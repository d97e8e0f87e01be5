"""How sets are made and told. In: `content/deterioration.toml`; out: its settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Response:
    """What a band calls for."""

    response: str
    """In words."""
    total: int = 0
    """From which total on; 0: not by the total."""
    severity: str = ""
    """Of the card; empty: there is none."""
    recheck_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; each is explained in the file."""

    window: timedelta
    together: timedelta
    carried: timedelta
    clock: timedelta
    air_percent: int
    scale_2: frozenset[str]
    denied: frozenset[str]
    stale: timedelta
    trend_sets: int
    trend: timedelta
    youngest: int
    classes: frozenset[str]
    excluded: frozenset[str]
    pregnancy_status: str
    pregnant: frozenset[str]
    pregnancy: timedelta
    tolerance: Mapping[str, int]
    bands: Mapping[str, Response]


@cache
def settings() -> Settings:
    """Return the settings that ship."""
    path = resources.files("uptake") / "content" / "deterioration.toml"
    told = tomllib.loads(path.read_text("utf-8"))
    sets, card, patient = told["set"], told["card"], told["patient"]
    return Settings(
        timedelta(minutes=sets["minutes"]),
        timedelta(minutes=sets["together_minutes"]),
        timedelta(minutes=sets["carried_minutes"]),
        timedelta(minutes=sets["clock_minutes"]),
        sets["air_percent"],
        frozenset(sets["scale_2"]),
        frozenset(sets["denied"]),
        timedelta(minutes=card["stale_minutes"]),
        card["trend_sets"],
        timedelta(hours=card["trend_hours"]),
        patient["youngest"],
        frozenset(patient["classes"]),
        frozenset(patient["excluded"]),
        patient["pregnancy_status"],
        frozenset(patient["pregnant"]),
        timedelta(days=patient["pregnancy_days"]),
        MappingProxyType(told["tolerance"]),
        MappingProxyType({name: Response(**band) for name, band in told["band"].items()}),
    )
