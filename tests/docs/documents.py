"""In: README.md and docs/; out: the commands they show, in order."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^ *```console(?P<mark>[^\n]*)\n(?P<body>.*?)^ *```$", re.MULTILINE | re.DOTALL)
EXIT = re.compile(r"# exit (\d+)$")
SAFE = frozenset({"uptake", "cat", "cd", "cp", "head", "ls", "mkdir"})
"""What a documented command may start with and be run by a test: it stays in its folder."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a document: `$ text`, and `# exit N` beneath it when it exits otherwise."""

    line: int
    text: str
    run: bool
    """False in a block marked `console no-run`."""
    code: int = 0

    @property
    def words(self) -> list[str]:
        """The command's words; raises ValueError when a shell could not read it."""
        return shlex.split(self.text, comments=True)


def documents() -> list[Path]:
    """Return every document, README.md first."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def text() -> str:
    """Return all documents as one text."""
    return "\n".join(path.read_text("utf-8") for path in documents())


def commands(document: str) -> list[Command]:
    """Return the commands of the console blocks of a document's text."""
    found: list[Command] = []
    for block in BLOCK.finditer(document):
        first = document.count("\n", 0, block.start("body")) + 1
        more = False
        for number, raw in enumerate(block["body"].splitlines(), first):
            line = raw.strip()
            if line.startswith("$ "):
                found.append(Command(number, line[2:], block["mark"].strip() != "no-run"))
            elif more:
                found[-1] = replace(found[-1], text=f"{found[-1].text[:-1]}{line}")
            elif stated := EXIT.match(line):
                found[-1] = replace(found[-1], code=int(stated[1]))
            more = line.endswith("\\")
    return found
