"""Reading definitions: a good file gives its check, a faulty one every fault with its line."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import uptake
from uptake.definitions import (
    json_path,
    read_check,
    read_checks,
    read_use_case,
    read_use_cases,
)
from uptake.errors import DefinitionError
from uptake.model import Severity

CONTENT = Path(uptake.__file__).parent / "content"
GUIDE = Path(__file__).parents[2] / "docs" / "add-a-check.md"

CHECK = """\
+++
code = "SITE-01"
title = "Results without an order"
category = "context"
dimension = "completeness"
severity = "medium"
elements = ["Observation.basedOn", "*.code", "Coding.system"]
+++
## What it finds
Finds.
## Why it matters
Matters.
## How to fix
Fix.
## Query
```sql
select rid, encounter_rid is null as violates,
  null as evidence
from observation
```
## Examples
```ndjson violates
{"resourceType": "Observation", "id": "a"}
```
```ndjson passes
{"resourceType": "Observation", "id": "b"}
```
"""

USE_CASE = """\
+++
code = "care-gaps"
title = "Care-gap closure"
unit = "patients"
threshold = 0.9

[[requirements]]
code = "a1c"
title = "HbA1c"
type = "Observation"
elements = ["Observation.value.ofType(Quantity) | Observation.valueString", "Observation.code"]
needs = "latest"
months = 12
words = ["a1c"]
where = "status = 'final'"
[requirements.codes]
"http://loinc.org" = ["4548-4"]

