"""What reviewers decided of two records. In: a state of before; out: one table more.

The first revision follows `schema.py`, so a state that is made new has it already.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "identity_decision"
PAIR = ("feed_l", "id_l", "feed_r", "id_r")


def upgrade() -> None:
    """Add the table if it is not there."""
    if sa.inspect(op.get_bind()).has_table(TABLE):
        return
    texts = ("note", "model", "snapshot")
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.String, nullable=False) for name in (*PAIR, "decision")),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in texts),
        sa.Column("probability", sa.Float),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index(f"{TABLE}_pair", TABLE, list(PAIR))


def downgrade() -> None:
    """Take the table away."""
    op.drop_table(TABLE)
