"""What a load is judged by, beside its data. In: nothing; out: one value to pass on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.conformance.packages import Profiles
    from uptake.definitions.reference import ReferenceTable
    from uptake.terminology.sources import Terminology


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Reference tables, terminology and profiles; of what is None, what ships."""

    reference: Mapping[str, ReferenceTable] | None = None
    terminology: Terminology | None = None
    profiles: Profiles | None = None


SHIPPED = Knowledge()
"""What a load is judged by where no project says otherwise."""
