"""Who is who. In: Patients of every feed; out: persons, so that nobody is counted twice."""
