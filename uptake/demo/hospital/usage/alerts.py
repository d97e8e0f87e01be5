"""The deterioration alerts. In: sets that call for somebody; out: AuditEvents as NDJSON."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from uptake.demo.hospital.calendar import GO_LIVE, even
from uptake.demo.hospital.codes import TERMINOLOGY
from uptake.demo.hospital.fhir import LATEST, Resource, coding, moment, to
from uptake.demo.hospital.people import stream
from uptake.demo.hospital.staff import NURSE, PHYSICIAN, WARD_NAMES, ids
from uptake.demo.hospital.stays import ACKNOWLEDGED, UNREAD
from uptake.demo.hospital.usage.access import ALERTS, Turns, with_access

if TYPE_CHECKING:
    import random
    from datetime import datetime
    from pathlib import Path

    from uptake.demo.hospital.clean import World
    from uptake.demo.hospital.stays import Alert

SENT, USED_SHARE, SECOND_READER = 0.99, 0.65, 0.6
CODES = "http://lakeshore.example/alerts"
REASONS = ((0.68, "already aware"), (0.9, "chronic value"), (1.0, "reading wrong"))


def write(world: World, path: Path) -> None:
    """Write the events, by time."""
    log = _Log(world)
    live = [a for a in world.alerts if a.at >= GO_LIVE]
    sent, late = even(0.4), even(0.4)
    for alert in live:
        if next(late if alert.admission.west else sent) < SENT or alert.outcome != UNREAD:
            log.write(alert)
    log.read_again()
    lines = [msgspec.json.encode(event) for _, event in sorted(log.events, key=lambda e: e[0])]
    path.write_bytes(b"".join(line + b"\n" for line in lines))


class _Log:
    """Writes the life of alerts, one after the other."""

    def __init__(self, world: World) -> None:
        self.rng: random.Random = stream(world.seed, "alerts")
        self.events: list[tuple[tuple[datetime, str], Resource]] = []
        self._reasons, self._second = even(0.1), even(0.9)
        self._turns = Turns(ALERTS, round(USED_SHARE * len(with_access(ALERTS))))
        self._reads: list[tuple[Alert, datetime]] = []

    def write(self, alert: Alert) -> None:
        """Write when an alert was sent, who read it and what was answered."""
        rng = self.rng
        sent = alert.received + timedelta(seconds=rng.randint(30, 280))
        if alert.admission.west:
            # taken for UTC, the local times look five hours old; the nightly pass sends them on
            sent = alert.received + timedelta(minutes=rng.randint(300, 360))
        self._add(alert, sent, "alert-sent", "C")
        if alert.outcome == UNREAD:
            return
        ward = WARD_NAMES[alert.admission.ward]
        team = [*ids(ward, NURSE), *ids(ward, PHYSICIAN)]
        read = sent + timedelta(seconds=rng.randint(40, 800))
        reader = self._turns.next(read, team)
        self._add(alert, read, "alert-read", "R", reader)
        self._reads.append((alert, read))
        if next(self._second) < SECOND_READER:
            other = self._turns.next(read, team, anybody=True)
            self._add(
                alert, read + timedelta(seconds=rng.randint(20, 95)), "alert-read", "R", other
            )
        answered = read + timedelta(seconds=rng.randint(3, 9))
        if alert.outcome == ACKNOWLEDGED:
            self._add(alert, answered, "alert-acknowledged", "U", reader)
            return
        share = next(self._reasons)
        reason = next(text for limit, text in REASONS if share < limit)
        self._add(alert, answered, "alert-overridden", "U", reader, reason)

    def read_again(self) -> None:
        """Let users who had no turn yet read what somebody has read."""
        for which, at, who in self._turns.again([at for _, at in self._reads]):
            self._add(self._reads[which][0], at, "alert-read", "R", who)

    def _add(
        self, alert: Alert, at: datetime, code: str, action: str, who: str = "", reason: str = ""
    ) -> None:
        if at > LATEST:
            return
        identity = f"ae-{len(self.events) + 1:06d}"
        event: Resource = {
            "resourceType": "AuditEvent",
            "id": identity,
            "type": coding(TERMINOLOGY + "audit-event-type", "rest", "RESTful Operation"),
            "subtype": [coding(CODES, code, code.replace("-", " "))],
            "action": action,
            "recorded": moment(at),
            "outcome": "0",
            **({"outcomeDesc": reason} if reason else {}),
            "agent": [_human(who) if who else _engine()],
            "source": {"observer": {"display": "Deterioration alert engine"}},
            "entity": [
                {"what": alert.admission.record.subject, "role": _role("1", "Patient")},
                {
                    "what": to("Encounter", alert.admission.encounter),
                    "role": _role("4", "Domain Resource"),
                },
            ],
        }
        self.events.append(((at, identity), event))


def _role(code: str, display: str) -> Resource:
    return coding(TERMINOLOGY + "object-role", code, display)


def _human(who: str) -> Resource:
    kind = coding(TERMINOLOGY + "extra-security-role-type", "humanuser", "human user")
    return {"type": {"coding": [kind]}, "who": to("Practitioner", who), "requestor": True}


def _engine() -> Resource:
    kind = coding("http://dicom.nema.org/resources/ontology/DCM", "110153", "Source Role ID")
    return {
        "type": {"coding": [kind]},
        "who": {"display": "Deterioration alert engine"},
        "requestor": True,
    }
