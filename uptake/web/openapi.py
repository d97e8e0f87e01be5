"""What programs may call. In: the types of the JSON endpoints; out: OpenAPI 3.1."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import JSONResponse
from starlette.routing import Route

from uptake.web.views.feedback import Sent, Taken

if TYPE_CHECKING:
    from starlette.requests import Request


class Health(msgspec.Struct, frozen=True):
    """The application answers."""

    status: str


class StageStatus(msgspec.Struct, frozen=True):
    """One stage of a chain."""

    stage: str
    verdict: str
    target: float
    sentence: str
    number: str
    aim: str
    numerator: int | None
    denominator: int | None
    reason: str


class StallStatus(msgspec.Struct, frozen=True):
    """Where a use case stalls, and why."""

    stage: str
    cause: str
    why: str
    disproof: str
    action: str
    link: str


class ChainStatus(msgspec.Struct, frozen=True):
    """How far one use case gets."""

    use_case: str
    title: str
    stages: list[StageStatus]
    stall: StallStatus | None


class Status(msgspec.Struct, frozen=True):
    """The chain of every use case."""

    run: str
    as_of: str
    use_cases: list[ChainStatus]


class Fault(msgspec.Struct, frozen=True):
    """What went wrong, and what to do."""

    error: str
    then: str


ANSWERS: dict[tuple[str, str], tuple[str, type]] = {
    ("get", "/health"): ("Whether the application answers", Health),
    ("get", "/api/status"): ("The chain of every use case", Status),
    ("post", "/api/feedback"): ("Keep a report; sent again it is the same report", Taken),
}
BODIES: dict[tuple[str, str], type] = {("post", "/api/feedback"): Sent}


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    types = [*(kind for _, kind in ANSWERS.values()), *BODIES.values(), Fault]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    of = dict(zip(types, schemas, strict=True))
    paths: dict[str, Any] = {}
    for (method, path), (summary, kind) in ANSWERS.items():
        body = BODIES.get((method, path))
        asks = {"requestBody": {"required": True} | _json("", of[body])} if body else {}
        paths.setdefault(path, {})[method] = asks | {
            "summary": summary,
            "responses": {
                "200": _json(summary, of[kind]),
                "default": _json("What went wrong", of[Fault]),
            },
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Uptake", "version": version("uptake")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _json(what: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": what, "content": {"application/json": {"schema": schema}}}


def show(_: Request) -> JSONResponse:
    """Answer with the document."""
    return JSONResponse(document())


routes = [Route("/api/openapi.json", show)]
