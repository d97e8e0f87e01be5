"""Run SQL. In: queries and Parquet; out: tables."""
