"""How an older state becomes the newest. In: a database; out: the same, at the newest schema."""
