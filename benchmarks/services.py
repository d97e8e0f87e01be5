"""In: a demo project. Out: what each CDS service takes over HTTP, with prefetch and with reads.

    python -m benchmarks.services [PROJECT] [--sekmet PROGRAM]

The calls are those of an EHR: signed with ES384, each token used once, about any of PATIENTS
patients, with what the chart has now as prefetch. Without prefetch the services read the same facts
from sekmet-fhir (PyPI, Apache-2.0), which answers on this machine, too, and takes its share of it.
The load comes from a process of its own; a bare server under the same calls is the yardstick.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import parse_qsl
from uuid import uuid4

from benchmarks.assess import UPTAKE, measure
from benchmarks.load import Call
from benchmarks.serving import NO_CARD, PEER, Server, Timed, drive, serving
from benchmarks.signing import register, token
from uptake.delivery.hooks import ORDERS, Context
from uptake.delivery.prefetch import resolve
from uptake.delivery.services import services
from uptake.demo.practice.orders import choices, draft
from uptake.demo.practice.records import Chart, read_chart
from uptake.project import now, read_project

if TYPE_CHECKING:
    from uptake.delivery.cases import Service

PATIENTS = 40
RATES = (20, 50, 100)  # calls a second, with prefetch
READ_RATES = (20, 100)  # without
SECONDS = 10
PULSE = "8867-4"  # LOINC
SEED = 1
SEKMET = """
base_url: http://127.0.0.1:{port}/fhir
host: 127.0.0.1
port: {port}
data_dir: {folder}
validation: {{inbound: "off"}}
simulator: {{enabled: false}}
log_inbound: false
"""
KEPT = ("Patient", "Encounter", "Observation", "MedicationRequest", "MedicationStatement",
        "AllergyIntolerance", "ServiceRequest", "Coverage", "Claim", "ClaimResponse",
        "DocumentReference", "QuestionnaireResponse", "Condition")  # fmt: skip


@dataclass(frozen=True)
class Ehr:
    """The EHR that calls: its chart, its patients, its FHIR server."""

    chart: Chart
    patients: tuple[str, ...]
    fhir: str
    now: datetime
    """The demo's, which stands still."""

    def calls(self, service: Service, rate: float, *, prefetch: bool) -> list[Call]:
        """Calls of a service at an even rate for SECONDS."""
        bodies = [self._body(service, patient, prefetch=prefetch) for patient in self.patients]
        path, chance = f"/cds-services/{service.id}", random.Random(SEED)
        return [
            Call(n / rate, service.id, path, chance.choice(bodies), token(path))
            for n in range(int(rate * SECONDS))
        ]

    def _body(self, service: Service, patient: str, *, prefetch: bool) -> str:
        stay = self._stay(patient)
        context = Context(patient, "Practitioner/pr-001", stay)
        said: dict[str, Any] = {
            "patientId": patient, "userId": "Practitioner/pr-001", "encounterId": stay,
        }  # fmt: skip
        if service.hook in ORDERS:
            chosen = list(choices().values())
            choice = chosen[hash_of(patient) % len(chosen)]
            order = draft(choice, self.chart, patient, stay, "Practitioner/pr-001", self.now)
            said["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": order}]}
            said["selections"] = [f"{order['resourceType']}/{order['id']}"]
        call: dict[str, Any] = {"hook": service.hook, "hookInstance": str(uuid4()), "context": said}
        if prefetch:
            call["prefetch"] = {
                need.key: self._asked(query)
                for need in service.needs
                if (query := resolve(need.query, context, self.now))
            }
        else:
            call["fhirServer"] = self.fhir
        return json.dumps(call)

    def _stay(self, patient: str) -> str:
        """Where the patient is now: the stay of the newest vital signs, else the last one."""
        signs = [one for one in self.chart.of("Observation", patient) if _time(one)]
        newest = max(signs, key=lambda one: one["effectiveDateTime"], default={})
        stays = [str(one["id"]) for one in self.chart.of("Encounter", patient)]
        said = str(newest.get("encounter", {}).get("reference", "")).removeprefix("Encounter/")
        return said if said in stays else next(iter(stays[::-1]), "none")

    def _asked(self, query: str) -> Any:
        path, _, parameters = query.partition("?")
        return self.chart.search(path, parse_qsl(parameters)) if parameters else (
            self.chart.read(path))  # fmt: skip


def bring_up_to_date(chart: Chart, now: datetime) -> None:
    """Move each patient's vital signs so that the newest was taken five minutes before.

    Nobody scores a patient on what is a day old. All hearts race, so that there is something to
    say.
    """
    for patient in [str(one["id"]) for one in chart.every("Patient")]:
        signs = [one for one in chart.of("Observation", patient) if _time(one)]
        newest = max((_time(one) for one in signs), default=None)
        for one in signs:
            moved = now - timedelta(minutes=5) - (newest - _time(one))
            races = one["code"]["coding"][0]["code"] == PULSE
            more = {"valueQuantity": one["valueQuantity"] | {"value": 135}} if races else {}
            chart.write(one | {"effectiveDateTime": moved.isoformat(), **more})


