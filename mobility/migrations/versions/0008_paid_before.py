"""What a rider had paid on the day before a ride under a shared cap: an input of its price.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE leg ADD COLUMN paid_before_minor bigint")


def downgrade() -> None:
    op.execute("ALTER TABLE leg DROP COLUMN paid_before_minor")
