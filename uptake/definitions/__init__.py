"""Definition files. In: Markdown with TOML front matter; out: checks and use cases, or every fault.

`document` cuts a file into front matter, sections and blocks, `answers` reads front matter,
`elements` knows FHIR paths, `checks` and `use_cases` put the parts together.
"""

from uptake.definitions.checks import read_check, read_checks
from uptake.definitions.elements import json_path
from uptake.definitions.use_cases import read_use_case, read_use_cases

__all__ = ["json_path", "read_check", "read_checks", "read_use_case", "read_use_cases"]
