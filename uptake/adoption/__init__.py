"""Usage, workflow time, outcomes. In: events, measures; out: who uses it, what it changed."""
