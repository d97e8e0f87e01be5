"""A simulated hospital with known defects. In: a seed; out: feeds and what was planted."""
