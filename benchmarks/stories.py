"""In: seeds. Out: of each demo hospital, what the product says against the stories it was made of.

    python -m benchmarks.stories [--seeds 10] [--first 1] [--patients 1000]

The hospital's half year is lived by `uptake demo`; truth.ndjson, which no product code reads, says
where each use case stalls and why. Then the suggested mappings are approved and it is assessed
again: what was promised is held against what was reached. As a peer without targets or order: the
stage with the lowest share.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.assess import UPTAKE, Cost, measure
from uptake.findings.worklist import kept, worklist
from uptake.project import now, read_project
from uptake.rollout.chain import chains
from uptake.rollout.facts import definitions, project_situation
from uptake.rollout.feedback import read_item
from uptake.runs import history
from uptake.state.database import open_state
from uptake.terminology.mappings import APPROVED, decide, decisions

if TYPE_CHECKING:
    from uptake.model import Chain
    from uptake.project import Project

MAPPED = "care-gap-closure"
TARGET = "4548-4"  # what every legacy HbA1c code of the demo laboratory stands for, in LOINC
REPORT = "6f7f2d0e-6north-potassium"
SPOKEN_EXITS = (0, 1, 3)


@dataclass(frozen=True)
class Judged:
    """One use case of one seed: what was planted, what was said."""

    seed: int
    story: str
    planted: tuple[str | None, str | None]
    said: tuple[str | None, str | None]
    untold_planted: tuple[str, ...]
    untold: tuple[str, ...]
    lowest: str

    @property
    def stage_right(self) -> bool:
        """The stage where it stalls, or that it does not."""
        return self.planted[0] == self.said[0]

    @property
    def right(self) -> bool:
        """Stage and cause."""
        return self.planted == self.said


@dataclass(frozen=True)
class Nurse:
    """The report of one seed: each step of its way to the answer."""

    seed: int
    found: bool
    patients: tuple[int, int]
    verified: bool
    answered: bool

    @property
    def right(self) -> bool:
        """Found, everybody with the same cause, verified, answered."""
        return self.found and self.patients[0] == self.patients[1] and self.verified


@dataclass(frozen=True)
class Mapped:
    """The suggested mappings of one seed, approved: promised against reached."""

    seed: int
    population: int
    fit: int
    promised: int
    reached: int
    right: int
    wrong: int
    planted: int
    then: str

    @property
    def kept(self) -> bool:
        """At least what was promised."""
        return self.reached >= self.promised


@dataclass(frozen=True)
class Lived:
    """One seed, whole."""

    seed: int
    cost: Cost
    judged: list[Judged]
    nurse: Nurse | None
    mapped: Mapped


def read_stories(folder: Path) -> dict[str, dict[str, Any]]:
    """The stories of truth.ndjson, by name."""
    lines = (folder / "truth.ndjson").read_text("utf-8").splitlines()
    rows = (json.loads(line) for line in lines if '"story"' in line)
    return {row["story"]: row for row in rows if "story" in row}


def told(project: Project) -> dict[str, Chain]:
    """The chains of a project at its newest run, by use case."""
    situation = project_situation(project)
    try:
        return {chain.use_case: chain for chain in chains(situation)}
    finally:
        situation.close()
        situation.state.close()


def judge(seed: int, story: dict[str, Any], chain: Chain) -> Judged:
    """A chain against its story; a use case that does not stall has neither stage nor cause."""
    stall = chain.stall
    known = [stage for stage in chain.stages if stage.share is not None]
    lowest = min(known, key=lambda stage: stage.share or 0.0) if known else None
    return Judged(
        seed,
        chain.use_case,
        (story["stage"], story["cause"]),
        (stall.stage.value, stall.cause) if stall else (None, None),
        tuple(story.get("untold", ())),
        tuple(stage.stage.value for stage in chain.untold),
        lowest.stage.value if lowest else "",
    )


def judge_nurse(seed: int, project: Project, story: dict[str, Any]) -> Nurse:
    """The nurse's report against her story."""
    state = open_state(project.state_url)
    try:
        item = read_item(state, REPORT, now(project, datetime.now(UTC)))
    finally:
        state.close()
    found = {cause.check for cause in item.causes} == {story["check"]}
    # She looked before the last of them was sent: more could not be found by then.
    counted = (story["patients_by_then"], item.patients)
    return Nurse(seed, found, counted, item.verified and not item.is_open, bool(item.answer))


def approve(project: Project) -> tuple[int, int]:
    """Approve every suggested mapping; how many were of planted codes and right, and the others."""
    cases = definitions(project).use_cases.values()
    state = open_state(project.state_url)
    try:
        listed = worklist(history(project)[-1], cases, decisions(state))
        asked = [code.suggestion for code in listed if code.suggestion and not code.decided]
        decide(state, asked, APPROVED, by="Benchmark", at=datetime.now(UTC))
    finally:
        state.close()
    blocking = [c for c in listed if any(b.use_case == MAPPED and b.gain for b in c.blocks)]
    right = sum(c.suggestion is not None and c.suggestion.target_code == TARGET for c in blocking)
    return right, len(asked) - right


