"""The CDS Hooks client of the practice EHR. In: a moment of the work; out: cards, and feedback.

It calls as an EHR does: services from discovery, prefetch filled from its own records, each call
signed anew with ES384 and an access token to this one patient. https://cds-hooks.hl7.org/2.0/
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from uuid import uuid4

import anyio
import httpx

from uptake.demo.practice.records import SearchError

if TYPE_CHECKING:
    from uptake.demo.hospital.fhir import Resource
    from uptake.demo.practice.authorization import AuthorizationServer
    from uptake.demo.practice.records import Chart

SECONDS = 5.0
TOKEN_SECONDS = 300
_TOKEN = re.compile(r"\{\{\s*context\.(\w+)\s*\}\}")
_TODAY = re.compile(r"\{\{\s*today\(\)(?:\s*-\s*(\d+)\s*days?)?\s*\}\}")


@dataclass(frozen=True, slots=True)
class Moment:
    """Where the clinician is in the work."""

    hook: str
    patient: str
    encounter: str
    user: str
    drafts: tuple[Resource, ...] = ()
    selected: tuple[str, ...] = ()

    def context(self) -> dict[str, Any]:
        """Return the context as CDS Hooks writes it."""
        said: dict[str, Any] = {"userId": self.user, "patientId": self.patient}
        if self.encounter:
            said["encounterId"] = self.encounter
        if self.drafts:
            entries = [{"resource": draft} for draft in self.drafts]
            said["draftOrders"] = {
                "resourceType": "Bundle", "type": "collection", "entry": entries,
            }  # fmt: skip
        if self.selected:
            said["selections"] = list(self.selected)
        return said


@dataclass(frozen=True, slots=True)
class Reply:
    """What one service said; a service that failed says so in `fault`."""

    service: str
    title: str
    cards: tuple[Mapping[str, Any], ...] = ()
    changes: tuple[Mapping[str, Any], ...] = ()
    """System actions: changes of the draft that nobody has to accept."""
    fault: str = ""
    milliseconds: int = 0


@dataclass(slots=True)
class HooksClient:
    """The client of one CDS service provider."""

    provider: str
    """The base URL of the product."""
    server: AuthorizationServer
    chart: Chart
    now: datetime
    """What "now" is in the demo: its data end there."""
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=SECONDS))

    async def services(self) -> list[Mapping[str, Any]]:
        """Return what discovery lists; nothing where the product does not answer."""
        try:
            answer = await self.http.get(f"{self.provider}/cds-services")
            return list(answer.json()["services"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return []

    async def call(self, moment: Moment) -> list[Reply]:
        """Call every service of a hook at once."""
        asked = [s for s in await self.services() if s.get("hook") == moment.hook]
        replies: dict[int, Reply] = {}

        async def one(number: int, service: Mapping[str, Any]) -> None:
            replies[number] = await self._call(service, moment)

        async with anyio.create_task_group() as group:
            for number, service in enumerate(asked):
                group.start_soon(one, number, service)
        return [replies[number] for number in sorted(replies)]

    async def tell(self, service: str, outcomes: Sequence[Mapping[str, Any]]) -> bool:
        """Send feedback; return whether it was taken."""
        url = f"{self.provider}/cds-services/{service}/feedback"
        try:
            answer = await self.http.post(
                url, json={"feedback": list(outcomes)}, headers=self._signed(url)
            )
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    async def _call(self, service: Mapping[str, Any], moment: Moment) -> Reply:
        name, title = str(service["id"]), str(service.get("title", service["id"]))
        url = f"{self.provider}/cds-services/{name}"
        body = {
            "hook": moment.hook,
            "hookInstance": str(uuid4()),
            "fhirServer": self.server.fhir,
            "fhirAuthorization": {
                "access_token": self.server.access(moment.patient),
                "token_type": "Bearer",
                "expires_in": TOKEN_SECONDS,
                "scope": "patient/*.rs",
                "subject": self.server.client,
            },
            "context": moment.context(),
            "prefetch": self.prefetch(service.get("prefetch", {}), moment),
        }
        began = time.perf_counter()
        try:
            answer = await self.http.post(url, json=body, headers=self._signed(url))
            said = answer.json() if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError) as error:
            return Reply(name, title, fault=type(error).__name__)
        spent = round((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            return Reply(name, title, fault=f"HTTP {answer.status_code}", milliseconds=spent)
        cards, changes = said.get("cards", ()), said.get("systemActions", ())
        return Reply(name, title, tuple(cards), tuple(changes), milliseconds=spent)

    def prefetch(self, templates: Mapping[str, str], moment: Moment) -> dict[str, Any]:
        """Return what templates ask for; one this EHR cannot fill is left out, as it may."""
        found: dict[str, Any] = {}
        for key, template in templates.items():
            query = self._filled(template, moment)
            if query is not None:
                found[key] = self._asked(query)
        return {key: value for key, value in found.items() if value is not _UNKNOWN}

    def _filled(self, template: str, moment: Moment) -> str | None:
        context = moment.context()
        names = _TOKEN.findall(template)
        if any(not isinstance(context.get(name), str) for name in names):
            return None
        query = _TOKEN.sub(lambda m: str(context[m[1]]), template)
        return _TODAY.sub(
            lambda m: (self.now - timedelta(days=int(m[1] or 0))).date().isoformat(), query
        )

    def _asked(self, query: str) -> Any:
        path, _, parameters = query.partition("?")
        if not parameters:
            return self.chart.read(path)
        try:
            return self.chart.search(path, parse_qsl(parameters))
        except SearchError:
            return _UNKNOWN

    def _signed(self, url: str) -> dict[str, str]:
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self.server.issuer,
            "aud": url,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "jti": str(uuid4()),
        }
        token = self.server.sign(claims, jku=f"{self.server.issuer}/jwks")
        return {"Authorization": f"Bearer {token}"}


_UNKNOWN = object()
"""A search that this EHR does not know."""
