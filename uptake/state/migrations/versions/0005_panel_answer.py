"""What clinicians answered in the panel. In: a state of before; out: one table more.

The first revision follows `schema.py`, so a state that is made new has it already.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = "panel_answer"


def upgrade() -> None:
    """Add the table if it is not there."""
    if sa.inspect(op.get_bind()).has_table(TABLE):
        return
    names = ("use_case", "patient", "item", "choice")
    texts = ("reason", "card")
    op.create_table(
        TABLE,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("sent", sa.String, nullable=False, unique=True),
        *(sa.Column(name, sa.String, nullable=False) for name in names),
        *(sa.Column(name, sa.Text, nullable=False, server_default="") for name in texts),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )
    op.create_index(f"{TABLE}_patient", TABLE, ["patient", "use_case"])


def downgrade() -> None:
    """Take the table away."""
    op.drop_table(TABLE)
