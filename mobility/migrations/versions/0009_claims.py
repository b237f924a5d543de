"""Claims under carriers' guarantees, and what of a refund a carrier bears.

Revision ID: 0009
Revises: 0008
"""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute((Path(__file__).parent / "0009_claims.sql").read_bytes())


def downgrade() -> None:
    raise RuntimeError("claims are not taken back: they are money")
