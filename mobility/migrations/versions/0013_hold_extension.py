"""Bookings that are held for longer.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE booking ADD COLUMN extended_to TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE leg ADD COLUMN kept_until TIMESTAMP WITH TIME ZONE")
    op.execute(
        "ALTER TABLE provider_operation DROP CONSTRAINT ck_provider_operation_kind,"
        " ADD CONSTRAINT ck_provider_operation_kind CHECK"
        " (kind in ('hold','confirm','start','finish','cancel','extend'))"
    )


def downgrade() -> None:
    raise RuntimeError("bookings may have been held for longer; drop the database instead")
