"""What was planted in the sample. In: each injected defect; out: `truth.ndjson`, counts a check."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

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
class SampleTruth:
    """Every injected defect, sorted; none for the clean twin."""

    planted: tuple[Planted, ...]

    def counts(self) -> dict[str, int]:
        """Return, for each check, how many resources (or lines) violate it."""
        distinct = {(p.check, p.feed, p.resource_type, p.line) for p in self.planted}
        return dict(sorted(Counter(check for check, *_ in distinct).items()))

    def of_check(self, code: str) -> tuple[Planted, ...]:
        """Return the defects that one check must find."""
        return tuple(p for p in self.planted if p.check == code)

    def write(self, path: Path) -> None:
        """Write one JSON object a defect. Keep the file outside the feeds' folders."""
        lines = (json.dumps(asdict(p), sort_keys=True) + "\n" for p in self.planted)
        path.write_text("".join(lines), encoding="utf-8")
