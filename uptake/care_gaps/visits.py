"""Visits that are planned. In: Appointments and Encounters of a load; out: `planned_visit`.

Appointments have no flat table, since no check reads them: what a list needs is read here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.care_gaps.facts import EHR, listed
from uptake.care_gaps.rules import settings

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset({"encounter", "patient", "person", "text"})
"""Tables the loader must make."""

_APPOINTMENT = (
    '{"status":"VARCHAR","start":"VARCHAR","description":"VARCHAR",'
    '"participant":[{"actor":{"reference":"VARCHAR","display":"VARCHAR"}}]}'
)
PLANNED = """
    select v.patient_id, v.patient_feed, v.person, v.at_date, v.at_text, v.place, v.type, v.id,
      coalesce(concat_ws(' ', t.given, t.family), '') as name, t.birth_date_text as birth_date
    from gap_visit v join patient t on t.rid = v.patient_rid where v.at_date is not null
    order by v.patient_id, v.at_time, v.type, v.id"""
"""Sorted by patient, as every delivery table is; the day is the visit's own, never UTC's."""


def find_visits(db: Database) -> None:
    """Make `gap_visit`: a row a planned visit of a patient whom the chart knows."""
    planned = settings()["visits"]
    db.run(
        f"""
        create temp table gap_visit as
        with appointment as (
          select s.rid, r.feed, r.id, json_transform(s.text, '{_APPOINTMENT}') as a
          from stored s join record r using (rid) where s.type = 'Appointment'
        ),
        actor as (
          select rid, feed, id, a.status, a.start, unnest(a.participant).actor as actor
          from appointment
        ),
        booked as (
          select a.rid, a.feed, 'Appointment' as type, a.id, p.rid as patient_rid,
            a.start as at_text,
            (select min(o.actor.display) from actor o where o.rid = a.rid
              and starts_with(o.actor.reference, 'Location/')) as place
          from actor a
          join record p on p.feed = a.feed and p.type = 'Patient'
            and a.actor.reference = 'Patient/' || p.id
          where a.status in {listed(planned["appointment"])}
        ),
        planned as (
          select e.rid, r.feed, 'Encounter', r.id, e.patient_rid, e.period_start_text, l.value
          from encounter e join record r using (rid)
          left join text l on l.rid = e.location_rid and l.path = 'Location.name'
          where not e.entered_in_error and e.status in {listed(planned["encounter"])}
        )
        select v.type, v.feed, v.id, v.at_text,
          try_cast(v.at_text as timestamptz)::timestamp as at_time,
          try_cast(left(v.at_text, 10) as date) as at_date, coalesce(v.place, '') as place,
          p.person, v.patient_rid, q.id as patient_id, q.feed as patient_feed
        from (from booked union all from planned) v
        join person p on p.rid = v.patient_rid join record q on q.rid = v.patient_rid
        join feed d on d.feed = v.feed
        where {EHR} and q.id is not null
        """
    )
