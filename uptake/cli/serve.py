"""`uptake serve`: the pages of a project, for this machine's own browser."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from uptake.cli.options import UsageError, open_project, project_option

if TYPE_CHECKING:
    from uptake.project import Project


@click.command()
@project_option
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine.")
@click.option("--verbose", is_flag=True, help="Say method, route and status of every request.")
def serve(project_folder: Path | None, port: int, host: str, verbose: bool) -> None:
    """Serve the pages of a project; stop with Ctrl-C.

    There is no sign-in in this version, so only this machine is served.
    """
    if not _is_loopback(host):
        raise UsageError(
            f"--host {host}: there is no sign-in in this version, so only this machine is served; "
            "serve on 127.0.0.1 and put a proxy that authenticates in front"
        )
    serve_project(open_project(project_folder), host, port, verbose=verbose)


def serve_project(project: Project, host: str, port: int, *, verbose: bool) -> None:
    """Serve a project until it is told to stop; its address is said once it answers."""
    from uptake.state.database import open_state
    from uptake.web.app import create_app
    from uptake.web.server import run_server
    from uptake.web.site import Site

    shown = f"[{host}]" if ":" in host else host
    base = str(project.settings.get("web", {}).get("base_url", f"http://{shown}:{port}"))
    state = open_state(project.state_url)
    try:
        site = Site(project, state, base.rstrip("/"))

        def ready() -> None:
            click.echo(f"http://{shown}:{port}")
            site.warm()

        run_server(
            create_app(site), host, port,
            ready=ready,
            told=(lambda line: click.echo(line, err=True)) if verbose else None,
        )  # fmt: skip
    finally:
        state.close()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
