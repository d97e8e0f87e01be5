"""A FHIR terminology server, where a project names one. In: codes no release covers; out: answers.

Only what is asked about leaves the machine: a code and its system, never a display and nothing of a
patient. Codes are asked about by the batch, each once; answers are kept on disk with their day. A
server that does not answer leaves its codes not covered, with a note.
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from uptake.disk import write_whole
from uptake.errors import DefinitionError

BATCH = 100
TRIES = 3
FRESH = timedelta(days=30)
"""How long an answer stands before it is asked for again."""
LARGEST = 32 << 20
"""Bytes of one answer; more is no answer to a hundred codes."""
_PARTS = ("fragment", "example", "supplement")
"""What a CodeSystem may hold of its codes when it is not all of them."""

Code = tuple[str, str]
"""System and code."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a server says of a code."""

    valid: bool
    active: bool
    display: str | None


class _NoAnswerError(Exception):
    """The server cannot be reached, or what it says is no FHIR. The text says which, in a word."""


@dataclass(slots=True)
class Server:
    """A server and what it said before."""

    url: str
    cache: Path
    timeout: float = 20.0
    pause: float = 0.5
    """Seconds before the second try; each further one waits twice as long."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    notes: list[str] = field(default_factory=list)
    """What a reader of the run should know: codes that nobody answered for."""

    def __post_init__(self) -> None:
        """Refuse an address that is none."""
        if urllib.parse.urlsplit(self.url).scheme not in ("http", "https"):
            raise DefinitionError([f"terminology.server is {self.url!r}; write https://…"])
        self.url = self.url.rstrip("/")

    def ask(self, codes: Iterable[Code]) -> dict[Code, Said]:
        """Return what is known of each code now; one that is left out is not covered."""
        wanted = sorted(set(codes))
        known = self._read()
        day = self.clock()
        stale = [c for c in wanted if c not in known or day - known[c][0] > FRESH]
        try:
            for batch in _batches(stale):
                known |= {code: (day, said) for code, said in self._validate(batch).items()}
        except _NoAnswerError as error:
            left = sum(1 for c in wanted if c not in known)
            self.notes.append(
                f"the terminology server {self.url} did not answer ({error}); {left:,} codes that "
                "only it could know are not covered"
            )
        finally:
            if stale:
                self._write(known)
        return {code: known[code][1] for code in wanted if code in known}

    def _validate(self, codes: Sequence[Code]) -> dict[Code, Said]:
        """Ask about some codes at once; a server without batches is asked one by one."""
        asked = [
            {"request": {"method": "GET", "url": f"CodeSystem/$validate-code?{_query(code)}"}}
            for code in codes
        ]
        try:
            reply = self._fetch("", {"resourceType": "Bundle", "type": "batch", "entry": asked})
            entries = [entry.get("resource") for entry in _list(reply, "entry")]
        except _RefusedError:
            entries = [self._one(entry["request"]["url"]) for entry in asked]
        if len(entries) != len(codes):
            raise _NoAnswerError("fewer answers than questions")
        said = {code: _said(entry) for code, entry in zip(codes, entries, strict=True)}
        denied = {system for (system, _), s in said.items() if s and not s.valid}
        whole = {system for system in denied if self._holds(system)}
        return {code: s for code, s in said.items() if s and (s.valid or code[0] in whole)}

    def _one(self, path: str) -> dict[str, Any] | None:
        try:
            return self._fetch(path)
        except _RefusedError:  # of a system it does not know
            return None

    def _holds(self, system: str) -> bool:
        """Tell whether the server has all of a system: else a code it lacks says nothing."""
        query = urllib.parse.urlencode({"url": system, "_elements": "url,content"})
        try:
            found = self._fetch(f"CodeSystem?{query}")
        except _RefusedError:
            return False
        held = [e.get("resource") or {} for e in _list(found, "entry")]
        return any(r.get("url") == system and r.get("content") not in _PARTS for r in held)

    def _fetch(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON of an address, after some tries; raises _NoAnswerError, _RefusedError."""
        headers = {"Accept": "application/fhir+json", "Content-Type": "application/fhir+json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}".rstrip("/"), data, headers)  # noqa: S310
        why = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as reply:  # noqa: S310
                    return _json(reply.read(LARGEST + 1))
            except urllib.error.HTTPError as error:
                error.close()
                passing = error.code == HTTPStatus.TOO_MANY_REQUESTS
                if not passing and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise _RefusedError(f"HTTP {error.code}") from error
                why = f"HTTP {error.code}"
            except (OSError, http.client.HTTPException) as error:  # a broken answer is none
                reason = getattr(error, "reason", error)
                why = "no answer in time" if "timed out" in str(reason) else "cannot be reached"
        raise _NoAnswerError(why)

    def _read(self) -> dict[Code, tuple[datetime, Said]]:
        """Return what this server said before; nothing where the cache is another's, or broken."""
        try:
            kept = json.loads(self.cache.read_text("utf-8"))
            if kept["server"] != self.url:
                return {}
            return {
                (system, code): (datetime.fromisoformat(at), Said(valid, active, display))
                for system, code, at, valid, active, display in kept["answers"]
            }
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write(self, known: Mapping[Code, tuple[datetime, Said]]) -> None:
        rows = [
            [*code, at.isoformat(timespec="seconds"), said.valid, said.active, said.display]
            for code, (at, said) in sorted(known.items())
        ]
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"server": self.url, "answers": rows}, ensure_ascii=False)
        write_whole(self.cache, text.encode())


class _RefusedError(_NoAnswerError):
    """The server understood, and does not do this."""


def _batches(codes: Sequence[Code]) -> Iterator[Sequence[Code]]:
    for start in range(0, len(codes), BATCH):
        yield codes[start : start + BATCH]


def _query(code: Code) -> str:
    return urllib.parse.urlencode({"url": code[0], "code": code[1]})


def _json(data: bytes) -> dict[str, Any]:
    if len(data) > LARGEST:
        raise _NoAnswerError("an answer without end")
    try:
        read = json.loads(data)
    except ValueError as error:
        raise _NoAnswerError("what it says is no JSON") from error
    if not isinstance(read, dict):
        raise _NoAnswerError("what it says is no FHIR")
    return read


def _list(resource: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = resource.get(name, [])
    if not isinstance(found, list) or not all(isinstance(e, dict) for e in found):
        raise _NoAnswerError("what it says is no FHIR")
    return found


def _said(resource: object) -> Said | None:
    """Return what a Parameters of `$validate-code` says; None where it says nothing clear."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Parameters":
        return None
    values = {p.get("name"): p for p in _list(resource, "parameter")}
    result = values.get("result", {}).get("valueBoolean")
    if not isinstance(result, bool):
        return None
    inactive = values.get("inactive", {}).get("valueBoolean") is True
    display = values.get("display", {}).get("valueString")
    return Said(result, not inactive, display if isinstance(display, str) else None)
