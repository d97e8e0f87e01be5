"""How sets are made and told. In: what ships, a hospital's own file; out: settings."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from uptake.errors import DefinitionError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "early-warning.toml"
"""In the folder of a project."""
_CODE = re.compile(r"[^\s,&|$#\\]{1,100}")


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
    denied: frozenset[str]
    stale: timedelta
    trend_sets: int
    trend: timedelta
    youngest: int
    pregnancy_status: str
    pregnant: frozenset[str]
    pregnancy: timedelta
    tolerance: Mapping[str, int]
    bands: Mapping[str, Response]


@dataclass(frozen=True, slots=True)
class Hospital:
    """What is a hospital's own matter; each is explained in the file."""

    classes: frozenset[str]
    excluded: frozenset[str]
    scale_2: frozenset[str]


def hospital(folder: Path | None = None) -> Hospital:
    """Return what ships, and what FILE in a project's folder says in its place.

    Raises DefinitionError with every fault of the file.
    """
    told: dict[str, Any] = dict(_shipped()["hospital"])
    path = folder / FILE if folder else None
    if path and path.exists():
        try:
            own = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise DefinitionError([f"{path}: {error}"]) from error
        if faults := [f"{path}: {fault}" for fault in _faults(own, told)]:
            raise DefinitionError(faults)
        told |= own
    return Hospital(*(frozenset(told[name]) for name in ("classes", "excluded", "scale_2")))


def _faults(own: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    for name, codes in own.items():
        if name not in known:
            yield f"there is no {name!r}; known: {', '.join(known)}"
        elif not isinstance(codes, list) or not all(map(_is_code, codes)):
            yield f'{name} is {codes!r}; write a list of codes, as in ["IMP"]'


def _is_code(told: object) -> bool:
    """Tell whether it is a code; it goes into a search, where nothing of it may have a meaning."""
    return isinstance(told, str) and bool(_CODE.fullmatch(told))


@cache
def _shipped() -> Mapping[str, Any]:
    path = resources.files("uptake") / "content" / "deterioration.toml"
    return tomllib.loads(path.read_text("utf-8"))


@cache
def settings() -> Settings:
    """Return the settings that ship, but for what is a hospital's own matter."""
    told = _shipped()
    sets, card, patient = told["set"], told["card"], told["patient"]
    return Settings(
        timedelta(minutes=sets["minutes"]),
        timedelta(minutes=sets["together_minutes"]),
        timedelta(minutes=sets["carried_minutes"]),
        timedelta(minutes=sets["clock_minutes"]),
        sets["air_percent"],
        frozenset(sets["denied"]),
        timedelta(minutes=card["stale_minutes"]),
        card["trend_sets"],
        timedelta(hours=card["trend_hours"]),
        patient["youngest"],
        patient["pregnancy_status"],
        frozenset(patient["pregnant"]),
        timedelta(days=patient["pregnancy_days"]),
        MappingProxyType(told["tolerance"]),
        MappingProxyType({name: Response(**band) for name, band in told["band"].items()}),
    )
