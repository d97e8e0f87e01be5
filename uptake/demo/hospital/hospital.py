"""The hospital in memory. In: a number of patients and a seed; out: feeds, usage, truth, staff."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.demo.hospital.clean import clean_world
from uptake.demo.hospital.defects import plant_defects
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.planting import Planter
from uptake.demo.hospital.staff import clinicians
from uptake.demo.hospital.stories import stories
from uptake.demo.hospital.truth import Truth
from uptake.demo.hospital.usage import write_usage
from uptake.demo.hospital.writing import project_text, write_feeds

if TYPE_CHECKING:
    from datetime import datetime

    from uptake.demo.hospital.clean import World
    from uptake.demo.hospital.staff import Clinician

USUAL = 1000
"""The number of patients that the counts of defects are meant for."""
SAMPLE = 120


@dataclass(frozen=True, slots=True)
class Hospital:
    """Everything that happened there, and what is wrong with what its feeds say of it."""

    world: World
    plan: Planter
    truth: Truth
    staff: tuple[Clinician, ...]

    def write_feeds(
        self, folder: Path, until: datetime | None = None, *, repaired: bool = False
    ) -> None:
        """Write a folder a feed; `until`: only what the senders had then.

        `repaired`: the bedside device of 6 North sends numbers again.
        """
        write_feeds(self.plan, self.world.earlier, folder, until, repaired=repaired)

    def write_usage(self, folder: Path) -> None:
        """Write audit logs and the access list to `usage/`, and the surfaces they are of."""
        write_usage(self.world, folder)

    def write_project(self, folder: Path) -> None:
        """Write `uptake.toml`, and what the payer wants authorized."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(Path(__file__).parent / "payers", folder / "payers", dirs_exist_ok=True)
        (folder / "uptake.toml").write_text(project_text(), encoding="utf-8")


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector from looking at a million objects again and again: none is garbage."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def build_hospital(patients: int = USUAL, seed: int = 7, *, defects: bool = True) -> Hospital:
    """Return the hospital; the same arguments give the same, on any day.

    Defects grow with the number of patients; from about 25 on there is one of every kind. Without
    defects the truth is empty.
    """
    with _no_collection():
        world = clean_world(patients, seed)
        plan = Planter(world.records, stream(seed, "defects"), patients / USUAL)
        if defects:
            plant_defects(plan, world)
    told = stories(world, plan) if defects else ()
    return Hospital(world, plan, Truth(plan.planted(), told), clinicians())


def write_sample(
    folder: Path, *, patients: int = SAMPLE, seed: int = 7, defects: bool = True
) -> Truth:
    """Write the feeds and `uptake.toml` of a small hospital; return what is wrong with them."""
    hospital = build_hospital(patients, seed, defects=defects)
    hospital.write_feeds(folder)
    hospital.write_project(folder)
    return hospital.truth
