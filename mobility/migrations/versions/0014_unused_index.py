"""No query finds a booking by its payment, so nothing needs an index for it.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_booking_payment", "booking")


def downgrade() -> None:
    op.create_index("ix_booking_payment", "booking", ["payment_id"])
