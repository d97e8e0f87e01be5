"""Definition files. In: Markdown with TOML front matter; out: what they define, or every fault.

`document` cuts a file into front matter, sections and blocks, `answers` reads front matter,
`elements` knows FHIR paths; `checks`, `use_cases`, `measures` and `surfaces` put these together.
"""

from uptake.definitions.checks import read_check, read_checks
from uptake.definitions.elements import json_path
from uptake.definitions.measures import read_measures
from uptake.definitions.surfaces import read_surfaces
from uptake.definitions.use_cases import read_use_case, read_use_cases

__all__ = [
    "json_path",
    "read_check",
    "read_checks",
    "read_measures",
    "read_surfaces",
    "read_use_case",
    "read_use_cases",
]
