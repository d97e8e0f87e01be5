"""What belongs to the orders of one patient. In: resources as they were sent; out: one dossier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.resources.elements import extensions, members, name_of, reference_of, value_of

if TYPE_CHECKING:
    from uptake.authorization.rules import Payer

Resource = Mapping[str, Any]
PAS = "http://hl7.org/fhir/us/davinci-pas/StructureDefinition"
_REQUESTED = f"{PAS}/extension-requestedService"


@dataclass(frozen=True, slots=True)
class Dossier:
    """The resources of one patient; what was not sent is empty."""

    coverages: Sequence[Resource] = ()
    claims: Sequence[Resource] = ()
    responses: Sequence[Resource] = ()
    documents: Sequence[Resource] = ()
    """DocumentReferences and QuestionnaireResponses."""
    services: Sequence[Resource] = ()
    """Procedures, DiagnosticReports, Encounters."""
    patients: Sequence[Resource] = ()
    payers: Sequence[Payer] = ()

    def claims_of(self, order: Resource) -> tuple[Resource, ...]:
        """Return the requests for an authorization of an order, the first sent first."""
        name = name_of(order)
        found = [
            claim
            for claim in self.claims
            if claim.get("use") == "preauthorization"
            and claim.get("status") in ("active", None)
            and name in _asked_for(claim)
        ]
        return tuple(sorted(found, key=lambda c: (str(c.get("created") or ""), name_of(c))))

    def answers_to(self, claims: Sequence[Resource]) -> tuple[Resource, ...]:
        """Return the payer's answers to requests."""
        asked = {name_of(claim) for claim in claims}
        return tuple(r for r in self.responses if reference_of(r.get("request")) in asked)


def items_for(order: Resource, claims: Iterable[Resource]) -> dict[str, tuple[object, ...]]:
    """Return the numbers of the items that are for an order, by request.

    A request whose items name no order is not there: all of it is for the order.
    """
    found = {}
    for claim in claims:
        named = [(item.get("sequence"), _services(item)) for item in members(claim.get("item"))]
        if any(services for _, services in named):
            own = (number for number, services in named if name_of(order) in services)
            found[name_of(claim)] = tuple(own)
    return found


def _asked_for(claim: Resource) -> set[str]:
    """Return the orders a request is for: of the whole, or of its items."""
    named = {name for item in members(claim.get("item")) for name in _services(item)}
    return (named | {reference_of(claim.get("referral"))}) - {""}


def _services(item: Resource) -> set[str]:
    """Return the orders an item is for."""
    return {reference_of(value_of(e)) for e in extensions(item, _REQUESTED)} - {""}
