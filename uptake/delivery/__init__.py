"""What reaches a clinician. In: calls of an EHR, what a run knows; out: cards and the panel."""
