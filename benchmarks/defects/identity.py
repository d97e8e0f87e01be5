"""DUP-02, DUP-03, DUP-10: Patients who are one person or two, and facts under the wrong one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.defects.case import Case, Draw, Units
from benchmarks.defects.demographics import complete
from benchmarks.defects.duplicates import identifier

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

Edit = Callable[[Draw, "Resource"], None]

NICKNAMES = {
    "Robert": "Bob", "William": "Bill", "Elizabeth": "Liz", "Margaret": "Peggy",
    "Katherine": "Kate", "Francisco": "Paco", "Mohammed": "Muhammad", "Aleksandr": "Sasha",
}  # fmt: skip
PLACES = (
    ("Astoria", "Oregon", "97103"),
    ("Bozeman", "Montana", "59715"),
    ("Nashua", "New Hampshire", "03060"),
)


# ---- What one person's second record says otherwise


def again(_: Draw, other: Resource) -> None:
    """Nothing: the clerk did not look."""


def nickname(draw: Draw, other: Resource) -> None:
    """The short form of the given name."""
    whole, short = draw.random.choice(list(NICKNAMES.items()))
    draw.resource["name"][0]["given"] = [whole]
    other["name"][0]["given"] = [short]


def moved(draw: Draw, other: Resource) -> None:
    """Another address."""
    city, state, postal_code = draw.random.choice(PLACES)
    line = f"{draw.random.randrange(1, 9999)} Harbor Street"
    place = {"line": [line], "city": city, "state": state, "postalCode": postal_code}
    other["address"] = [place | {"country": "US"}]


def new_phone(draw: Draw, other: Resource) -> None:
    """Another phone number."""
    number = f"{draw.random.randrange(10_000_000):07}"
    other["telecom"] = [
        {"system": "phone", "value": f"555-{number[:3]}-{number[3:]}", "use": "home"}
    ]


def typo(_: Draw, other: Resource) -> None:
    """Two letters of the family name in each other's place."""
    family = other["name"][0]["family"]
    at = next(k for k in range(1, len(family) - 1) if family[k] != family[k + 1])
    other["name"][0]["family"] = family[:at] + family[at + 1] + family[at] + family[at + 2 :]


def swapped(_: Draw, other: Resource) -> None:
    """Given and family name in each other's place."""
    name = other["name"][0]
    other["name"] = [name | {"family": name["given"][0], "given": [name["family"]]}]


def other_day(_: Draw, other: Resource) -> None:
    """The day of birth with another last digit."""
    born = other["birthDate"]
    other["birthDate"] = born[:-1] + str(9 if born[-1] == "8" else 8)


def married(_: Draw, other: Resource) -> None:
    """Another family name, at the same address and phone."""
    other["name"][0]["family"] = "Whitcombe"


def accents(draw: Draw, other: Resource) -> None:
    """The same name, spelt with its own letters and without."""
    draw.resource["name"][0] |= {"family": "Müller", "given": ["José"]}
    other["name"][0] |= {"family": "Mueller", "given": ["Jose"]}


def duplicate(*edits: Edit, **changes: Any) -> Callable[[Draw], Units]:
    """The Patient registered again under another record number, with what the edits change."""

    def edit(draw: Draw) -> Units:
        alive(draw)
        other = draw.twin(identifier=[identifier("MR", draw.new_id())], **changes)
        for one in edits:
            one(draw, other)
        return [draw.resource, other]

    return edit


def alive(draw: Draw) -> None:
    """A Patient who is alive."""
    for element in ("deceasedDateTime", "deceasedBoolean"):
        draw.resource.pop(element, None)


# ---- Two people


def given(draw: Draw, name: str, gender: str) -> Resource:
    """The names of the drawn Patient with another given name."""
    return {"name": [draw.resource["name"][0] | {"given": [name]}], "gender": gender}


def twin_of(draw: Draw, other: Resource) -> None:
    """A twin: one birth date, family, address and phone."""
    draw.resource |= given(draw, "Amelia", "female")
    other |= given(draw, "Victor", "male")


def spouse(draw: Draw, other: Resource) -> None:
    """Wife and husband: one family name, address and phone."""
    draw.resource |= given(draw, "Paulina", "female")
    other |= given(draw, "Gregor", "male")
    other["birthDate"] = apart(draw.resource["birthDate"], 800)


def junior(draw: Draw, other: Resource) -> None:
    """Father and son of one name."""
    draw.resource |= given(draw, "Harold", "male")
    other |= given(draw, "Harold", "male")
    draw.resource["name"][0]["suffix"], other["name"][0]["suffix"] = ["Sr"], ["Jr"]
    other["birthDate"] = apart(draw.resource["birthDate"], 9_800)


def namesake(draw: Draw, other: Resource) -> None:
    """One name, another age, another place."""
    other["birthDate"] = apart(draw.resource["birthDate"], 1_300)
    moved(draw, other)
    new_phone(draw, other)


def sibling(draw: Draw, other: Resource) -> None:
    """A younger sister at the same address."""
    draw.resource |= given(draw, "Henrietta", "female")
    other |= given(draw, "Solveig", "female")
    other["birthDate"] = apart(draw.resource["birthDate"], 700)


def apart(born: str, days: int) -> str:
    """A birth date so many days away, on the side where people of these years are alive."""
    day = date.fromisoformat(born)
    return str(day + timedelta(days if day.year < 1970 else -days))


# ---- One record, one number


