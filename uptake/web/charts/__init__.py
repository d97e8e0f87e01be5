"""Drawings of the pages. In: rows and their sentence; out: SVG that needs no script, and a table.

The specifications are the Vega-Lite files beside this module: rows travel as their data sets, the
words and numbers around the rows as their parameters.
"""

from uptake.web.charts.drawing import Drawing
from uptake.web.charts.groups import Group, Stack, bars, stacked
from uptake.web.charts.lines import Dot, lines
from uptake.web.charts.weeks import WeekPoint, control_chart, controlled, weekly
from uptake.web.charts.weights import Weight, waterfall

__all__ = [
    "Dot",
    "Drawing",
    "Group",
    "Stack",
    "WeekPoint",
    "Weight",
    "bars",
    "control_chart",
    "controlled",
    "lines",
    "stacked",
    "waterfall",
    "weekly",
]
