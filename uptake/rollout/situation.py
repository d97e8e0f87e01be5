"""Everything the chain is told from, read once. In: a project and its state; out: a Situation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from uptake.adoption.access import Access, read_access
from uptake.adoption.reach import Reach, open_reach
from uptake.errors import SourceError
from uptake.findings.evidence import FILES
from uptake.state import events
from uptake.state.schema import decision

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.model import Check, Measure, Surface, UseCase
    from uptake.state.database import State


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a project defines, by code."""

    checks: Mapping[str, Check]
    use_cases: Mapping[str, UseCase]
    measures: Mapping[str, Measure]
    surfaces: Mapping[str, Surface]


@dataclass(frozen=True, slots=True)
class Situation:
    """One moment of a project."""

    definitions: Definitions
    state: State
    summary: Mapping[str, Any]
    """The newest run's summary.json; empty before the first."""
    reach: Reach | None
    """None before the first run that judged use cases."""
    access: Access | None
    go_live: Mapping[str, date]
    now: datetime

    def fitness(self, use_case: str) -> Mapping[str, Any]:
        """Return what the newest run says of a use case; empty: nothing."""
        found: list[dict[str, Any]] = self.summary.get("use_cases", [])
        return next((u for u in found if u["code"] == use_case), {})

    def close(self) -> None:
        """Free the memory."""
        if self.reach:
            self.reach.close()


def read_situation(
    definitions: Definitions, state: State, folder: Path, run: Path | None, now: datetime
) -> Situation:
    """Return the situation of a project's folder with its newest run."""
    access = read_access(state)
    live = live_days(state)
    summary, reach = {}, None
    if run is not None:
        summary = read_summary(run)
        missing = [name for name in FILES if not (run / f"{name}.parquet").is_file()]
        if missing and len(missing) < len(FILES):
            raise SourceError(f"{run}: {', '.join(missing)} missing; run `uptake assess` again")
        if not missing:
            since = {code: datetime.combine(day, time.min, UTC) for code, day in live.items()}
            log = events.everything(state, folder)
            reach = open_reach(run, log, access, definitions.surfaces, since, now)
    return Situation(definitions, state, summary, reach, access, live, now)


def read_summary(run: Path) -> dict[str, Any]:
    """Return what a run found; raises SourceError where its summary cannot be read."""
    path = run / "summary.json"
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read; run `uptake assess` again") from error
    return found


def live_days(state: State) -> dict[str, date]:
    """Return the day each use case went, or goes, live: the newest decision on its gate."""
    query = (
        select(decision.c.use_case, decision.c.day)
        .where(decision.c.stage == "go-live")
        .order_by(decision.c.id)
    )
    with state.read() as connection:
        return {row.use_case: row.day for row in connection.execute(query)}
