"""What payers' answers mean. In: `content/authorization.toml`; out: its settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; each is explained in the file."""

    limits: Mapping[str, timedelta]
    """By `expedited` and `standard`."""
    fewest: int
    review_action: Mapping[str, str]
    denied_words: tuple[str, ...]
    priority: Mapping[str, str]
    pa_needed: Mapping[str, str]


@cache
def settings() -> Settings:
    """Return the settings that ship."""
    path = resources.files("uptake") / "content" / "authorization.toml"
    told = tomllib.loads(path.read_text("utf-8"))
    return Settings(
        {
            "expedited": timedelta(hours=told["limits"]["expedited_hours"]),
            "standard": timedelta(days=told["limits"]["standard_days"]),
        },
        told["figures"]["fewest"],
        told["review_action"],
        tuple(told["disposition"]["denied"]),
        told["priority"],
        told["pa_needed"],
    )
