"""Find what to read. In: sources as the user names them; out: the files of each feed, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from uptake import r4
from uptake.errors import SourceError
from uptake.model import Feed

READ = (".ndjson", ".jsonl", ".json")
REFUSED = (".xml", ".hl7")
"""Named like a feed but in a form this version does not read: refused aloud, not passed over."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a feed; `index` orders files, so that the same input gives the same rids."""

    index: int
    feed: str
    path: Path
    name: str
    """As reports show it: relative to the feed's folder, never an absolute path."""
    size: int
    """Bytes on disk; -1 when the file cannot even be looked at."""


def find_feeds(
    sources: Sequence[str], named: Mapping[str, str], declared: Iterable[Feed] = ()
) -> tuple[Feed, ...]:
    """Return the feeds of the sources, of `--feed NAME=PATH` and of the project, by name.

    A folder's direct subfolders that hold resources are feeds of their own, unless they are named
    after resource types; files directly inside are a feed named after the folder. Raises
    SourceError for a path that is not there, a folder without FHIR, or a name used twice.
    """
    feeds = [*declared, *(Feed(name, _existing(path)) for name, path in named.items())]
    taken = {feed.path.resolve() for feed in feeds}
    for source in sources:
        feeds += [f for f in _feeds_of(_existing(source)) if f.path.resolve() not in taken]
    seen: dict[str, Feed] = {}
    for feed in feeds:
        if feed.name in seen:
            raise SourceError(
                f"two sources are named {feed.name!r}: {seen[feed.name].path} and {feed.path}; "
                f"name one with --feed NAME=PATH"
            )
        seen[feed.name] = feed
    return tuple(sorted(feeds, key=lambda f: f.name))


def _existing(path: str) -> Path:
    found = Path(path)
    if path.startswith(("http://", "https://")):
        raise SourceError(
            f"{path}: a FHIR server is not read by this version; export NDJSON and give its folder"
        )
    if not found.exists():
        raise SourceError(f"{path}: no such file or folder")
    return found


def _feeds_of(path: Path) -> list[Feed]:
    if path.is_file():
        return [Feed(path.name.split(".")[0], path)]
    own = any(True for _ in _own_files(path))
    name = path.resolve().name or "feed"
    feeds = [Feed(name, path)] if own else []
    feeds += [Feed(child.name, child) for child in _subfeeds(path)]
    if not feeds:
        raise SourceError(
            f"{path}: no FHIR in this folder; expected NDJSON (.ndjson, .ndjson.gz) or Bundles "
            f"(.json), directly inside or in one subfolder a feed"
        )
    return feeds


def _subfeeds(folder: Path) -> list[Path]:
    children = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    return [
        c for c in children if c.name not in r4.resource_types() and any(True for _ in _walk(c))
    ]


def _own_files(folder: Path) -> Iterable[Path]:
    """Yield the files of a folder's own feed: directly inside, or in a subfolder named as a type."""
    for child in sorted(folder.iterdir()):
        if child.is_dir():
            if child.name in r4.resource_types():
                yield from _walk(child)
        elif _wanted(child):
            yield child


def _walk(folder: Path) -> Iterable[Path]:
    for child in sorted(folder.iterdir()):
        if child.name.startswith("."):
            continue
        if child.is_dir():
            yield from _walk(child)
        elif _wanted(child):
            yield child


def _wanted(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return not path.name.startswith(".") and name.endswith(READ + REFUSED)


def files_of(feeds: Sequence[Feed]) -> tuple[SourceFile, ...]:
    """Return every file of the feeds, numbered in the order of feed and path."""
    found = []
    roots = {feed.path.resolve() for feed in feeds}
    for feed in sorted(feeds, key=lambda f: f.name):
        if feed.path.is_file():
            found.append((feed.name, feed.path, feed.path.name))
            continue
        nested = [root for root in roots if feed.path.resolve() in root.parents]
        own = _own_files(feed.path) if nested or _is_parent(feed, feeds) else _walk(feed.path)
        found += [(feed.name, p, p.relative_to(feed.path).as_posix()) for p in own]
    return tuple(
        SourceFile(i, feed, path, name, _size(path))
        for i, (feed, path, name) in enumerate(sorted(found, key=lambda f: (f[0], f[2])))
    )


def _is_parent(feed: Feed, feeds: Sequence[Feed]) -> bool:
    return any(other.path.parent == feed.path for other in feeds)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
