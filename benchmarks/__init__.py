"""How accurate and how fast Uptake is, measured; `run.py` writes RESULTS.md."""
