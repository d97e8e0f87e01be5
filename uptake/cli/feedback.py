"""`uptake feedback`: what clinicians reported, what became of it, and whether a change holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uptake.cli.checks import read_catalogue
from uptake.cli.options import (
    UsageError,
    json_option,
    open_project,
    printable,
    project_option,
)

if TYPE_CHECKING:
    from uptake.project import Project
    from uptake.rollout.feedback import Figures, Item, Verdict
    from uptake.state.database import State

_FIELDS = ("id", "kind", "use_case", "about_kind", "about", "text", "reporter", "role", "unit")
_STANDING = ("status", "owner", "patients", "weight", "answer", "verified", "reopened")


@click.group()
def feedback() -> None:
    """What clinicians reported, and what became of it."""


@feedback.command("list")
@click.option("--all", "with_closed", is_flag=True, help="Those that are closed, too.")
@project_option
@json_option
def list_reports(with_closed: bool, project_folder: Path | None, as_json: bool) -> None:
    """List the reports: clinical severity times patients first, then the oldest."""
    from uptake.project import existing_state
    from uptake.rollout.feedback import figures, queue

    project = open_project(project_folder)
    state = existing_state(project)
    items = queue(state, _now(project), read_catalogue(project)[0]) if state else ()
    numbers = figures(items)
    shown = [i for i in items if with_closed or i.is_open]
    if as_json:
        found = {"figures": _figures(numbers), "reports": [_plain(i) for i in shown]}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if shown:
        _table(shown)
    for line in _told(numbers):
        click.echo(line)


@feedback.command()
@click.argument("key", metavar="ID")
@project_option
@json_option
def show(key: str, project_folder: Path | None, as_json: bool) -> None:
    """Show the report ID with everything that was done about it. It may hold identifiers."""
    from uptake.rollout.feedback import read_item
    from uptake.rollout.fhir_feedback import as_task

    project = open_project(project_folder)
    item = read_item(_state(project), key, _now(project))
    if as_json:
        found = _plain(item) | {"fhir": as_task(item)}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for name, value in _plain(item).items():
        if name not in ("steps", "text") and value not in ("", None):
            click.echo(f"{name.replace('_', ' ') + ':':<15} {printable(str(value))}")
    click.echo(f"\n{printable(item.text)}\n")
    for step in item.steps:
        what = " ".join(part for part in (step.what, step.check, step.note) if part)
        count = f" ({step.count:,})" if step.count is not None else ""
        click.echo(f"{step.at:%Y-%m-%d %H:%M}  {printable(step.by)}: {printable(what)}{count}")


@feedback.command()
@click.argument("key", metavar="ID")
@click.option("--change", metavar="NOTE", help="What was changed.")
@click.option("--when", metavar="INSTANT", help="When it was changed; default: now.")
@click.option("--check", metavar="CODE", default="", help="Which of several findings it mends.")
@click.option("--by", metavar="NAME", default="", help="Who changed it; default: who is logged in.")
@click.option("--answer", "told", metavar="TEXT", help="What the reporter is told.")
@click.option("--confirmed-by", metavar="NAME", help="The reporter says that the change helps.")
@project_option
def resolve(
    key: str,
    change: str | None,
    when: str | None,
    check: str,
    by: str,
    told: str | None,
    confirmed_by: str | None,
    project_folder: Path | None,
) -> None:
    """Record a change about the report ID and verify it on the newest run.

    Only a run made after the change verifies it: without one, run `uptake assess`, then the same
    command without --change. Exit code 1 when the report stays open.
    """
    from uptake.rollout import feedback as steps

    project = open_project(project_folder)
    if (when or check) and not change:
        raise UsageError("--when and --check say more about a change; add --change NOTE")
    now = datetime.now(UTC)
    state, who = _state(project), by or _login()
    if change:
        made = _instant(when) if when else now
        if check:
            _link(project, state, key, now)
        steps.changed(state, key, change, by=who, at=made, check=check)
    if told:
        steps.answer(state, key, told, by=who, at=now)
    if confirmed_by:
        steps.confirm(state, key, by=confirmed_by, at=now)
        click.echo("the reporter confirms the change; closed")
        return
    verdict = _verify(project, state, key, now)
    click.echo(verdict.sentence)
    sys.exit(0 if verdict.outcome == "verified" else 1)


def _verify(project: Project, state: State, key: str, now: datetime) -> Verdict:
    from uptake.rollout.feedback import verify

    return verify(state, key, _link(project, state, key, now), now)


def _link(project: Project, state: State, key: str, now: datetime) -> Path:
    """Link a report that nobody linked to the newest run; return that run's folder."""
    from uptake.rollout.feedback import link_new
    from uptake.runs import run_folder

    run, _ = run_folder(project, None)
    if linked := link_new(state, key, run, now):
        click.echo(linked.sentence)
    return run


def _state(project: Project) -> State:
    from uptake.project import existing_state

    state = existing_state(project)
    if state is None:
        raise UsageError("nothing was reported yet")
    return state


def _now(project: Project) -> datetime:
    from uptake.project import now

    return now(project, datetime.now(UTC))


def _login() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("nobody is logged in; say who with --by NAME") from error


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--when {text}: no date-time; write 2026-11-23T10:00Z") from error
    if found.tzinfo is None:
        raise UsageError(f"--when {text}: there is no zone; write 2026-11-23T10:00Z")
    return found


def _plain(item: Item) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(item, name) for name in (*_FIELDS, *_STANDING)}
    found |= {
        "severity": item.severity.value if item.severity else None,
        "at": item.at.isoformat(),
        "age_hours": _hours(item.age),
        "checks": ", ".join(dict.fromkeys(c.check for c in item.causes)),
    }
    return found | {
        "steps": [
            {name: getattr(s, name) for name in ("what", "note", "check", "run", "count", "by")}
            | {"at": s.at.isoformat()}
            for s in item.steps
        ]
    }


def _figures(numbers: Figures) -> dict[str, Any]:
    names = ("reports", "open", "verified", "closed_of_quality", "answered", "reopened")
    return {name: getattr(numbers, name) for name in names} | {
        "hours_to_first_response": _hours(numbers.first_response),
        "hours_to_fix": _hours(numbers.time_to_fix),
    }


def _hours(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds() / 3600, 1)


def _span(span: timedelta | None) -> str:
    if span is None:
        return "–"
    hours = span.total_seconds() / 3600
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def _table(items: Sequence[Item]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for name in ("Report", "Kind", "Status", "Owner", "Age", "Found by", "Patients", "Severity"):
        right = name in ("Age", "Patients")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for i in items:
        checks = ", ".join(dict.fromkeys(c.check for c in i.causes)) or "no check"
        severity = i.severity.value if i.severity else "–"
        cells = (i.id, i.kind, i.status, i.owner or "nobody", _span(i.age), checks)
        table.add_row(*(Text(printable(c)) for c in (*cells, f"{i.patients:,}", severity)))
    Console().print(table)


def _told(numbers: Figures) -> list[str]:
    if not numbers.reports:
        return ["nothing was reported yet"]
    lines = [
        f"{numbers.open:,} of {numbers.reports:,} reports open; {numbers.answered:,} answered, "
        f"{numbers.reopened:,} opened again"
    ]
    if numbers.first_response is not None:
        lines.append(
            f"first response after {_span(numbers.first_response)}, closed after "
            f"{_span(numbers.time_to_fix)} (medians)"
        )
    if numbers.closed_of_quality:
        lines.append(
            f"{numbers.verified:,} of {numbers.closed_of_quality:,} closed reports of data quality "
            "verified by a run"
        )
    return lines
