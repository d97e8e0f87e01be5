"""TIM-01, TIM-02, TIM-03, TIM-04, TIM-05, TIM-07. The clinical day of the runs is `AS_OF`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta, timezone
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import (
    Case,
    Draw,
    drop,
    laboratory,
    moved,
    put,
    quantity,
    replace,
    told,
    vital_sign,
)
from benchmarks.defects.coding import SNOMED, concept

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

AS_OF = "2021-04-30"  # Synthea's last event is of 2021-04-01

INVALID = {
    "month 13": "2019-13-01",
    "30 February": "2019-02-30",
    "29 February of no leap year": "2019-02-29",
    "day first": "19/03/2011",
    "no hyphens": "20110319",
    "single digits": "2011-3-9",
    "24 hours": "2011-03-09T24:00:00Z",
    "a space for the T": "2011-03-09 10:15:00Z",
    "offset without a colon": "2011-03-09T10:15:00+0000",
    "words": "unknown",
}


def without_zone(draw: Draw) -> str:
    """The clinical time with its offset cut off."""
    return draw.at.strftime("%Y-%m-%dT%H:%M:%S")


def period(
    start: Callable[[Draw], str], end: Callable[[Draw], str]
) -> Callable[[Draw], dict[str, str]]:
    """A Period of two times told from the draw."""
    return lambda draw: {"start": start(draw), "end": end(draw)}


def spread(sent: str) -> Callable[[Draw], str]:
    """A fixed time whose minutes and seconds (`~`) differ, so that none duplicates another."""

    def tell(draw: Draw) -> str:
        parts = sent.split("~")
        return parts[0] + "".join(f"{draw.random.randrange(60):02d}{part}" for part in parts[1:])

    return tell


def born(layout: str = "%Y-%m-%d", **by: float) -> Callable[[Draw], str]:
    """The patient's birthDate shifted, as text; `~` as in `spread`."""
    return lambda draw: spread((draw.born + timedelta(**by)).strftime(layout))(draw)


def across(hours: float) -> Callable[[Draw], dict[str, str]]:
    """A Period whose start is told in UTC-5 and whose end, so many hours on, in UTC."""

    def tell(draw: Draw) -> dict[str, str]:
        start, end = draw.at, draw.at + timedelta(hours=hours)
        west = timezone(timedelta(hours=-5))
        if hours > 0:
            return {"start": start.isoformat(), "end": end.astimezone(west).isoformat()}
        return {"start": start.astimezone(west).isoformat(), "end": end.isoformat()}

    return tell


def order(**elements: Any) -> Callable[[Draw], list[Resource]]:
    """A ServiceRequest of the drawn prescription's patient; Synthea has none."""

    def edit(draw: Draw) -> list[Resource]:
        request = {
            "resourceType": "ServiceRequest",
            "id": draw.new_id(),
            "status": "active",
            "intent": "order",
            "subject": dict(draw.resource["subject"]),
            "code": concept((SNOMED, "73761001"), text="Colonoscopy"),
            "encounter": dict(draw.resource["encounter"]),
            "authoredOn": draw.resource["authoredOn"],
        } | elements
        draw.added.append(request)
        return [request]

    return edit


def no_abatement(resource: Resource) -> bool:
    """A Condition that goes on."""
    return "abatementDateTime" not in resource


def case(check: str, variant: str, on: str, edit: Callable[[Draw], Any], **more: Any) -> Case:
    """A case; Encounters and Patients are drawn as copies that nothing refers to."""
    return Case(check, variant, on, edit, fresh=on in ("Encounter", "Patient"), **more)


# A time so far off is rightly outside its encounter, after a death and out of order, too.
FAR = ("CTX-06", "TIM-06", "TIM-12")
FAMILY = concept((SNOMED, "160303001"), text="Family history of diabetes mellitus")

