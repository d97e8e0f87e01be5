"""Uptake turns a feed into use, and use back into better feeds.

    feeds → resources → findings → fitness → delivery → usage → measures → feedback
                ↑                                                             │
                └──────────── a fix, verified by the next run ────────────────┘

This version goes as far as fitness: `uptake assess` reads FHIR R4, runs the checks, says what the
data are fit for and which fix gains most. Each package is one stage and reads what the stage before
it wrote; the loop closes through stored rows, never through an import.
"""

__version__ = "0.1.0"
__all__ = ["__version__"]
