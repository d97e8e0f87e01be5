"""Every command the documents show is one the product has, and those that may run do run.

A document is one session in an empty folder: its commands run in order and exit with 0, or with the
code that a line `# exit 3` beneath states. A block marked `console no-run` is only read.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from uptake.definitions import read_surfaces

from .documents import ROOT, SAFE, Command, commands, documents

cli = pytest.importorskip("uptake.cli", reason="there is no command line yet")

SESSIONS = [
    pytest.param(found, id=str(path.relative_to(ROOT)))
    for path in documents()
    if (found := commands(path.read_text("utf-8")))
]


def unknown_to_uptake(words: list[str]) -> str:
    """Return what of `uptake ...` the command line does not know; empty when it knows all."""
    command: click.Command = cli.main
    options = {"--help"}
    for word in words[1:]:
        options |= {name for parameter in command.params for name in parameter.opts}
        if word.startswith("-"):
            if word.split("=")[0] not in options:
                return word
        elif isinstance(command, click.Group):
            if word not in command.commands:
                return word
            command = command.commands[word]
    return ""


def fault(command: Command) -> str:
    """Return why a command cannot be documented as it stands; empty when it can."""
    try:
        name, *rest = command.words
    except ValueError as error:
        return str(error)
    if name == "uptake":
        word = unknown_to_uptake(command.words)
        return word and f"uptake has no {word}"
    if name == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        missing = [word for word in rest if "=" not in word and word not in targets]
        return f"the Makefile has no {missing[0]}" if missing else ""
    return ""


@pytest.mark.parametrize("session", SESSIONS)
def test_the_commands_are_known(session: list[Command]) -> None:
    faults = [f"line {command.line}: {why}" for command in session if (why := fault(command))]
    assert not faults, "\n".join(faults)


def test_the_surface_that_is_shown_is_one(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "import-usage.md").read_text("utf-8")
    shown = re.search(r"^```markdown\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    assert shown
    (tmp_path / "outside-records-portal.md").write_text(shown[1], "utf-8")
    assert list(read_surfaces([tmp_path])) == ["outside-records-portal"]


@pytest.mark.parametrize("session", SESSIONS)
def test_the_commands_run(
    session: list[Command], left_by: Callable[[str], Path], tmp_path: Path
) -> None:
    runs = [command for command in session if command.run]
    unsafe = [f"line {c.line}: `{c.text}`" for c in runs if c.words[0] not in SAFE]
    assert not unsafe, f"mark these `console no-run`: {unsafe}"
    here = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
        "OUT": str(tmp_path),
    }
    folder = tmp_path / "session"
    if runs and runs[0].text.startswith("uptake demo "):  # several documents begin with the same
        shutil.copytree(left_by(runs.pop(0).text), folder, symlinks=True)
    else:
        folder.mkdir()
    # One shell for the document, so that `cd` lasts; what a command says and its code go to files.
    script = "".join(
        f"{{ {command.text}\n}} >$OUT/{command.line}.out 2>&1; echo $? >$OUT/{command.line}.code\n"
        for command in runs
    )
    subprocess.run(
        ["bash", "-c", script], cwd=folder, env=here, stdin=subprocess.DEVNULL, timeout=300
    )
    for command in runs:
        code = int((tmp_path / f"{command.line}.code").read_text("utf-8"))
        output = (tmp_path / f"{command.line}.out").read_text("utf-8")
        assert code == command.code, f"line {command.line}: $ {command.text}\n{output}"
