"""The first schema. In: an empty database; out: every table of `schema.py`.

A later revision spells its changes out; this one may follow the tables, since nothing was before it
and no version is released.
"""

from __future__ import annotations

from alembic import op

from uptake.state.schema import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Take the tables away."""
    metadata.drop_all(op.get_bind())
