"""The sample that ships. In: a seed; out: three feeds, their project file and the planted truth.

The feeds are a hospital's record (`ehr`), an outside laboratory (`northside-lab`) and a community
pharmacy (`corner-pharmacy`). Nobody in them exists; every date is relative to 1 November 2026.
"""

from __future__ import annotations

from uptake.demo.sample.truth import Planted, SampleTruth
from uptake.demo.sample.writing import write_sample

__all__ = ["Planted", "SampleTruth", "write_sample"]
