"""Nothing the product offers is left out of the documents: commands, options, errors, checks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import click
import pytest

import uptake.errors

from .documents import ROOT, text

CHECKS = ROOT / "uptake" / "content" / "checks"


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


def test_every_check_is_documented() -> None:
    if not any(CHECKS.glob("*.md")):
        pytest.skip("there are no checks yet")
    # A definition opens with its TOML between two lines of plus signs.
    codes = {
        tomllib.loads(path.read_text("utf-8").split("+++")[1])["code"]
        for path in CHECKS.glob("*.md")
    }
    assert codes - words() == set()
