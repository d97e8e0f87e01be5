"""Conformance. In: a load and the profiles it should follow; out: what does not follow them."""
