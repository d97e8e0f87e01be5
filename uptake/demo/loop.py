"""The demo's half year, lived in order. In: a folder, a seed; out: a project with runs and a state.

What people did is told to the product as they would tell it: charters signed, maps observed, gates
decided, logs imported, a report sent, a repair verified by the next run. Nothing here reads the
truth that the generator keeps; only what a nurse saw on her screen is handed on.
"""

from __future__ import annotations

import secrets
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.adoption.access import import_access, read_access
from uptake.adoption.imports import import_usage
from uptake.demo.hospital import build_hospital
from uptake.demo.hospital.calendar import LOOKED
from uptake.demo.practice.registration import PORT, register
from uptake.findings.assess import Request
from uptake.findings.inputs import read_inputs
from uptake.project import as_of, now, read_project
from uptake.report.run import write_run
from uptake.rollout import charter, drafting, feedback, gates, people, signing, workflow
from uptake.rollout.chain import measured
from uptake.rollout.conditions import GateStage, Waiver
from uptake.rollout.facts import definitions, facts
from uptake.rollout.feedback import Report
from uptake.rollout.roles import profession
from uptake.rollout.situation import Situation, read_situation
from uptake.runs import history
from uptake.state.database import open_state

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.demo.hospital import Hospital
    from uptake.findings.assess import Watch
    from uptake.project import Project
    from uptake.rollout.situation import Definitions
    from uptake.state.database import State

BUILD = date(2026, 6, 3)
"""Assessed when the build begins, on what the senders had sent by then."""
REPORTED = datetime(2026, 10, 19, 14, 20, tzinfo=UTC)
CHANGED = datetime(2026, 10, 22, 9, 0, tzinfo=UTC)
ACCESS_OF = date(2026, 10, 26)
EDITOR = "M. Okafor, clinical informatics"
STATE_FILES = ("state.db", "state.db-wal", "state.db-shm")


@dataclass(frozen=True, slots=True)
class Demo:
    """What the steps of the half year share."""

    folder: Path
    hospital: Hospital
    project: Project
    definitions: Definitions
    state: State
    stories: Mapping[str, Any]
    watch: Watch

    def assess(self, day: date | None = None) -> Path:
        """Assess as of the end of a day, or of the project's as-of; return the run's folder."""
        at = _end_of(day) if day else as_of(self.project, datetime.now(UTC))
        self.watch.begin(f"As of {at:%Y-%m-%d}", 1)
        inputs = read_inputs(self.project)
        request = Request(
            feeds=self.project.feeds,
            checks=self.definitions.checks,
            use_cases=self.definitions.use_cases,
            as_of=at,
            run=f"{at:%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(2)}",
            **inputs.named(),
        )
        return write_run(request, self.project, None, self.watch)[1].final

    def situation(self, day: date) -> Situation:
        """Return the situation as of a day."""
        runs = history(self.project)
        return read_situation(
            self.definitions, self.state, self.folder, runs[-1] if runs else None, _end_of(day)
        )


def run_loop(folder: Path, patients: int, seed: int, watch: Watch, port: int = PORT) -> None:
    """Live the half year in an empty or earlier demo folder; raises StorageError, RolloutError.

    The project knows the practice EHR that answers beside the product at `port`.
    """
    watch.begin("Simulating", 1)
    hospital = build_hospital(patients, seed)
    _clear(folder)
    hospital.write_project(folder)
    register(folder, port)
    hospital.write_feeds(folder, until=_end_of(BUILD))
    hospital.write_usage(folder)
    hospital.truth.write(folder / "truth.ndjson")
    watch.advance(1)
    project = read_project(folder)
    text = (resources.files("uptake") / "demo" / "rollout.toml").read_text("utf-8")
    state = open_state(project.state_url)
    demo = Demo(folder, hospital, project, definitions(project), state, tomllib.loads(text), watch)
    try:
        _live(demo)
    finally:
        state.close()


