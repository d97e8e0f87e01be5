"""Options that several commands share."""

from __future__ import annotations

import re
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


def known_memory(memory: str) -> str:
    """Return an amount of memory as the engine takes it; raises UsageError where it is none."""
    if not re.fullmatch(r"\d+(\.\d+)? ?([KMGT]i?B)", memory):
        raise UsageError(f"--memory {memory}: no size; write it as in 4GB")
    return memory


def printable(text: str) -> str:
    """Return text that cannot drive a terminal: control characters are shown, not sent."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
