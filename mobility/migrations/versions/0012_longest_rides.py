"""How long a vehicle may be ridden before we end the ride, and what it may cost.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE leg ADD COLUMN most_minutes INTEGER, ADD COLUMN most_minor BIGINT,"
        " ADD COLUMN most_because TEXT"
    )


def downgrade() -> None:
    raise RuntimeError("rides may have been ended by it; drop the database instead")
