"""Uptake turns a feed into use, and use back into better feeds."""
