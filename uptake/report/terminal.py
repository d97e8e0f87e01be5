"""What the analyst sees first. In: an Assessment; out: lines on a console, counts exact."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from uptake.report import figures, sentences

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from uptake.model import Assessment, CheckResult

CHECKS_SHOWN = 15
SHOWN_OF_FINGERPRINT = 12
"""Letters that tell a finding from any other; the command takes the beginning of one."""
_STYLES = {"fit": "green", "unfit": "red", "at risk": "yellow", "cannot tell": "yellow"}


def show(assessment: Assessment, console: Console, *, out: Path) -> None:
    """Prints what the data are fit for, what to fix first, the failing checks and where to look."""
    numbers = figures.exact(assessment)
    for note in sentences.notes(assessment, numbers):
        _say(console, note, "bold yellow")
    _say(console, sentences.headline(assessment, numbers), "bold")
    _say(console, sentences.fix_first(assessment, numbers))
    if changes := sentences.changes_sentence(assessment, numbers):
        _say(console, changes)
    if assessment.fitness:
        console.print()
        console.print(_use_cases(assessment, numbers))
    if failed := sentences.failing(assessment):
        console.print()
        console.print(_checks(failed, numbers.records))
        if len(failed) > CHECKS_SHOWN:
            _say(console, f"and {len(failed) - CHECKS_SHOWN} more in report.html")
    _tell_rest(assessment, numbers, console)
    _point(assessment, failed, console, out)


def _use_cases(assessment: Assessment, numbers: figures.Numbers) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Use case", overflow="fold")
    table.add_column("Verdict", no_wrap=True)
    for name in ("Fit", "Not fit", "Not known"):
        table.add_column(name, justify="right", no_wrap=True)
    for f in assessment.fitness:
        said = numbers.of(f)
        table.add_row(
            Text(figures.clean(f.use_case.title)),
            Text(f.verdict, style=_STYLES.get(f.verdict, "")),
            *(said.count(n) for n in (f.fit, f.unfit, f.unknown)),
        )
    return table


def _checks(failed: list[CheckResult], said: figures.Figures) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column("Check", no_wrap=True)
    table.add_column("This feed has", overflow="fold", ratio=1)
    table.add_column("Severity", no_wrap=True)
    table.add_column("Found", overflow="fold", ratio=1)
    for result in failed[:CHECKS_SHOWN]:
        table.add_row(
            Text(figures.clean(result.check.code)),
            Text(figures.clean(result.check.title)),
            Text(result.check.severity.value),
            Text(sentences.check_counts(result, said)),
        )
    return table


def _tell_rest(assessment: Assessment, numbers: figures.Numbers, console: Console) -> None:
    """Prints how the other checks went, what was read, what was quarantined and not run."""
    console.print()
    _say(console, sentences.checks_sentence(assessment))
    _say(console, sentences.inputs_sentence(assessment, numbers))
    if told := sentences.conformance_sentence(assessment, numbers):
        _say(console, told)
    for line in sentences.quarantine_sentences(assessment, numbers):
        _say(console, line)
    for line in sentences.not_run_sentences(assessment, numbers):
        _say(console, line)


def _point(assessment: Assessment, failed: list[CheckResult], console: Console, out: Path) -> None:
    """Prints the report's path and the command that shows a finding of the worst check."""
    console.print()
    _command(console, f"Report: {out / 'report.html'}")
    others = sorted(assessment.checks, key=lambda r: (-r.patients, r.check.code))
    codes = [r.check.code for r in (*failed, *others) if assessment.examples.get(r.check.code)]
    if codes:
        finding = assessment.examples[codes[0]][0].fingerprint[:SHOWN_OF_FINGERPRINT]
        _say(console, f"See a finding of {figures.clean(codes[0])}:")
        _command(console, f"  uptake findings show {finding} --out {quote(str(out))}")


def _command(console: Console, line: str) -> None:
    """Prints a line that is copied, so it is never broken or coloured."""
    console.print(Text(figures.clean(line)), soft_wrap=True)


def _say(console: Console, words: str, style: str = "") -> None:
    console.print(Text(words, style=style))
