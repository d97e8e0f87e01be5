"""What a card showed. In: a state of before; out: one column more.

The first revision follows `schema.py`, so a state that is made new has it already.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column if it is not there."""
    if "shown" in {c["name"] for c in sa.inspect(op.get_bind()).get_columns("card")}:
        return
    op.add_column("card", sa.Column("shown", sa.Text, nullable=False, server_default="{}"))


def downgrade() -> None:
    """Take the column away."""
    op.drop_column("card", "shown")
