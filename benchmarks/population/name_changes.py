"""In: a registered person, a clerk's world. Out: what may become of a name, a function each."""

from __future__ import annotations

from benchmarks.population.wrong import PARTICLE, Fields, Row, World, folded, replaced, typo


def nickname(row: Row, world: World) -> Fields | None:
    known = world.culture.nicknames.get(row["given"].replace(" ", "_"))
    return {"given": world.random.choice(known.split())} if known else None


def initial(row: Row, _: World) -> Fields | None:
    return {"given": row["given"][0]} if len(row["given"]) > 1 and row["family"] else None


def given_missing(row: Row, _: World) -> Fields | None:
    return {"given": "", "middle": ""} if row["family"] else None


def second_given_first(row: Row, world: World) -> Fields | None:
    """The second given name is the one in use; a culture's own middle name joins the given name."""
    middle = row["middle_full"]
    if not (middle and row["given"]) or world.culture.middle not in ("given", "own"):
        return None
    if world.culture.middle == "own":
        return {"given": f"{middle} {row['given']}", "middle": ""}
    return {"given": middle, "middle": world.random.choice(("", row["given"], row["given"][0]))}


def typo_given(row: Row, world: World) -> Fields | None:
    wrong = typo(row["given"], world.random)
    return {"given": wrong} if wrong else None


def typo_family(row: Row, world: World) -> Fields | None:
    wrong = typo(row["family"], world.random)
    return {"family": wrong} if wrong else None


def swapped_names(row: Row, _: World) -> Fields | None:
    if not (row["given"] and row["family"]):
        return None
    return {"given": row["family"], "family": row["given"]}


def order(row: Row, world: World) -> Fields | None:
    """Where the surname comes first, it is taken for the given name, or all goes into one field."""
    if not (row["given"] and row["family"]):
        return None
    if world.random.random() < 0.7:
        return swapped_names(row, world)
    whole = f"{row['family']} {row['given']}"
    return {"given": whole, "family": row["family"], "middle": ""}


def surname_change(row: Row, world: World) -> Fields | None:
    """A marriage or a divorce."""
    if not may_change(row, world):
        return None
    if row["married_name"] and row["maiden"]:
        return {"family": row["maiden"], "maiden": ""}
    new = world.culture.feminine(world.surname())
    return None if new == row["family"] else {"family": new, "maiden": row["family"]}


def may_change(row: Row, world: World) -> bool:
    """A grown woman of a culture in which some wives take the husband's name."""
    return (
        row["gender"] == "F"
        and row["years"] >= 18
        and row["family"] != ""
        and world.culture.wife_takes > 0
    )


def hyphen(row: Row, world: World) -> Fields | None:
    """A second surname is added with a hyphen, or one of the two is dropped."""
    parts = row["family"].split("-")
    if len(parts) == 2 and min(map(len, parts)) > 2:
        return {"family": world.random.choice(parts)}
    if not may_change(row, world):
        return None
    second = world.culture.feminine(world.surname())
    return (
        None
        if second == row["family"]
        else {"family": f"{row['family']}-{second}", "maiden": row["family"]}
    )


def second_surname(row: Row, world: World) -> Fields | None:
    first, second = row["part1"], row["part2"]
    if not second or second == first:
        return None
    if row["family"] == first:
        return {
            "family": world.random.choice(
                (f"{first} {second}", f"{first}-{second}", f"{first} {second}", second)
            )
        }
    last = second if world.culture.family == "mother father" else first
    return {"family": world.random.choice((last, last, last, f"{first}-{second}", first, second))}


def particle(row: Row, world: World) -> Fields | None:
    found = PARTICLE.match(row["family"])
    if not found:
        return None
    before, _, name = found.groups()
    ways = [
        f"{before} {name}",
        before.replace(" ", "") + name,
        before.replace(" ", "") + name.lower(),
        name,
        f"{before}-{name}",
    ]
    if before.lower() in ("al", "el"):
        other = "El" if before.lower() == "al" else "Al"
        ways += [f"{other}-{name}", f"{other} {name}"]
    ways = [way[0].upper() + way[1:] for way in ways]
    return changed({"family": world.random.choice(ways)}, row)


def accents(row: Row, world: World) -> Fields | None:
    """Marks become two letters, or are lost."""
    found: Fields = {}
    for field in ("given", "family"):
        text = row[field]
        if text.isascii():
            continue
        if world.random.random() < 0.6:
            for letter, letters in world.culture.expansions.items():
                text = text.replace(letter, letters)
        found[field] = text if text != row[field] else folded(text).title()
    return changed(found, row)


