"""Debts: what a ride cost beyond what could be taken, and the charges that collect it.

Revision ID: 0004
Revises: 0003
"""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute((Path(__file__).parent / "0004_debts.sql").read_bytes())


def downgrade() -> None:
    raise RuntimeError("debts are not taken back: they are money")
