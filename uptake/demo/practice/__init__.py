"""A practice EHR beside the demo. In: the demo's chart; out: a chart page that calls the product.

It is an EHR as the product meets one: CDS Hooks with signed calls and prefetch, a FHIR server, and
an authorization server for SMART launches. Everybody in it is invented, and everyone who opens it
may be any clinician: it is for one machine, to try and to show. Nothing of the product imports it.
"""
