"""How the surfaces were used. In: all that happened; out: audit logs, the access list, surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.demo.hospital.usage import access, alerts, authorizations, portal, visits
from uptake.demo.hospital.usage.surfaces import SURFACES

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.demo.hospital.clean import World


def write_usage(world: World, folder: Path) -> None:
    """Write `usage/`, one file a surface and the access list, and `surfaces/`."""
    usage, surfaces = folder / "usage", folder / "surfaces"
    usage.mkdir(parents=True, exist_ok=True)
    surfaces.mkdir(parents=True, exist_ok=True)
    access.write(usage / "access.csv")
    portal.write(world, usage / f"{access.PORTAL}.csv")
    visits.write(world, usage / f"{access.VISITS}.csv")
    authorizations.write(world, usage / f"{access.WORKLIST}.csv")
    alerts.write(world, usage / f"{access.ALERTS}.ndjson")
    for code, text in SURFACES.items():
        (surfaces / f"{code}.md").write_text(text, encoding="utf-8")
