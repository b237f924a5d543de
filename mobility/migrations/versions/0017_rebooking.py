"""Bookings that take the place of the rest of another one.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE booking ADD COLUMN rebooked_from TEXT, ADD COLUMN rebooked_leg_id TEXT,"
        " ADD COLUMN locked_minor BIGINT,"
        " ADD CONSTRAINT ck_booking_rebooked CHECK"
        " ((rebooked_from IS NULL) = (locked_minor IS NULL) AND"
        " (rebooked_from IS NULL) = (rebooked_leg_id IS NULL) AND locked_minor >= 0)"
    )
    op.execute(
        "CREATE UNIQUE INDEX ix_booking_rebooked_from ON booking (rebooked_from)"
        " WHERE rebooked_from IS NOT NULL AND aim <> 'fail'"
    )


def downgrade() -> None:
    raise RuntimeError("bookings may have been rebooked; drop the database instead")