CASES = (
    case("TIM-01", "Observation", "Observation", drop("effectiveDateTime"), where=laboratory),
    case("TIM-01", "DiagnosticReport", "DiagnosticReport", drop("effectiveDateTime")),
    case(
        "TIM-01",
        "Condition",
        "Condition",
        drop("onsetDateTime", "recordedDate", "abatementDateTime"),
    ),
    case("TIM-01", "MedicationRequest", "MedicationRequest", drop("authoredOn")),
    case("TIM-01", "Procedure", "Procedure", drop("performedPeriod")),
    case("TIM-01", "Immunization", "Immunization", drop("occurrenceDateTime")),
    case("TIM-01", "Encounter", "Encounter", drop("period"), also=("CTX-13",)),
    case("TIM-01", "null", "Observation", put("effectiveDateTime", None), where=vital_sign),
    case(
        "TIM-01",
        "recorded only",
        "Condition",
        drop("onsetDateTime", "abatementDateTime"),
        found=False,
    ),
    case(
        "TIM-01",
        "a period",
        "Observation",
        replace("effectiveDateTime", effectivePeriod=period(moved(), moved(minutes=5))),
        found=False,
        where=laboratory,
    ),
    case(
        "TIM-01",
        "an instant",
        "Observation",
        replace("effectiveDateTime", effectiveInstant=moved()),
        found=False,
        where=laboratory,
    ),
    case(
        "TIM-01",
        "a date-time",
        "Procedure",
        replace("performedPeriod", performedDateTime=moved()),
        found=False,
    ),
    *(
        case("TIM-02", name, "Observation", put("effectiveDateTime", sent), where=quantity)
        for name, sent in INVALID.items()
    ),
    # Readable although invalid, so its own time: other checks may rightly judge it.
    case(
        "TIM-02",
        "no seconds",
        "Observation",
        put("effectiveDateTime", told("%Y-%m-%dT%H:%MZ")),
        where=laboratory,
    ),
    case("TIM-02", "onset", "Condition", put("onsetDateTime", "2011-00-12"), where=no_abatement),
    case("TIM-02", "authoredOn", "MedicationRequest", put("authoredOn", "03-19-2011")),
    case(
        "TIM-02",
        "start of a period",
        "Procedure",
        put("performedPeriod.start", "2011-06-31T10:00:00Z"),
    ),
    case("TIM-02", "birthDate", "Patient", put("birthDate", "1980-02-30")),
    *(
        case(
            "TIM-02",
            f"{layout} is valid",
            "Observation",
            put("effectiveDateTime", told(layout)),
            found=False,
            where=laboratory,
        )
        for layout in (
            "%Y",
            "%Y-%m",
            "%Y-%m-%d",
            "%Y-%m-%dT%H:%M:%S.123456Z",
            "%Y-%m-%dT%H:%M:%SZ",
            "%Y-%m-%dT%H:%M:%S+14:00",
        )
    ),
    case(
        "TIM-02",
        "29 February of a leap year",
        "Observation",
        put("effectiveDateTime", spread("2016-02-29T10:~:~Z")),
        found=False,
        also=(*FAR, "TIM-05"),
        where=laboratory,
    ),
    case(
        "TIM-02",
        "leap second",
        "Observation",
        put("effectiveDateTime", "2016-12-31T23:59:60Z"),
        found=False,
        also=(*FAR, "TIM-05"),
        where=laboratory,
    ),
    case(
        "TIM-03",
        "effective",
        "Observation",
        put("effectiveDateTime", without_zone),
        also=("TIM-02",),
        where=laboratory,
    ),
    case(
        "TIM-03",
        "with a fraction",
        "Observation",
        put("effectiveDateTime", told("%Y-%m-%dT%H:%M:%S.250")),
        also=("TIM-02",),
        where=laboratory,
    ),
    case(
        "TIM-03",
        "issued",
        "Observation",
        put("issued", without_zone),
        also=("TIM-02",),
        where=vital_sign,
    ),
    case(
        "TIM-03",
        "onset",
        "Condition",
        put("onsetDateTime", without_zone),
        also=("TIM-02",),
        where=no_abatement,
    ),
    case(
        "TIM-03",
        "authoredOn",
        "MedicationRequest",
        put("authoredOn", without_zone),
        also=("TIM-02",),
    ),
    case(
        "TIM-03",
        "start of a period",
        "Procedure",
        put("performedPeriod.start", without_zone),
        also=("TIM-02",),
    ),
    case(
        "TIM-03",
        "date only",
        "Observation",
        put("effectiveDateTime", told("%Y-%m-%d")),
        found=False,
        where=laboratory,
    ),
    *(
        case(
            "TIM-03",
            f"offset {offset}",
            "Observation",
            put("effectiveDateTime", told(f"%Y-%m-%dT%H:%M:%S{offset}")),
            found=False,
            also=("TIM-12",),
            where=laboratory,
        )
        for offset in ("Z", "-05:00", "+05:30", "-00:00")
    ),
    case(
        "TIM-04",
        "ten years on",
        "Observation",
        put("effectiveDateTime", spread("2031-03-04T10:~:~Z")),
        also=FAR,
        where=laboratory,
    ),
    case(
        "TIM-04",
        "a month on",
        "Observation",
        put("effectiveDateTime", spread("2021-06-02T10:~:~-05:00")),
        also=(*FAR, "PLA-04"),
        where=vital_sign,
    ),
    case(
        "TIM-04", "a future date", "Immunization", put("occurrenceDateTime", "2021-07-01"), also=FAR
    ),
    case("TIM-04", "9999", "MedicationRequest", put("authoredOn", "9999-12-31"), also=FAR),
    case(
        "TIM-04",
        "1899",
        "Condition",
        put("onsetDateTime", "1899-12-31"),
        also=(*FAR, "TIM-05", "PLA-05"),
        where=no_abatement,
    ),
    case(
        "TIM-04",
        "year 1",
        "Observation",
        put("effectiveDateTime", "0001-01-01"),
        also=(*FAR, "TIM-05"),
        where=laboratory,
    ),
    case(
        "TIM-04",
        "finished in the future",
        "Encounter",
        put("period", {"start": "2026-01-05T09:00:00Z", "end": "2026-01-05T09:30:00Z"}),
        also=FAR,
    ),
    case(
        "TIM-04",
        "future procedure",
        "Procedure",
        put("performedPeriod", {"start": "2022-01-05T09:00:00Z", "end": "2022-01-05T10:00:00Z"}),
        also=FAR,
    ),
    case(
        "TIM-04",
        "planned encounter",
        "Encounter",
        lambda draw: draw.resource.update(
            status="planned", period={"start": "2021-09-01T09:00:00Z"}
        ),
        found=False,
        also=FAR,
    ),
    case(
        "TIM-04",
        "order for a future day",
        "MedicationRequest",
        order(occurrenceDateTime="2021-09-01"),
        found=False,
        also=("CTX-07", "CTX-14", "TIM-06"),
    ),
    case(
        "TIM-04",
        "entered in error",
        "Observation",
        lambda draw: draw.resource.update(
            status="entered-in-error", effectiveDateTime="2031-03-04T10:00:00Z"
        ),
        found=False,
        where=laboratory,
    ),
    case(
        "TIM-04",
        "expiry of a vaccine",
        "Immunization",
        put("expirationDate", "2023-01-01"),
        found=False,
    ),
    case(
        "TIM-04",
        "validity of a prescription",
        "MedicationRequest",
        put("dispenseRequest", {"validityPeriod": {"start": "2021-01-01", "end": "2022-01-01"}}),
        found=False,
    ),
    case(
        "TIM-05",
        "a day before",
        "Observation",
        put("effectiveDateTime", born(days=-1)),
        also=FAR,
        where=laboratory,
    ),
    case(
        "TIM-05",
        "a year before, month only",
        "Condition",
        put("onsetDateTime", born("%Y-%m", days=-400)),
        also=(*FAR, "PLA-05"),
        where=no_abatement,
    ),
    case(
        "TIM-05",
        "the year before",
        "Immunization",
        put("occurrenceDateTime", born("%Y", days=-366)),
        also=FAR,
    ),
    case(
        "TIM-05",
        "the evening before, in the west",
        "Observation",
        put("effectiveDateTime", born("%Y-%m-%dT23:~:~-05:00", days=-1)),
        also=FAR,
        where=vital_sign,
    ),
    case(
        "TIM-05",
        "procedure, ten years before",
        "Procedure",
        put(
            "performedPeriod",
            period(born("%Y-%m-%dT09:~:~Z", days=-3650), born("%Y-%m-%dT10:~:~Z", days=-3650)),
        ),
        also=(*FAR, "PLA-05"),
    ),
    case(
        "TIM-05",
        "prescription, a month before",
        "MedicationRequest",
        put("authoredOn", born("%Y-%m-%dT09:~:~Z", days=-30)),
        also=(*FAR, "TIM-15"),
    ),
    case(
        "TIM-05",
        "that day",
        "Observation",
        put("effectiveDateTime", born()),
        found=False,
        also=FAR,
        where=laboratory,
    ),
    case(
        "TIM-05",
        "that day, in the east",
        "Observation",
        put("effectiveDateTime", born("%Y-%m-%dT00:~:~+05:00")),
        found=False,
        also=FAR,
        where=vital_sign,
    ),
    case(
        "TIM-05",
        "that month",
        "Immunization",
        put("occurrenceDateTime", born("%Y-%m")),
        found=False,
        also=FAR,
    ),
    case(
        "TIM-05",
        "that year",
        "Immunization",
        put("occurrenceDateTime", born("%Y")),
        found=False,
        also=FAR,
    ),
    case(
        "TIM-05",
        "family history",
        "Condition",
        lambda draw: draw.resource.update(code=FAMILY, onsetDateTime=born(days=-3650)(draw)),
        found=False,
        also=FAR,
        where=no_abatement,
    ),
    case("TIM-07", "encounter", "Encounter", put("period", period(moved(), moved(minutes=-30)))),
    case(
        "TIM-07",
        "procedure",
        "Procedure",
        put("performedPeriod", period(moved(), moved(seconds=-60))),
    ),
    case(
        "TIM-07",
        "abatement",
        "Condition",
        put("abatementDateTime", moved(days=-1)),
        also=("CTX-12",),
        where=no_abatement,
    ),
    case(
        "TIM-07",
        "abatement, dates",
        "Condition",
        lambda draw: draw.resource.update(
            onsetDateTime=told("%Y-%m-%d")(draw), abatementDateTime=moved(days=-2)(draw)[:10]
        ),
        also=("CTX-12",),
        where=no_abatement,
    ),
    case(
        "TIM-07",
        "effective period",
        "Observation",
        replace("effectiveDateTime", effectivePeriod=period(moved(), moved(hours=-2))),
        where=laboratory,
    ),
    case("TIM-07", "only the offsets tell", "Encounter", put("period", across(-1))),
    case("TIM-07", "equal", "Encounter", put("period", period(moved(), moved())), found=False),
    case(
        "TIM-07",
        "equal, procedure",
        "Procedure",
        put("performedPeriod", period(moved(), moved())),
        found=False,
    ),
    case(
        "TIM-07",
        "ends that day",
        "Procedure",
        put("performedPeriod", period(moved(), told("%Y-%m-%d"))),
        found=False,
    ),
    case(
        "TIM-07",
        "abates that year",
        "Condition",
        put("abatementDateTime", told("%Y")),
        found=False,
        also=("CTX-12",),
        where=no_abatement,
    ),
    case("TIM-07", "the offsets put it right", "Encounter", put("period", across(1)), found=False),
    case(
        "TIM-07",
        "open",
        "Encounter",
        lambda draw: draw.resource.update(status="in-progress", period={"start": moved()(draw)}),
        found=False,
        also=("TIM-15",),
    ),
)
