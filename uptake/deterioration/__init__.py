"""Deteriorating patients: vital signs as sets, and the early warning score of each."""
