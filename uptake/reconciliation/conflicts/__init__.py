"""Where the chart and an outside source disagree. In: a load's tables; out: the table `conflict`.

Allergies, problems, results and who the patient is are compared here, medications by
`uptake.reconciliation.engine`. Both sides are shown, and neither is preferred.
"""