def _time(one: Mapping[str, Any]) -> datetime | None:
    """When a vital sign was taken; None of all else."""
    taken = str(one.get("effectiveDateTime", ""))
    vital = any(c["code"] == "vital-signs" for k in one.get("category", ()) for c in k["coding"])
    return datetime.fromisoformat(taken) if vital and "T" in taken else None


def hash_of(text: str) -> int:
    """A number of a text, the same in every run."""
    return sum(map(ord, text))


@contextmanager
def sekmet(program: str, ehr: Ehr, port: int) -> Iterator[None]:
    """A FHIR server with the records of the EHR's patients, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "settings.yaml"
        settings.write_text(SEKMET.format(port=port, folder=folder))
        process = subprocess.Popen(
            [program, "serve", "-c", str(settings)], cwd=folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(f"{ehr.fhir}/metadata")
            for patient in ehr.patients:
                _load(ehr, patient)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("sekmet did not come up")


def _load(ehr: Ehr, patient: str) -> None:
    """Put a patient's records into the FHIR server, a batch each."""
    found = [resource for kind in KEPT for resource in ehr.chart.of(kind, patient)]
    entries = [
        {"resource": one, "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}}
        for one in found
    ]
    batch = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    request = urllib.request.Request(
        ehr.fhir, json.dumps(batch).encode(), {"Content-Type": "application/fhir+json"}
    )
    urllib.request.urlopen(request, timeout=120).close()


def timed(server: Server, ehr: Ehr, service: Service, rate: float, *, prefetch: bool) -> Timed:
    """Calls of one service, with the server's CPU a call."""
    calls = ehr.calls(service, rate, prefetch=prefetch)
    before = server.cpu()
    found = drive(server, calls)
    spent = (server.cpu() - before) * 1000 / len(calls)
    return Timed(f"{service.id} | {rate:.0f}/s", found, spent)


def warm(server: Server, ehr: Ehr) -> None:
    """Let the server read its run and import what it needs."""
    for service in services().values():
        drive(server, ehr.calls(service, 1, prefetch=True)[:3])


def table(rows: Sequence[Timed]) -> str:
    """What was measured, as a Markdown table."""
    lines = [
        "| service | calls | with a card | p50, ms | p95, ms | p99, ms | worst, ms | not answered "
        "| server's CPU a call, ms | largest answer, KB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        carded = sum(a.status == 200 and a.size > NO_CARD for a in row.answers)
        lines.append(
            f"| {row.name} | {carded} of {len(row.answers)} | {row.at(0.5):.1f} | "
            f"{row.at(0.95):.1f} | {row.at(0.99):.1f} | {row.at(1):.1f} | {row.failed} | "
            f"{row.cpu:.1f} | {row.largest / 1000:.1f} |"
        )
    return "\n".join(lines)


def busiest(chart: Chart) -> tuple[str, ...]:
    """PATIENTS of the chart, those with the most to tell among every fifth."""
    every = sorted({str(one["id"]) for one in chart.every("Patient")})
    chosen = every[::5]
    chosen.sort(key=lambda who: (-sum(len(chart.of(k, who)) for k in KEPT), who))
    return tuple(chosen[:PATIENTS])


def run(project: Path, program: str) -> None:
    """Measure and print."""
    chart = read_chart(project / "ehr")
    at = now(read_project(project), datetime.now(UTC))
    bring_up_to_date(chart, at)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ehr = Ehr(chart, busiest(chart), f"http://127.0.0.1:{port}/fhir", at)
    register(project, ehr.fhir)
    bodies = [len(ehr.calls(s, 1, prefetch=True)[0].body) for s in services().values()]
    app = (*UPTAKE, "serve", "--project", str(project), "--port", "{port}")
    every = list(services().values())
    with serving(app) as server:
        before = server.peak()
        warm(server, ehr)
        sent = [timed(server, ehr, s, rate, prefetch=True) for s in every for rate in RATES]
        print(table(sent))
        print(f"\nfirst bodies {min(bodies):,} to {max(bodies):,} bytes; memory {before:.0f} MB "
              f"when it answers, {server.peak():.0f} MB after")  # fmt: skip
    if program:
        read: list[Timed] = []
        with serving(app) as server:
            warm(server, ehr)
            for service in [s for s in every if s.needs]:
                with sekmet(program, ehr, port):  # a new one: it works off what nobody waits for
                    read += [timed(server, ehr, service, r, prefetch=False) for r in READ_RATES]
            print("\n" + table(read))
            print(f"\nmemory {server.peak():.0f} MB after")
    with serving((sys.executable, "-c", PEER, "{port}")) as server:
        bare = [timed(server, ehr, every[0], rate, prefetch=True) for rate in RATES]
        print("\nA bare server under the calls of the first service:\n\n" + table(bare))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path, nargs="?", help="default: a demo, made for this")
    installed = shutil.which("sekmet", path=str(Path(sys.executable).parent)) or ""
    parser.add_argument("--sekmet", default=installed, help="its program")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "demo"
        if asked.project:
            shutil.copytree(asked.project, project, symlinks=True)
        elif (cost := measure((*UPTAKE, "demo", str(project), "--quiet"))).code:
            print(f"uptake demo: exit {cost.code}: {cost.err}")
            return 2
        run(project, asked.sekmet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
