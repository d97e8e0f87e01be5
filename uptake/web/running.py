"""Assess again. In: a project; out: one `uptake assess` at a time, and how far it is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from threading import Lock
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PHASES = ("Reading", "Tables", "Checks", "Fitness")
"""The lines that `uptake assess` says when it is not on a terminal."""
FINE = (0, 1, 3)
"""Exit codes of a run that finished; 1 and 3 say something of the data."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    phase: str
    done: int
    """Phases that are over."""
    running: bool
    fault: str = ""
    """The last line of a run that did not finish."""


@dataclass(slots=True)
class Assessing:
    """The run that a page started, if any; its methods may be called from several threads."""

    _process: subprocess.Popen[bytes] | None = None
    _said: IO[bytes] | None = None
    _lock: Lock = field(default_factory=Lock)

    def start(self, project: Path) -> bool:
        """Start a run; return False, and start none, while another is under way."""
        with self._lock:
            if self._process and self._process.poll() is None:
                return False
            if self._said:
                self._said.close()
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the run
            self._process = subprocess.Popen(  # noqa: S603 -- our own command, no shell
                [sys.executable, "-m", "uptake", "assess", "--project", str(project)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._said,
            )
            return True

    def progress(self) -> Progress | None:
        """Return how far the run is, None where none was started."""
        with self._lock:
            if self._process is None or self._said is None:
                return None
            code = self._process.poll()
            self._said.seek(0)
            lines = self._said.read().decode("utf-8", "replace").splitlines()
        begun = [line.split()[0] for line in lines if line.split()[:1] and line.endswith("…")]
        known = [phase for phase in PHASES if phase in begun]
        if code is None:
            return Progress(known[-1] if known else PHASES[0], max(len(known) - 1, 0), True)
        fault = "" if code in FINE else (lines[-1] if lines else f"it ended with {code}")
        return Progress("", len(PHASES), False, fault)

    def stop(self) -> None:
        """End the run: `assess` leaves the run before as it was."""
        with self._lock:
            if self._process and self._process.poll() is None:
                self._process.terminate()
                self._process.wait(timeout=10)
