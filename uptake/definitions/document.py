"""A definition file as a document. In: Markdown; out: front matter, sections, blocks, lines."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from uptake.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")

_HEADER = re.compile(r"\s*\[\[?\s*([\w.\-\"' ]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*(?:([\w\-]+)|"([^"]+)"|'([^']+)')\s*(?:\.[^=]*)?=""")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words behind its fence, its text, the line of its first text line."""

    info: str
    text: str
    line: int


@dataclass(slots=True)
class Section:
    """A `##` section: its line, its prose without blocks, its blocks."""

    title: str
    line: int
    prose: str = ""
    blocks: list[Block] = field(default_factory=list)


class Document:
    """A file's front matter and sections; collects the faults that its readers find."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[tuple[int, str]] = []
        self.sections: dict[str, Section] = {}
        self.front: dict[str, Any] = {}
        self.lines_of: dict[tuple[str, ...], int] = {}
        try:
            # Not splitlines(), which also splits inside a JSON text, at U+2028 and its like.
            lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            self.fault(1, f"cannot be read ({error}); write it as UTF-8 text")
            lines = ["+++", "+++"]
        self.end = len(lines)
        self._read_sections(lines, self._read_front(lines))

    def fault(self, line: int, message: str) -> None:
        """Remember a fault: what is wrong and what to do, without the file's name."""
        self.faults.append((line, message))

    def line_of(self, *keys: str) -> int:
        """Return the line of a front-matter key (`requirements`, `0`, `code`), or its table's."""
        for length in range(len(keys), 0, -1):
            if keys[:length] in self.lines_of:
                return self.lines_of[keys[:length]]
        return 1

    def reports(self) -> list[str]:
        """Return every fault as `file:line: what`, in the order of lines."""
        return [f"{self.path}:{line}: {what}" for line, what in sorted(set(self.faults))]

    def _read_front(self, lines: list[str]) -> int:
        """Read the front matter; return the index of the first line behind it."""
        fences = [at for at, line in enumerate(lines) if line.strip() == "+++"]
        if not lines or lines[0].strip() != "+++":
            self.fault(1, "no front matter; begin the file with a line +++")
            return 0
        if len(fences) < 2:
            self.fault(1, "the front matter has no end; close it with a line +++")
            return len(lines)
        front = lines[1 : fences[1]]
        try:
            self.front = tomllib.loads("\n".join(front))
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column \d+\)", str(error))
            line = int(at[1]) + 1 if at else fences[1]
            what = re.sub(r" \(at .*\)", "", str(error))
            self.fault(line, f"the front matter is not TOML: {what}; correct the line")
        self._find_keys(front)
        return fences[1] + 1

    def _find_keys(self, front: list[str]) -> None:
        prefix: tuple[str, ...] = ()
        counts: dict[str, int] = {}
        for number, line in enumerate(front, start=2):
            if header := _HEADER.match(line):
                name, *rest = [part.strip(" \"'") for part in header[1].split(".")]
                if line.lstrip().startswith("[["):
                    counts[name] = counts.get(name, -1) + 1
                place = (name, str(counts[name])) if name in counts else (name,)
                prefix = (*place, *rest)
                self.lines_of.setdefault(prefix, number)
            elif key := _KEY.match(line):
                self.lines_of.setdefault((*prefix, key[1] or key[2] or key[3]), number)

    def _read_sections(self, lines: list[str], start: int) -> None:
        section: Section | None = None
        fence, block_line, held = "", 0, list[str]()
        for number, line in enumerate(lines[start:], start=start + 1):
            mark = re.match(r"(`{3,}|~{3,})(.*)$", line)
            if fence and mark and mark[1].startswith(fence[:3]) and not mark[2].strip():
                if section is not None and len(mark[1]) >= len(fence.split(" ")[0]):
                    info = fence.split(" ", 1)[1].strip()
                    section.blocks.append(Block(info, "\n".join(held), block_line))
                fence, held = "", []
            elif fence:
                held.append(line)
            elif mark:
                fence, block_line = f"{mark[1]} {mark[2]}", number + 1
            elif heading := re.match(r"##\s+(.*?)\s*#*$", line):
                section = Section(heading[1], number)
                if section.title in self.sections:
                    self.fault(number, f"a second section '## {section.title}'; write one")
                self.sections.setdefault(section.title, section)
            elif section is not None:
                section.prose = f"{section.prose}\n{line}".lstrip("\n")
        if fence:
            self.fault(
                block_line - 1, "the block has no end; close it with the fence it began with"
            )

    def section(self, title: str) -> Section:
        """Return a section, empty with a fault if it is missing or says nothing."""
        found = self.sections.get(title)
        if found is None:
            near = difflib.get_close_matches(title, self.sections, 1)
            hint = f"rename '## {near[0]}'" if near else "write it"
            line = self.sections[near[0]].line if near else self.end
            self.fault(line, f"no section '## {title}'; {hint}")
            return Section(title, line)
        if not found.prose.strip() and not found.blocks:
            self.fault(found.line, f"the section '## {title}' is empty; write it")
        return found

    def sql(self, title: str) -> Block | None:
        """Return the one sql block of a section, None with a fault if there is not exactly one."""
        section = self.section(title)
        blocks = [block for block in section.blocks if block.info.split(" ")[0].lower() == "sql"]
        if len(blocks) == 1:
            return blocks[0]
        if title in self.sections:
            line = blocks[1].line - 1 if blocks else section.line
            self.fault(line, f"{len(blocks)} sql blocks in '## {title}'; it has exactly one query")
        return None


def read_folders(
    folders: Sequence[Path],
    verify: Sequence[Path] | None,
    build: Callable[[Document, bool], T | None],
) -> dict[str, T]:
    """Return what `build` makes of each `*.md` file, by its code; a later folder's replaces.

    SQL is verified in the folders of `verify` (None: all). Raises DefinitionError with the faults
    of all files; two files of one folder with one code are a fault.
    """
    found: dict[str, T] = {}
    faults: list[str] = []
    for folder in folders:
        checked = verify is None or folder in verify
        in_folder: dict[str, Path] = {}
        for path in sorted(folder.glob("*.md")):
            document = Document(path)
            built = build(document, checked)
            code = str(document.front.get("code", ""))
            if code and code in in_folder:
                what = f"{in_folder[code].name} has the code {code!r}, too; give one another code"
                document.fault(document.line_of("code"), what)
            in_folder.setdefault(code, path)
            faults += document.reports()
            if built is not None:
                found[code] = built
    if faults:
        raise DefinitionError(faults)
    return dict(sorted(found.items()))


def nearest(word: str, words: Mapping[str, object] | Sequence[str]) -> str:
    """Return what to do about an unknown word: the nearest known, or all of them."""
    near = difflib.get_close_matches(word, list(words), 1)
    return f"did you mean {near[0]!r}?" if near else f"write one of {', '.join(words)}"
