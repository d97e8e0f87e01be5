"""What reaches a clinician. In: what differs from the chart; out: CDS Hooks cards and the panel."""
