"""What staff gives back for legs of trips that are over.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE leg ADD COLUMN goodwill_minor BIGINT NOT NULL DEFAULT 0,"
        " ADD CONSTRAINT ck_leg_goodwill CHECK"
        " (goodwill_minor BETWEEN 0 AND coalesce(final_minor, quoted_minor))"
    )


def downgrade() -> None:
    raise RuntimeError("money may have been given back for legs; drop the database instead")
