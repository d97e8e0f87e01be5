"""Who calls the CDS services. In: the EHRs of uptake.toml; out: whose a call is, what is read.

Where no EHR signs its calls, this machine alone is answered: a proxy in front would let everybody
in as if they were here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from uptake.delivery.ehr import LOOPBACK, Ehr
from uptake.delivery.hooks import LOG, HookCall, patient_of
from uptake.delivery.prefetch import resolve
from uptake.delivery.reads import open_client, read_all
from uptake.delivery.tokens import TokenError, Verifier
from uptake.web.security import host_name

if TYPE_CHECKING:
    import httpx
    from starlette.requests import Request

    from uptake.delivery.cases import Facts, Service

PASSED_ON = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""Headers of a proxy: who calls through one is not this machine."""


@dataclass(slots=True)
class Callers:
    """The EHRs that may call, and the one HTTP client that asks them; close it when done."""

    ehrs: tuple[Ehr, ...]
    base_url: str
    verifier: Verifier = field(init=False)
    _client: httpx.AsyncClient | None = None

    def __post_init__(self) -> None:
        self.verifier = Verifier(self.ehrs, self.base_url, self.client)

    @property
    def knows_today(self) -> bool:
        """Tell whether every EHR understands `today()` in a prefetch template."""
        return bool(self.ehrs) and all(ehr.prefetch_today for ehr in self.ehrs)

    def client(self) -> httpx.AsyncClient:
        """Return the client, opened when it is first needed."""
        if self._client is None:
            self._client = open_client()
        return self._client

    async def close(self) -> None:
        """Close the client."""
        if self._client is not None:
            await self._client.aclose()

    async def admit(self, request: Request) -> Ehr | None:
        """Return the EHR that signed a call, None for one of this machine where none signs.

        Raises TokenError for every other.
        """
        if self.verifier.any:
            authorization = request.headers.get("authorization", "")
            return await self.verifier.verify(authorization, request.url.path)
        if not _is_local(request):
            raise TokenError("no EHR is registered that signs its calls")
        return None

    async def read(
        self,
        call: HookCall,
        service: Service,
        ehr: Ehr | None,
        have: Mapping[str, Facts],
        now: datetime,
    ) -> dict[str, Facts]:
        """Return the facts that were not sent along, where they may be read; the rest is absent."""
        queries = {
            need.key: query
            for need in service.needs
            if need.key not in have and (query := resolve(need.query, call.context, now))
        }
        if not queries or not call.fhir_server:
            return {}
        asked = call.fhir_server.rstrip("/")
        allowed = (ehr,) if ehr else self.ehrs
        server = next((one.fhir for one in allowed if one.fhir and one.fhir == asked), "")
        if not server:
            LOG.warning("%s: the FHIR server of the call is not registered", service.id)
            return {}
        token = call.fhir_authorization.access_token if call.fhir_authorization else ""
        return await read_all(self.client(), server, token, queries, patient_of(call))


def _is_local(request: Request) -> bool:
    """Tell whether a call comes from this machine itself and was meant for it."""
    here = request.client is not None and request.client.host in LOOPBACK
    name = host_name(request.headers.get("host", "")).strip("[]")
    return here and name in LOOPBACK and not any(one in request.headers for one in PASSED_ON)
