"""Who looks at which patient. In: a finished launch; out: a session the browser holds the key of.

Sessions and launches under way live in memory only, a bounded number and for a bounded time: after
a restart the panel is opened again from the chart. A browser has one session: when the chart of
another patient is opened, the view of the first ends.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.delivery.ehr import Ehr
    from uptake.delivery.smart.tokens import Tokens

UNDER_WAY = 600.0
"""Seconds a launch may take."""
IDLE = 30 * 60.0
"""Seconds after which a session that nobody uses ends."""
LONGEST = 12 * 60 * 60.0
"""Seconds after which any session ends."""
MOST = 2000
"""Of launches under way, and of sessions; the oldest go first."""


def unguessable() -> str:
    """Return 256 bits at random; SMART asks for 122 or more."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Pending:
    """A launch under way: what the callback must bring, and what it is held against."""

    ehr: Ehr
    browser: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    at: float


@dataclass(slots=True)
class Session:
    """One clinician before one patient; `view` is what the forms of its pages carry."""

    key: str = field(repr=False)
    view: str = field(repr=False)
    ehr: Ehr
    patient: str
    encounter: str
    user: str
    """`Practitioner/id`."""
    card: str
    """The uuid of the card it was opened from; empty: from the EHR's menu."""
    tokens: Tokens = field(repr=False)
    began: float
    used: float

    @property
    def practitioner(self) -> str:
        """The id of the Practitioner; of another type the reference, since ids are its own."""
        return self.user.removeprefix("Practitioner/")


@dataclass(slots=True)
class Sessions:
    """The launches under way and the sessions of one process."""

    clock: Callable[[], float] = time.monotonic
    _pending: OrderedDict[str, Pending] = field(default_factory=OrderedDict)
    _open: OrderedDict[str, Session] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def expect(self, ehr: Ehr, browser: str) -> Pending:
        """Return a launch that has begun in a browser."""
        pending = Pending(ehr, browser, unguessable(), unguessable(), unguessable(), self.clock())
        with self._lock:
            self._pending[pending.state] = pending
            while len(self._pending) > MOST:
                self._pending.popitem(last=False)
        return pending

    def expected(self, state: str, browser: str) -> Pending | None:
        """Return the launch with this state, once; None for one that began in another browser."""
        with self._lock:
            pending = self._pending.pop(state, None)
        if pending is None or self.clock() - pending.at > UNDER_WAY:
            return None
        return pending if hmac.compare_digest(pending.browser, browser) else None

    def begin(self, ehr: Ehr, user: str, tokens: Tokens, card: str, before: str) -> Session:
        """Return a new session; the one this browser had `before` ends."""
        now = self.clock()
        session = Session(
            unguessable(), unguessable(), ehr, tokens.patient, tokens.encounter, user, card,
            tokens, now, now,
        )  # fmt: skip
        with self._lock:
            self._open.pop(before, None)
            self._open[session.key] = session
            while len(self._open) > MOST:
                self._open.popitem(last=False)
        return session

    def find(self, key: str) -> Session | None:
        """Return the session of a key while it is open, and note that it is used."""
        now = self.clock()
        with self._lock:
            session = self._open.get(key)
            if session is None:
                return None
            if now - session.used > IDLE or now - session.began > LONGEST:
                del self._open[key]
                return None
            session.used = now
            self._open.move_to_end(key)
            return session

    def end(self, key: str) -> Session | None:
        """End a session; return it if it was open."""
        with self._lock:
            return self._open.pop(key, None)
