"""NEWS2 against another implementation, at the edges of every band."""
