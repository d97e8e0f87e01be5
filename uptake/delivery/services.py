"""The CDS Hooks services that are offered. In: nothing; out: their definitions, for discovery.

https://cds-hooks.hl7.org/2.0/#discovery
"""

from __future__ import annotations

from dataclasses import dataclass

MEDICATIONS = "medication-reconciliation"


@dataclass(frozen=True, slots=True)
class Service:
    """One service: a hook, and what it is asked for there. It needs no prefetch."""

    id: str
    hook: str
    title: str
    description: str
    use_case: str

    def discovery(self) -> dict[str, str]:
        """Return what discovery says of the service."""
        return {
            "id": self.id,
            "hook": self.hook,
            "title": self.title,
            "description": self.description,
        }


_WHAT = (
    "Says which medications of outside sources (pharmacies, other hospitals) are not in the "
    "chart's home list, or differ from it in strength or use, with date and source. No difference, "
    "no card."
)
SERVICES = {
    service.id: service
    for service in (
        Service(
            f"outside-medications-{hook}",
            hook,
            f"Outside medications, when {when}",
            _WHAT,
            MEDICATIONS,
        )
        for hook, when in (
            ("patient-view", "a chart is opened"),
            ("encounter-start", "a stay begins"),
            ("encounter-discharge", "a patient goes home"),
        )
    )
}
"""By id. Most EHRs have no encounter hooks: patient-view takes their place."""


def discovery() -> dict[str, list[dict[str, str]]]:
    """Return the answer to `GET /cds-services`."""
    return {"services": [service.discovery() for service in SERVICES.values()]}
