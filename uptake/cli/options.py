"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from uptake.errors import UptakeError

if TYPE_CHECKING:
    from uptake.project import Project

project_option = click.option(
    "--project",
    "project_folder",
    type=click.Path(path_type=Path),
    help="The project's folder; default: the current folder, if it has uptake.toml.",
)
quiet_option = click.option("--quiet", is_flag=True, help="Print errors only.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")


class UsageError(UptakeError):
    """A command was given something it cannot use."""


def open_project(folder: Path | None) -> Project:
    """Return the project a command works in."""
    from uptake.project import find_project

    return find_project(folder)


def printable(text: str) -> str:
    """Return text that cannot drive a terminal: control characters are shown, not sent."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
