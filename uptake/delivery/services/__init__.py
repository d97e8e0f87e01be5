"""The CDS Hooks services that are offered. In: the modules of this folder; out: their services.

One module a use case, with `SERVICES`: the folder is the registry. A module whose services hang on
the project has `of_project`, which is given its folder.
https://cds-hooks.hl7.org/2.0/#discovery
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from uptake.delivery.prefetch import offered

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.delivery.cases import Service


@functools.cache
def services(folder: Path | None = None) -> Mapping[str, Service]:
    """Return every service by its id, as a project's folder has them; read once.

    Two of one id raise ValueError, faults in the project's files DefinitionError.
    """
    found: dict[str, Service] = {}
    for name in sorted(m.name for m in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{name}")
        held = module.of_project(folder) if hasattr(module, "of_project") else module.SERVICES
        for service in held:
            if service.id in found:
                raise ValueError(f"two services have the id {service.id}")
            found[service.id] = service
    return MappingProxyType(found)


def discovery(
    folder: Path | None = None, *, today: bool = False
) -> dict[str, list[dict[str, Any]]]:
    """Return the answer to `GET /cds-services` of a project; what would be empty is left out.

    `today`: every EHR understands `today()` in a prefetch template.
    """
    return {"services": [_described(service, today) for service in services(folder).values()]}


def _described(service: Service, today: bool) -> dict[str, Any]:
    said: dict[str, Any] = {
        "hook": service.hook,
        "id": service.id,
        "title": service.title,
        "description": service.description,
        "prefetch": offered(service.needs, today),
        "usageRequirements": service.usage,
    }
    return {name: value for name, value in said.items() if value}
