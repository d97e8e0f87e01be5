"""Say what a run found. In: an Assessment; out: words on a terminal, summary.json, report.html."""
