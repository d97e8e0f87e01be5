"""Whatever an EHR sends is read or refused: no body and no prefetch value breaks the service."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from uptake.delivery.cases import Facts, Got, Judged, Service
from uptake.delivery.hooks import Context, HookError, drafts_of, read_call
from uptake.delivery.prefetch import read_facts, resolve

WORDS = ("resourceType", "entry", "resource", "link", "relation", "next", "url", "total", "search",
         "mode", "match", "issue", "severity", "id", "subject", "patient", "reference", "Patient/p",
         "Patient/q", "p", "Bundle", "List", "Patient", "Observation", "OperationOutcome", "hook",
         "hookInstance", "context", "patientId", "draftOrders", "selections", "prefetch",
         "order-sign", "error")  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
RESOURCES = st.fixed_dictionaries(
    {"resourceType": st.sampled_from(("Bundle", "List", "Patient", "Observation"))},
    optional={"id": st.just("p"), "subject": VALUES, "entry": VALUES, "link": VALUES,
              "total": SCALARS},
)  # fmt: skip
BUNDLES = st.builds(
    lambda found, more: (
        {"resourceType": "Bundle", "entry": [{"resource": r} for r in found]} | more
    ),
    st.lists(RESOURCES | VALUES, max_size=3),
    st.fixed_dictionaries({}, optional={"link": VALUES, "total": SCALARS}),
)
SIGNED = Service("try", "order-sign", "Try", "", "care", (), lambda _: Judged("", ()))
LIST = {"resourceType": "List", "entry": [{"item": {}}]}
"""A resource that has entries, and is no Bundle."""
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@given(VALUES | BUNDLES)
@example({"resourceType": "Bundle", "entry": [{"resource": LIST}]})
def test_a_prefetch_value_is_facts(value: Any) -> None:
    found = read_facts(value, "p", "key")
    assert isinstance(found, Facts)
    assert bool(found.resources) == (found.got is Got.GIVEN)
    for resource in found.resources:
        subject = resource.get("subject")
        named = subject.get("reference") if isinstance(subject, dict) else None
        assert named != "Patient/q"


@given(st.binary(max_size=60) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_a_body_is_a_call_or_refused(body: bytes) -> None:
    try:
        call = read_call(body, SIGNED)
    except HookError:
        return
    assert call.hook == "order-sign"


@given(VALUES)
def test_draft_orders_are_read_or_refused(bundle: Any) -> None:
    context = {"patientId": "p", "draftOrders": bundle}
    body = {"hook": "order-sign", "hookInstance": "x", "context": context}
    try:
        call = read_call(json.dumps(body).encode(), SIGNED)
    except HookError:
        return
    assert all(draft["resourceType"] for draft in drafts_of(call))


@given(st.text(), st.text(), st.text())
def test_what_is_in_an_address_is_one_part_of_it(patient: str, user: str, stay: str) -> None:
    context = Context(patient, user, stay)
    for query in ("Patient/{{context.patientId}}", "Encounter/{{context.encounterId}}"):
        filled = resolve(query, context, NOW)
        assert filled is None or (filled.count("/") == 1 and ".." not in filled.split("/"))
