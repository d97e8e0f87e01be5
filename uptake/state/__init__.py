"""What people did and decided. In: facts, once each; out: rows that are appended, never edited."""
