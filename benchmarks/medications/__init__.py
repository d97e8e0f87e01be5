"""Medication reconciliation: what is planted in lists of invented people, and who finds it."""
