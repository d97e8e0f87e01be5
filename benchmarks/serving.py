"""In: a demo project. Out: what its cards and pages take over HTTP, beside a bare server.

    python -m benchmarks.serving [PROJECT]

The load comes from processes of their own. The peer answers a constant, on the same uvicorn and
Starlette, and gets the same calls: what it takes is the price of HTTP, Python and this machine.
Cards are recorded in the project's state, and its `[[ehr]]` become the one that calls here, so give
a copy of a project that is kept.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.assess import UPTAKE, measure
from benchmarks.corpus import ROOT
from benchmarks.load import Answer, Call
from benchmarks.signing import register, token

SERVICE = "/cds-services/outside-medications-patient-view"
NO_CARD = len('{"cards":[]}')
CASES = ("care-gap-closure", "medication-reconciliation", "deterioration-alerts",
         "prior-authorization")  # fmt: skip
FIXED = ("/findings", "/findings/COD-01", "/mappings", "/adoption", "/rollout", "/feedback")
RATES = (20, 50)  # cards a second
SECONDS = 30
BESIDE = 5  # cards a second while pages are asked for
PAGES_A_SECOND = 4
PAGE_SECONDS = 60
ROUNDS = 2  # warm-up: each page this often
READY_WITHIN = 60  # seconds
SEED = 1
PEER = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def hello(request):
    await request.body()
    return JSONResponse({"hello": "world"})

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("ready", flush=True)

app = Starlette(routes=[Route("/{path:path}", hello, methods=["GET", "POST"])])
Server(uvicorn.Config(app, port=int(sys.argv[1]), access_log=False, log_config=None)).run()
"""


