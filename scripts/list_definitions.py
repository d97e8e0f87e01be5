"""Print docs/checks.md. In: the definitions in uptake/content; out: their list, with links."""

from __future__ import annotations

import sys
import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

CONTENT = Path(__file__).parent.parent / "uptake" / "content"
OPENING = """\
# Checks and use cases

Each is one file, which says what it finds, why it matters and how to fix it; `uptake checks show`
prints it. This list is made from those files by `make docs`.
"""


def front_matter(folder: str) -> list[dict[str, Any]]:
    """Return what each definition of a folder says of itself, and the link to its file."""
    found = []
    for path in sorted((CONTENT / folder).glob("*.md")):
        _, matter, _ = path.read_text("utf-8").split("+++", 2)
        link = f"../uptake/content/{folder}/{path.name}"
        found.append({**tomllib.loads(matter), "link": link})
    return found


def page() -> str:
    """Return the page: the checks by category and code, then the use cases."""
    lines = [OPENING]
    checks = sorted(front_matter("checks"), key=lambda d: (d["category"], d["code"]))
    for category, members in groupby(checks, key=lambda d: d["category"]):
        lines += [f"## {category.capitalize()}", "", "| check | this feed has … | severity |"]
        lines.append("|---|---|---|")
        lines += [
            f"| [{d['code']}]({d['link']}) | {d['title']} | {d['severity']} |" for d in members
        ]
        lines.append("")
    cases = sorted(front_matter("use_cases"), key=lambda d: d["code"])
    if cases:
        lines += ["## Use cases", "", "| use case | for |", "|---|---|"]
        lines += [f"| [{d['code']}]({d['link']}) | {d['title']} |" for d in cases]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.buffer.write(page().encode())
