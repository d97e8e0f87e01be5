"""What local codes mean. In: decisions of people, in the state; out: the approved mappings.

A decision is a row that stays; the newest of a feed, system and code decides. Nothing is approved
by itself: a wrong mapping puts a wrong fact before a clinician.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from uptake.errors import UptakeError
from uptake.model import CodeMapping
from uptake.state.schema import mapping as table
from uptake.terminology import systems
from uptake.terminology.check_digits import check_digit_ok, format_ok, suggest

if TYPE_CHECKING:
    from uptake.state.database import State

APPROVED, FLAGGED, REJECTED = "approved", "flagged", "rejected"
DECISIONS = (APPROVED, FLAGGED, REJECTED)
"""Flagged: somebody has to ask the laboratory; rejected: the suggestion is wrong."""
EQUIVALENT = "equivalent"
EQUIVALENCES = (EQUIVALENT, "wider", "narrower", "inexact")
"""What the target's meaning is beside the local code's, in FHIR's words (ConceptMapEquivalence)."""


class MappingError(UptakeError):
    """A mapping that cannot be kept: the message says why, and what to write."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of one local code, by whom and when."""

    mapping: CodeMapping
    decision: str
    by: str
    at: datetime


def decide(
    state: State, mappings: Iterable[CodeMapping], decision: str, *, by: str, at: datetime
) -> tuple[CodeMapping, ...]:
    """Keep a decision on local codes, all or none; returns them as kept, targets canonical.

    Raises MappingError where a target cannot be right, or nobody signs.
    """
    if decision not in DECISIONS:
        raise MappingError(f"{decision!r} is no decision; write one of {', '.join(DECISIONS)}")
    if not by.strip():
        raise MappingError("a mapping is signed: say who decides (--by NAME)")
    kept = tuple(checked(m, targeted=decision == APPROVED) for m in mappings)
    rows = [
        {
            "feed": m.feed,
            "system": m.system,
            "code": m.code,
            "display": m.display,
            "target_system": m.target_system,
            "target_code": m.target_code,
            "target_display": m.target_display,
            "equivalence": m.equivalence,
            "specimen": m.specimen,
            "unit": m.unit,
            "decision": decision,
            "by": by.strip(),
            "at": at,
        }
        for m in kept
    ]
    if rows:
        with state.write() as connection:
            connection.execute(table.insert(), rows)
    return kept


def checked(mapping: CodeMapping, *, targeted: bool = True) -> CodeMapping:
    """Return the mapping with its target's canonical system; raises MappingError if it is wrong."""
    if not (mapping.feed.strip() and mapping.system.strip() and mapping.code.strip()):
        raise MappingError("a local code is known by its feed, system and code; one is missing")
    if systems.is_standard(mapping.system):
        raise MappingError(
            f"{mapping.system} is a standard system, not a local one; have {mapping.feed} send "
            "the right code"
        )
    if not targeted:
        return mapping
    system, code, display = _target(mapping)
    if mapping.equivalence not in EQUIVALENCES:
        raise MappingError(
            f"{mapping.equivalence!r} is no equivalence; write one of {', '.join(EQUIVALENCES)}"
        )
    return replace(mapping, target_system=system, target_code=code, target_display=display)


def _target(mapping: CodeMapping) -> tuple[str, str, str]:
    named, code = mapping.target_system.strip(), mapping.target_code.strip()
    if not (named and code):
        raise MappingError(
            f"{mapping.code} of {mapping.feed} has no target; write SYSTEM|CODE, as in LOINC|4548-4"
        )
    system = systems.code_rules(named) if systems.is_standard(named) else None
    if system is None:
        raise MappingError(
            f"{named} is no standard system that is known here; write its URI, as in "
            f"http://loinc.org|{code}"
        )
    if check_digit_ok(system, code) is False:
        right = suggest(system, code)
        raise MappingError(
            f"{code} has a wrong check digit, so it is no code of {system}"
            + (f"; was {right} meant?" if right else "; look the code up again")
        )
    if format_ok(system, code) is False:
        raise MappingError(f"{code} does not look like a code of {system}; look the code up again")
    display = mapping.target_display.strip()
    return system, code, "" if display.lower() == code.lower() else display


def decisions(state: State) -> tuple[Decided, ...]:
    """Return what was decided last of each local code, in order of feed, system and code."""
    newest = select(func.max(table.c.id)).group_by(table.c.feed, table.c.system, table.c.code)
    query = select(table).where(table.c.id.in_(newest))
    with state.read() as connection:
        rows = connection.execute(query).mappings().all()
    found = [
        Decided(
            CodeMapping(
                row["feed"],
                row["system"],
                row["code"],
                row["target_system"],
                row["target_code"],
                row["target_display"],
                row["display"],
                row["equivalence"],
                row["specimen"],
                row["unit"],
            ),
            row["decision"],
            row["by"],
            row["at"],
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda d: d.mapping))


def read_mappings(state: State) -> tuple[CodeMapping, ...]:
    """Return the mappings that are approved, as a run applies them."""
    return tuple(d.mapping for d in decisions(state) if d.decision == APPROVED)
