"""Whether a property is measured in a unit. In: a LOINC property, a UCUM code; out: the answer.

The dimensions of properties are in `content/terminology/properties.toml`.
"""

from __future__ import annotations

import functools
import tomllib
from importlib import resources

from uptake.terminology.dimensions import measure


def property_fits(prop: str, unit: str) -> bool | None:
    """Return whether a LOINC property is measured in a UCUM unit; None where it cannot be told.

    Not told: a property or unit that is not known, and properties without a unit (PrThr, Type).
    LOINC Users' Guide, "Kind of property": a mass concentration is never in moles.
    """
    dimensions = _dimensions().get(prop)
    found = measure(unit)
    return None if dimensions is None or found is None else found.dimension in dimensions


def same_scale(unit: str, other: str) -> bool | None:
    """Return whether two UCUM units measure the same, shares on one scale (`%`, not `mmol/mol`).

    None where one of them is not known.
    """
    one, two = measure(unit), measure(other)
    if one is None or two is None:
        return None
    return one.dimension == two.dimension and (one.dimension != "number" or one.size == two.size)


@functools.cache
def _dimensions() -> dict[str, list[str]]:
    path = resources.files("uptake") / "content" / "terminology" / "properties.toml"
    return tomllib.loads(path.read_text("utf-8"))
