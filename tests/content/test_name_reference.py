"""Names, particles, titles, street words: in normal form, without contradiction, nobody joined."""

from __future__ import annotations

import re
from collections import defaultdict
from importlib import resources
from itertools import pairwise
from pathlib import Path

import pytest

from uptake.definitions.reference import shipped_reference_tables

FOLDER = Path(str(resources.files("uptake"))) / "content" / "reference"
NORMAL = re.compile(r"[a-z0-9]+( [a-z0-9]+)*")
MOST_BYTES = {
    "given_variant": 250_000,
    "given_name": 410_000,
    "family_variant": 60_000,
    "family_ending": 6_000,
    "name_particle": 6_000,
    "name_word": 20_000,
    "street_word": 20_000,
}
APART = """
daniel=daniela, daniel=danielle, eric=erica, gabriel=gabriela, gabriel=gabrielle,
michael=michelle, carl=carla, paul=paula, martin=martina, louis=louise, luis=luisa,
alexander=alexandra, andrew=andrea, andreas=andrea, anthony=antonia, robert=roberta,
george=georgia, henry=henrietta, samuel=samantha, joseph=josephine, julian=juliana,
christian=christina, valery=valeria, evgeny=evgenia, victor=victoria, fernando=fernanda,
francisco=francisca, mario=maria, khalid=khalida, samir=samira, karim=karima, jamal=jamila,
stephen=stephanie, patrick=patricia, nicholas=nicole, brian=brianna, frances=francis, jan=jane,
jan=jean, jane=janet, jane=joan, janet=janice, joan=joanna, jean=jeanne, ann=anna, anne=annette,
anna=hannah, anna=joanna, maria=marie, maria=mary, mary=marie, mary=molly, emma=emily, ella=ellen,
helen=ellen, helen=eleanor, elizabeth=lisa, elizabeth=isabel, linda=melinda, julia=julie,
carol=caroline, christine=christina, christine=christian, christopher=christian,
kathleen=catherine, catherine=karen, nancy=ann, sarah=sally, theresa=tracy, dorothy=dora,
margaret=megan, margaret=rita, alice=lisa, nina=anna, john=jonathan, john=juan, john=ivan,
john=ian, john=hans, william=liam, aaron=erin, aaron=ron, lee=leroy, leo=leon, mark=marcus,
mark=martin, louis=lewis, alexander=alexis, harold=henry, sam=samir, evan=owen, hassan=hussein,
muhammad=ahmad, muhammad=mahmoud, ahmad=mahmoud, musa=mustafa, omar=amir, ali=alison,
amina=aminata, amina=yamina, abdullah=abdulrahman, abdulaziz=abdulkarim, yusuf=joseph,
ibrahim=abraham, musa=moses, dawud=david, salim=salem, rashid=rashad, ivan=ian, olga=helga,
alexei=alexander, maxim=maximilian, natalia=natalie, daniil=daniel, sofia=sophie, pedro=paulo,
tiago=santiago, luigi=luisa, fernando=hernando, rajesh=ramesh, suresh=ramesh, amit=ajit,
anil=sunil, sita=geeta, deepa=deepak, kofi=kwame, adebayo=adewale, olumide=olusegun, wei=wen,
jing=jin, mei=mai, hans=heinrich, fritz=franz
"""
"""Two people's names, of siblings, twins or a couple more often than not."""
TOGETHER = """
bob=robert, bill=william, liz=elizabeth, betty=elizabeth, peggy=margaret, jack=john, jon=john,
jon=jonathan, jim=james, dick=richard, harry=henry, ted=edward, mandy=amanda, kate=kathryn,
becky=rebecca, stephen=steven, alex=alexander, alex=alexandra, alex=alejandro, joe=joseph,
joe=jose, mike=miguel, pepe=jose, paco=francisco, chico=francisco, lupe=guadalupe, memo=guillermo,
chuy=jesus, nacho=ignacio, beto=roberto, chema=jose maria, ze=jose, beppe=giuseppe, hans=johannes,
sepp=josef, uschi=ursula, juergen=jurgen, niels=nils, kasia=katarzyna, gosia=malgorzata,
sasha=aleksandr, oleksandr=alexander, volodymyr=vladimir, kateryna=ekaterina, katya=yekaterina,
mohammed=muhammad, mohamad=mohamed, moh=muhammad, md=mohammad, mo=mohamed, maxamed=mohamed,
yousef=youssef, yusuf=yousuf, fatma=fatima, fatemeh=fatimah, abdul rahman=abdulrahman,
abdirahman=abdelrahman, usman=othman, kostas=konstantinos, yannis=ioannis, moishe=moshe,
laxmi=lakshmi, dipak=deepak, hossein=hussain, kojo=kwadwo, seun=oluwaseun, emeka=chukwuemeka,
djoko=joko, goekhan=gokhan, jhon=john
"""
SURNAMES = """
mueller=muller, vasquez=vazquez, gonzales=gonzalez, ivanova=ivanov, ivanoff=ivanov,
kowalska=kowalski, dostoyevskaya=dostoyevsky, nikolayeva=nikolaev, chowdhury=chaudhry,
mohamed=muhammad, oeztuerk=ozturk, papadopoulou=papadopoulos, hoffmann=hoffman,
petrosian=petrosyan, soekarno=sukarno, yegorova=egorov
"""
SURNAMES_APART = """
hansen=hanson, meier=mayer, clark=clarke, smith=smyth, cohen=kohn, medina=medin, martin=martina,
molina=molin, novak=nowak, chan=chen, lee=li, burger=berger, pavlov=pavlovic, olivera=oliveira,
hassan=hussein, garcia=gracia, martinez=martin, perez=peters, young=yang, ali=alvi
"""


