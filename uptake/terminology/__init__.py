"""Codes, units and code systems. In: what a feed says; out: can it be so, what is meant."""
