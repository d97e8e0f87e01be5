"""Care gaps. In: rules and the tables of a load; out: who is due for what, and why that is said."""
