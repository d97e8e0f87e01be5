"""TIM-06, TIM-12, TIM-13, TIM-15: the course of care, from the order to its end."""

from __future__ import annotations

from benchmarks.baseline_care import SOURCE
from benchmarks.defects.case import laboratory, moved, put, quantity, vital_sign
from benchmarks.defects.newcomers import (
    AUTOPSY,
    after,
    case,
    colonoscopy,
    near,
    of_dead,
    of_living,
    of_patient,
    order,
    potassium,
    prescribed,
    visit,
)

DEATHS = (
    of_patient("TIM-06", "result", of_dead(potassium("2016-04-09T10:00:00+00:00"))),
    of_patient("TIM-06", "visit", of_dead(visit("2017-04-09T10:00:00+00:00"))),
    of_patient(
        "TIM-06",
        "month of death",
        of_dead(colonoscopy("2016-05-09T10:00:00+00:00"), deceasedDateTime="2016-03"),
    ),
    of_patient(
        "TIM-06",
        "prescription",
        of_dead(order("MedicationRequest", authoredOn="2016-01-04T10:00:00+00:00")),
        also=("TIM-15",),
    ),
    of_patient(
        "TIM-06",
        "order, day unknown",
        of_dead(
            order("ServiceRequest", authoredOn="2016-01-04T10:00:00+00:00"), deceasedBoolean=True
        ),
    ),
    near(of_patient("TIM-06", "that month", of_dead(potassium("2016-03-30T10:00:00+00:00")))),
    near(
        of_patient(
            "TIM-06",
            "autopsy",
            of_dead(
                colonoscopy(
                    "2016-05-30T10:00:00+00:00",
                    code=AUTOPSY,
                )
            ),
        )
    ),
    near(
        of_patient(
            "TIM-06",
            "stopped",
            of_dead(
                order("MedicationRequest", status="stopped", authoredOn="2016-01-04T10:00:00+00:00")
            ),
        )
    ),
)
SEQUENCES = (
    case(
        "TIM-12", "issued before", "Observation", put("issued", moved(minutes=-9)), where=quantity
    ),
    case(
        "TIM-12",
        "report before its results",
        "DiagnosticReport",
        lambda draw: draw.resource.update(
            issued=moved(hours=-3)(draw), effectiveDateTime=moved(hours=-4)(draw)
        ),
    ),
    of_patient(
        "TIM-12",
        "before its order",
        of_living(after(potassium("2018-03-04T10:00:00+00:00"), "2018-03-09T10:00:00+00:00")),
    ),
    of_patient(
        "TIM-12",
        "done before its order",
        of_living(after(colonoscopy("2018-03-04T10:00:00-05:00"), "2018-03-07T10:00:00+00:00")),
    ),
    near(
        case("TIM-12", "clocks", "Observation", put("issued", moved(minutes=-4)), where=vital_sign)
    ),
    near(
        of_patient(
            "TIM-12",
            "order by word of mouth",
            of_living(after(potassium("2018-03-04T10:00:00+00:00"), "2018-03-04T19:00:00+00:00")),
        )
    ),
    near(
        of_patient(
            "TIM-12",
            "zones put it right",
            of_living(after(colonoscopy("2018-03-03T22:00:00-05:00"), "2018-03-05T02:00:00+00:00")),
        )
    ),
)
ARRIVALS = (
    case(
        "TIM-13",
        "vital sign",
        "Observation",
        put("meta.lastUpdated", moved(minutes=20)),
        where=vital_sign,
    ),
    case(
        "TIM-13",
        "result",
        "Observation",
        put("meta.lastUpdated", moved(days=2)),
        where=laboratory,
    ),
    prescribed(
        "TIM-13",
        "prescription",
        meta={"source": SOURCE, "lastUpdated": "2021-02-04T13:00:00+00:00"},
    ),
    near(
        case(
            "TIM-13",
            "at once",
            "Observation",
            put("meta.lastUpdated", moved(minutes=2)),
            where=vital_sign,
        )
    ),
    near(
        case(
            "TIM-13",
            "result within the day",
            "Observation",
            put("meta.lastUpdated", moved(hours=20)),
            where=laboratory,
        )
    ),
)
OPEN = (
    of_patient(
        "TIM-15",
        "stay without an end",
        of_living(
            visit(
                "2020-03-04T10:00:00+00:00",
                status="in-progress",
                period={"start": "2019-03-04T10:00:00+00:00"},
            )
        ),
    ),
    of_patient(
        "TIM-15",
        "prescription",
        of_living(order("MedicationRequest", authoredOn="2017-03-04T10:00:00+00:00")),
    ),
    of_patient(
        "TIM-15",
        "order",
        of_living(
            order(
                "ServiceRequest",
                authoredOn="2017-03-04T10:00:00+00:00",
                occurrenceDateTime="2018-03-04",
            )
        ),
    ),
    near(
        of_patient(
            "TIM-15",
            "refilled",
            of_living(
                order("MedicationRequest", authoredOn="2017-03-04T10:00:00+00:00"),
                order("MedicationDispense", whenHandedOver="2021-03-04T10:00:00+00:00"),
            ),
        )
    ),
    near(
        of_patient(
            "TIM-15",
            "something happened",
            of_living(
                order(
                    "ServiceRequest",
                    authoredOn="2021-03-04T10:00:00+00:00",
                    occurrenceDateTime="2021-05-04",
                )
            ),
        )
    ),
)
CASES = (*DEATHS, *SEQUENCES, *ARRIVALS, *OPEN)
