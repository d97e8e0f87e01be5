"""The demo hospital. In: a number of patients and a seed; out: feeds, usage, project and truth.

Its feeds are the record (`ehr`), the monitors' gateway of one bay (`west-monitors`), an outside
laboratory, a community pharmacy and a neighbouring hospital. Nobody in them exists; every date is
relative to 1 November 2026.
"""

from __future__ import annotations

from uptake.demo.hospital.hospital import Hospital, build_hospital, write_sample
from uptake.demo.hospital.truth import Planted, Truth

__all__ = ["Hospital", "Planted", "Truth", "build_hospital", "write_sample"]
