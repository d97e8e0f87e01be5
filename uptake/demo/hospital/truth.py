"""What was planted in the hospital. In: injected defects, stories; out: `truth.ndjson`, counts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Planted:
    """One injected defect: the check that must find it, and where it is."""

    check: str
    feed: str
    resource_type: str
    id: str
    """The resource's id; empty for a line that cannot be read."""
    line: int
    """1 is the first line of `<feed>/<resource_type>.ndjson.gz`."""
    element: str
    """The FHIRPath of the element without indexes; empty for a line that cannot be read."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Every injected defect, sorted; none for the clean twin."""

    planted: tuple[Planted, ...]
    stories: tuple[dict[str, Any], ...] = ()
    """Where each use case is stuck and why, and what the nurse reported."""

    def counts(self) -> dict[str, int]:
        """Return, for each check, how many resources (or lines) violate it."""
        distinct = {(p.check, p.feed, p.resource_type, p.line) for p in self.planted}
        return dict(sorted(Counter(check for check, *_ in distinct).items()))

    def of_check(self, code: str) -> tuple[Planted, ...]:
        """Return the defects that one check must find."""
        return tuple(p for p in self.planted if p.check == code)

    def write(self, path: Path) -> None:
        """Write one JSON object a defect or story. Keep the file outside the feeds' folders."""
        rows = [*map(asdict, self.planted), *self.stories]
        lines = (json.dumps(row, sort_keys=True) + "\n" for row in rows)
        path.write_text("".join(lines), encoding="utf-8")