def versions(*edits: Edit) -> Callable[[Draw], Units]:
    """A Patient in two versions; the edits make the newer one, under the same id."""

    def edit(draw: Draw) -> Units:
        alive(draw)
        other = copy.deepcopy(draw.resource)
        draw.added.append(other)
        for one in edits:
            one(draw, other)
        for number, told in enumerate((draw.resource, other), 1):
            told["meta"] = told.get("meta", {}) | {"versionId": str(number)}
        return [draw.resource]

    return edit


def of_two(kind: str, *edits: Edit) -> Callable[[Draw], Units]:
    """Two Patients under one number; the edits make the second."""

    def edit(draw: Draw) -> Units:
        alive(draw)
        same = identifier(kind, draw.new_id())
        draw.resource["identifier"] = [same]
        other = draw.twin(identifier=[copy.deepcopy(same)])
        for one in edits:
            one(draw, other)
        return [draw.resource, other]

    return edit


def another(draw: Draw, other: Resource) -> None:
    """Somebody of another name and age."""
    draw.somebody_else(other)
    draw.resource |= given(draw, "Margaret", "female")
    other["name"][0]["given"] = ["Tobias"]
    other |= {"gender": "male", "birthDate": apart(other["birthDate"], 9_000)}


def newborn(draw: Draw, other: Resource) -> None:
    """A child that has no name yet, and its mother."""
    draw.resource |= given(draw, "Rosalind", "female")
    draw.resource["birthDate"] = f"1989{draw.resource['birthDate'][4:7]}-11"
    other |= given(draw, "Baby Girl", "female") | {"birthDate": "2019-06-03"}


def named_since(draw: Draw, other: Resource) -> None:
    """A newborn that got its name."""
    draw.resource |= given(draw, "Baby Girl", "female")
    other |= given(draw, "Astrid", "female")


def corrected(draw: Draw, other: Resource) -> None:
    """A birth date that was ten years off."""
    other["birthDate"] = apart(draw.resource["birthDate"], 3_653)


# ---- Facts


def off_the_record(kind: str = "", **changes: Any) -> Callable[[Draw], Units]:
    """The drawn fact under another record of its patient; `kind`: the number both have.

    Without a number the record is one that the patient's replaces.
    """

    def edit(draw: Draw) -> Units:
        other = other_record(draw, kind, **changes)
        who = "patient" if "patient" in draw.resource else "subject"
        draw.resource[who] = {"reference": f"Patient/{other['id']}"}
        return [draw.resource]

    return edit


def on_the_record(draw: Draw) -> Units:
    """The fact where it belongs, though its patient has a record that was merged into it."""
    other_record(draw)
    return [draw.resource]


def other_record(draw: Draw, kind: str = "", **changes: Any) -> Resource:
    """Another record of the drawn fact's patient."""
    own = draw.corpus.patient_of(draw.resource)
    assert own is not None
    other = copy.deepcopy(own) | {"id": draw.new_id()} | changes
    numbers = [i for i in own["identifier"] if of_kind(i, kind)]
    other["identifier"] = copy.deepcopy(numbers) or [identifier("MR", draw.new_id())]
    if not kind:
        other["link"] = [{"other": {"reference": f"Patient/{own['id']}"}, "type": "replaced-by"}]
    draw.added.append(other)
    return other


def of_kind(number: Resource, kind: str) -> bool:
    """Whether an identifier is of the type."""
    return any(c.get("code") == kind for c in number.get("type", {}).get("coding", []))


def alike(variant: str, edit: Edit, *, found: bool = True, **more: Any) -> Case:
    """Two records that linkage looks at."""
    return Case("DUP-02", variant, "Patient", duplicate(edit), found, fresh=True, **more)


def overlaid(variant: str, edit: Callable[[Draw], Units], **more: Any) -> Case:
    """A Patient seen twice."""
    return Case("DUP-03", variant, "Patient", edit, where=complete, fresh=True, **more)


CASES = (
    alike("registered again", again),
    alike("nickname", nickname),
    alike("moved", moved),
    alike("another phone", new_phone),
    alike("a typo in the family name", typo),
    alike("names in each other's place", swapped),
    alike("another day of birth", other_day),
    alike("married", married),
    alike("accents", accents),
    alike("twins", twin_of, found=False),
    alike("a couple", spouse, found=False),
    alike("father and son of one name", junior, found=False),
    alike("namesakes", namesake, found=False),
    alike("sisters", sibling, found=False),
    Case("DUP-02", "the other is inactive", "Patient", duplicate(active=False), False, fresh=True),
    overlaid("another person's demographics", versions(another)),
    overlaid(
        "a newborn under the mother's number",
        of_two("MR", newborn),
        also=("DUP-01", "DUP-02", "TXT-07"),
    ),
    overlaid("two people under one SSN", of_two("SS", another), also=("DUP-01", "DUP-05")),
    overlaid("a birth date corrected", versions(corrected), found=False),
    overlaid("married in between", versions(married), found=False),
    overlaid("a nickname, and a birth date corrected", versions(nickname, corrected), found=False),
    overlaid("a newborn who was named", versions(named_since), found=False, also=("TXT-07",)),
    *(
        Case("DUP-10", f"{name} left behind by a merge", name, off_the_record())
        for name in ("Observation", "Condition", "MedicationRequest", "Immunization", "Procedure")
    ),
    Case(
        "DUP-10",
        "under a second record of one number",
        "Observation",
        off_the_record("MR"),
        also=("DUP-01", "DUP-02"),
    ),
    Case("DUP-10", "merged, and moved", "Observation", on_the_record, found=False),
)
