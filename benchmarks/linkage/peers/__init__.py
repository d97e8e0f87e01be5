"""Other tools on the same records: the programs that run in their own environment."""
