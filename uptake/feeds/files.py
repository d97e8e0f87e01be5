"""Find what to read. In: sources as the user names them; out: the files of each feed, in order."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from uptake import r4
from uptake.errors import SourceError
from uptake.model import Feed

READ = (".ndjson", ".jsonl", ".json", ".fhir")
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
        feeds += [f for f in _feeds_of(_existing(source), taken) if f.path.resolve() not in taken]
    seen: dict[str, Feed] = {}
    for feed in feeds:
        if feed.name in seen:
            raise SourceError(
                f"two sources are named {feed.name!r}: {_shown(seen[feed.name].path)} and "
                f"{_shown(feed.path)}; name one with --feed NAME=PATH"
            )
        seen[feed.name] = feed
    return tuple(sorted(feeds, key=lambda f: f.name))


def _existing(path: str) -> Path:
    found = Path(path)
    if not path.strip():
        raise SourceError("a source has no name; give a file or a folder")
    if path.startswith(("http://", "https://")):
        raise SourceError(
            f"{path}: a FHIR server is not read by this version; export NDJSON and give its folder"
        )
    try:
        mode = found.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        known = "no such file or folder" if isinstance(error, FileNotFoundError) else reason
        raise SourceError(f"{_shown(path)}: {known}") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(f"{_shown(path)}: neither a file nor a folder; write it to a file first")
    return found


def _shown(path: Path | str) -> str:
    """Return a path as messages, tables and reports can hold it: one line of Unicode."""
    text = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _feeds_of(path: Path, taken: Set[Path]) -> list[Feed]:
    """Return the feeds of one source; what is `taken` has a feed of its own already."""
    if path.is_file():
        return [Feed(_shown(path.name.split(".")[0] or path.name), path)]
    feeds = [Feed(_shown(child.name), child) for child in _subfeeds(path, taken)]
    if any(True for _ in _walk(path, {*taken, *(f.path.resolve() for f in feeds)})):
        feeds.append(Feed(_shown(path.resolve().name or "feed"), path))
    if not feeds and not any(True for _ in _walk(path, frozenset())):
        raise SourceError(
            f"{_shown(path)}: no FHIR in this folder; expected NDJSON (.ndjson, .ndjson.gz) or "
            f"Bundles (.json), directly inside or in one subfolder a feed"
        )
    return feeds


def _subfeeds(folder: Path, taken: Set[Path]) -> Iterator[Path]:
    """Yield the direct subfolders that are feeds: they hold files and are not named as a type."""
    real = folder.resolve()
    for child in _children(folder):
        if not child.is_dir() or child.name in r4.resource_types():
            continue
        if real.is_relative_to(child.resolve()):
            continue  # a link in a circle
        if any(True for _ in _walk(child, {*taken, real})):
            yield child


def _walk(folder: Path, others: Set[Path]) -> Iterator[Path]:
    """Yield the files below a folder, without those of `others`, which are feeds or ancestors."""
    real = folder.resolve()
    for child in _children(folder):
        if child.is_dir():
            if child.resolve() not in {*others, real}:
                yield from _walk(child, {*others, real})
        elif _wanted(child) and real / child.name not in others:
            yield child


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError as error:
        raise SourceError(f"{_shown(folder)}: cannot be listed: {error.strerror}") from error


def _wanted(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(READ + REFUSED)


def files_of(feeds: Sequence[Feed]) -> tuple[SourceFile, ...]:
    """Return every file of the feeds, numbered in the order of feed and path."""
    found = []
    roots = {feed.path.resolve() for feed in feeds}
    for feed in feeds:
        if feed.path.is_dir():
            own = _walk(feed.path, roots - {feed.path.resolve()})
            found += [(feed.name, _shown(p.relative_to(feed.path).as_posix()), p) for p in own]
        else:
            found.append((feed.name, _shown(feed.path.name), feed.path))
    return tuple(
        SourceFile(i, feed, path, name, _size(path))
        for i, (feed, name, path) in enumerate(sorted(found))
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
