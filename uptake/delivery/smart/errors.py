"""What ends a launch. In: what was wrong; out: a sentence for the clinician, without any value."""

from __future__ import annotations

from uptake.errors import UptakeError


class LaunchError(UptakeError):
    """A launch, or a session, that cannot go on: says what was wrong and what to do.

    `refused`: the request itself is at fault; otherwise the EHR is, or did not answer.
    """

    def __init__(self, said: str, *, refused: bool = False) -> None:
        self.refused = refused
        super().__init__(said)
