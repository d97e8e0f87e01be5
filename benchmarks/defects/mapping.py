"""COD-13."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, laboratory, panel

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

LOCAL = "http://lab.example.org/codes"
LOINC = "http://loinc.org"
LIKE = {
    "2339-0": ("2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
    "38483-4": ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma"),
    "2947-0": ("2951-2", "Sodium [Moles/volume] in Serum or Plasma"),
    "6298-4": ("2823-3", "Potassium [Moles/volume] in Serum or Plasma"),
    "2069-3": ("2075-0", "Chloride [Moles/volume] in Serum or Plasma"),
    "6299-2": ("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma"),
}
"""Codes that differ in their specimen alone: under the other one no value is implausible."""
SERUM = {"reference": "Specimen/mapping-serum"}
OTHER_SITE = {"reference": "Specimen/mapping-blood"}


def twice_coded(resource: Resource) -> bool:
    """A laboratory result whose code has another one of the same kind."""
    return laboratory(resource) and resource["code"]["coding"][0]["code"] in LIKE


def local_code(draw: Draw) -> Resource:
    """A local coding, of its own for each draw."""
    return {"system": LOCAL, "code": f"M{draw.random.randrange(10**9)}"}


def pair(resource: Resource, local: Resource, *, other: bool = False) -> None:
    """Put a local coding beside the standard one, or beside the one that is like it."""
    standard = resource["code"]["coding"][0]
    if other:
        code, display = LIKE[standard["code"]]
        standard |= {"code": code, "display": display}
    resource["code"]["coding"] = [standard, copy.deepcopy(local)]


def later(draw: Draw, minutes: int, **changes: Any) -> Resource:
    """A twin at another time: not the same event again."""
    shift = timedelta(minutes=minutes)
    told = {
        element: (datetime.fromisoformat(draw.resource[element]) + shift).isoformat(
            timespec="milliseconds"
        )
        for element in ("effectiveDateTime", "issued")
        if element in draw.resource
    }
    return draw.twin(**told, **changes)


def paired(*, others: int, other: bool, **site: Resource) -> Callable[[Draw], None]:
    """The drawn result with a local code, and some more of that code; `other`: of another kind."""

    def edit(draw: Draw) -> None:
        local = local_code(draw)
        twins = [later(draw, 7 * n, **copy.deepcopy(site)) for n in range(1, others + 1)]
        for twin in twins:
            pair(twin, local, other=other)
        pair(draw.resource, local)
        if site:
            draw.resource["specimen"] = copy.deepcopy(SERUM)

    return edit


def tied(draw: Draw) -> list[Resource]:
    """Two results of one local code, each under another standard one."""
    local = local_code(draw)
    twin = later(draw, 7)
    pair(twin, local, other=True)
    pair(draw.resource, local)
    return [draw.resource, twin]


def two_local_codes(draw: Draw) -> None:
    """Two local codes that mean the same thing, in one unit."""
    twin = later(draw, 7)
    pair(twin, local_code(draw))
    pair(draw.resource, local_code(draw))


def worded(draw: Draw) -> None:
    """A local code with words under a standard code that others send numbers for."""
    standard = draw.resource["code"]["coding"][0]["code"]
    for minutes in (7, 14):
        pair(later(draw, minutes), {"system": LOCAL, "code": f"NUMBERS-{standard}"})
    pair(draw.resource, local_code(draw))
    del draw.resource["valueQuantity"]
    draw.resource["valueCodeableConcept"] = {"text": "Within the usual range"}


def both_pressures(draw: Draw) -> None:
    """Systolic and diastolic pressure under one local code."""
    local = local_code(draw)
    for component in draw.resource["component"]:
        pair(component, local)


def own_pressures(draw: Draw) -> None:
    """Systolic and diastolic pressure, each under a local code of its own."""
    for component, code in zip(draw.resource["component"], ("DIA", "SYS"), strict=True):
        kind = component["code"]["coding"][0]["code"]
        pair(component, {"system": LOCAL, "code": f"{code}-{kind}"})


CASES: tuple[Case, ...] = (
    Case("COD-13", "another code than usual", "Observation",
         paired(others=2, other=True), where=twice_coded),
    Case("COD-13", "one of each", "Observation", tied, where=twice_coded),
    Case("COD-13", "words beside numbers", "Observation", worded,
         also=("TXT-01",), where=twice_coded),
    Case("COD-13", "one code for both pressures", "Observation", both_pressures, where=panel),
    Case("COD-13", "always the same", "Observation",
         paired(others=2, other=False), found=False, where=twice_coded),
    Case("COD-13", "another specimen", "Observation",
         paired(others=2, other=True, specimen=OTHER_SITE), found=False, where=twice_coded),
    Case("COD-13", "two local codes of one meaning", "Observation", two_local_codes, found=False,
         where=twice_coded),
    Case("COD-13", "a code for each pressure", "Observation", own_pressures, found=False,
         where=panel),
)  # fmt: skip
