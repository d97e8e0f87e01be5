"""`uptake terminology`: which local codes hold a use case back, and what each of them means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
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
from uptake.cli.terminology_add import add_release, release_rows, show_releases

if TYPE_CHECKING:
    from uptake.findings.worklist import LocalCode
    from uptake.model import CodeMapping
    from uptake.project import Project
    from uptake.terminology.mappings import Decided


@click.group()
def terminology() -> None:
    """What codes mean: the releases at hand, and what local codes stand for."""


terminology.add_command(add_release)


@terminology.command("list")
@project_option
@json_option
def list_mappings(project_folder: Path | None, as_json: bool) -> None:
    """List the releases at hand, and what was decided of local codes, by whom and when."""
    project = open_project(project_folder)
    found = _decided(project)
    if as_json:
        listed = {"releases": release_rows(project), "mappings": [_decision(d) for d in found]}
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    show_releases(project)
    for d in found:
        m = d.mapping
        target = f" = {m.target_system}|{m.target_code}" if m.target_code else ""
        said = f"{m.feed}  {m.key}{target}  {d.decision} by {d.by}, {d.at:%Y-%m-%d %H:%M} UTC"
        click.echo(printable(said))
    if not found:
        click.echo("No local code was decided on; `uptake terminology map` shows what to map.")


@terminology.command("map")
@click.option("--feed", help="The feed that sends the code.")
@click.option("--system", help="The code's system as sent; may be left out where only one has it.")
@click.option("--code", help="The local code.")
@click.option("--to", "target", metavar="SYSTEM|CODE", help="Approve this standard code for it.")
@click.option("--reject", is_flag=True, help="Keep that what is suggested is wrong.")
@click.option("--flag", is_flag=True, help="Keep that somebody has to be asked.")
@click.option(
    "--all-suggested",
    is_flag=True,
    help="Approve, for the feed, every open suggestion that a use case looks for.",
)
@click.option(
    "--equivalence",
    default="equivalent",
    metavar="WORD",
    help="What the standard code means beside it: equivalent, wider, narrower, inexact.",
)
@click.option("--by", default="", metavar="NAME", help="Who decides.")
@project_option
@json_option
def map_codes(
    feed: str | None,
    system: str | None,
    code: str | None,
    target: str | None,
    reject: bool,
    flag: bool,
    all_suggested: bool,
    equivalence: str,
    by: str,
    project_folder: Path | None,
    as_json: bool,
) -> None:
    """Show which local codes to map first; with --to, --reject or --flag, decide one.

    What is approved changes the next run: `uptake assess` then reads the standard code beside the
    local one. No data are changed.
    """
    project = open_project(project_folder)
    if [target is not None, reject, flag, all_suggested].count(True) > 1:
        raise UsageError("give one of --to, --reject, --flag and --all-suggested")
    approve = "approved" if all_suggested or target is not None else ""
    decision = "rejected" if reject else "flagged" if flag else approve
    if not decision and (code or system or by):
        raise UsageError("say what to decide: --to SYSTEM|CODE, --reject or --flag")
    codes = _worklist(project)
    if not decision:
        _show([c for c in codes if feed in (None, c.feed)], project, as_json=as_json)
    elif all_suggested:
        _keep(project, _suggested(codes, feed, code or system), decision, by, as_json=as_json)
    else:
        named = _named(codes, _decided(project), (feed, system, code), target)
        _keep(project, [replace(named, equivalence=equivalence)], decision, by, as_json=as_json)


def _keep(
    project: Project, mappings: Sequence[CodeMapping], decision: str, by: str, *, as_json: bool
) -> None:
    """Keep a decision, say it, and say what the fix plan promises of all that is approved."""
    from uptake.findings.worklist import promise
    from uptake.runs import run_folder
    from uptake.state.database import open_state
    from uptake.terminology.mappings import decide, read_mappings

    state = open_state(project.state_url)
    try:
        kept = decide(state, mappings, decision, by=by, at=datetime.now(UTC))
        approved = {(m.feed, m.key) for m in read_mappings(state)}
    finally:
        state.close()
    if as_json:
        rows = [_mapping(m) | {"decision": decision} for m in kept]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for m in kept:
        target = f" as {m.target_system}|{m.target_code}" if decision == "approved" else ""
        click.echo(printable(f"{m.feed}: {m.key} {m.display}".rstrip() + f": {decision}{target}"))
    if decision != "approved":
        return
    click.echo("The next `uptake assess` reads what is approved.")
    for p in promise(run_folder(project, None)[0], approved):
        if p.gain:
            about = "" if p.exact else "up to "
            click.echo(
                f"{p.title}: the fix plan promises {about}{p.reaches} of {p.population} {p.unit} "
                f"fit, where it was {p.fit}."
            )


def _worklist(project: Project) -> tuple[LocalCode, ...]:
    from uptake.findings.worklist import worklist
    from uptake.runs import run_folder
    from uptake.terminology.loinc import table_of
    from uptake.terminology.releases import folder_of

    if project.folder is None:
        raise UsageError("mappings are kept in a project; `uptake init DIR` writes one")
    use_cases, pool = read_catalogue(project)[1], table_of(folder_of(project))
    return worklist(run_folder(project, None)[0], use_cases.values(), _decided(project), pool)


def _decided(project: Project) -> tuple[Decided, ...]:
    from uptake.project import existing_state
    from uptake.terminology.mappings import decisions

    state = existing_state(project)
    if state is None:
        return ()
    try:
        return decisions(state)
    finally:
        state.close()


def _suggested(codes: Sequence[LocalCode], feed: str | None, more: str | None) -> list[CodeMapping]:
    """Return the suggestions of a feed that nobody has decided on."""
    if not feed or more:
        raise UsageError("--all-suggested takes --feed, and no code")
    found = [c.suggestion for c in codes if c.feed == feed and c.suggestion and not c.decided]
    if not found:
        raise UsageError(f"no suggestion for {feed} is open; `uptake terminology map` shows all")
    return found


def _named(
    codes: Sequence[LocalCode],
    decided: Sequence[Decided],
    key: tuple[str | None, str | None, str | None],
    target: str | None,
) -> CodeMapping:
    """Return the mapping that the options name; the system may be told by what is known."""
    from uptake.model import CodeMapping

    feed, system, code = key
    if not (feed and code):
        raise UsageError("a local code is named by --feed and --code")
    target_system, sign, target_code = (target or "").rpartition("|")
    if target is not None and not sign:
        raise UsageError(f"--to {target}: write SYSTEM|CODE, as in 'LOINC|4548-4'")
    before = [d.mapping for d in decided if (d.mapping.feed, d.mapping.code) == (feed, code)]
    known = {m.system: m.display for m in before}
    known |= {c.system: c.display for c in codes if (c.feed, c.code) == (feed, code)}
    if system is None and len(known) != 1:
        where = "in several systems" if known else "no local code of the last run"
        raise UsageError(f"{code} of {feed} is {where}; say which with --system")
    at = next(iter(known)) if system is None else system
    met = next((c for c in codes if (c.feed, c.system, c.code) == (feed, at, code)), None)
    if met:
        return met.mapping(target_system, target_code)
    if at not in known:
        click.echo(f"uptake: the last run met no {code} of {feed} in this system", err=True)
    return CodeMapping(feed, at, code, target_system, target_code, "", known.get(at, ""))


def _show(codes: Sequence[LocalCode], project: Project, *, as_json: bool) -> None:
    """Print how far standard codes reach, and the worklist."""
    from uptake.findings.local_codes import read_coverage
    from uptake.report.figures import Figures
    from uptake.runs import run_folder

    if as_json:
        click.echo(json.dumps([_row(c) for c in codes], indent=2, ensure_ascii=False))
        return
    if reach := read_coverage(run_folder(project, None)[0]):
        share = Figures().share
        click.echo(
            f"{share(reach.covered, reach.records)} of {reach.records:,} records have a standard "
            f"code; of {share(reach.patients_covered, reach.patients)} of {reach.patients:,} "
            "patients all have."
        )
    if not codes:
        click.echo("No local code of the last run is without a standard one.")
        return
    for c in codes:
        named = f" ({c.display})" if c.display else ""
        click.echo(printable(f"{c.feed}: {c.code}{named}, of {c.system}"))
        met = f"{_count(c.resources, 'resource')} of {_count(c.patients, 'patient')}"
        click.echo(f"  {met}")
        for b in c.blocks:
            more = f", with {_count(b.codes - 1, 'more code')}" if b.codes > 1 else ""
            beside = f", and the repair of {', '.join(b.beside)}" if b.beside else ""
            click.echo(printable(f"  {b.title}: step {b.step}, +{b.gain} {b.unit}{more}{beside}"))
        for line in _values(c):
            click.echo(printable(f"  {line}"))
        if c.decided:
            click.echo(printable(f"  {c.decided.decision} by {c.decided.by}"))
            continue
        for s in c.suggestions:
            named = f"{s.target} {s.display}".rstrip()
            click.echo(printable(f"  suggested: {named} ({', '.join(s.reasons)})"))
    click.echo("Decide with --feed, --code and --to, --reject or --flag; sign with --by.")


def _values(c: LocalCode) -> Iterator[str]:
    """Yield what is known of a code's values, a line each."""
    v = c.values
    if v.specimen:
        yield f"specimen: {v.specimen}"
    if v.numbers:
        spread = f", nine of ten from {v.low:g} to {v.high:g}" if v.low != v.high else ""
        yield f"median {v.median:g} {v.unit}".rstrip() + spread
    if v.answers:
        yield "answers: " + ", ".join(f"{word} {n:,}" for word, n in v.answers)
    if v.also:
        yield "also called " + ", ".join(v.also)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _row(c: LocalCode) -> dict[str, Any]:
    return {
        "feed": c.feed,
        "system": c.system,
        "code": c.code,
        "display": c.display,
        "resources": c.resources,
        "patients": c.patients,
        "gain": c.gain,
        "blocks": [
            {"use_case": b.use_case, "step": b.step, "gain": b.gain, "codes": b.codes}
            | {"beside": list(b.beside)}
            for b in c.blocks
        ],
        "suggestion": (
            {"system": c.suggestion.target_system, "code": c.suggestion.target_code}
            if c.suggestion
            else None
        ),
        "suggestions": [
            {"system": s.system, "code": s.code, "display": s.display, "reasons": list(s.reasons)}
            for s in c.suggestions
        ],
        "values": asdict(c.values),
        "decision": _decision(c.decided) if c.decided else None,
    }


def _decision(d: Decided) -> dict[str, Any]:
    return _mapping(d.mapping) | {"decision": d.decision, "by": d.by, "at": d.at.isoformat()}


def _mapping(m: CodeMapping) -> dict[str, Any]:
    return {
        "feed": m.feed,
        "system": m.system,
        "code": m.code,
        "display": m.display,
        "target_system": m.target_system,
        "target_code": m.target_code,
        "equivalence": m.equivalence,
    }
