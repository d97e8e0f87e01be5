"""Make the reference tables `given_variant` and `family_variant`: which spellings are one name's.

    uv pip install --target /tmp/nicknames nicknames==1.0.1
    python scripts/given_variants.py /tmp/nicknames

In: the folder where the PyPI package `nicknames` 1.0.1 (Apache-2.0) lies, English names; beside
this script `given_variants_world.csv`, the other languages and what stands before the package,
`given_variants_left_out.csv`, what is not taken from it, and `family_variants_world.csv`; the
table `family_ending`. Out: rows of variant and root; a root has a row of its own, so that two names
are variants of one where a root of theirs is the same. The same input gives the same bytes.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent
REFERENCE = HERE.parent / "uptake" / "content" / "reference"
GIVEN = """\
# Short forms, spellings and transliterations of given names: two given names may be one person's
# where a root of theirs is the same (Bob, Robert; Yousef, Yusuf). A name may have several roots
# (Alex); a root has a row of its own, and no other. Normal form: small Latin letters without
# accents, words parted by one blank.
# No variants, on purpose: translations (John, Juan), a man's and a woman's form (Daniel, Daniela),
# names that are merely alike (Maria, Marie): members of one family bear them, and the comparison of
# spellings sees likeness.
# Sources: PyPI nicknames 1.0.1 (Carlton Northern, Nick Crews; Apache License 2.0), changed: rows
# left out, roots resolved; rows of our own for other languages.
# Made by scripts/given_variants.py: change its sources instead.
"""
FAMILY = """\
# Spellings and transliterations of surnames that are one name: two surnames may be one where their
# root is the same (Mueller, Muller; Chowdhury, Chaudhry). A root has a row of its own; it is in the
# form that family_ending leaves (vazques). Surnames are looked up without particles, as written or
# in that form. Normal form as in given_variant.
# Left out: spellings that are two families' (Meier, Mayer; Clark, Clarke), readings of one Chinese
# or Korean sign (Chan, Chen): nobody is called by both.
# Sources: our own rows; Arabic, Somali and Persian ones are given_variant's, as given names are
# surnames there. Made by scripts/given_variants.py: change its sources instead.
"""
FATHERS = frozenset({"ar", "fa", "so"})
"""Languages in which a surname is often a father's given name."""

Roots = Mapping[str, Collection[str]]
"""A name to its roots."""
Rows = set[tuple[str, str]]
"""Variant and root."""


def table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file without the comments at its top."""
    lines = path.read_text("utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def read_world(name: str) -> Iterator[tuple[str, str, str]]:
    """Give (language, variant, root) of a file of ours."""
    for row in table(HERE / name):
        for variant in row["variants"].split():
            yield row["language"], variant.replace("_", " "), row["root"]


def read_package(names: Path) -> Iterator[tuple[str, str]]:
    """Give the package's (variant, formal name), less what is left out."""
    left_out: dict[str, set[str]] = defaultdict(set)
    for row in table(HERE / "given_variants_left_out.csv"):
        left_out[row["as"]].update(row["names"].split())
    for row in table(names):
        formal, short = row["name1"], row["name2"]
        if not (formal + short).isalpha() or not (formal + short).isascii():
            continue
        if formal not in left_out["formal"] and short not in left_out["short"]:
            yield short, formal


def given_names(package: list[tuple[str, str]]) -> Rows:
    """Return ours and the package's rows; its formal names are replaced by their roots."""
    rows = {(variant, root) for _, variant, root in read_world("given_variants_world.csv")}
    world: dict[str, set[str]] = defaultdict(set)
    for variant, root in rows:
        world[variant].add(root)
    ours = {root for _, root in rows}
    shorts = {short for short, _ in package}
    for short, formal in package:
        roots = world.get(formal, {formal})
        # A formal name that is short for others would join names that have nothing in common.
        if short in ours or len(roots) > 1 or (formal in shorts - ours and formal not in world):
            continue
        rows.update((short, root) for root in roots if root != short)
    return rows


def surnames() -> Rows:
    """Return the variants of surnames, as written and as their endings leave them."""
    given = read_world("given_variants_world.csv")
    rows = {(v, root) for language, v, root in given if language in FATHERS and len(v) > 2}
    rows.update((v, root) for _, v, root in read_world("family_variants_world.csv"))
    return {
        (form, ended(root)) for variant, root in rows for form in (variant, ended(variant), root)
    }


def ended(surname: str) -> str:
    """Return the surname with its ending as `family_ending` has it."""
    for row in sorted(table(REFERENCE / "family_ending.csv"), key=lambda r: -len(r["ending"])):
        stem = surname.removesuffix(row["ending"])
        if stem != surname and len(stem) >= int(row["stem integer"]):
            return stem + row["becomes"]
    return surname


def write(name: str, head: str, rows: Rows) -> None:
    """Write a table; raise ValueError where a root is a variant of another."""
    roots = {root for _, root in rows}
    if both := sorted(roots & {variant for variant, root in rows if variant != root}):
        raise ValueError(f"{name}: roots that are variants: {', '.join(both)}")
    every = sorted(rows | {(root, root) for root in roots})
    lines = "".join(f"{variant},{root}\n" for variant, root in every)
    (REFERENCE / f"{name}.csv").write_text(f"{head}variant,root\n{lines}", "utf-8")
    print(f"{name}: {len(every)} rows, {len(roots)} roots")


def main() -> None:
    """Write both tables."""
    package = list(read_package(Path(sys.argv[1]) / "nicknames" / "names.csv"))
    write("given_variant", GIVEN, given_names(package))
    write("family_variant", FAMILY, surnames())


if __name__ == "__main__":
    main()
