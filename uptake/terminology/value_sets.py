"""The codes of value sets. In: a canonical URL; out: its codes, None if they cannot be listed here.

What ships is in `content/terminology/value_sets.json.xz`: the value sets that elements of R4 and of
US Core are bound to. What a user's packages hold comes before it.
"""

from __future__ import annotations

import functools
import json
import lzma
from importlib import resources
from pathlib import Path
from typing import Any

from uptake.terminology.releases import added_packages

FILE = "value_sets.json.xz"


def expansion(url: str, releases: Path | None = None) -> frozenset[tuple[str, str]] | None:
    """Return the codes of a value set as (system, code); a version after `|` is not regarded.

    `releases` is the folder where a project keeps what was added. None: the codes cannot be listed
    from what is at hand, so nothing can be called outside of the value set.
    """
    url = url.partition("|")[0]
    found = _added(_files(releases)).get(url) if releases else None
    if found is None:
        found = _shipped().get(url)
    return None if found is None else _codes(found)


def read_value_sets(path: Path) -> dict[str, dict[str, str]]:
    """Return the value sets of a file: by URL, then by system, the codes set apart by tabs."""
    found: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    return found


@functools.cache
def _shipped() -> dict[str, dict[str, str]]:
    return read_value_sets(Path(str(resources.files("uptake"))) / "content" / "terminology" / FILE)


def _files(releases: Path) -> tuple[tuple[Path, int], ...]:
    """Return the packages' files, each with the time it was written."""
    found = [folder / FILE for folder in added_packages(releases)]
    return tuple((path, path.stat().st_mtime_ns) for path in found if path.is_file())


@functools.lru_cache(maxsize=4)
def _added(files: tuple[tuple[Path, int], ...]) -> dict[str, dict[str, str]]:
    """Return the value sets of all packages; of one that two carry, the later one's."""
    found: dict[str, dict[str, str]] = {}
    for path, _ in files:
        found |= read_value_sets(path)
    return found


def _codes(by_system: dict[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (system, code) for system, codes in by_system.items() for code in codes.split("\t")
    )
