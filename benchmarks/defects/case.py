"""In: a resource drawn from the clean corpus. Out: the same with one defect, or one near-miss."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from benchmarks.corpus import Corpus, Resource, clinical_time

Units = list[Resource] | bytes | None


@dataclass
class Draw:
    """A resource to spoil, with what surrounds it. New resources go into `added`."""

    resource: Resource
    corpus: Corpus
    random: Random
    added: list[Resource] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        """The clinical time of the drawn resource."""
        sent = clinical_time(self.resource)
        assert sent is not None
        return datetime.fromisoformat(sent)

    @property
    def born(self) -> datetime:
        """Midnight of the patient's birthDate."""
        patient = self.corpus.patient_of(self.resource)
        assert patient is not None
        return datetime.fromisoformat(patient["birthDate"])

    @property
    def encounter(self) -> Resource:
        """The encounter of the drawn resource."""
        found = self.corpus.find(self.resource["encounter"])
        assert found is not None
        return found

    def new_id(self) -> str:
        """An id that the seed decides."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def twin(self, **changes: Any) -> Resource:
        """A copy under another id, changed and added to the corpus."""
        other = copy.deepcopy(self.resource) | changes | {"id": self.new_id()}
        self.added.append(other)
        return other

    def somebody_else(self, patient: Resource) -> None:
        """Make a copy of a Patient another person: nothing that tells who one is stays."""
        first, second = self.random.choices(self.corpus.resources["Patient"], k=2)
        family = second["name"][0]["family"]
        patient["name"] = [copy.deepcopy(first["name"][0]) | {"family": family}]
        born = date.fromisoformat(patient["birthDate"]) - timedelta(self.random.randrange(2, 300))
        # Software writes a first of January where it knows the year alone.
        patient["birthDate"] = str(born - timedelta((born.month, born.day) == (1, 1)))
        number = f"{self.random.randrange(10_000_000):07}"
        for contact in patient.get("telecom", []):
            contact["value"] = f"555-{number[:3]}-{number[3:]}"
        for place in patient.get("address", []):
            place["line"] = [f"{self.random.randrange(1, 9999)} {family} Road"]


@dataclass(frozen=True)
class Case:
    """One variant of a defect (`found`), or of what only looks like one (not `found`).

    `edit` changes the drawn resource, which is then the one to be found; it may return other
    units instead: several resources, or the bytes of a record that no parser should take.
    `also` names the checks that rightly fire too. `fresh` draws a copy, so that nothing else
    refers to what is spoilt.
    """

    check: str
    variant: str
    on: str
    edit: Callable[[Draw], Units]
    found: bool = True
    also: tuple[str, ...] = ()
    where: Callable[[Resource], bool] | None = None
    fresh: bool = False


def quantity(resource: Resource) -> bool:
    """A laboratory or vital-signs result with one numeric value."""
    return "valueQuantity" in resource


def laboratory(resource: Resource) -> bool:
    """A numeric laboratory result."""
    return quantity(resource) and category(resource) == "laboratory"


def vital_sign(resource: Resource) -> bool:
    """A numeric vital sign."""
    return quantity(resource) and category(resource) == "vital-signs"


def coded(resource: Resource) -> bool:
    """An Observation whose value is a concept."""
    return "valueCodeableConcept" in resource


def findings(resource: Resource) -> bool:
    """An Observation that may say several things at once: `Physical findings of Prostate`."""
    return coded(resource) and "findings" in resource["code"].get("text", "").lower()


def answer(resource: Resource) -> bool:
    """An Observation with one answer, a concept."""
    return coded(resource) and not findings(resource)


def panel(resource: Resource) -> bool:
    """A blood pressure: components, no value of its own."""
    return "component" in resource and "valueQuantity" not in resource


def category(resource: Resource) -> str:
    """The code of the first category."""
    return str(resource["category"][0]["coding"][0]["code"])


def put(path: str, value: Any) -> Callable[[Draw], None]:
    """An edit that sets the element at a dotted path; a callable gets the draw."""
    *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))

    def edit(draw: Draw) -> None:
        node: Any = draw.resource
        for step in parents:
            node = node[step]
        node[last] = value(draw) if callable(value) else copy.deepcopy(value)

    return edit


def drop(*paths: str) -> Callable[[Draw], None]:
    """An edit that removes the elements at the dotted paths."""

    def edit(draw: Draw) -> None:
        for path in paths:
            *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
            node: Any = draw.resource
            for step in parents:
                node = node[step]
            node.pop(last, None)

    return edit


def replace(removed: str, **elements: Any) -> Callable[[Draw], None]:
    """An edit that puts other elements where one was (mostly another choice type)."""

    def edit(draw: Draw) -> None:
        told = {
            name: value(draw) if callable(value) else copy.deepcopy(value)
            for name, value in elements.items()
        }
        draw.resource.pop(removed, None)
        draw.resource.update(told)

    return edit


def moved(**by: float) -> Callable[[Draw], str]:
    """The clinical time shifted by a timedelta, as text with its offset."""
    return lambda draw: (draw.at + timedelta(**by)).isoformat()


def told(layout: str) -> Callable[[Draw], str]:
    """The clinical time in another layout of strftime."""
    return lambda draw: draw.at.strftime(layout)
