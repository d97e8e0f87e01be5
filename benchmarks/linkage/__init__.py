"""How well duplicate Patients are found: sets with a known truth, figures, peers, scale."""
