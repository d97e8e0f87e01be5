"""Add a release. In: a file of any kind that is known; out: the release, compiled, in the project.

What it is, is told by what is in it, never by the file's own name.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from uptake.engine.duckdb import Database
from uptake.errors import EngineError, SourceError
from uptake.terminology.adding import cvx, icd_10_cm, loinc_table, packages, rxnorm, snomed
from uptake.terminology.adding.archives import opened
from uptake.terminology.adding.job import Job
from uptake.terminology.releases import PACKAGES, Release, new_tables, save

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from uptake.terminology.adding.archives import Member, Progress
    from uptake.terminology.adding.job import Compiled


class _Format(Protocol):
    """How the files of one publisher are told and read: a module of this package."""

    WHAT: str

    def find(self, members: Sequence[Member]) -> dict[str, Member] | None: ...
    def compile_release(self, job: Job) -> Compiled: ...


FORMATS: tuple[_Format, ...] = (packages, loinc_table, snomed, rxnorm, icd_10_cm, cvx)


def add_file(
    path: Path,
    folder: Path,
    now: datetime,
    begin: Callable[[str, int], None] = lambda *_: None,
    progress: Progress = lambda _: None,
) -> Release:
    """Compile a file into a release in `folder` and return it.

    `begin` hears each phase and its bytes, `progress` the bytes since. Raises SourceError for a
    file that is none of those known, is damaged or not safe, and StorageError where the release
    cannot be written; nothing is left behind then.
    """
    work = Path(tempfile.mkdtemp(prefix="uptake-add-"))
    try:
        with opened(path) as members:
            chosen, parts = _recognised(path, members)
            begin("Unpacking", sum(m.size for m in parts.values()))
            files = {
                part: member.write(work / f"{number}{Path(member.base).suffix}", progress)
                for number, (part, member) in enumerate(parts.items())
            }
        db = Database(threads=2, memory="2GB", spill=work / "spill")
        try:
            begin("Compiling", 1)
            names = {part: member.name for part, member in parts.items()}
            day = max(member.day for member in parts.values())
            new_tables(db)
            dated = all(member.dated for member in parts.values())
            job = Job(db, files, names, day, folder, path.name, dated)
            return _save(db, chosen, job, now)
        except EngineError as error:
            raise SourceError(f"{path}: looks like {chosen.WHAT}, but: {error}") from error
        finally:
            db.close()
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _recognised(path: Path, members: Sequence[Member]) -> tuple[_Format, dict[str, Member]]:
    for module in FORMATS:
        if parts := module.find(members):
            return module, parts
    known = "; ".join(module.WHAT for module in FORMATS)
    raise SourceError(f"{path}: nothing that can be added. Known are: {known}")


def _save(db: Database, module: _Format, job: Job, now: datetime) -> Release:
    done = module.compile_release(job)
    if not done.package and not job.count("concept"):
        raise SourceError(f"{job.source}: looks like {module.WHAT}, but has no codes")
    release = replace(done.release, added=now.isoformat(timespec="seconds"))
    if done.package:
        folder = job.folder / PACKAGES / f"{release.name}#{release.version}"
    else:
        slug = re.sub(r"[^a-z0-9.]+", "-", f"{release.name} {release.version}".lower())
        folder = job.folder / slug.strip("-")
    return save(db, release, folder, done.more, done.beside)
