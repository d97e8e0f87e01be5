"""Open what a user brings. In: a zip, a tgz or a plain file; out: its members, safe to read.

Members are written under names of our own, never under theirs. What expands beyond all measure, and
a name that points out of its archive, is refused.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath
from typing import IO

from uptake.errors import SourceError, StorageError

CHUNK = 1 << 20
LARGEST = 24 << 30
"""Bytes of one member, unpacked: more than any release has (SNOMED CT, all of it: under 6 GB)."""
RATIO = 250
"""Times a member may grow; RRF grows 12 times, LOINC's table 8 times."""
SMALL = 64 << 20
"""Below this size no member is a bomb, however well it was packed."""
HEAD = 4096
FIRST_DAY = date(1980, 1, 1)
"""Nothing in a zip is older."""

Progress = Callable[[int], None]
"""Called with the bytes read since the last call."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive, or the plain file itself."""

    name: str
    """Its path in the archive, with slashes."""
    size: int
    packed: int
    day: date
    """When it was written, as the archive says."""
    open: Callable[[], IO[bytes]]
    dated: bool = True
    """False for a plain file: a copy has the day it was copied."""

    @property
    def base(self) -> str:
        """Return the last part of its path, in small letters."""
        return PurePosixPath(self.name).name.lower()

    def head(self) -> str:
        """Return how it begins, as text."""
        with self.open() as stream:
            return stream.read(HEAD).decode("utf-8-sig", "replace")

    def write(self, path: Path, progress: Progress) -> Path:
        """Write it to a path; raises SourceError if it grows beyond all measure.

        Raises StorageError when the disk is full.
        """
        limit = min(LARGEST, max(SMALL, self.packed * RATIO))
        written = 0
        with self.open() as source, path.open("wb") as target:
            while chunk := source.read(CHUNK):
                written += len(chunk)
                if written > limit:
                    raise SourceError(
                        f"{self.name}: expands to more than {limit >> 20} MB; refused"
                    )
                try:
                    target.write(chunk)
                except OSError as error:  # the disk is at fault, not the archive
                    raise StorageError(
                        f"{path.parent}: cannot be written: {error.strerror or error}"
                    ) from error
                progress(len(chunk))
        return path


@contextmanager
def opened(path: Path) -> Iterator[list[Member]]:
    """Give the files of an archive, or the plain file as the only one.

    Raises SourceError for a file that is not there, a broken archive, or one that is not safe.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield _checked([_of_zip(archive, i) for i in archive.infolist() if not i.is_dir()])
        elif _is_gzip(path):
            with tarfile.open(path, "r:gz") as tar:
                yield _checked([_of_tar(tar, i) for i in tar if i.isfile()])
        else:
            stat = path.stat()
            day = datetime.fromtimestamp(stat.st_mtime, UTC).date()
            yield [
                Member(path.name, stat.st_size, stat.st_size, day, lambda: path.open("rb"), False)
            ]
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise SourceError(
            f"{path}: no archive that can be read ({error}); fetch it again"
        ) from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _of_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & 1:
        raise SourceError(f"{archive.filename}: is encrypted; unpack it and add the file within")
    return Member(
        info.filename.replace("\\", "/"),
        info.file_size,
        info.compress_size,
        _day_of_zip(info),
        lambda: _unpacking(archive, info),
    )


def _unpacking(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return archive.open(info)
    except NotImplementedError as error:  # zipfile says so of a compression that it does not know
        raise SourceError(
            f"{archive.filename}: {info.filename} is packed in a way that cannot be read "
            f"({error}); unpack it and pack it again as a plain zip"
        ) from error


def _day_of_zip(info: zipfile.ZipInfo) -> date:
    """Return the day a member was written; where a program wrote none, the first a zip can say."""
    try:
        return date(*info.date_time[:3])
    except ValueError:  # month 0, day 0
        return FIRST_DAY


def _of_tar(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def open_member() -> IO[bytes]:
        stream = archive.extractfile(info)
        if stream is None:
            raise SourceError(f"{info.name}: is no file")
        return stream

    day = datetime.fromtimestamp(info.mtime, UTC).date()
    return Member(info.name, info.size, info.size, day, open_member)


def _checked(members: list[Member]) -> list[Member]:
    for member in members:
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts:
            raise SourceError(f"{member.name}: a name that points out of its archive; refused")
    return members
