"""A pair with all that is known of it. In: the run, the raw store, decisions; out: a Case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from uptake.identity import snapshots
from uptake.identity.decisions import UNSURE, Decided, Judged, Record, group_of, history
from uptake.web.patients import read_patients
from uptake.web.views.duplicates import pairs
from uptake.web.views.duplicates.patients import as_compared
from uptake.web.views.duplicates.queue import View, decided_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from uptake.identity.explain import Level
    from uptake.web.site import Site
    from uptake.web.views.duplicates.pairs import Place, Row


@dataclass(frozen=True, slots=True)
class Case:
    """A pair with all that is known of it."""

    row: Row
    levels: tuple[Level, ...]
    patients: Mapping[Record, Mapping[str, Any]]
    """As sent; a record that is not in the store is left out."""
    normal: Mapping[Record, Mapping[str, Any]]
    """As compared."""
    said: tuple[Decided, ...]
    """Everything that was decided of the pair, the newest first."""
    groups: tuple[frozenset[Record], frozenset[Record]]
    """The records that the run links with each, or decisions join with it; itself too."""
    others: tuple[Row, ...]
    """Other pairs of these records, or of their group."""
    place: Place
    """In the queue that is looked at."""

    @property
    def newest(self) -> Decided | None:
        """Return the decision that counts."""
        return self.said[0] if self.said else None

    @property
    def group(self) -> frozenset[Record]:
        """Return the records of both groups."""
        return self.groups[0] | self.groups[1]

    @property
    def alike(self) -> tuple[Row, ...]:
        """Return the other pairs between the two groups of which nobody decided yet."""
        ours, theirs = self.groups
        if ours & theirs:
            return ()
        return tuple(
            row
            for row in self.others
            if row.decision in ("", UNSURE)
            and any(set(row.pair.records) <= {a, b} for a in ours for b in theirs)
        )

    @property
    def digests(self) -> dict[Record, str]:
        """Return what stands for the records as they are now."""
        return {record: snapshots.digest(p) for record, p in self.patients.items()}

    def shown(self, record: Record) -> Mapping[str, Any]:
        """Return a record to look at: as sent, or as compared where it is gone."""
        known = self.normal.get(record)
        return self.patients.get(record) or (as_compared(known) if known else {})

    def missing(self) -> tuple[tuple[str, str], ...]:
        """Return the side of each record that is not as sent, and what is shown in its place."""
        sides = zip(("left", "right"), self.row.pair.records, strict=True)
        return tuple(
            (
                side,
                "shown as it was compared" if record in self.normal else "nothing of it is known",
            )
            for side, record in sides
            if record not in self.patients
        )


def read_case(site: Site, run: Path, view: View, key: str) -> Case:
    """Return the pair with this key; raises HTTPException 404 where there is none."""
    if not pairs.compared(run):
        raise HTTPException(404)
    decided = decided_of(site)
    with pairs.opened(run, decided) as found:
        row = found.find(key)
        if row is None:
            raise HTTPException(404)
        of = row.pair
        ours, theirs = (found.cluster(r) | group_of(decided, r) for r in of.records)
        return Case(
            row,
            found.levels(of),
            read_patients(site.store(), of.records),
            found.normal_forms(of),
            history(site.state, of),
            (ours, theirs),
            found.beside(of, ours | theirs),
            found.place(view.queue, view.feed, key),
        )


def judged(site: Site, case: Case, rows: tuple[Row, ...]) -> list[Judged]:
    """Return further pairs with what their records are like now."""
    known = read_patients(site.store(), {record for row in rows for record in row.pair.records})
    digests = {record: snapshots.digest(patient) for record, patient in known.items()}
    return [
        Judged(
            row.pair,
            row.probability,
            snapshots.snapshot(
                {r: digests[r] for r in row.pair.records if r in digests}, case.group
            ),
        )
        for row in rows
    ]
