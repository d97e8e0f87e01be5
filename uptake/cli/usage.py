"""`uptake usage`: audit logs and access lists into the event log, and what was refused of them."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uptake.cli.options import (
    UsageError,
    json_option,
    open_project,
    printable,
    project_option,
)

if TYPE_CHECKING:
    from uptake.adoption.import_log import FileEntry, Imported
    from uptake.model import Surface
    from uptake.project import Project

SHOWN = 200
"""Characters of a refused row that a terminal shows; `--json` has all of them."""


@click.group()
def usage() -> None:
    """What people did: import audit logs and access lists."""


@usage.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--surface", metavar="CODE", help="Whose events these are; default: by the header.")
@click.option("--access", is_flag=True, help="FILE is an access list.")
@click.option("--as-of", metavar="DATE", help="The day an access list is of.")
@project_option
@json_option
def import_file(
    file: Path,
    surface: str | None,
    access: bool,
    as_of: str | None,
    project_folder: Path | None,
    as_json: bool,
) -> None:
    """Import FILE: a surface's audit log (CSV or FHIR AuditEvents), or an access list.

    The same event is kept once, however often it is exported. Exit code 3 says that some rows were
    refused: `uptake usage refused FILE` shows them.
    """
    if access and surface is not None:
        raise UsageError("an access list is of all surfaces; leave --surface out")
    if access != (as_of is not None):
        raise UsageError("an access list needs both --access and --as-of DATE")
    project = open_project(project_folder)
    done = _import(project, file, surface, _day(as_of) if as_of else None)
    if as_json:
        click.echo(json.dumps(_plain(done), indent=2, ensure_ascii=False))
    else:
        for line in _told(done):
            click.echo(line)
    sys.exit(3 if done.refused else 0)


def _import(project: Project, file: Path, surface: str | None, as_of: date | None) -> Imported:
    from uptake.adoption.access import import_access
    from uptake.adoption.imports import import_usage
    from uptake.adoption.patients import FILE, patients_known
    from uptake.runs import CURRENT
    from uptake.state.database import open_state

    now = datetime.now(UTC)
    surfaces = read_surfaces_of(project)
    state = open_state(project.state_url)
    try:
        if as_of is not None:
            return import_access(state, surfaces.keys(), file, as_of=as_of, now=now)
        run = project.folder / CURRENT if project.folder else None
        known = run is not None and (run / FILE).is_file()
        return import_usage(
            state,
            surfaces,
            file,
            surface=surface,
            now=now,
            known_patients=functools.partial(patients_known, run) if run and known else None,
            folder=project.folder,
        )
    finally:
        state.close()


def read_surfaces_of(project: Project) -> dict[str, Surface]:
    """Return the surfaces of a project."""
    from uptake.definitions.surfaces import read_surfaces

    return read_surfaces(project.content("surfaces"), verify=project.own_content("surfaces"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--as-of {text}: no date; write 2026-11-23") from error


def _plain(done: Imported) -> dict[str, Any]:
    found = {name: getattr(done, name) for name in ("name", "kind", "surface", "accepted")}
    found |= {"repeated": done.repeated, "refused": done.refused, "reasons": dict(done.reasons)}
    earlier = done.earlier.isoformat() if done.earlier else None
    return found | {"notes": list(done.notes), "imported_before": earlier}


def _told(done: Imported) -> list[str]:
    """Return what became of a file, in lines."""
    from uptake.adoption.imports import counted

    what = "row of the access list" if done.kind == "access" else f"event of {done.surface}"
    many = what.replace("row ", "rows ", 1).replace("event ", "events ", 1)
    name = printable(done.name)
    lines = [f"{name}: {counted(done.accepted, f'new {what}', f'new {many}')}"]
    if done.earlier:
        lines.append(f"  this file was imported before, on {done.earlier:%Y-%m-%d at %H:%M} UTC")
    if done.repeated:
        lines.append(f"  {counted(done.repeated, 'is', 'are')} there already")
    if done.refused:
        lines.append(f"  {counted(done.refused, 'row was', 'rows were')} refused:")
        lines += [f"    {number:,}: {reason}" for reason, number in done.reasons.items()]
        lines.append(f"  to see them: uptake usage refused {name}")
    return [*lines, *(f"  {note}" for note in done.notes)]


@usage.command()
@click.argument("file", required=False)
@project_option
@json_option
def refused(file: str | None, project_folder: Path | None, as_json: bool) -> None:
    """List the files with refused rows, or show the rows of FILE. These hold identifiers."""
    from uptake.adoption import import_log
    from uptake.project import existing_state

    state = existing_state(open_project(project_folder))
    if state is None:
        raise UsageError("nothing was imported yet; uptake usage import FILE")
    try:
        entries = import_log.entries(state)
        if file is None:
            _list_files([e for e in entries if e.refused], as_json=as_json)
            return
        entry = _entry(file, entries)
        rows = import_log.refused(state, entry.sha256)
    finally:
        state.close()
    texts = [(r.line, r.reason, r.raw.decode("utf-8", "backslashreplace")) for r in rows]
    if as_json:
        names = ("line", "reason", "raw")
        found = [dict(zip(names, text, strict=True)) for text in texts]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for line, reason, raw in texts:
        click.echo(f"line {line}: {reason}")
        click.echo("  " + printable(raw.rstrip()[:SHOWN]).replace("\n", "\n  "))


def _list_files(entries: Sequence[FileEntry], *, as_json: bool) -> None:
    if as_json:
        names = ("name", "kind", "surface", "accepted", "repeated", "refused")
        found = [{n: getattr(e, n) for n in names} | {"at": e.at.isoformat()} for e in entries]
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not entries:
        click.echo("no row was refused")
    for e in entries:
        whose = e.surface or "access list"
        click.echo(f"{e.at:%Y-%m-%d %H:%M}  {e.refused:>7,}  {printable(e.name)}  ({whose})")


def _entry(file: str, entries: Sequence[FileEntry]) -> FileEntry:
    """Return the entry of a file on disk, or the newest of that name."""
    from uptake.adoption.rows import digest

    path = Path(file)
    sha256 = digest(path) if path.is_file() else ""
    for entry in entries:
        if sha256 == entry.sha256 or (not sha256 and entry.name == path.name):
            return entry
    raise UsageError(f"{file} was not imported; `uptake usage refused` lists the files")
