"""What people's words can be refused for. In: faults; out: one error that lists all of them."""

from __future__ import annotations

from collections.abc import Sequence

from uptake.errors import UptakeError


class RolloutError(UptakeError):
    """What somebody wrote or decided cannot be kept. `faults` holds every reason, a sentence each.

    Nothing was kept: a person mends all of them and tries once more.
    """

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))
