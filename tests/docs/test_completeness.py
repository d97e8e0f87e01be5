"""Nothing the product offers is left out of the documents: commands, options, errors, checks."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

import uptake.errors

from .documents import ROOT, text


def words() -> set[str]:
    """Return every word of the documents; `--fail-on` and `CTX-01` are one word each."""
    return set(re.findall(r"[\w-]+", text()))


def walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yield a command and those below it, each with what a user types to reach it."""
    yield path, command
    if isinstance(command, click.Group):
        for name, child in command.commands.items():
            yield from walk(f"{path} {name}", child)


def test_every_command_is_documented() -> None:
    cli = pytest.importorskip("uptake.cli", reason="there is no command line yet")
    documents = text()
    missing = [
        path for path, command in walk("uptake", cli.main) if not command.hidden
        and not re.search(rf"{path}\b", documents)
    ]  # fmt: skip
    assert not missing


def test_every_option_is_documented() -> None:
    cli = pytest.importorskip("uptake.cli", reason="there is no command line yet")
    documented = words()
    missing = [
        f"{path} {name}"
        for path, command in walk("uptake", cli.main)
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in parameter.opts
        if name.startswith("--") and name not in documented
    ]
    assert not missing


def test_every_error_is_documented() -> None:
    errors = {
        name
        for name, kind in vars(uptake.errors).items()
        if isinstance(kind, type) and issubclass(kind, uptake.errors.UptakeError)
    }
    assert errors - words() == set()


def test_every_check_and_use_case_is_listed() -> None:
    if not any((ROOT / "uptake" / "content" / "checks").glob("*.md")):
        pytest.skip("there are no checks yet")
    script = ROOT / "scripts" / "list_definitions.py"
    listed = subprocess.run([sys.executable, str(script)], check=True, capture_output=True).stdout
    assert (ROOT / "docs" / "checks.md").read_bytes() == listed, "run `make docs`, and commit it"
