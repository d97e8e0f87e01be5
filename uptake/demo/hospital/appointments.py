"""Who comes next week. In: the charts; out: Appointments of the five working days after the data.

They change nothing of what was: they are what a list before the visits is made of.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import even, office_hour
from uptake.demo.hospital.fhir import AS_OF, moment, to
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.staff import CLINIC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uptake.demo.hospital.record import Record

SHARE = 0.08
"""Of the patients, those who come within the week."""
DAYS = 5
LENGTH = timedelta(minutes=30)


def book_visits(charts: Iterable[Record], seed: int) -> None:
    """Write an Appointment for some of the patients, with the doctor who saw them last."""
    places = even(stream(seed, "appointments").random())
    for chart, place in zip(charts, places, strict=False):
        if place >= SHARE:
            continue
        rng = stream(seed, "appointment", chart.who.number)
        day = AS_OF.date() + timedelta(days=1 + int(place / SHARE * DAYS))
        start = office_hour(rng, day)
        booked = AS_OF - timedelta(days=rng.randint(5, 40), minutes=rng.randint(60, 500))
        people = (
            chart.subject,
            to("Practitioner", chart.visits[-1].doctor),
            to("Location", CLINIC),
        )
        body = {
            "status": "booked",
            "start": moment(start),
            "end": moment(start + LENGTH),
            "minutesDuration": int(LENGTH.total_seconds() // 60),
            "created": moment(booked),
            "participant": [{"actor": actor, "status": "accepted"} for actor in people],
        }
        chart.chart.add("Appointment", booked, body)