def _clear(folder: Path) -> None:
    """Take an earlier demo away: a second demo is a first one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("runs", "resources", "events", "usage", "surfaces"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (*STATE_FILES, "current"):
        (folder / name).unlink(missing_ok=True)


def _live(demo: Demo) -> None:
    days = demo.stories["days"]
    cases = list(demo.definitions.use_cases)
    import_access(
        demo.state, demo.definitions.surfaces, demo.folder / "usage" / "access.csv",
        as_of=ACCESS_OF, now=_end_of(ACCESS_OF),
    )  # fmt: skip
    demo.assess(BUILD)
    for case in cases:
        _charter(demo, case)
        _decide(demo, case, GateStage.SCOPING, days["chartered"])
        _map(demo, case)
        _decide(demo, case, GateStage.BUILD, days["designed"])
        _prepare(demo, case)
        _decide(demo, case, GateStage.GO_LIVE, days["live"])
    for path in sorted((demo.folder / "usage").iterdir()):
        if path.name != "access.csv":
            moment = now(demo.project, datetime.now(UTC))
            import_usage(demo.state, demo.definitions.surfaces, path, surface=None, now=moment)
    demo.hospital.write_feeds(demo.folder, until=_end_of(LOOKED))
    reported = _report(demo, demo.assess(LOOKED))
    owner = demo.stories["prior-authorization"]["owner"]
    day = days["reviewed"]
    gates.review_outcome(demo.state, "prior-authorization", day, owner, _at(day))
    demo.hospital.write_feeds(demo.folder, repaired=True)
    _answer(demo, reported, demo.assess())


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 0), UTC)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(15, 0), UTC)


def _charter(demo: Demo, code: str) -> None:
    """Draft what can be drafted; its owner adds the rest and signs."""
    story, at = demo.stories[code], _at(demo.stories["days"]["chartered"])
    case, measures = demo.definitions.use_cases[code], demo.definitions.measures.values()
    charter.draft_charter(demo.state, case, measures, _baseline(demo, code), drafting.AUTHOR, at)
    for item in ("owner", "owner_role", "target"):
        charter.write_item(demo.state, code, item, story[item], EDITOR, at)
    for number, (given, when, then, kind, name) in enumerate(story["criteria"], 1):
        words = (given, when, then)
        charter.write_criterion(demo.state, code, number, words, (kind, name), EDITOR, at)
    known = signing.Known(demo.definitions.checks, {r.code for r in case.requirements}, [*measures])
    signing.sign(demo.state, code, story["owner"], story["owner_role"], at, known)


def _baseline(demo: Demo, code: str) -> str:
    """Return what the first run says of the measure; that it says nothing is an answer, too."""
    situation = demo.situation(BUILD)
    try:
        outcome = measured(situation, demo.definitions.use_cases[code]).outcome
    finally:
        situation.close()
    return drafting.baseline(outcome) or "Not known: no source tells it yet"


def _map(demo: Demo, code: str) -> None:
    story, days = demo.stories[code], demo.stories["days"]
    who = (story["observer"], story["observer_role"])
    for kind, day in ((workflow.CURRENT, days["observed"]), (workflow.DESIGN, days["designed"])):
        steps = [workflow.Step(*step) for step in story[kind]]
        workflow.save_map(
            demo.state, code, kind, day, *who, steps, EDITOR, _at(day), demo.definitions.surfaces
        )
    case = demo.definitions.use_cases[code]
    for requirement, position in story["placed"].items():
        workflow.place(demo.state, case, requirement, position, EDITOR, _at(days["designed"]))


def _prepare(demo: Demo, code: str) -> None:
    """Name champions in every unit, and train most of those with access."""
    story, day = demo.stories[code], demo.stories["days"]["trained"]
    at = _at(day)
    access = read_access(demo.state)
    surfaces = {s.code for s in demo.definitions.surfaces.values() if code in s.use_cases}
    own = [p for p in access.people if p.surfaces & surfaces] if access else []
    named: set[tuple[str, str]] = set()
    for person in own:
        kind = profession(person.role)
        for unit in person.units:
            if kind in people.WANTED and (unit, kind.value) not in named:
                named.add((unit, kind.value))
                people.add_champion(
                    demo.state, code, unit, person.practitioner, person.role, EDITOR, at
                )
    for person in own[: round(len(own) * story["trained"])]:
        people.add_training(demo.state, code, person.practitioner, day, EDITOR, at)


def _decide(demo: Demo, code: str, stage: GateStage, day: date) -> None:
    """Pass a gate; what stands in the way of going live, the owner answers for until year's end."""
    owner = demo.stories[code]["owner"]
    today = min(day, demo.stories["days"]["live"] - timedelta(days=1))
    situation = demo.situation(today)
    try:
        runs = history(demo.project)
        found = facts(situation, code, runs)
        gate = gates.judge_gate(found, stage)
        for condition in gate.blocking:
            reason = "Start with what is there; the owner answers for the rest"
            asked = Waiver(stage, condition.code, reason, date(2026, 12, 31), owner, _at(today))
            gates.waive(demo.state, code, asked, today)
        gate = gates.judge_gate(facts(situation, code, runs), stage)
        gates.decide(demo.state, gate, day, owner, _at(today))
    finally:
        situation.close()


def _report(demo: Demo, run: Path) -> str:
    """Send what a nurse of 6 North saw, as the panel would; returns the report's id.

    In a very small hospital nobody had such a result yet; then it is empty.
    """
    seen = next((s for s in demo.hospital.truth.stories if s["story"] == "nurse"), None)
    if seen is None:
        return ""
    what = Report(
        id="6f7f2d0e-6north-potassium",
        kind="data quality",
        use_case="deterioration-alerts",
        about_kind="resource",
        about=f"ehr|Observation/{seen['resource']}",
        text="The bedside potassium is on the screen, but the trend stays empty and no alert rule "
        "sees it. It is the same for all my patients since the new device.",
        reporter=seen["practitioner"],
        role="nurse",
        unit="6 North Surgery",
        at=REPORTED,
    )
    feedback.report(demo.state, what)
    feedback.link(demo.state, what.id, run, REPORTED + timedelta(minutes=1))
    feedback.assign(
        demo.state, what.id, "Integration team", by=EDITOR, at=REPORTED + timedelta(hours=3)
    )
    feedback.changed(
        demo.state,
        what.id,
        "The device of 6 North sends its results as numbers with a unit (OBX-2 NM instead of ST); "
        "what it sent before was sent again.",
        by="Integration team",
        at=CHANGED,
        check=seen["check"],
    )
    return what.id


def _answer(demo: Demo, reported: str, run: Path) -> None:
    """Verify the change on the newest run, and tell the nurse."""
    if not reported:
        return
    at = now(demo.project, datetime.now(UTC))
    verdict = feedback.verify(demo.state, reported, run, at)
    if verdict.outcome == "verified":
        feedback.answer(
            demo.state,
            reported,
            "Thank you. The device sent numbers as text; it sends them as numbers now, and the "
            "results of all your patients were checked again.",
            by=EDITOR,
            at=at,
        )
