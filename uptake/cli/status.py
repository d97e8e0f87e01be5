"""`uptake status`: the chain of every use case, and where it stalls."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from uptake.cli.options import json_option, open_project, project_option

if TYPE_CHECKING:
    from rich.text import Text

    from uptake.model import Chain

_MARKS = {"met": ("✓", "green"), "under": ("✗", "red"), "cannot tell": ("?", "yellow")}


@click.command()
@project_option
@json_option
def status(project_folder: Path | None, as_json: bool) -> None:
    """Show how far each use case gets, and where and why it stalls."""
    from uptake.rollout.chain import chains
    from uptake.rollout.facts import project_situation

    situation = project_situation(open_project(project_folder))
    try:
        found = chains(situation)
    finally:
        situation.close()
        situation.state.close()
    if as_json:
        click.echo(json.dumps([asdict(c) for c in found], indent=2, ensure_ascii=False))
        return
    show(found)


def show(found: tuple[Chain, ...]) -> None:
    """Print the chains: a row a use case, then a sentence each."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for number, one in enumerate(found):
        if number:
            console.print()
        console.print(Text(headline(one), style="bold"))
        console.print(_strip(one))
        for stage in one.untold:
            console.print(Text(f"  {stage.stage.value}: {stage.sentence}"))
        if one.stall:
            for evidence in one.stall.evidence:
                console.print(Text(f"  - {evidence.sentence}"))
            console.print(Text(f"  Next: {one.stall.action}"))


def headline(chain: Chain) -> str:
    """Return where a use case stalls and why, in one sentence."""
    if chain.stall:
        return f"{chain.title} stalls at “{chain.stall.stage.value}”. {chain.stall.why}"
    untold = ", ".join(s.stage.value for s in chain.untold)
    if untold:
        return f"{chain.title}: no stage is under its target; cannot be told: {untold}."
    return f"{chain.title}: every stage meets its target."


def _strip(chain: Chain) -> Text:
    """Return the eight numbers in a row, the stall marked."""
    from rich.text import Text

    strip = Text("  ")
    for stage in chain.stages:
        mark, colour = _MARKS[stage.verdict]
        here = chain.stall is not None and chain.stall.stage == stage.stage
        if len(strip) > len("  "):
            strip.append(" → ")
        # Non-breaking spaces: a line ends between stages.
        told = f"{stage.stage.value} {mark} {stage.number}".rstrip().replace(" ", "\u00a0")
        strip.append(told, style=f"bold reverse {colour}" if here else colour)
    return strip
