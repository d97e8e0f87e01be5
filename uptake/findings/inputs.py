"""What a run takes in beside its feeds. In: a project; out: definitions, mappings, the event log.

The state is read only where there is one: to assess a folder makes no file beside its results.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.authorization.rules import FOLDER as PAYERS
from uptake.authorization.rules import Payer, read_payers
from uptake.care_gaps.rules import FOLDER, GapRule, read_rules
from uptake.conformance.packages import read_profiles
from uptake.definitions import read_measures, read_surfaces
from uptake.definitions.reference import read_reference_tables
from uptake.findings.knowledge import SHIPPED, Knowledge
from uptake.identity.decisions import Decided, decisions
from uptake.project import existing_state
from uptake.state import events
from uptake.terminology.mappings import read_mappings
from uptake.terminology.sources import read_terminology

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from uptake.model import CodeMapping, Measure, Surface
    from uptake.project import Project


@dataclass(frozen=True, slots=True)
class Inputs:
    """What people defined, approved and did."""

    measures: Mapping[str, Measure] = field(default_factory=dict)
    surfaces: Mapping[str, Surface] = field(default_factory=dict)
    gaps: Mapping[str, GapRule] = field(default_factory=dict)
    payers: tuple[Payer, ...] = ()
    mappings: tuple[CodeMapping, ...] = ()
    events: pa.Table | None = None
    knowledge: Knowledge = SHIPPED
    decided: tuple[Decided, ...] = ()

    def named(self) -> dict[str, Any]:
        """Return them by name, as a Request takes them."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def read_inputs(project: Project) -> Inputs:
    """Return what a run takes in; the events of the inbox are moved to their files first.

    Raises DefinitionError for a measure or surface with faults, StorageError where the state cannot
    be read.
    """
    measures = read_measures(project.content("measures"), verify=project.own_content("measures"))
    surfaces = read_surfaces(project.content("surfaces"), verify=project.own_content("surfaces"))
    gaps = read_rules(project.content(FOLDER), verify=project.own_content(FOLDER))
    payers = read_payers(project.own_content(PAYERS))
    knowledge = Knowledge(
        read_reference_tables(project.content("reference")),
        read_terminology(project),
        read_profiles(project),
    )
    state = existing_state(project)
    if state is None:
        return Inputs(measures, surfaces, gaps, payers, knowledge=knowledge)
    folder = project.folder or Path()
    try:
        events.compact(state, folder)
        return Inputs(
            measures,
            surfaces,
            gaps,
            payers,
            read_mappings(state),
            events.everything(state, folder),
            knowledge,
            decisions(state),
        )
    finally:
        state.close()
