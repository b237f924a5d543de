"""Since when a booking needs a person, and since when it is on its way out; what alerts look for.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("attention_since", "undo_since"):
        op.add_column("booking", sa.Column(name, sa.DateTime(timezone=True)))
    op.execute("UPDATE booking SET attention_since = now() WHERE state = 'needs_attention'")
    op.execute("UPDATE booking SET undo_since = now() WHERE aim <> 'travel'")
    op.create_index(
        "ix_booking_attention",
        "booking",
        ["attention_since"],
        postgresql_where=sa.text("state = 'needs_attention'"),
    )
    op.create_index("ix_booking_payment", "booking", ["payment_id"])
    op.create_index(
        "ix_leg_kept",
        "leg",
        ["provider_id"],
        postgresql_where=sa.text("state IN ('held', 'confirmed', 'active') AND scarce"),
    )


def downgrade() -> None:
    raise RuntimeError("the columns are not taken back; drop the database instead")
