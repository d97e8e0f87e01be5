"""In: calls and when to make them, as JSON on standard input. Out: what each took, as JSON.

A process of its own, so that the server does not share its interpreter. Each call is made at its
time whether or not those before it were answered, over a connection of its own, and counts from
when it was due: a server that falls behind is not spared the calls that wait.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

WORKERS = 32
TIMEOUT = 20.0  # seconds


@dataclass(frozen=True)
class Call:
    """One HTTP call; `at` is seconds from the start, `name` what its figures are listed under."""

    at: float
    name: str
    path: str
    body: str = ""
    token: str = ""  # of the Authorization header


@dataclass(frozen=True)
class Answer:
    """What came of a call: milliseconds from when it was due; status 0 is no answer."""

    name: str
    ms: float
    status: int
    size: int


def make(port: int, call: Call, start: float) -> Answer:
    """Make one call, and read its answer to the end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    status = size = 0
    try:
        headers = {"Content-Type": "application/json"} if call.body else {}
        if call.token:
            headers["Authorization"] = f"Bearer {call.token}"
        connection.request("POST" if call.body else "GET", call.path, call.body or None, headers)
        answer = connection.getresponse()
        size, status = len(answer.read()), answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return Answer(call.name, (time.perf_counter() - start - call.at) * 1000, status, size)


def drive(port: int, calls: Sequence[Call]) -> list[Answer]:
    """Make every call at its time."""
    with ThreadPoolExecutor(WORKERS) as pool:
        start = time.perf_counter() + 0.2
        made = []
        for call in calls:
            time.sleep(max(0.0, start + call.at - time.perf_counter()))
            made.append(pool.submit(make, port, call, start))
        return [one.result() for one in made]


def main() -> int:
    """Read the plan, make the calls, write the answers."""
    plan = json.load(sys.stdin)
    answers = drive(plan["port"], [Call(**call) for call in plan["calls"]])
    json.dump([asdict(answer) for answer in answers], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
