"""The hospital without a defect. In: a number of patients, a seed; out: records of its feeds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uptake.demo.hospital import gateway, laboratory, pharmacy, riverside, staff
from uptake.demo.hospital import record as ehr
from uptake.demo.hospital.admissions import plan_admissions
from uptake.demo.hospital.appointments import book_visits
from uptake.demo.hospital.authorization import write_orders
from uptake.demo.hospital.calendar import even
from uptake.demo.hospital.gaps import plan_gaps
from uptake.demo.hospital.laboratory import usual_draws
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.population import population
from uptake.demo.hospital.stays import Wards, device

if TYPE_CHECKING:
    from uptake.demo.hospital.admissions import Admission
    from uptake.demo.hospital.authorization import Order
    from uptake.demo.hospital.fhir import Earlier, Records
    from uptake.demo.hospital.gaps import GapVisit
    from uptake.demo.hospital.population import Population
    from uptake.demo.hospital.record import Record
    from uptake.demo.hospital.stays import Alert

EHR, WEST, LAB = "ehr", "west-monitors", "northside-lab"
PHARMACY, RIVERSIDE = "corner-pharmacy", "riverside-hospital"
FEEDS = (EHR, WEST, LAB, PHARMACY, RIVERSIDE)


@dataclass(slots=True)
class World:
    """All that happened: the records of the feeds, and what usage and defects hang on."""

    seed: int
    population: Population
    records: Records
    charts: list[Record] = field(default_factory=list)
    earlier: Earlier = field(default_factory=dict)
    admissions: list[Admission] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    gap_visits: list[GapVisit] = field(default_factory=list)


def clean_world(patients: int, seed: int) -> World:
    """Return the hospital with nothing wrong in any record."""
    world = World(seed, population(patients, seed), {feed: {} for feed in FEEDS})
    places = even(stream(seed, "visits").random())
    for who in world.population.persons:
        rng = stream(seed, "hospital", who.number)
        chart = ehr.write_record(who, rng, next(places), world.records[EHR])
        chart.chart.earlier = world.earlier
        world.charts.append(chart)
    outside = _write_outside(world)
    world.orders = write_orders(world.charts, stream(seed, "orders"))
    wards = Wards(world.records[WEST])
    world.admissions = plan_admissions(
        world.charts, outside, world.population.gaps, stream(seed, "admissions")
    )
    for plan in world.admissions:
        wards.write(plan)
    world.alerts = wards.alerts
    _write_laboratory(world)
    book_visits(world.charts, seed)
    _add_directories(world.records)
    return world


def _write_outside(world: World) -> set[str]:
    """Write what the pharmacy and Riverside know; return the numbers of their patients."""
    outside = set()
    for chart, place in zip(world.charts, even(0.5), strict=False):
        who, seed = chart.who, world.seed
        filled = pharmacy.write_dispensing(
            who, stream(seed, "pharmacy", who.number), chart.winter, world.records[PHARMACY]
        )
        known = place < riverside.KNOWN and riverside.write_visits(
            who, stream(seed, "riverside", who.number), world.records[RIVERSIDE]
        )
        if filled or known:
            outside.add(who.number)
    return outside


def _write_laboratory(world: World) -> None:
    gaps = plan_gaps(world.charts, world.population.gaps, world.seed)
    world.gap_visits = gaps.visits
    for chart in world.charts:
        who = chart.who
        rng = stream(world.seed, "lab", who.number)
        draws = gaps.draws.get(who.number) or usual_draws(who, rng)
        laboratory.write_results(who, rng, draws, world.records[LAB])


def _add_directories(records: Records) -> None:
    own, lab, shop = records[EHR], records[LAB], records[PHARMACY]
    own["Practitioner"] = staff.practitioners(ehr.SOURCE)
    own["Organization"] = [
        staff.organization(staff.HOSPITAL, "Lakeshore Health", 45_100_733, ehr.SOURCE),
        staff.organization(staff.PAYER, "Prairie Health Plan", 45_210_019, ehr.SOURCE),
    ]
    own["Location"] = staff.locations(ehr.SOURCE)
    own["Device"] = [device()]
    records[WEST]["Organization"] = [gateway.owner()]
    records[WEST]["Location"] = gateway.places()
    lab["Organization"] = [
        staff.organization(
            laboratory.LABORATORY, "Northside Laboratory", 47_003_321, laboratory.SOURCE
        )
    ]
    lab["Location"] = laboratory.places()
    shop["Organization"] = [
        staff.organization(pharmacy.PHARMACY, "Corner Pharmacy", 48_820_154, pharmacy.SOURCE),
        staff.organization(pharmacy.PRESCRIBERS, "Lakeshore Clinic", 45_100_741, pharmacy.SOURCE),
    ]
    shop["Location"] = [pharmacy.place()]
    shop["Practitioner"] = pharmacy.prescribers()
    riverside.add_directory(records[RIVERSIDE])