def rows(name: str) -> list[dict[str, object]]:
    table = shipped_reference_tables()[name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def roots(name: str) -> dict[str, set[str]]:
    found = defaultdict(set)
    for row in rows(name):
        found[str(row["variant"])].add(str(row["root"]))
    return found


def pairs(text: str) -> list[tuple[str, ...]]:
    return [tuple(pair.split("=")) for pair in " ".join(text.split()).split(", ")]


def ended(surname: str) -> str:
    """Return the surname as the head of family_ending says."""
    for row in sorted(rows("family_ending"), key=lambda row: -len(str(row["ending"]))):
        stem = surname.removesuffix(str(row["ending"]))
        if stem != surname and len(stem) >= int(str(row["stem"])):
            return stem + str(row["becomes"])
    return surname


def surname_root(surname: str) -> str:
    known = roots("family_variant").get(ended(surname))
    return min(known) if known else ended(surname)


@pytest.mark.parametrize("name", MOST_BYTES)
def test_values_are_in_normal_form_sorted_and_said_once(name: str) -> None:
    prose = {"note", "kind", "place"}
    for row in rows(name):
        for column, value in row.items():
            if isinstance(value, str) and column not in prose:
                assert NORMAL.fullmatch(value), (column, value)
    lines = (FOLDER / f"{name}.csv").read_text("utf-8").splitlines()
    body = [line.split(",") for line in lines if not line.startswith("#")][1:]
    assert body == sorted(body)
    assert all(one != other for one, other in pairwise(body))
    assert shipped_reference_tables()[name].sources.count("Sources:") == 1
    assert (FOLDER / f"{name}.csv").stat().st_size <= MOST_BYTES[name]


@pytest.mark.parametrize("name", ["given_variant", "family_variant"])
def test_a_root_is_its_own_root_and_nobody_elses_variant(name: str) -> None:
    found = roots(name)
    for root in set().union(*found.values()):
        assert found[root] == {root}


def test_a_surname_has_one_root() -> None:
    assert {v: r for v, r in roots("family_variant").items() if len(r) > 1} == {}


@pytest.mark.parametrize(("one", "other"), pairs(APART), ids="-".join)
def test_names_of_two_people_stay_apart(one: str, other: str) -> None:
    found = roots("given_variant")
    assert found.get(one, {one}).isdisjoint(found.get(other, {other}))


@pytest.mark.parametrize(("one", "other"), pairs(TOGETHER), ids="-".join)
def test_forms_of_one_name_share_a_root(one: str, other: str) -> None:
    found = roots("given_variant")
    assert found[one] & found[other]


def test_no_short_form_means_half_of_all_names() -> None:
    found = roots("given_variant")
    assert max(len(names) for names in found.values()) <= 16


@pytest.mark.parametrize(("one", "other"), pairs(SURNAMES), ids="-".join)
def test_spellings_of_one_surname_share_a_root(one: str, other: str) -> None:
    assert surname_root(one) == surname_root(other)


@pytest.mark.parametrize(("one", "other"), pairs(SURNAMES_APART), ids="-".join)
def test_two_surnames_stay_apart(one: str, other: str) -> None:
    assert surname_root(one) != surname_root(other)


def test_an_ending_is_changed_once() -> None:
    """What an ending becomes is no ending: the form of a form is the form."""
    endings = rows("family_ending")
    assert len({row["ending"] for row in endings}) == len(endings)
    for row in endings:
        formed = "x" * 9 + str(row["becomes"])
        assert ended(formed) == formed, row
    for variant in roots("family_variant"):
        assert ended(ended(variant)) == ended(variant)


def test_each_word_has_one_meaning() -> None:
    for name, key in [
        ("name_word", ("word",)),
        ("name_particle", ("particle",)),
        ("street_word", ("word", "place")),
    ]:
        seen = [tuple(row[column] for column in key) for row in rows(name)]
        assert len(set(seen)) == len(seen), name
    assert {row["place"] for row in rows("name_particle")} == {"before", "between", "joined"}
    assert {row["place"] for row in rows("street_word")} == {None, "ending"}


def test_what_a_street_word_means_is_not_changed_again() -> None:
    words = {row["word"] for row in rows("street_word") if row["place"] is None}
    assert words.isdisjoint({row["means"] for row in rows("street_word")})


def test_words_of_names_are_of_known_kinds() -> None:
    for row in rows("name_word"):
        assert row["kind"] in {"honorific", "suffix", "newborn", "placeholder"}
        assert (row["means"] in {"jr", "sr", "ii", "iii", "iv", "v"}) == (row["kind"] == "suffix")
        assert isinstance(row["alone"], bool)


def test_no_title_or_placeholder_is_a_name_of_somebody() -> None:
    """What is taken off wherever it stands is no frequent given name or surname."""
    words = {row["word"] for row in rows("name_word") if not row["alone"]}
    names = {*roots("given_variant"), *roots("family_variant")}
    names |= {
        "self",
        "sample",
        "patient",
        "sheikh",
        "syed",
        "begum",
        "do",
        "ma",
        "na",
        "null",
        "doe",
    }
    assert words.isdisjoint(names)
