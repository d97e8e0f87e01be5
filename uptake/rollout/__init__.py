"""From data to use. In: what people wrote, decided and did; out: charter, map, gates, the chain."""
