"""`uptake gate`: the gates of a use case, what closes them, and waivers."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uptake.cli.options import UsageError, json_option, open_project, project_option

if TYPE_CHECKING:
    from uptake.rollout.conditions import GateFacts
    from uptake.rollout.gates import Gate

STAGES = ("scoping", "build", "go-live", "sustain")


@click.command()
@click.argument("use_case")
@click.argument("stage", required=False, type=click.Choice(STAGES))
@click.option("--waive", "reason", metavar="REASON", help="Answer for a condition that is not met.")
@click.option("--by", metavar="NAME", help="Who answers for it.")
@click.option("--until", metavar="DATE", help="The waiver's last day.")
@click.option("--condition", metavar="CODE", help="Which one; default: the only one that is open.")
@project_option
@json_option
def gate(
    use_case: str,
    stage: str | None,
    reason: str | None,
    by: str | None,
    until: str | None,
    condition: str | None,
    project_folder: Path | None,
    as_json: bool,
) -> None:
    """Show the gates of USE_CASE, or the gate STAGE; exit 1 when one of them is closed.

    With --waive a waiver is kept first.
    """
    from uptake.rollout.conditions import GateStage
    from uptake.rollout.facts import gate_facts
    from uptake.rollout.gates import judge_gate

    if reason is None and (by or until or condition):
        raise UsageError(
            "--by, --until and --condition say more about a waiver; add --waive REASON"
        )
    project = open_project(project_folder)
    facts = gate_facts(project, use_case)
    if reason is not None:
        if not (stage and by and until):
            raise UsageError("a waiver takes a stage, --waive REASON, --by NAME and --until DATE")
        shut = judge_gate(facts, GateStage(stage))
        _waive(project.state_url, facts, condition or _only(shut), stage, (reason, by, until))
        facts = gate_facts(project, use_case)
    gates = [judge_gate(facts, GateStage(s)) for s in ([stage] if stage else STAGES)]
    if as_json:
        click.echo(json.dumps(_document(facts, gates), indent=2, ensure_ascii=False))
    else:
        _show(facts, gates)
    sys.exit(0 if all(g.open for g in gates) else 1)


def _waive(
    url: str, facts: GateFacts, condition: str, stage: str, said: tuple[str, str, str]
) -> None:
    from uptake.rollout.conditions import Waiver
    from uptake.rollout.gates import waive
    from uptake.state.database import open_state

    reason, by, until = said
    try:
        day = date.fromisoformat(until)
    except ValueError as error:
        raise UsageError(f"--until {until}: no date; write 2026-11-23") from error
    state = open_state(url)
    try:
        asked = Waiver(stage, condition, reason, day, by, datetime.now(UTC))
        waive(state, facts.use_case.code, asked, facts.today)
    finally:
        state.close()


def _only(shut: Gate) -> str:
    """Return the one condition that is open; which of several is meant, nobody guesses."""
    codes = [c.code for c in shut.blocking]
    if len(codes) == 1:
        return codes[0]
    if not codes:
        raise UsageError(f"the gate {shut.stage} has no condition that needs a waiver")
    raise UsageError(f"name what is waived: --condition CODE, one of {', '.join(codes)}")


def _document(facts: GateFacts, gates: Sequence[Gate]) -> dict[str, Any]:
    return {
        "use_case": facts.use_case.code,
        "title": facts.use_case.title,
        "as_of": facts.today.isoformat(),
        "gates": [
            {
                "stage": g.stage.value,
                "open": g.open,
                "waits_for": [s.value for s in g.waits_for],
                "decided": g.decided and {"day": g.decided.day.isoformat(), "by": g.decided.by},
                "conditions": [
                    {
                        "code": c.code,
                        "title": c.title,
                        "met": c.met,
                        "evidence": c.evidence.sentence,
                        "link": c.evidence.link,
                        "waiver": c.waiver
                        and {
                            "reason": c.waiver.reason,
                            "by": c.waiver.by,
                            "until": c.waiver.until.isoformat(),
                        },
                    }
                    for c in g.conditions
                ],
            }
            for g in gates
        ],
    }


def _show(facts: GateFacts, gates: Sequence[Gate]) -> None:
    from uptake.report.figures import clean

    click.echo(clean(facts.use_case.title))
    words = {True: "met", False: "not met", None: "cannot tell"}
    for g in gates:
        state = "open" if g.open else "closed"
        decided = f", passed on {g.decided.day} by {clean(g.decided.by)}" if g.decided else ""
        waits = f", waits for {', '.join(g.waits_for)}" if g.waits_for else ""
        click.echo(f"\n{g.stage}: {state}{waits}{decided}")
        for c in g.conditions:
            word = words[c.met] if c.met or not c.waiver else "waived"
            click.echo(f"  {word:<11} {c.title} ({c.code})")
            click.echo(f"  {'':<11} {clean(c.evidence.sentence)}")
            if c.waiver and not c.met:
                told = f"Waived by {c.waiver.by} until {c.waiver.until}: {c.waiver.reason}"
                click.echo(f"  {'':<11} {clean(told)}")
