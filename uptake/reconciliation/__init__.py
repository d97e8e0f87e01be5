"""Outside data against the chart. In: the tables of a load; out: what differs, both sides shown."""
