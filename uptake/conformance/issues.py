"""What a judgement says. In: a rule that is not kept; out: a row of `conformance_issue`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One rule not kept at one place. `kind` and `severity` are those of `docs/tables.md`."""

    kind: str
    key: str
    """Of an invariant its key, of any other rule the id of its element."""
    severity: str
    expression: str
    """Where, with indexes: `Observation.component[1].code`."""
    evidence: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a definition; `reason` says why it is not judged, empty if it is."""

    element: str
    kind: str
    key: str
    reason: str = ""


LONGEST = 80
"""Characters of evidence: a code or a date, not somebody's story."""


def shown(value: object) -> str | None:
    """Return a value as evidence: codes and plain values; of anything larger nothing."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)[:LONGEST]
    if isinstance(value, dict):
        codings = value.get("coding")
        if isinstance(codings, list):
            return ", ".join(filter(None, map(shown, codings)))[:LONGEST] or None
        if "code" in value or "system" in value:
            return "|".join(str(value.get(k) or "") for k in ("system", "code"))[:LONGEST]
    return None
