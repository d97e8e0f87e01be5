"""From bytes to tables. In: chunks of records; out: the raw store, flat and datatype tables."""
