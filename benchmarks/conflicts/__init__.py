"""Conflicts with the chart: what is planted in two records of one patient, and who finds it."""
