"""Repair data as the people named in a fix plan would: one function a check.

Each takes the resource and the element a finding names, and changes the resource in place. They
know what the sample hospital meant; the product does not.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uptake.model import Fix

Resource = dict[str, Any]
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def step_into(resource: Resource, expression: str) -> tuple[Any, str]:
    """Return the holder and the JSON name of the last step of a FHIRPath with indexes."""
    names = re.findall(r"\.(\w+)(?:\[(\d+)\])?", expression)
    here: Any = resource
    for name, index in names[:-1]:
        here = here[json_name(here, name)]
        here = here[int(index)] if index else here
    return here, json_name(here, names[-1][0])


def json_name(holder: Resource, element: str) -> str:
    """Return the JSON property of an element: `value` may be `valueQuantity`."""
    if element in holder:
        return element
    return next((n for n in holder if re.fullmatch(element + "[A-Z].*", n)), element)


def map_local_code(resource: Resource, expression: str) -> None:
    holder, name = step_into(resource, expression)
    holder[name]["coding"].append({"system": LOINC, "code": "4548-4"})


def code_text(resource: Resource, expression: str) -> None:
    holder, name = step_into(resource, expression)
    holder[name]["coding"] = [{"system": RXNORM, "code": "860975"}]


def structure_sig(resource: Resource, expression: str) -> None:
    holder, name = step_into(resource, expression)
    at = re.search(r"\[(\d+)\]$", expression)
    dosage = holder[name][int(at[1])] if at else holder[name]
    dosage |= {
        "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
        "route": {"text": "oral"},
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
    }


def use_ucum(resource: Resource, expression: str) -> None:
    holder, name = step_into(resource, expression)
    unit = holder[name].get("unit") or holder[name].get("code")
    code = {"mg/dl": "mg/dL"}.get(unit, unit)
    holder[name] |= {"system": "http://unitsofmeasure.org", "code": code}


def parse_number(resource: Resource, expression: str) -> None:
    value, unit = resource.pop("valueString").split()
    ucum = {"system": "http://unitsofmeasure.org", "code": unit, "unit": unit}
    resource["valueQuantity"] = {"value": float(value), **ucum}


def add_zone(resource: Resource, expression: str) -> None:
    holder, name = step_into(resource, expression)
    holder[name] += "-05:00"


def end_local_date(resource: Resource, expression: str) -> None:
    holder, name = step_into(resource, expression)
    found = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", holder[name])
    holder[name] = f"{found[3]}-{found[1]}-{found[2]}" if found else "2026-10-01"


REPAIRS: Mapping[str, Callable[[Resource, str], None]] = {
    "COD-01": map_local_code,
    "COD-10": use_ucum,
    "TIM-02": end_local_date,
    "TIM-03": add_zone,
    "TXT-01": code_text,
    "TXT-02": parse_number,
    "TXT-05": structure_sig,
}


def apply(folder: Path, fixes: Iterable[Fix], findings: Iterable[Mapping[str, Any]]) -> int:
    """Repair every finding of the fixes in the feeds' files; returns how many were repaired."""
    wanted = {(f.check, f.feed, f.fix_key) for f in fixes}
    by_record = defaultdict(list)
    for row in findings:
        if (row["check"], row["feed"], row["fix_key"] or "") in wanted:
            by_record[row["feed"], row["resource_type"], row["resource_id"]].append(row)
    files = {(feed, kind) for feed, kind, _ in by_record}
    done = 0
    for feed, kind in sorted(files):
        path = folder / feed / f"{kind}.ndjson.gz"
        lines = []
        for line in gzip.decompress(path.read_bytes()).split(b"\n"):
            lines.append(line)
            try:
                resource = json.loads(line)
            except ValueError:
                continue
            rows = by_record.get((feed, kind, resource.get("id")), ())
            for row in rows:
                REPAIRS[row["check"]](resource, row["expression"])
                done += 1
            if rows:
                lines[-1] = json.dumps(resource).encode()
        path.write_bytes(gzip.compress(b"\n".join(lines), mtime=0))
    return done
