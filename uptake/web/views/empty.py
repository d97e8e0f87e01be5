"""Before the first run. In: a request; out: the page that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.web.templating import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def no_run(request: Request) -> Response:
    """Say that nothing was assessed yet."""
    return page(request, "no_run.html")
