"""For how many minutes a ride is charged that we ended, so that its receipt is computed anew.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE leg ADD COLUMN charged_minutes INTEGER")


def downgrade() -> None:
    op.execute("ALTER TABLE leg DROP COLUMN charged_minutes")