[[requirements]]
code = "medication"
title = "Medication"
type = ["MedicationRequest", "MedicationStatement"]
elements = ["MedicationRequest.medication"]
needs = "every"
threshold = 0.7
role = "ehr"
+++
## Problem
Gaps stay open.
## Population
Adults.
```sql
select rid as unit, rid as patient_rid, run.as_of as anchor, true as applicable
from patient, run
```
"""


def write(folder: Path, text: str, name: str = "site.md") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path, text: str) -> list[str]:
    """The faults of a file, without its name; a use case is known by its population."""
    file = write(path, text)
    read = read_use_case if "## Population" in text else read_check
    with pytest.raises(DefinitionError) as raised:
        read(file)
    assert all(fault.startswith(f"{file}:") for fault in raised.value.faults)
    return [fault.removeprefix(f"{file}:") for fault in raised.value.faults]


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_a_check_has_what_the_file_says(tmp_path: Path) -> None:
    check = read_check(write(tmp_path, CHECK))
    assert (check.code, check.severity, check.effect, check.unit) == (
        "SITE-01", Severity.MEDIUM, "defect", "resource",
    )  # fmt: skip
    assert check.threshold == 0.05
    assert check.elements == ("Observation.basedOn", "*.code", "Coding.system")
    assert (check.finds, check.matters, check.fix) == ("Finds.", "Matters.", "Fix.")
    assert check.query.startswith("select rid, encounter_rid")
    assert [(e.kind, e.line) for e in check.examples] == [("violates", 23), ("passes", 26)]
    assert check.options == {}


def test_paragraphs_stay_paragraphs(tmp_path: Path) -> None:
    told = changed(CHECK, "Finds.\n", "\nFinds.\n\nNot judged: x.\n\n- one\n- two\n\n")
    path = tmp_path / "SITE-01.md"
    path.write_text(told, "utf-8")
    assert read_check(path).finds == "Finds.\n\nNot judged: x.\n\n- one\n- two"


@pytest.mark.parametrize(
    ("severity", "threshold"),
    [("blocker", 0.0), ("high", 0.02), ("medium", 0.05), ("low", 0.10), ("info", 1.0)],
)
def test_the_threshold_follows_the_severity(
    tmp_path: Path, severity: str, threshold: float
) -> None:
    text = changed(CHECK, '"medium"', f'"{severity}"')
    assert read_check(write(tmp_path, text)).threshold == threshold


def test_options_and_fix_task(tmp_path: Path) -> None:
    more = (
        'threshold = 0\nentered_in_error = true\nunavailable = "no release installed"\n'
        'fix_task = "Map {n} codes of {feed}: {fix_key}"\n+++\n## What'
    )
    check = read_check(write(tmp_path, changed(CHECK, "+++\n## What", more)))
    assert check.threshold == 0.0
    assert check.options == {"entered_in_error": True, "unavailable": "no release installed"}
    assert check.fix_task == "Map {n} codes of {feed}: {fix_key}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('code = "SITE-01"\n', "", "1: the key 'code' is missing; add it"),
        ("severity =", "severty =", "6: unknown key 'severty'; did you mean 'severity'?"),
        ('"medium"', '"medum"', "6: severity is 'medum'; did you mean 'medium'?"),
        ('"context"', '"kontext"', "4: category is 'kontext'; did you mean 'context'?"),
        ('"completeness"', '"x"', "5: dimension is 'x'; write one of conformance, completeness, "
         "plausibility, timeliness"),
        ('title = "Results without an order"', "title = 3",
         "3: title is 3; write a text between quotes"),
        ('title = "Results without an order"', 'title = ""',
         "3: title is ''; write a text between quotes"),
        ("+++\n## W", "threshold = 5\n+++\n## W",
         "8: threshold is 5; write a share from 0 to 1, as in 0.05 for 5 %"),
        ("+++\n## W", 'effect = "defekt"\n+++\n## W',
         "8: effect is 'defekt'; did you mean 'defect'?"),
        ("+++\n## W", 'unit = "pateint"\n+++\n## W',
         "8: unit is 'pateint'; did you mean 'patient'?"),
        ("+++\n## W", "entered_in_error = 1\n+++\n## W",
         "8: entered_in_error is 1; write true or false"),
        ("+++\n## W", 'fix_task = "Map {code}"\n+++\n## W',
         "8: fix_task has {code}; it may have {n}, {feed}, {fix_key}"),
        ("Observation.basedOn", "Observation.baseOn",
         "7: R4 has no element 'Observation.baseOn'; did you mean Observation.basedOn?"),
        ("Observation.basedOn", "Observation.component.vale",
         "7: R4 has no element 'Observation.component.vale'; did you mean "
         "Observation.component.value?"),
        ("Observation.basedOn", "Observaton.code",
         "7: R4 has no type 'Observaton', in 'Observaton.code'; did you mean Observation?"),
        ("Observation.basedOn", "Observation.value.ofType(Address)",
         "7: R4 has no element 'Observation.value.ofType(Address)'; Observation has no "
         "'valueAddress'"),
        ("Observation.basedOn", "Observation",
         "7: 'Observation' names no element; write a path, as in Observation.code"),
        ("*.code", "*.cod", "7: R4 has no element '*.cod'; name an element that some resource "
         "type has"),
        ('["Observation.basedOn", "*.code", "Coding.system"]', '"Observation.code"',
         '7: elements is \'Observation.code\'; write a list of texts, as in ["a", "b"]'),
        ("title = ", "title ", "3: the front matter is not TOML: Expected '=' after a key in a "
         "key/value pair; correct the line"),
        ("+++\ncode", "code", "1: no front matter; begin the file with a line +++"),
        ("## How to fix", "## How to fx", "13: no section '## How to fix'; rename '## How to fx'"),
        ("## Why it matters\nMatters.\n", "", "25: no section '## Why it matters'; write it"),
        ("Matters.\n", "", "11: the section '## Why it matters' is empty; write it"),
        ("## Why it matters\n", "## What it finds\n",
         "11: a second section '## What it finds'; write one"),
        ("## Examples", "```sql\nselect 1\n```\n## Examples",
         "21: 2 sql blocks in '## Query'; it has exactly one query"),
        ("```sql", "```text", "15: 0 sql blocks in '## Query'; it has exactly one query"),
        ("ndjson passes", "ndjson pass",
         "25: the block is ```ndjson pass; write ```ndjson violates, passes or ignores"),
        ("ndjson passes", "ndjson passes role=lab",
         "25: the block is ```ndjson passes role=lab; write ```ndjson violates, passes or ignores, "
         "then role=ehr or role=external, then group=NAME"),
        ("ndjson passes", "ndjson ignores",
         "21: no example that passes; add a block ```ndjson passes"),
        ("ndjson violates", "ndjson ignores",
         "21: no example that violates; add a block ```ndjson violates"),
        ('{"resourceType": "Observation", "id": "b"}', "[1]",
         "26: the example is not a JSON object; write one resource a line"),
        ('{"resourceType": "Observation", "id": "b"}', "{",
         "26: the example is not JSON (Expecting property name enclosed in double quotes: line 1 "
         "column 2 (char 1)); write one resource a line"),
        ('{"resourceType": "Observation", "id": "b"}', "{}",
         "26: the example has no resourceType; add it"),
        ("from observation", "from observations",
         "19: there is no table `observations`; did you mean observation?"),
        ("null as evidence", "avg(rid) as evidence",
         "18: avg() is refused: the order of rows decides its last digits; compare counts instead"),
        ("is null as violates", "is null as violated",
         "17: the query gives no violates; select it"),
        ("null as evidence", "null as evidence, 1 as numerator",
         "17: the query gives 'numerator'; write one of rid, violates, evidence, expression, "
         "other, suggestion, fix_key, repair"),
        ("null as evidence", "null as evidence, 1 + 1", "17: column 4 has no name; write one of "
         "rid, violates, evidence, expression, other, suggestion, fix_key, repair"),
        ("+++\n## W", 'unit = "patient"\n+++\n## W',
         "18: the query gives no patient_rid; select it"),
    ],
)  # fmt: skip
def test_a_fault_of_a_check(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in faults(tmp_path, changed(CHECK, old, new))


def test_every_fault_of_a_file_at_once(tmp_path: Path) -> None:
    text = changed(CHECK, '"medium"', '"medum"')
    text = changed(text, "Observation.basedOn", "Observation.baseOn")
    text = changed(text, "## Why it matters\nMatters.\n", "")
    text = changed(text, "from observation", "from observations limit 1")
    text = changed(text, '{"resourceType": "Observation", "id": "b"}', "nothing")
    assert faults(tmp_path, text) == [
        "6: severity is 'medum'; did you mean 'medium'?",
        "7: R4 has no element 'Observation.baseOn'; did you mean Observation.basedOn?",
        "17: `LIMIT 1` is refused: which rows stay is left to chance; use row_number with rid in "
        "its order",
        "17: there is no table `observations`; did you mean observation?",
        "24: the example is not JSON (Expecting value: line 1 column 1 (char 0)); write one "
        "resource a line",
        "25: no section '## Why it matters'; write it",
    ]


@pytest.mark.parametrize(
    ("unit", "columns"),
    [
        ("patient", "patient_rid"),
        ("feed", "feed"),
        ("feed-type", "feed, type"),
        ("feed-code", "feed, code_system, code"),
    ],
)
def test_the_unit_names_its_columns(tmp_path: Path, unit: str, columns: str) -> None:
    text = changed(CHECK, "+++\n## W", f'unit = "{unit}"\n+++\n## W')
    query = f"select {columns}, true as violates, null as evidence from event"
    text = re.sub(r"(?<=```sql\n).*?(?=\n```)", query, text, flags=re.DOTALL)
    assert read_check(write(tmp_path, text)).unit == unit


def test_a_project_replaces_a_check_by_its_code(tmp_path: Path) -> None:
    write(tmp_path / "ours", CHECK)
    write(tmp_path / "ours", CHECK.replace("SITE-01", "SITE-02"), "second.md")
    theirs = write(tmp_path / "theirs", CHECK.replace("Results without", "Tests without"), "x.md")
    checks = read_checks([tmp_path / "ours", tmp_path / "theirs", tmp_path / "absent"])
    assert list(checks) == ["SITE-01", "SITE-02"]
    assert checks["SITE-01"].path == theirs
    assert checks["SITE-01"].title == "Tests without an order"


def test_two_files_of_a_folder_with_one_code(tmp_path: Path) -> None:
    write(tmp_path, CHECK, "a.md")
    second = write(tmp_path, CHECK.replace('"medium"', '"medum"'), "b.md")
    third = write(tmp_path, "nothing", "c.md")
    with pytest.raises(DefinitionError) as raised:
        read_checks([tmp_path])
    found = raised.value.faults
    assert found[0] == (f"{second}:2: a.md has the code 'SITE-01', too; give one another code")
    assert found[1] == f"{second}:6: severity is 'medum'; did you mean 'medium'?"
    assert {fault.split(":")[0] for fault in found} == {str(second), str(third)}


def test_sql_is_verified_in_the_folders_that_say_so(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write(ours, changed(CHECK, "from observation", "from nowhere"))
    write(theirs, changed(CHECK.replace("-01", "-02"), "from observation", "from nowhere"))
    with pytest.raises(DefinitionError) as raised:
        read_checks([ours, theirs], verify=[theirs])
    assert [fault.split(":")[0] for fault in raised.value.faults] == [str(theirs / "site.md")]


def test_unverified_definitions_are_read_without_the_parser(tmp_path: Path) -> None:
    write(tmp_path, CHECK)
    code = (
        "import sys; from pathlib import Path; from uptake.definitions import read_checks; "
        "from uptake.engine.tokens import tables_of; "
        "c = read_checks([Path(sys.argv[1])], verify=[]); "
        "assert tables_of(c['SITE-01'].query) == {'observation'}; "
        "assert 'sqlglot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_a_use_case_has_what_the_file_says(tmp_path: Path) -> None:
    use_case = read_use_case(write(tmp_path, USE_CASE))
    assert (use_case.code, use_case.unit, use_case.threshold) == ("care-gaps", "patients", 0.9)
    assert use_case.unknown_limit == 0.10
    assert use_case.problem == "Gaps stay open."
    assert use_case.population_text == "Adults."
    assert use_case.population.startswith("select rid as unit")
    a1c, medication = use_case.requirements
    assert a1c.type == ("Observation",)
    assert a1c.elements[0] == "Observation.value.ofType(Quantity) | Observation.valueString"
    assert (a1c.needs, a1c.threshold, a1c.months, a1c.words) == ("latest", 0.9, 12, ("a1c",))
    assert a1c.codes == {"http://loinc.org": ("4548-4",)}
    assert a1c.where == "status = 'final'"
    assert medication.type == ("MedicationRequest", "MedicationStatement")
    assert (medication.threshold, medication.role, medication.codes) == (0.7, "ehr", {})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('unit = "patients"\n', "", "1: the key 'unit' is missing; add it"),
        ("threshold = 0.9\n", "threshold = 90\n",
         "5: threshold is 90; write a share from 0 to 1, as in 0.05 for 5 %"),
        ('type = "Observation"', 'type = "Observations"',
         "10: R4 has no resource type 'Observations'; did you mean 'Observation'?"),
        ("Observation.valueString", "Observation.valueStrin",
         "11: R4 has no element 'Observation.valueStrin'; did you mean Observation.valueString?"),
        ('needs = "latest"', 'needs = "newest"',
         "12: needs is 'newest'; write one of latest, every, evidence"),
        ('needs = "every"\n', "", "19: the key 'needs' is missing; add it"),
        ("months = 12", "months = 0", "13: months is 0; write a whole number above 0"),
        ("months = 12", "month = 12", "13: unknown key 'month'; did you mean 'months'?"),
        ('role = "ehr"', 'role = "EHR"', "26: role is 'EHR'; write one of ehr, external"),
        ('["4548-4"]', '"4548-4"',
         '17: http://loinc.org is \'4548-4\'; write a list of texts, as in ["a", "b"]'),
        ('code = "medication"', 'code = "a1c"',
         "20: a second requirement 'a1c'; give it another code"),
        ("status = 'final'", "now() > 1", "15: where: now() is refused: a run must give the same "
         "answer tomorrow; use `as_of` of the table run"),
        ("Adults.\n", "", "30: the population is a query only; say who it is in words"),
        ("true as applicable", "true as applies", "33: the query gives no applicable; select it"),
        ("from patient, run", "from patient, runs",
         "34: there is no table `runs`; did you mean run?"),
        ("## Problem\nGaps stay open.\n", "", "33: no section '## Problem'; write it"),
    ],
)  # fmt: skip
def test_a_fault_of_a_use_case(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in faults(tmp_path, changed(USE_CASE, old, new))


def test_requirements_are_tables(tmp_path: Path) -> None:
    text = re.sub(
        r"\n\[\[requirements.*?\+\+\+", "requirements = 3\n+++", USE_CASE, flags=re.DOTALL
    )
    assert faults(tmp_path, text) == [
        "6: requirements are no tables; write [[requirements]] above each"
    ]


def test_use_cases_of_folders(tmp_path: Path) -> None:
    write(tmp_path, USE_CASE)
    assert list(read_use_cases([tmp_path])) == ["care-gaps"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Observation.value.ofType(Quantity)", "Observation.valueQuantity"),
        ("Observation.component.value.ofType(string)", "Observation.component.valueString"),
        ("Observation.value.ofType(Quantity).unit", "Observation.valueQuantity.unit"),
        ("Observation.code", "Observation.code"),
    ],
)
def test_json_path(path: str, expected: str) -> None:
    assert json_path(path) == expected


def test_the_guide_s_example_is_a_check(tmp_path: Path) -> None:
    example = re.search(
        r"^````markdown\n(.*?)^````$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert example
    check = read_check(write(tmp_path, example[1], "SITE-01.md"))
    assert check.code == "SITE-01"
    assert [e.kind for e in check.examples] == ["violates", "passes", "ignores"]


def test_what_ships_can_be_read() -> None:
    for code, check in read_checks([CONTENT / "checks"]).items():
        assert check.path.stem.startswith(code.lower()) or check.path.stem.startswith(code)
    read_use_cases([CONTENT / "use_cases"])
