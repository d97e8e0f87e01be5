"""Releases that a user brings. In: a file as its publisher gives it out; out: a release."""
