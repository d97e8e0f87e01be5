"""How Alembic reaches the database. In: the connection that `open_state` hands over; out: nothing.

For a new revision: `alembic` is not needed on the command line; write a file in `versions/`.
"""

from __future__ import annotations

from alembic import context

from uptake.state.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
context.run_migrations()
