"""A link or picture in the documents that leads into this project leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .documents import ROOT, documents

LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
FENCED = re.compile(r"^ *(`{3,}).*?^ *\1$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    prose = FENCED.sub("", path.read_text("utf-8"))
    broken = [link for link in LINK.findall(prose) if not (path.parent / link).exists()]
    assert not broken