@dataclass(frozen=True)
class Server:
    """A server that runs: its port, its process, and seconds until it answered."""

    port: int
    pid: int
    ready: float
    process: subprocess.Popen[str]

    def check(self) -> None:
        """Raise RuntimeError when it has ended, as by a fault in native code."""
        if (code := self.process.poll()) is not None:
            raise RuntimeError(f"the server ended by itself: {code}")

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak(self) -> float:
        """The largest resident size so far, in megabytes."""
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        line = next(line for line in status if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6


@dataclass(frozen=True)
class Timed:
    """Calls of one name, in the order they were made."""

    name: str
    answers: list[Answer]
    cpu: float = 0.0  # milliseconds of the server a call; only where nothing else was asked

    def at(self, share: float) -> float:
        """The nearest-rank percentile, in milliseconds."""
        ranked = sorted(answer.ms for answer in self.answers)
        return ranked[max(0, math.ceil(share * len(ranked)) - 1)]

    @property
    def failed(self) -> int:
        """Calls that were not answered with 200."""
        return sum(answer.status != 200 for answer in self.answers)

    @property
    def largest(self) -> int:
        """Bytes of the longest answer."""
        return max(answer.size for answer in self.answers)


@dataclass(frozen=True)
class Served:
    """Everything that was measured; pairs are of the application and its peer."""

    load: tuple[float, float, float]
    ready: float
    peak: float
    peak_peer: float
    first: list[Timed]
    cards: list[tuple[Timed, Timed]]
    pages: list[tuple[Timed, Timed]]
    beside: Timed


@contextmanager
def serving(command: Sequence[str]) -> Iterator[Server]:
    """A server, until the block ends. `{port}` in the command is a free port.

    Raises RuntimeError when it does not come up.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.perf_counter()
    words = [word.replace("{port}", str(port)) for word in command]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.strip():
            raise RuntimeError(f"{' '.join(words[:4])} did not come up")
        yield Server(port, process.pid, time.perf_counter() - start, process)
    finally:
        process.terminate()
        process.wait(READY_WITHIN)


def driver(port: int, calls: Sequence[Call]) -> subprocess.Popen[str]:
    """A process that makes the calls."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"port": port, "calls": [asdict(call) for call in calls]}))
    process.stdin.close()
    return process


def answers(process: subprocess.Popen[str]) -> list[Answer]:
    """What a driver wrote, once it is done."""
    assert process.stdout is not None
    said = process.stdout.read()
    if process.wait():
        raise RuntimeError("the load could not be made")
    return [Answer(**row) for row in json.loads(said)]


def drive(server: Server, calls: Sequence[Call]) -> list[Answer]:
    """Make calls from another process and wait for all."""
    found = answers(driver(server.port, calls))
    server.check()
    return found


def patients(project: Path) -> list[str]:
    """The ids of the chart's patients."""
    with gzip.open(project / "ehr" / "Patient.ndjson.gz", "rt", encoding="utf-8") as lines:
        return [match for line in lines if (match := _id(line))]


def _id(line: str) -> str:
    try:
        return str(json.loads(line)["id"])
    except (ValueError, KeyError):  # the demo plants lines that cannot be read
        return ""


def clinicians(project: Path) -> list[str]:
    """The ids of those on the access list."""
    with (project / "usage" / "access.csv").open(encoding="utf-8", newline="") as rows:
        return [row["practitioner"] for row in csv.DictReader(rows)]


def hook(patient: str, user: str, number: int) -> str:
    """A patient-view call."""
    context = {"patientId": patient, "userId": f"Practitioner/{user}"}
    call: dict[str, Any] = {"hook": "patient-view", "hookInstance": f"bench-{number}"}
    return json.dumps(call | {"context": context})


def card_calls(project: Path, rate: float, seconds: float) -> list[Call]:
    """Patient-view calls at an even rate, of any patient, by anybody with access."""
    chance = random.Random(SEED)
    whom, who = patients(project), clinicians(project)
    return [
        Call(
            n / rate,
            "card",
            SERVICE,
            hook(chance.choice(whom), chance.choice(who), n),
            token(SERVICE),
        )
        for n in range(int(rate * seconds))
    ]


def page_calls(rate: float, count: int) -> list[Call]:
    """Every page in turn, over and over; the use cases take turns, too."""
    found = []
    for n in range(count):
        at = n % (len(FIXED) + 2)
        if at == 0:
            name = path = "/"
        elif at == 1:
            case = CASES[n // (len(FIXED) + 2) % len(CASES)]
            name, path = "/use-cases/{code}", f"/use-cases/{case}"
        else:
            name = path = FIXED[at - 2]
        found.append(Call(n / rate, name, path))
    return found


def by_name(found: Sequence[Answer]) -> dict[str, Timed]:
    """Answers by what was asked."""
    return {
        name: Timed(name, [a for a in found if a.name == name])
        for name in dict.fromkeys(a.name for a in found)
    }


def cards_at(server: Server, project: Path, rate: float, seconds: float) -> Timed:
    """Cards alone, with the server's CPU a call."""
    calls = card_calls(project, rate, seconds)
    before = server.cpu()
    found = drive(server, calls)
    spent = (server.cpu() - before) * 1000 / len(calls)
    return Timed(f"{rate:.0f}/s", found, spent)


def pages_beside_cards(server: Server, project: Path) -> tuple[dict[str, Timed], Timed]:
    """Pages while cards are called: the pages by name, and the cards."""
    beside = driver(server.port, card_calls(project, BESIDE, PAGE_SECONDS))
    pages = drive(server, page_calls(PAGES_A_SECOND, PAGES_A_SECOND * PAGE_SECONDS))
    return by_name(pages), Timed(f"{BESIDE}/s, pages beside", answers(beside))


def run(project: Path) -> Served:
    """The application and its peer, one after the other, under the same calls."""
    load = os.getloadavg()
    register(project)
    every = len(FIXED) + 2
    app = (*UPTAKE, "serve", "--project", str(project), "--port", "{port}")
    with serving(app) as server:
        first = [
            by_name(drive(server, [Call(0, c.name, c.path)]))[c.name] for c in page_calls(1, every)
        ]
        drive(server, page_calls(2, every * ROUNDS * len(CASES)))
        drive(server, card_calls(project, BESIDE, 2))
        cards = [cards_at(server, project, rate, SECONDS) for rate in RATES]
        pages, beside = pages_beside_cards(server, project)
        ready, peak = server.ready, server.peak()
    with serving((sys.executable, "-c", PEER, "{port}")) as server:
        drive(server, card_calls(project, BESIDE, 2))
        peers = [cards_at(server, project, rate, SECONDS) for rate in RATES]
        peer_pages, _ = pages_beside_cards(server, project)
        peak_peer = server.peak()
    return Served(
        load,
        ready,
        peak,
        peak_peer,
        first,
        list(zip(cards, peers, strict=True)),
        [(pages[name], peer_pages[name]) for name in pages],
        beside,
    )


def card_table(served: Served) -> str:
    """Cards as a Markdown table; the ratio is of medians."""
    rows = [
        "| patient-view calls | answered with a card | p50, ms | p95, ms | p99, ms | worst, ms | "
        "not answered | server's CPU a call, ms | bare server p50, p95, ms | p50, times bare |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    pairs: list[tuple[Timed, Timed | None]] = [*served.cards, (served.beside, None)]
    for ours, peer in pairs:
        carded = sum(answer.size > NO_CARD for answer in ours.answers)
        bare = f"{peer.at(0.5):.1f}, {peer.at(0.95):.1f}" if peer else "–"
        rows.append(
            f"| {ours.name} | {carded} of {len(ours.answers)} | {ours.at(0.5):.1f} | "
            f"{ours.at(0.95):.1f} | {ours.at(0.99):.1f} | {ours.at(1):.1f} | {ours.failed} | "
            f"{f'{ours.cpu:.1f}' if peer else '–'} | {bare} | "
            f"{f'{ours.at(0.5) / peer.at(0.5):.1f}' if peer else '–'} |"
        )
    return "\n".join(rows)


def page_table(served: Served) -> str:
    """Pages as a Markdown table; the ratio is of medians."""
    first = {timed.name: timed.answers[0].ms for timed in served.first}
    rows = [
        "| page | calls | first, ms | warm p50, ms | warm p95, ms | worst, ms | KB | "
        "not answered | bare server p50, ms | p50, times bare |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for ours, peer in served.pages:
        rows.append(
            f"| `{ours.name}` | {len(ours.answers)} | {first[ours.name]:.0f} | {ours.at(0.5):.1f} "
            f"| {ours.at(0.95):.1f} | {ours.at(1):.1f} | {ours.largest / 1000:.0f} | {ours.failed} "
            f"| {peer.at(0.5):.1f} | {ours.at(0.5) / peer.at(0.5):.1f} |"
        )
    return "\n".join(rows)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path, nargs="?", help="default: a demo, made for this")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        project = asked.project or Path(scratch) / "demo"
        if asked.project is None:
            cost = measure((*UPTAKE, "demo", str(project), "--quiet"))
            if cost.code:
                print(f"uptake demo: exit {cost.code}: {cost.err}")
                return 2
        served = run(project)
    print(card_table(served), page_table(served), sep="\n\n")
    print(
        f"\nanswers after {served.ready:.1f} s; peak {served.peak:.0f} MB, bare server "
        f"{served.peak_peer:.0f} MB; load average {served.load[0]:.1f} before"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
