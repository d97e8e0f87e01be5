"""Ask an authorization server. In: an address of its own configuration; out: a JSON object.

No redirect is followed: a code or a secret goes to the address that was named, or nowhere. Nothing
of an answer is repeated in an error, since it may hold a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from uptake.delivery.ehr import LOOPBACK
from uptake.delivery.smart.errors import LaunchError

SECONDS = 5.0
LARGEST = 512 * 1024
"""Bytes of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status, and its JSON object, empty where it is none."""

    status: int
    content: Mapping[str, Any]


async def ask(
    client: httpx.AsyncClient,
    url: str,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
) -> Answer:
    """Return the answer to a GET, or to a POST of a form; raises LaunchError where none comes."""
    headers = {"Accept": "application/json"}
    try:
        async with client.stream(
            "GET" if form is None else "POST", url,
            data=form, auth=basic, headers=headers, timeout=SECONDS, follow_redirects=False,
        ) as response:  # fmt: skip
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST:
                    raise LaunchError("The EHR's answer is too long to be one. Tell its team.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LaunchError("The EHR did not answer. Open the panel again.") from error
    return Answer(response.status_code, _object(body))


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def is_safe(url: str, iss: str) -> bool:
    """Tell whether an address may be given a code: https, or of this machine as the EHR itself."""
    try:
        parts, own = urlsplit(url), urlsplit(iss)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username or parts.fragment:
        return False
    local = parts.hostname in LOOPBACK and own.hostname in LOOPBACK
    return parts.scheme == "https" or (parts.scheme == "http" and local)
