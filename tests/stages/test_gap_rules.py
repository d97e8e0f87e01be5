"""A rule's file: every fault is told at its line; what is not said has its default."""

from __future__ import annotations

from pathlib import Path

import pytest

import uptake
from uptake.care_gaps.rules import read_rule
from uptake.errors import DefinitionError

OURS = Path(uptake.__file__).parent / "content" / "care_gaps" / "hba1c-test.md"


def changed(tmp_path: Path, old: str, new: str) -> list[str]:
    """Return the faults of the shipped rule with one change."""
    text = OURS.read_text("utf-8")
    assert old in text
    path = tmp_path / "rule.md"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DefinitionError) as error:
        read_rule(path)
    return [fault.removeprefix(f"{path}:") for fault in error.value.faults]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('measure = "diabetes-hba1c"\n', "", "the key 'measure' is missing; add it"),
        ('year = 2025', 'year = "2025"', "year is '2025'; write a whole number above 0"),
        ("https://doi.org", "http://doi.org", "write an address that begins with https://"),
        ('type = "Observation"', 'type = "Observations"', "rules do not read 'Observations'"),
        ("months = 6", "months = 0", "months is 0; write a whole number above 0"),
        ('code = "hba1c"', 'code = "HbA1c"', "write small letters, digits and _ only"),
        ('code = "hospice"', 'code = "hba1c"', "a second item 'hba1c'; give it another code"),
        ("    m.person,\n", "", "the query gives no person; select it"),
        ("from member as m", "from members as m", "members"),
        ("```ndjson due ", "```ndjson open ", "the block is ```ndjson open"),
        ("## Guidance", "## Guidence", "rename '## Guidence'"),
        ("units = [", "unit = [", "unknown key 'unit'"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    faults = changed(tmp_path, old, new)
    assert any(said in fault for fault in faults), faults
    assert all(fault.split(":")[0].isdigit() for fault in faults)


def test_a_rule_shows_who_is_due_who_is_not_and_who_cannot_be_told(tmp_path: Path) -> None:
    faults = changed(tmp_path, "```ndjson not-applicable", "```ndjson given")
    assert "no example that is not-applicable" in faults[0]
