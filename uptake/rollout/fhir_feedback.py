"""A report as FHIR R4. In: an item of the queue; out: its Task and its Communications, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uptake.rollout.feedback_evidence import resources_of

if TYPE_CHECKING:
    from datetime import datetime

    from uptake.rollout.feedback_queue import Item

_STATUS = {
    "new": "requested",
    "assigned": "accepted",
    "changed": "in-progress",
    "not clean": "in-progress",
    "reopened": "requested",
    "closed": "completed",
}
"""How an item stands to the status of a Task; its businessStatus has our word."""


def as_task(item: Item) -> tuple[dict[str, Any], ...]:
    """Return a Task, the Communication it answers, and the answer if there is one.

    The reporter is named by a display alone: the id of an account is nobody's business outside.
    """
    said = _communication(f"{item.id}-report", item.text, item.at)
    found = [_task(item), said]
    answers = [s for s in item.steps if s.what == "answered"]
    if answers:
        told = _communication(f"{item.id}-answer", answers[-1].note, answers[-1].at)
        told["inResponseTo"] = [{"reference": f"Communication/{said['id']}"}]
        found.append(told)
    return tuple(found)


def _task(item: Item) -> dict[str, Any]:
    task: dict[str, Any] = {
        "resourceType": "Task",
        "id": item.id,
        "status": _STATUS[item.status],
        "businessStatus": {"text": item.status},
        "intent": "order",
        "code": {"text": item.kind},
        "reasonReference": {"reference": f"Communication/{item.id}-report"},
        "authoredOn": item.at.isoformat(),
        "lastModified": max((s.at for s in item.steps), default=item.at).isoformat(),
    }
    if item.owner:
        task["owner"] = {"display": item.owner}
    if item.role or item.unit:
        task["requester"] = {"display": ", ".join(part for part in (item.role, item.unit) if part)}
    about = [{"reference": f"{one.type}/{one.id}"} for one in resources_of(item.about)]
    if about:  # a Task has one focus
        task["focus"] = about[0]
    if about[1:]:
        task["input"] = [{"type": {"text": "about"}, "valueReference": one} for one in about[1:]]
    notes = [s for s in item.steps if s.what == "changed"]
    if notes:
        task["note"] = [{"text": s.note, "time": s.at.isoformat()} for s in notes]
    return task


def _communication(key: str, text: str, at: datetime) -> dict[str, Any]:
    return {
        "resourceType": "Communication",
        "id": key,
        "status": "completed",
        "payload": [{"contentString": text}],
        "sent": at.isoformat(),
    }
