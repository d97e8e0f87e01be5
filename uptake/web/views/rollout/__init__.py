"""The rollout. In: what people wrote and decided; out: charter, map, people and gates, and forms.

`frame` is what the pages of a use case share; `index` says where each use case stands.
"""

from uptake.web.views.rollout import charter, gates, index, people, workflow

routes = [
    *index.routes,
    *charter.routes,
    *workflow.routes,
    *people.routes,
    *gates.routes,
]

__all__ = ["routes"]
