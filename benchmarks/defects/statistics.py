"""PLA-06, TIM-08, TIM-09, TIM-10: what only many values together show, or two of one patient.

A pattern needs a sender's type of its own: orders and statements, of which Synthea has none. What
has no resource to be found at (TIM-14, PLA-10) or needs a zone (TIM-11) is measured by
`benchmarks.statistics`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, put
from benchmarks.defects.time import order

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

OUTSIDE = ("CTX-06", "TIM-12")
"""A result days after its encounter."""
OFFICE = (0, 0, 0, 0, 0, 0, 0, 2, 8, 10, 10, 8, 4, 8, 9, 9, 6, 2, 0, 0, 0, 0, 0, 0)
"""How often things happen in each hour of the day."""


def measured(code: str) -> Callable[[Resource], bool]:
    """A result with this LOINC code and a number."""
    return lambda row: "valueQuantity" in row and row["code"]["coding"][0]["code"] == code


def again(change: Callable[[float], float], **later: float) -> Callable[[Draw], list[Resource]]:
    """The same measured again some time later, with another value."""

    def edit(draw: Draw) -> list[Resource]:
        at = (draw.at + timedelta(**later)).isoformat()
        quantity = draw.resource["valueQuantity"]
        value = round(change(quantity["value"]), 3)
        return [
            draw.twin(effectiveDateTime=at, issued=at, valueQuantity={**quantity, "value": value})
        ]

    return edit


def ordered_at(clock: Callable[[Draw], str]) -> Callable[[Draw], list[Resource]]:
    """An order of the drawn prescription's day, at another time of it."""

    def edit(draw: Draw) -> list[Resource]:
        return order(authoredOn=f"{draw.at:%Y-%m-%d}T{clock(draw)}")(draw)

    return edit


def odd_time(draw: Draw) -> str:
    """A time in office hours, to the second."""
    hour = draw.random.choices(range(24), OFFICE)[0]
    return f"{hour:02}:{draw.random.randrange(1, 60):02}:{draw.random.randrange(60):02}Z"


def stated(months: tuple[int, ...], year: int, number: int, late: int = 0) -> Any:
    """Some statements about a prescribed drug, in office hours of these months, or hours late."""

    def edit(draw: Draw) -> list[Resource]:
        made = []
        for _ in range(number):
            hour = draw.random.choices(range(24), OFFICE)[0] + late
            day = datetime(year, draw.random.choice(months), draw.random.randint(1, 28), tzinfo=UTC)
            at = day + timedelta(
                hours=hour, minutes=draw.random.randrange(1, 60), seconds=draw.random.randrange(60)
            )
            made.append(
                {
                    "resourceType": "MedicationStatement",
                    "id": draw.new_id(),
                    "status": "completed",
                    "medicationCodeableConcept": draw.resource["medicationCodeableConcept"],
                    "subject": dict(draw.resource["subject"]),
                    "effectiveDateTime": at.isoformat(),
                }
            )
        draw.added += made
        return made

    return edit


def recent(row: Resource) -> bool:
    """A prescription of the last years: its patient lived then."""
    return str(row.get("authoredOn", "")) > "2019"


def change(variant: str, code: str, edit: Callable[[Draw], Any], *, found: bool = True) -> Case:
    """A change of one kind of result."""
    return Case(
        "PLA-06", variant, "Observation", edit, found=found, where=measured(code), also=OUTSIDE
    )


WEIGHT, HEIGHT, CREATININE, MCV = "29463-7", "8302-2", "38483-4", "787-2"

ORDERED = ("CTX-07", "CTX-14", "TIM-06")  # nobody signed it, no system, whenever the patient died
CASES = (
    change("pounds for kilograms", WEIGHT, again(lambda v: v * 2.2046, days=2)),
    change("a third lighter in a week", WEIGHT, again(lambda v: v * 0.65, days=6)),
    change("shorter by 12 cm", HEIGHT, again(lambda v: v - 12, days=40)),
    change("another creatinine", CREATININE, again(lambda v: v * 12, minutes=40)),
    change("another patient's cells", MCV, again(lambda v: v + 26, hours=9)),
    change("a fifth lighter in a week", WEIGHT, again(lambda v: v * 0.8, days=6), found=False),
    change(
        "a third lighter in a fortnight", WEIGHT, again(lambda v: v * 0.65, days=14), found=False
    ),
    change("shorter by 3 cm", HEIGHT, again(lambda v: v - 3, days=40), found=False),
    change("creatinine doubled", CREATININE, again(lambda v: v * 2, minutes=40), found=False),
    change("cells as they vary", MCV, again(lambda v: v + 4, hours=9), found=False),
    Case(
        "TIM-08", "midnight", "MedicationRequest", ordered_at(lambda _: "00:00:00Z"), also=ORDERED
    ),
    Case(
        "TIM-08",
        "midnight, no seconds lost",
        "MedicationRequest",
        ordered_at(lambda _: "00:00:00.000Z"),
        also=ORDERED,
    ),
    Case(
        "TIM-08",
        "another time",
        "MedicationRequest",
        ordered_at(odd_time),
        found=False,
        also=ORDERED,
    ),
    Case(
        "TIM-08",
        "a second after",
        "MedicationRequest",
        ordered_at(lambda _: "00:00:01Z"),
        found=False,
        also=ORDERED,
    ),
    Case(
        "TIM-09",
        "1970",
        "MedicationRequest",
        put("authoredOn", "1970-01-01"),
        also=("CTX-06", "TIM-05", "TIM-15"),
    ),
    Case(
        "TIM-09",
        "day of the migration",
        "AllergyIntolerance",
        put("recordedDate", "2020-12-01"),
        also=("TIM-06",),
    ),
    Case(
        "TIM-09",
        "a busy day",
        "Immunization",
        put("occurrenceDateTime", "2019-10-05"),
        found=False,
        also=("CTX-06", "TIM-05", "TIM-06"),
    ),
    Case(
        "TIM-10",
        "5 hours late",
        "MedicationRequest",
        stated((2,), 2021, 4, late=5),
        where=recent,
        also=("CTX-14", "TIM-06"),
    ),
    Case(
        "TIM-10",
        "the months before",
        "MedicationRequest",
        stated((3, 4, 5, 6), 2020, 40),
        found=False,
        where=recent,
        also=("CTX-14", "TIM-06"),
    ),
)
