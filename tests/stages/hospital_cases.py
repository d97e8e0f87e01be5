"""Read the demo hospital's records as they are, without the product: people, sets, gaps, logs."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from uptake.demo.hospital import Hospital

Resource = dict[str, Any]
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
WEEK_1 = datetime(2026, 5, 4, 5, tzinfo=UTC)
GO_LIVE = datetime(2026, 6, 29, 5, tzinfo=UTC)
MONTH = AS_OF - timedelta(days=28)
CHICAGO = ZoneInfo("America/Chicago")
MRN, LOINC = "http://lakeshore.example/mrn", "http://loinc.org"
LOCAL = "http://northside-lab.example/codes"
HBA1C = {"4548-4", "4549-2", "17856-6", "59261-8", "97506-0"}
YEAR = timedelta(days=365)


def instant(text: str) -> datetime:
    """A time; one without a zone is Chicago's."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=CHICAGO)


def week(at: datetime) -> int:
    return (at - WEEK_1) // timedelta(weeks=1) + 1


def code(resource: Resource, element: str = "code") -> str:
    return str(resource[element]["coding"][0]["code"])


@dataclass(frozen=True)
class Set:
    """Seven vital signs charted together."""

    feed: str
    stay: str
    at: datetime
    received: datetime
    alerts: bool
    value_of: dict[str, Any]


POINTS = {
    "9279-1": lambda v: 3 if v <= 8 else 1 if v <= 11 else 0 if v <= 20 else 2 if v <= 24 else 3,
    "59408-5": lambda v: 3 if v <= 91 else 2 if v <= 93 else 1 if v <= 95 else 0,
    "3151-8": lambda v: 2 if v > 0 else 0,
    "3150-0": lambda v: 2 if v > 21 else 0,
    "8480-6": lambda v: 3 if v <= 90 else 2 if v <= 100 else 1 if v <= 110 else 0 if v < 220 else 3,
    "8867-4": lambda v: (
        3 if v <= 40 or v > 130 else 1 if v <= 50 or 90 < v <= 110 else 2 if v > 110 else 0
    ),
    "1104441000000107": lambda v: 0 if v == "248234008" else 3,
    "8310-5": lambda v: 3 if v <= 35 else 1 if v <= 36 else 0 if v <= 38 else 1 if v <= 39 else 2,
}  # fmt: skip
"""NEWS2 of the Royal College of Physicians, 2017, by the code of the parameter."""


class Facts:
    """What the records of one hospital say."""

    def __init__(self, hospital: Hospital, usage: Path, seconds: float) -> None:
        self.hospital, self.usage, self.seconds = hospital, usage, seconds
        self.records = hospital.plan.records
        hospital.write_usage(usage)

    def of(self, feed: str, kind: str) -> list[Resource]:
        return self.records[feed][kind]

    @cached_property
    def mrn(self) -> dict[tuple[str, str], str]:
        """The record number of each Patient that has one, by feed and reference."""
        return {
            (feed, f"Patient/{p['id']}"): i["value"]
            for feed, types in self.records.items()
            for p in types["Patient"]
            for i in p.get("identifier", ())
            if i["system"] == MRN
        }

    @cached_property
    def diabetics(self) -> set[str]:
        """Record numbers of those of 18 to 75 with type 2 diabetes."""
        ill = {
            self.mrn["ehr", c["subject"]["reference"]]
            for c in self.of("ehr", "Condition")
            if any(k["code"] == "E11.9" for k in c["code"]["coding"])
        }
        return {
            self.mrn["ehr", f"Patient/{p['id']}"]
            for p in self.of("ehr", "Patient")
            if date(1950, 11, 2) <= date.fromisoformat(p["birthDate"]) <= date(2008, 11, 1)
        } & ill

    @cached_property
    def tests(self) -> dict[str, list[tuple[datetime, str, str]]]:
        """Times, systems and codes of HbA1c results, by record number."""
        found = defaultdict(list)
        for o in self.of("northside-lab", "Observation"):
            coding = o["code"]["coding"][0]
            whose = self.mrn.get(("northside-lab", o.get("subject", {}).get("reference", "")))
            if whose and (coding["code"] in HBA1C or coding["system"] == LOCAL):
                found[whose].append(
                    (instant(o["effectiveDateTime"]), coding["system"], coding["code"])
                )
        return found

    def has_test(self, mrn: str, at: datetime, system: str = LOINC) -> bool:
        return any(at - YEAR < t <= at and s == system for t, s, _ in self.tests[mrn])

    @cached_property
    def stays(self) -> list[Resource]:
        return [e for e in self.of("ehr", "Encounter") if e["class"]["code"] == "IMP"]

    @cached_property
    def visits(self) -> list[Resource]:
        return [
            e
            for e in self.of("ehr", "Encounter")
            if e["class"]["code"] == "AMB" and instant(e["period"]["start"]) >= WEEK_1
        ]

    @cached_property
    def sets(self) -> list[Set]:
        stays = {
            f"Encounter/{e['id']}"
            for feed in ("ehr", "west-monitors")
            for e in self.of(feed, "Encounter")
            if e["class"]["code"] == "IMP"
        }
        found: list[Set] = []
        for feed in ("ehr", "west-monitors"):
            rows = [
                o
                for o in self.of(feed, "Observation")
                if o.get("encounter", {}).get("reference") in stays
                and code(o["category"][0] | {"code": o["category"][0]}) == "vital-signs"
            ]
            found += [_set(feed, rows[i : i + 7]) for i in range(0, len(rows), 7)]
        return sorted(found, key=lambda s: s.at)

    def log(self, surface: str) -> list[dict[str, str]]:
        with (self.usage / "usage" / f"{surface}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    @cached_property
    def alerts(self) -> list[Resource]:
        text = (self.usage / "usage" / "deterioration-alerts.ndjson").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines()]


def _set(feed: str, rows: list[Resource]) -> Set:
    values: dict[str, Any] = {}
    for row in rows:
        if "component" in row:
            values["8480-6"] = row["component"][0]["valueQuantity"]["value"]
        elif "valueQuantity" in row:
            values[code(row)] = row["valueQuantity"]["value"]
        else:
            values[code(row)] = code(row, "valueCodeableConcept")
    points = [POINTS[c](v) for c, v in values.items()]
    return Set(
        feed,
        rows[0]["encounter"]["reference"],
        instant(rows[0]["effectiveDateTime"]),
        instant(rows[-1]["meta"]["lastUpdated"]),
        sum(points) >= 5 or 3 in points,
        values,
    )


# Check digits

VERHOEFF = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def luhn(number: str) -> bool:
    digits = [int(d) for d in reversed("80840" + number)]
    return sum(digits[::2] + [sum(divmod(2 * d, 10)) for d in digits[1::2]]) % 10 == 0


def loinc_ok(code: str) -> bool:
    body, _, check = code.partition("-")
    odd = int("".join(reversed(body))[::2][::-1]) * 2
    total = sum(map(int, str(odd))) + sum(map(int, reversed(body[::-1][1::2])))
    return (10 - total % 10) % 10 == int(check)


def verhoeff(code: str) -> bool:
    def product(a: int, b: int) -> int:
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
        return 5 + (a - b) % 5 if b < 5 else (a - b) % 5

    state = 0
    for place, digit in enumerate(reversed(code)):
        state = product(state, int(VERHOEFF[place % 8][int(digit)]))
    return state == 0
