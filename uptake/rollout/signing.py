"""The signature of an owner. In: a charter, what it may name; out: it, signed, or every fault."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from uptake.report.figures import clean, listed
from uptake.rollout.charter import FEWEST, ITEMS, MOST, Charter, digest_of, folded, read
from uptake.rollout.errors import RolloutError
from uptake.rollout.roles import Profession, profession
from uptake.rollout.target import charter_measure, read_target
from uptake.state.schema import signature

if TYPE_CHECKING:
    from uptake.model import Measure
    from uptake.state.database import State


@dataclass(frozen=True, slots=True)
class Known:
    """What a charter may name."""

    checks: Collection[str]
    requirements: Collection[str]
    """Codes of the use case's requirements."""
    measures: Sequence[Measure] = ()


def sign(
    state: State,
    use_case: str,
    by: str,
    role: str,
    at: datetime,
    known: Known,
    seen: str = "",
) -> Charter:
    """Sign the whole charter as its owner; return it, signed.

    `seen` is the `digest` of the charter that the owner read; empty: not asked. Raises RolloutError
    with every reason why it cannot be signed; nothing is signed then.
    """
    with state.write() as connection:
        charter = read(connection, use_case)
        faults = sign_faults(charter, by, role, known)
        if seen and seen != charter.digest:
            faults.insert(0, "The charter was changed while you read it; read it once more.")
        if faults:
            raise RolloutError(faults)
        rows = [
            {"use_case": use_case, "item": part.name, "digest": digest_of(part), "role": role}
            | {"by": by.strip(), "at": at}
            for part in charter.parts
        ]
        connection.execute(signature.insert(), rows)
        return read(connection, use_case)


def sign_faults(charter: Charter, by: str, role: str, known: Known) -> list[str]:
    """Return every reason why a person cannot sign a charter, a sentence each."""
    faults = []
    owner = charter.text("owner")
    if owner and folded(by) != folded(owner):
        faults.append(f"Only its owner signs a charter; this one names {clean(owner)}.")
    for written in dict.fromkeys((charter.text("owner_role") or role, role)):
        faults += role_faults(written)
    if charter.missing:
        faults.append(f"Still missing: {listed(ITEMS[name] for name in charter.missing)}.")
    if not FEWEST <= len(charter.criteria) <= MOST:
        faults.append(f"Acceptance criteria: {len(charter.criteria)}; it takes {FEWEST} to {MOST}.")
    for part in charter.criteria:
        codes = {"check": known.checks, "requirement": known.requirements}.get(part.bound_kind)
        if codes is not None and part.bound_to not in codes:
            faults.append(
                f"Criterion {part.position} is bound to the {part.bound_kind} "
                f"{clean(part.bound_to)}, which does not exist."
            )
    return faults + target_faults(charter, known.measures)


def role_faults(role: str) -> list[str]:
    """Return why somebody in a role cannot own a use case; empty: they can."""
    kind = profession(role)
    if kind.clinical:
        return []
    if kind == Profession.IT:
        return [f"A use case is owned by a clinician, not by IT: {clean(role)}."]
    if not role.strip():
        return ["In which role? A use case is owned by a clinician."]
    return [f"A use case is owned by a clinician; this role does not say so: {clean(role)}."]


def target_faults(charter: Charter, measures: Sequence[Measure]) -> list[str]:
    """Return why a charter's measure or target cannot be computed with."""
    measure, faults = charter_measure(charter, measures), []
    if charter.text("measure") and measure is None and measures:
        codes = ", ".join(m.code for m in measures)
        faults.append(f"The measure is none that is computed; write the code of one: {codes}.")
    if charter.text("target") and not faults:
        try:
            read_target(charter.text("target"), measure)
        except RolloutError as error:
            faults += error.faults
    return faults
