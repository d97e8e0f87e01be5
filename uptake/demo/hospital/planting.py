"""Where defects go. In: clean records; out: resources chosen once, every defect noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uptake.demo.hospital.truth import Planted

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from uptake.demo.hospital.fhir import Records, Resource


@dataclass(slots=True)
class Planter:
    """Chooses resources so that no two defects meet by chance, and remembers what was done."""

    records: Records
    rng: random.Random
    scale: float
    """1 for 1,000 patients."""
    broken: dict[int, Callable[[bytes], bytes]] = field(default_factory=dict)
    """By identity of the resource: what becomes of its line."""
    corrected: dict[int, Resource] = field(default_factory=dict)
    """By identity of the resource: what its sender sends once asked."""
    typed: list[Resource] = field(default_factory=list)
    """Results of a bedside device that came as text."""
    _noted: list[tuple[str, str, Resource, str]] = field(default_factory=list)
    _claimed: dict[int, Resource] = field(default_factory=dict)

    def all(
        self, feed: str, resource_type: str, where: Callable[[Resource], bool] = lambda _: True
    ) -> list[Resource]:
        """Return every untouched resource that meets the condition."""
        return [
            r
            for r in self.records[feed].get(resource_type, ())
            if id(r) not in self._claimed and where(r)
        ]

    def claim(self, resources: Iterable[Resource]) -> None:
        """Keep other defects away from these resources."""
        self._claimed.update((id(r), r) for r in resources)

    def choose(
        self,
        count: int,
        feed: str,
        resource_type: str,
        where: Callable[[Resource], bool] = lambda _: True,
        *,
        least: int = 1,
    ) -> list[Resource]:
        """Claim about `count` untouched resources (scaled, at least `least`), in file order."""
        pool = self.all(feed, resource_type, where)
        wanted = min(len(pool), max(least, round(count * self.scale)))
        picked = [pool[i] for i in sorted(self.rng.sample(range(len(pool)), wanted))]
        self.claim(picked)
        return picked

    def note(self, check: str, feed: str, resource: Resource, element: str) -> None:
        """Remember one defect; `element` is without the resource type."""
        self._noted.append((check, feed, resource, element))

    def copy(self, feed: str, resource: Resource, **changes: object) -> Resource:
        """Append a copy under an id of its own to the same file; claim and return it."""
        twin: Resource = {**resource, "id": resource["id"] + "-r", **changes}
        self.records[feed][resource["resourceType"]].append(twin)
        self.claim([twin])
        return twin

    def planted(self) -> tuple[Planted, ...]:
        """Return what was planted, with the lines as the files will have them."""
        lines = {
            id(r): line
            for types in self.records.values()
            for rows in types.values()
            for line, r in enumerate(rows, 1)
        }
        return tuple(
            sorted(
                Planted(
                    check,
                    feed,
                    r["resourceType"],
                    "" if check == "CNF-01" else r["id"],
                    lines[id(r)],
                    f"{r['resourceType']}.{element}" if element else "",
                )
                for check, feed, r, element in self._noted
            )
        )
