"""Bookings that staff gives back.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE booking DROP CONSTRAINT ck_booking_aim, ADD CONSTRAINT ck_booking_aim "
        "CHECK (aim in ('travel','cancel','fail','give_back'))"
    )


def downgrade() -> None:
    raise RuntimeError("bookings may have been given back; drop the database instead")
