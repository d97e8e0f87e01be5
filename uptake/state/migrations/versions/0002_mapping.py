"""What a mapping says beside its target. In: a state of before; out: three columns more.

The first revision follows `schema.py`, so a state that is made new has them already.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = ("equivalence", "specimen", "unit")


def upgrade() -> None:
    """Add the columns that are not there."""
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("mapping")}
    for name in ADDED:
        if name not in known:
            op.add_column("mapping", sa.Column(name, sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Take the columns away."""
    for name in ADDED:
        op.drop_column("mapping", name)
