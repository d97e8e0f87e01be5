"""What was not sent along is read. In: queries of a call; out: facts, read side by side.

Only the FHIR servers of registered EHRs are read, with the token of the call. No redirect is
followed. Of a searchset up to PAGES pages are read, while their addresses are of the same server
and time is left; where more exist, the facts are not whole. No address is logged, and no token.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import anyio
import httpx
import msgspec

from uptake.delivery.cases import Facts, Got, Resource
from uptake.delivery.prefetch import ERROR, matches, missing, next_page, read_facts

LOG = logging.getLogger("uptake.delivery")
SECONDS = 2.0
"""For one need, its pages together: the whole call has three."""
PAGES = 4
LARGEST = 8 * 1024 * 1024
"""Bytes of one page."""
CONNECTIONS = 64
REFUSED = frozenset({401, 403})
GONE = frozenset({404, 410})


class _UnreadError(Exception):
    """A page that cannot be used, and what became of it."""

    def __init__(self, facts: Facts, why: str) -> None:
        super().__init__(why)
        self.facts = facts


def open_client() -> httpx.AsyncClient:
    """Return the client all reads share; what its libraries log holds addresses, so it is off."""
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS // 2)
    return httpx.AsyncClient(
        timeout=httpx.Timeout(SECONDS), limits=limits, follow_redirects=False, trust_env=False
    )


async def read_all(
    client: httpx.AsyncClient, server: str, token: str, queries: Mapping[str, str], patient: str
) -> dict[str, Facts]:
    """Return the facts of each query, by its key; all are read at once, each in SECONDS."""
    headers = {"Accept": "application/fhir+json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"

    found: dict[str, Facts] = {}

    async def one(key: str, query: str) -> None:
        found[key] = ERROR
        with anyio.move_on_after(SECONDS) as waited:
            try:
                found[key] = await _read(client, server, headers, query, patient, key)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                LOG.warning("%s was not read: %s", key, type(error).__name__)
            except _UnreadError as error:
                LOG.warning("%s was not read: %s", key, error)
                found[key] = error.facts
        if waited.cancelled_caught:
            LOG.warning("%s was not read within %s s", key, SECONDS)

    # not asyncio.gather: what it raises when the whole call is given up, anyio does not know
    async with anyio.create_task_group() as group:
        for key, query in queries.items():
            group.start_soon(one, key, query)
    return found


async def _read(
    client: httpx.AsyncClient,
    server: str,
    headers: Mapping[str, str],
    query: str,
    patient: str,
    key: str,
) -> Facts:
    """Return the facts of one query; raises what httpx raises, and _UnreadError."""
    resources: list[Resource] = []
    url, count, whole = f"{server}/{query}", 0, False
    for number in range(PAGES):
        try:
            value = await _page(client, url, headers, instance="?" not in query)
        except _UnreadError:
            if not number:
                raise
            break
        page = read_facts(value, patient, key)
        if page.got is Got.FAILED:
            return page
        resources += page.resources
        following = next_page(value) if isinstance(value, dict) else None
        if following is None:
            whole = page.whole or (number > 0 and not missing(value, count))
            break
        if not following.startswith((f"{server}/", f"{server}?")):
            break
        url, count = following, count + matches(value)
    return Facts(tuple(resources), Got.GIVEN if resources else Got.NONE, whole)


async def _page(
    client: httpx.AsyncClient, url: str, headers: Mapping[str, str], *, instance: bool
) -> Any:
    """Return the JSON of one answer, None for an instance that does not exist."""
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code in REFUSED:
            raise _UnreadError(Facts(whole=False), "it is not permitted")
        if instance and response.status_code in GONE:
            return None
        if response.status_code != httpx.codes.OK:
            raise _UnreadError(ERROR, f"status {response.status_code}")
        body = bytearray()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > LARGEST:
                raise _UnreadError(ERROR, f"more than {LARGEST:,} bytes")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _UnreadError(ERROR, "it is no JSON") from error
