"""The surfaces as the project defines them. In: nothing; out: Markdown by code."""

from __future__ import annotations

from uptake.demo.hospital.usage.access import ALERTS, PORTAL, VISITS, WORKLIST

SURFACES = {
    PORTAL: f"""\
+++
code = "{PORTAL}"
title = "The outside-records portal"
kind = "portal"
use_cases = ["medication-reconciliation"]
zone = "America/Chicago"

[columns]
at = "Event Time"
action = "Event"
practitioner = "User ID"
patient = "MRN"
seconds = "Session seconds"

[actions]
"Records available" = "served"
"Opened" = "viewed"
"Reconciled" = "acted"
+++

## What it is

The web portal of the health information exchange: a second log-in, apart from the chart, in which
the medication lists of pharmacies and other hospitals can be looked up. A tab of the chart says
that records are available.
""",
    VISITS: f"""\
+++
code = "{VISITS}"
title = "The pre-visit list"
kind = "worklist"
use_cases = ["care-gap-closure"]

[columns]
at = "when"
action = "what"
practitioner = "staff"
patient = "patient"
reason = "reason"

[actions]
"listed" = "served"
"opened" = "viewed"
"ordered" = "accepted"
"declined" = "overridden"
+++

## What it is

The list that Lakeshore Clinic makes itself from the chart: on the evening before, the patients of
the next day whose HbA1c of the last twelve months is not there.
""",
    WORKLIST: f"""\
+++
code = "{WORKLIST}"
title = "The authorization work list"
kind = "worklist"
use_cases = ["prior-authorization"]

[columns]
at = "Timestamp"
action = "Activity"
practitioner = "Clerk"
patient = "Patient"

[actions]
"on list" = "served"
"opened" = "viewed"
"submitted" = "acted"
+++

## What it is

The work list of Access & Coordination: each signed order that may need the payer's word, with the
papers that are there and those that are missing.
""",
    ALERTS: f"""\
+++
code = "{ALERTS}"
title = "Deterioration alerts"
kind = "alert"
use_cases = ["deterioration-alerts"]

[actions]
"alert-sent" = "served"
"alert-read" = "viewed"
"alert-acknowledged" = "accepted"
"alert-overridden" = "overridden"
+++

## What it is

The alert engine's message on the phones of the ward: a set of vital signs calls for somebody. Its
use is read from FHIR AuditEvents.
""",
}
