"""Duplicates. In: the pairs of the newest run; out: queues for reviewers, a pair, its decision.

`queue` is the work list, `judging` one pair with its form; `pairs` reads the run, `patients` lays
two records side by side.
"""

from uptake.web.views.duplicates import judging, queue

routes = [*queue.routes, *judging.routes]

__all__ = ["routes"]