def map_codes(seed: int, project: Project, story: dict[str, Any]) -> Mapped:
    """Approve, assess again, and hold what was promised against what was reached.

    Raises RuntimeError when the run failed.
    """
    before = history(project)[-1]
    right, wrong = approve(project)
    assess = ("assess", "--project", str(project.folder), "--quiet", "--fail-on", "never")
    cost = measure((*UPTAKE, *assess))
    if cost.code not in SPOKEN_EXITS:
        raise RuntimeError(f"uptake assess, seed {seed}: exit {cost.code}: {cost.err}")
    found = kept(before, history(project)[-1], MAPPED)
    stall = told(project)[MAPPED].stall
    return Mapped(
        seed,
        found.population,
        found.promise.fit,
        found.promise.reaches,
        found.fit,
        right,
        wrong,
        story["codes"],
        f"{stall.stage.value}: {stall.cause}" if stall else "nowhere",
    )


def live(seed: int, patients: int, folder: Path) -> Lived:
    """One seed: the demo, what it says, the mappings. Raises RuntimeError when it failed."""
    words = ("demo", str(folder), "--patients", str(patients), "--seed", str(seed), "--quiet")
    cost = measure((*UPTAKE, *words))
    if cost.code:
        raise RuntimeError(f"uptake demo, seed {seed}: exit {cost.code}: {cost.err}")
    project, stories = read_project(folder), read_stories(folder)
    said = told(project)
    judged = [judge(seed, row, said[name]) for name, row in stories.items() if name in said]
    nurse = stories.get("nurse")
    return Lived(
        seed,
        cost,
        judged,
        judge_nurse(seed, project, nurse) if nurse else None,
        map_codes(seed, project, stories[MAPPED]),
    )


def run(seeds: int, patients: int, first: int = 1) -> list[Lived]:
    """So many seeds, one after the other."""
    lived = []
    for seed in range(first, first + seeds):
        with tempfile.TemporaryDirectory() as scratch:
            lived.append(live(seed, patients, Path(scratch) / "demo"))
        missed = misses(lived[-1:]) or ["no misses"]
        print(f"seed {seed}: {'; '.join(missed)}", file=sys.stderr, flush=True)
    return lived


def misses(lived: list[Lived]) -> list[str]:
    """Everything that is not as it was planted, a line each."""
    found = []
    for one in lived:
        for j in one.judged:
            if not j.right:
                found.append(f"seed {j.seed}, {j.story}: planted {j.planted}, said {j.said}")
            if gone := set(j.untold_planted) - set(j.untold):
                found.append(f"seed {j.seed}, {j.story}: told, though nobody can: {gone}")
        n, m = one.nurse, one.mapped
        if n is None:
            found.append(f"seed {one.seed}, nurse: no story was planted")
        elif not (n.right and n.answered):
            found.append(f"seed {one.seed}, nurse: {n}")
        if not m.kept:
            found.append(f"seed {m.seed}: promised {m.promised} fit, reached {m.reached}")
        if m.right != m.planted:
            found.append(f"seed {m.seed}: {m.right} of {m.planted} codes suggested rightly")
    return found


def named(values: list[tuple[str, ...]]) -> str:
    """How often each stage could not be told."""
    flat = [stage for stages in values for stage in stages]
    return ", ".join(f"{stage} {flat.count(stage)}" for stage in dict.fromkeys(flat)) or "none"


def table(lived: list[Lived]) -> str:
    """Story × what was recovered, as a Markdown table."""
    whole = len(lived)
    rows = [
        "| use case | planted: stalls at | because of | stage found | cause found | "
        "lowest share is that stage | stages that cannot be told |",
        "|---|---|---|---:|---:|---:|---|",
    ]
    for story in dict.fromkeys(j.story for one in lived for j in one.judged):
        mine = [j for one in lived for j in one.judged if j.story == story]
        stage, cause = mine[0].planted
        rows.append(
            f"| {story} | {stage or 'nowhere'} | {cause or '–'} | "
            f"{sum(j.stage_right for j in mine)} of {whole} | {sum(j.right for j in mine)} of "
            f"{whole} | {sum(j.lowest == (stage or '') for j in mine)} of {whole} | "
            f"{named([j.untold for j in mine])} |"
        )
    return "\n".join(rows)


def nurse_sentence(lived: list[Lived]) -> str:
    """What became of the nurse's report, of all seeds."""
    nurses, whole = [one.nurse for one in lived if one.nurse], len(lived)
    counted = sum(n.patients[0] == n.patients[1] for n in nurses)
    return (
        f"The nurse's report, of {whole}: linked to its check {sum(n.found for n in nurses)}, "
        f"everybody with the same cause counted {counted}, verified by the next run "
        f"{sum(n.verified for n in nurses)}, answered {sum(n.answered for n in nurses)}."
    )


def mapped_table(lived: list[Lived]) -> str:
    """Promised and reached fitness, as a Markdown table."""
    rows = [
        "| seed | diabetics | fit before | promised | reached | codes suggested rightly | "
        "other suggestions | then it stalls at |",
        "|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    rows += [
        f"| {m.seed} | {m.population} | {m.fit / m.population:.1%} | "
        f"{m.promised / m.population:.1%} | {m.reached / m.population:.1%} | "
        f"{m.right} of {m.planted} | {m.wrong} | {m.then} |"
        for m in (one.mapped for one in lived)
    ]
    return "\n".join(rows)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1, help="seeds that nothing was tuned on")
    parser.add_argument("--patients", type=int, default=1000)
    asked = parser.parse_args()
    lived = run(asked.seeds, asked.patients, asked.first)
    print(table(lived), nurse_sentence(lived), mapped_table(lived), sep="\n\n")
    print("\n".join(misses(lived)) or "no misses")
    return 0


if __name__ == "__main__":
    sys.exit(main())
