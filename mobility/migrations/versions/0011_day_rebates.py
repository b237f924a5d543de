"""What was given back of a rider's day beyond the city's ceiling.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_rebate",
        sa.Column("booking_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("rider_id", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("booking_id", "day", name="pk_day_rebate"),
        sa.CheckConstraint("amount_minor > 0", name="ck_day_rebate_amount"),
    )
    op.create_index("ix_day_rebate_rider_id", "day_rebate", ["rider_id", "day"])


def downgrade() -> None:
    raise RuntimeError("rebates are not taken back: they are money")
