"""What a payer wants authorized. In: a project's `payers/*.toml`; out: payers and their rules.

    name = "Central Health Plan"
    payors = ["Organization/central", "urn:naic|12345"]   # as Coverage.payor names it; or display
    line = "Medicare Advantage"
    coverage_types = ["MCPOL"]      # of Coverage.type, where a payor has several lines; else every
    regulated = true                # the times of CMS-0057-F bind this line

    [[rule]]
    system = "http://www.ama-assn.org/go/cpt"
    codes = ["72141"]
    needed = true
    [[rule.document]]
    title = "Clinical notes of the last 90 days"
    loinc = ["11506-3"]             # DocumentReference.type; or questionnaire = "https://…"
    days = 90

None ships: what a payer wants is its own, and changes. A code without a rule is *cannot tell*.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uptake.errors import DefinitionError
from uptake.resources.elements import codings, members, parts, reference_of

FOLDER = "payers"
_KEYS = {"name": str, "payors": list, "line": str, "coverage_types": list, "regulated": bool,
         "rule": list}  # fmt: skip
_RULE = {"system": str, "codes": list, "needed": bool, "document": list}
_DOCUMENT = {"title": str, "loinc": list, "questionnaire": str, "days": int}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document that has to go with a request."""

    title: str
    loinc: tuple[str, ...] = ()
    questionnaire: str = ""
    """The canonical; a completed response to it is the document."""
    days: int = 0
    """So old it may be; 0: as old as it likes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Whether some codes need an authorization, and which documents."""

    system: str
    codes: frozenset[str]
    needed: bool
    documents: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class Payer:
    """A payer's line of business."""

    name: str
    payors: frozenset[str]
    line: str = ""
    coverage_types: frozenset[str] = frozenset()
    regulated: bool | None = None
    """None: the file does not say; then its times are held against nothing."""
    rules: tuple[Rule, ...] = ()

    def covers(self, coverage: Mapping[str, Any]) -> bool:
        """Tell whether a Coverage is of this line."""
        named = {
            name
            for payor in members(coverage.get("payor"))
            for name in (reference_of(payor), str(payor.get("display", "")), _identifier(payor))
            if name
        }
        kinds = {code for _, code in codings(coverage.get("type"))}
        return bool(named & self.payors) and (
            not self.coverage_types or bool(kinds & self.coverage_types)
        )

    def rule_for(self, codes: Iterable[tuple[str, str]]) -> Rule | None:
        """Return the first rule that has one of the codes."""
        known = list(codes)
        return next(
            (r for r in self.rules for s, c in known if s == r.system and c in r.codes), None
        )


def payer_of(coverage: Mapping[str, Any], payers: Iterable[Payer]) -> Payer | None:
    """Return the line a Coverage is of; None where no file, or more than one, says so."""
    found = [payer for payer in payers if payer.covers(coverage)]
    return found[0] if len(found) == 1 else None


def read_payers(folders: Iterable[Path]) -> tuple[Payer, ...]:
    """Return the payers of folders, a later file in place of an earlier of its name.

    Raises DefinitionError with every fault of every file.
    """
    files = {path.name: path for folder in folders for path in sorted(folder.glob("*.toml"))}
    faults: list[str] = []
    found = []
    for path in files.values():
        try:
            told = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            faults.append(f"{path}: {error}")
            continue
        wrong = _faults(told)
        faults += [f"{path}: {fault}" for fault in wrong]
        if not wrong:
            found.append(_payer(told))
    if faults:
        raise DefinitionError(faults)
    return tuple(found)


def _faults(told: Mapping[str, Any]) -> list[str]:
    wrong = _of(told, _KEYS, "", ("name", "payors"))
    for number, rule in enumerate(told.get("rule", ()) if not wrong else (), 1):
        where = f"rule {number}: "
        wrong += _of(rule, _RULE, where, ("system", "codes", "needed"))
        for document in rule.get("document", ()) if not wrong else ():
            wrong += _of(document, _DOCUMENT, f"{where}document: ", ("title",))
            if not wrong and not (document.get("loinc") or document.get("questionnaire")):
                wrong.append(f"{where}document {document['title']!r} has neither loinc nor "
                             "questionnaire: nothing could be found for it")  # fmt: skip
    return wrong


def _of(told: Any, keys: Mapping[str, type], where: str, wanted: Iterable[str]) -> list[str]:
    """Return the faults of one table: keys nobody reads, other types, what is missing."""
    if not isinstance(told, Mapping):
        return [f"{where}this is no table"]
    wrong = [f"{where}there is no {name!r}; known: {', '.join(keys)}" for name in told
             if name not in keys]  # fmt: skip
    wrong += [f"{where}{name} is no {kind.__name__}" for name, kind in keys.items()
              if name in told and not isinstance(told[name], kind)]  # fmt: skip
    return wrong + [f"{where}{name} is missing" for name in wanted if not told.get(name) and
                    told.get(name) is not False]  # fmt: skip


def _payer(told: Mapping[str, Any]) -> Payer:
    return Payer(
        told["name"],
        frozenset(told["payors"]),
        told.get("line", ""),
        frozenset(told.get("coverage_types", ())),
        told.get("regulated"),
        tuple(_rule(rule) for rule in told.get("rule", ())),
    )


def _rule(told: Mapping[str, Any]) -> Rule:
    documents = tuple(
        Wanted(d["title"], tuple(d.get("loinc", ())), d.get("questionnaire", ""), d.get("days", 0))
        for d in told.get("document", ())
    )
    return Rule(told["system"], frozenset(told["codes"]), told["needed"], documents)


def _identifier(payor: Mapping[str, Any]) -> str:
    held = parts(payor.get("identifier"))
    return f"{held.get('system', '')}|{held['value']}" if held.get("value") else ""
