"""Every error a user can meet. In: what went wrong; out: a line: what, where and what to do.

UptakeError                 exit code 2 at the command line
├── DefinitionError         a check, use case or view that cannot be read; lists every fault
├── SourceError             nothing could be read, or a source is named wrongly
├── StorageError            the output cannot be written: full disk, no permission, locked
└── EngineError             a query failed to run
"""

from __future__ import annotations

from collections.abc import Sequence


class UptakeError(Exception):
    """The base of every error with a message meant for the user."""


class DefinitionError(UptakeError):
    """A definition file has faults. `faults` holds every one, each as `file:line: what`."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class SourceError(UptakeError):
    """A source cannot be read, or two sources share a name."""


class StorageError(UptakeError):
    """The output cannot be written."""


class EngineError(UptakeError):
    """A query failed to run."""