def spacing(row: Row, world: World) -> Fields | None:
    """Hyphens, blanks and apostrophes come and go; two syllables are written apart or together."""
    ways: list[Fields] = []
    if row["given"] in world.given_parts:
        first, second = world.given_parts[row["given"]]
        ways += [
            {"given": f"{first} {second.title()}"},
            {"given": f"{first}-{second.title()}"},
            {"given": f"{first}-{second}"},
            {"given": first, "middle": second.title()},
        ]
    for field in ("given", "family"):
        for mark in "-' ":
            if mark in row[field]:
                first, _, rest = row[field].partition(mark)
                ways += [
                    {field: first + (" " if mark == "-" else "") + rest},
                    {field: first + rest.lower()},
                ]
                if field == "given" and mark != "'":
                    ways.append({"given": first})
    return changed(world.random.choice(ways), row) if ways else None


def transliteration(row: Row, world: World) -> Fields | None:
    """Another spelling of the same name, from the groups or by one sound."""
    field = world.random.choice(("given", "family"))
    if other := other_spelling(row[field], world):
        return {field: other}
    letters = tuple((a, b) for a, b in world.culture.letters) + tuple(
        (b, a) for a, b in world.culture.letters if len(b) > 1
    )
    text = replaced(row[field], letters, world.random)
    return {field: text} if text else None


def spelling(row: Row, world: World) -> Fields | None:
    field = world.random.choice(("given", "family"))
    other = other_spelling(row[field], world)
    return {field: other} if other else None


def other_spelling(text: str, world: World) -> str | None:
    """The text with one of its words spelt as another of its group."""
    if others := world.spellings.get(text):
        return world.random.choice(others)
    words = text.split(" ")
    for at, word in enumerate(words):
        if others := world.spellings.get(word):
            return " ".join((*words[:at], world.random.choice(others), *words[at + 1 :]))
    return None


def patronymic(row: Row, world: World) -> Fields | None:
    """The father's name in the middle: there in one record, absent in the other; or with bin."""
    if row["middle"]:
        return {"middle": ""}
    father = row["middle_full"] or row["father_given"]
    if not father:
        return None
    words = world.culture.father_word
    return {
        "middle": f"{world.random.choice(words)} {father}"
        if words and world.random.random() < 0.4
        else father
    }


def gendered(row: Row, _: World) -> Fields | None:
    """A woman's surname is written in the man's form."""
    if row["family"] != row["part1"] or row["masculine"] == row["family"]:
        return None
    return {"family": row["masculine"]}


def western_name(row: Row, world: World) -> Fields | None:
    """The Western name is given first, and the name at home goes to the middle, or is left out."""
    if not row["western"]:
        return None
    ways = (
        {"given": row["western"], "middle": row["given"]},
        {"given": row["western"], "middle": ""},
        {"given": f"{row['western']} {row['given']}"},
    )
    return world.random.choice(ways)


def initials(row: Row, world: World) -> Fields | None:
    """The father's initial before the name, or the surname as an initial: S. Ramesh, Ramesh K."""
    if row["father_given"] and world.random.random() < 0.6:
        return {"given": f"{row['father_given'][0]}. {row['given']}", "middle": ""}
    return {"family": row["family"][0]} if len(row["family"]) > 1 else None


def single_form(row: Row, world: World) -> Fields | None:
    """One name that has to fill two fields: twice, as FNU, or the second field left empty."""
    if row["family"] and not world.culture.single:
        return None
    if row["family"]:
        return {"family": ""} if len(row["given"]) > 3 else None
    return world.random.choice(({"family": row["given"]}, {"given": "FNU", "family": row["given"]}))


def grandfather(row: Row, _: World) -> Fields | None:
    """The third name is taken for the surname."""
    if not row["grandfather"] or row["grandfather"] == row["family"]:
        return None
    return {"middle": row["family"], "family": row["grandfather"]}


def named(row: Row, _: World) -> Fields | None:
    """A newborn gets its name."""
    if row["kind"] != "newborn":
        return None
    return {"given": row["own_given"], "family": row["part1"]}


def changed(fields: Fields, row: Row) -> Fields | None:
    """The fields, unless none of them differs."""
    return fields if any(row[name] != value for name, value in fields.items()) else None
