"""One Patient in normal form, at once. In: what it says of itself; out: its row of `person_record`.

`normal` makes the same of a whole load, in SQL around the same rules; a test holds both against
each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.identity import places
from uptake.identity.details import DetailWords, read_detail_words
from uptake.identity.names import (
    NO_FAMILY,
    NO_GIVEN,
    NameWords,
    read_name_words,
    with_later,
)
from uptake.identity.spelling import BLANKS, LONGEST, ordered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.engine.duckdb import Database
    from uptake.identity.demographics import Sent, SentAddress, SentName

NAME_USES = {"official": 0, "usual": 1, None: 2, "nickname": 3, "old": 4, "maiden": 4, "temp": 5}
ADDRESS_USES = {"home": 0, None: 1, "temp": 2, "work": 2, "billing": 2, "old": 3}
"""Which of several is shown: the first by its use, of equals the one sent first. None stands for
every other use."""
GENDERS = {"m": "male", "f": "female"}
"""By the first letter."""


@dataclass(frozen=True, slots=True)
class Words:
    """What normal forms are made with: what words mean."""

    names: NameWords
    streets: frozenset[str]
    details: DetailWords


def read_words(db: Database) -> Words:
    """Return what the reference tables say."""
    return Words(read_name_words(db), places.street_words(db), read_detail_words(db))


@dataclass(frozen=True, slots=True)
class Busy:
    """What too many records of a load share: it says nothing of who somebody is."""

    contacts: frozenset[tuple[str, str]]
    """kind, value"""
    numbers: frozenset[tuple[str, str, str]]
    """class, system, value"""
    lines: frozenset[tuple[str, str]]
    """line, zip or nothing"""


def read_busy(db: Database) -> Busy:
    """Return what stands in the `busy_…` tables."""
    return Busy(
        frozenset(db.rows("select kind, value from busy_contact")),
        frozenset(db.rows("select class, system, value from busy_number")),
        frozenset(db.rows("select line, zip from busy_line")),
    )


def person_of(sent: Sent, words: Words, busy: Busy) -> dict[str, Any]:
    """Return the columns of `person_record` that a Patient has by itself.

    Not those that its load gives it: rid, feed, id, n, given_count.
    """
    born = words.details.born(sent.birth_date)
    return {
        **_name(sent.names, words.names),
        **born._asdict(),
        "birth_day": born.birth_date and born.birth_date[5:],
        "gender": GENDERS.get((sent.gender or "").strip(BLANKS)[:1].lower()),
        **_address(sent.addresses, words.streets, busy),
        **_contacts(sent, words.details, busy),
        **_numbers(sent, words.details, busy),
        "multiple_birth": sent.multiple_birth,
        "active": sent.active,
    }


def _name(names: Sequence[SentName], words: NameWords) -> dict[str, Any]:
    """Return the columns of a name: of several one is shown, the others are kept beside it."""
    told = [_parts(n) for n in sorted(names, key=lambda n: NAME_USES.get(n.use, NAME_USES[None]))]
    families = [words.family(family or "") for family, *_ in told]
    givens = [words.given(given or "") for _, given, _ in told]
    if told and (later := told[0][2]):
        givens[0] = with_later(givens[0], words.later(later))
    family, given = (families or [NO_FAMILY])[0], (givens or [NO_GIVEN])[0]
    other = next((f for f in families if f.family), NO_FAMILY)
    generations = [s for n in names for text in n.suffix if (s := words.generation(text))]
    others = [f.suffix for f in families[1:] if f.suffix]
    return {
        "given": given.given,
        "given_all": ordered(word for g in givens for word in g.given_all or ()),
        "given_roots": given.given_roots or (),
        "given_known": given.given_known or False,
        "given_sound": given.given_sound,
        "middle": given.middle,
        "family": other.family,
        "family_all": ordered(word for f in families for word in f.family_all or ()),
        "family_sound": other.family_sound,
        "suffix": min(generations, default=None)
        or family.suffix or given.suffix or max(others, default=None),
        "newborn": family.newborn or given.newborn,
    }  # fmt: skip


def _parts(name: SentName) -> tuple[str | None, str | None, str | None]:
    """Return family, first given and later given names.

    One that came as one text is taken apart at its comma, or before its last word.
    """
    if name.family is not None or name.given:
        first, *later = name.given or (None,)
        return name.family, first, " ".join(text for text in later if text is not None)
    text = (name.text or "")[:LONGEST]
    if "," in text:
        family, given, *_ = text.split(",")
        return family, given, None
    given, _, family = text.strip(BLANKS).rpartition(" ")
    return family, given, None


def _address(
    addresses: Sequence[SentAddress], streets: frozenset[str], busy: Busy
) -> dict[str, Any]:
    shown = min(addresses, key=lambda a: ADDRESS_USES.get(a.use, ADDRESS_USES[None]), default=None)
    if shown is None:
        return {"crowded": False}
    area = places.area(shown.city or "", shown.state or "", shown.postal_code or "")
    line = places.line(shown.line or "", streets)
    crowded = (line, area.zip or "") in busy.lines
    line = None if crowded else line
    return {"line": line, "house": places.house(line), "crowded": crowded, **area._asdict()}


def _contacts(sent: Sent, words: DetailWords, busy: Busy) -> dict[str, Any]:
    forms = {words.contact(*contact) for contact in sent.contacts}
    found = {form for form in forms if form and form not in busy.contacts}
    return {
        f"{kind}s": ordered(value for of, value in found if of == kind)
        for kind in ("phone", "email")
    }


def _numbers(sent: Sent, words: DetailWords, busy: Busy) -> dict[str, Any]:
    forms = {words.number(*number) for number in sent.numbers}
    found = {form for form in forms if form and form not in busy.numbers}
    persons = [number for number in found if number.kind != "record"]
    return {
        "numbers": ordered(f"{n.system}|{n.value}" for n in persons),
        "number_systems": ordered(n.system for n in persons),
        "mrns": ordered(f"{n.system}|{n.value}" for n in found if n.kind == "record"),
    }
