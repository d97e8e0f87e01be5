"""Where runs lie. In: a project or an out folder; out: the run's folder, whole or not at all.

A project keeps `runs/<id>` and links the newest as `current`; without a project the files of a run
lie in the out folder. `assess` alone writes, under the project's lock; readers follow `current`.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.disk import sync_folder
from uptake.errors import SourceError, StorageError

if TYPE_CHECKING:
    from uptake.project import Project

RUNS = "runs"
CURRENT = "current"
STORE = "resources"
LOCK = ".uptake.lock"
DEFAULT_OUT = Path("uptake-out")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run writes: its draft, its raw store, and where the draft goes when it is whole."""

    draft: Path
    store: Path
    final: Path


@contextmanager
def new_run(project: Project, out: Path | None, run: str) -> Iterator[Place]:
    """Give the place of a new run; in a project it becomes current when the block ends well.

    Raises StorageError when another process holds the project's lock.
    """
    if out is not None or project.folder is None:
        folder = out or DEFAULT_OUT
        _make(folder)
        with _locked(folder):
            yield Place(folder, folder / STORE, folder)
        return
    runs = project.folder / RUNS
    _make(runs)
    name = run.replace(":", "")
    with _locked(project.folder):
        for left in runs.glob("*.tmp"):  # of a run that was killed
            shutil.rmtree(left)
        draft = runs / f"{name}.tmp"
        _make(draft)
        yield Place(draft, project.folder / STORE, runs / name)
        sync_folder(draft)
        draft.rename(runs / name)
        link = project.folder / f"{CURRENT}.tmp"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(RUNS) / name, target_is_directory=True)
        link.replace(project.folder / CURRENT)


def run_folder(project: Project, out: Path | None) -> tuple[Path, Path]:
    """Return the folder of the newest run and of its raw store."""
    if out is not None or project.folder is None:
        folder = (out or DEFAULT_OUT).resolve()
        within = folder.parent.name == RUNS and not (folder / STORE).exists()
        return folder, (folder.parents[1] if within else folder) / STORE
    current = project.folder / CURRENT
    if not current.is_dir():
        raise SourceError(f"{project.folder}: no run yet; run `uptake assess`")
    return current, project.folder / STORE


def history(project: Project) -> list[Path]:
    """Return the folders of a project's finished runs, oldest first.

    A folder's name says the second in which its run began; of one second, the older file is first.
    """
    if project.folder is None:
        return []
    found = (project.folder / RUNS).glob("*/summary.json")
    dated = [(p.parent.name[:18], p.stat().st_mtime_ns, p.parent) for p in found]
    return [folder for *_, folder in sorted(dated) if folder.suffix != ".tmp"]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    path = folder / LOCK
    try:
        stream = path.open("w")
    except OSError as error:
        raise StorageError(f"{folder}: cannot be written: {error.strerror}") from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not path.samefile(f"/dev/fd/{stream.fileno()}"):  # removed by the run before us
                raise BlockingIOError
        except OSError as error:
            raise StorageError(f"{folder}: another assess is running here; wait for it") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
