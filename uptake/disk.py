"""Files written whole. In: bytes; out: the new file, or the old one untouched, never a half."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from uptake.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Wait until the files of a folder, and the folder itself, are on disk; raises OSError."""
    for path in (*folder.iterdir(), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one; raises StorageError."""
    draft = path.with_name(path.name + ".tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
