"""Surfaces. In: Markdown files; out: `Surface`s, or a DefinitionError with every fault.

A surface is where data are shown, ours or somebody else's: its definition says how its audit events
are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from uptake.definitions.answers import Answers
from uptake.definitions.document import Document, nearest, read_folders
from uptake.model import Action, Surface

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KINDS = ("portal", "viewer", "native", "worklist", "alert", "card", "panel")
FIELDS = ("at", "action", "practitioner", "patient", "encounter", "card", "reason", "seconds")
"""What of an event a column may give."""

_REQUIRED = ("code", "title", "kind", "use_cases")


def read_surfaces(
    folders: Sequence[Path], *, verify: Sequence[Path] | None = None
) -> dict[str, Surface]:
    """Return the surfaces of folders by code, as `read_checks` does."""
    return read_folders(folders, verify, lambda document, _: _build(document))


def _build(document: Document) -> Surface | None:
    """Return the surface of a document, None when the document has faults."""
    answers = Answers(document, document.front)
    if document.front:
        answers.only((*_REQUIRED, "zone", "columns", "actions"), _REQUIRED)
    zone = answers.text("zone")
    if zone and not is_zone(zone):
        answers.fault("zone", f"there is no time zone {zone!r}; write one as in America/Chicago")
    columns, actions = _texts(answers, "columns"), _texts(answers, "actions")
    for field in columns:
        if field not in FIELDS:
            fault = f"an event has no {field!r}; {nearest(field, FIELDS)}"
            document.fault(document.line_of("columns", field), fault)
    if columns:
        for field in ("at", "action"):
            if field not in columns:
                answers.fault("columns", f"columns has no {field}; name the column that holds it")
    words = [action.value for action in Action]
    for word, action in actions.items():
        if action not in words:
            fault = f"there is no action {action!r}; {nearest(action, words)}"
            document.fault(document.line_of("actions", word), fault)
    what = document.section("What it is")
    surface = Surface(
        code=answers.code(),
        title=answers.text("title"),
        kind=answers.word("kind", KINDS),
        use_cases=answers.texts("use_cases"),
        zone=zone,
        columns=columns,
        actions=actions,
        what=what.prose.strip(),
        path=document.path,
    )
    return None if document.faults else surface


def is_zone(name: str) -> bool:
    """Return whether the time zone database knows the name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _texts(answers: Answers, key: str) -> dict[str, str]:
    """Return a table of texts."""
    value = answers.table.get(key, {})
    if isinstance(value, dict) and all(isinstance(v, str) and v for v in value.values()):
        return value
    answers.fault(key, f"{key} is {value!r}; write a table of texts")
    return {}
