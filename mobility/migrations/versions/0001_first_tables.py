"""The first tables, and the laws of the ledger.

Frozen as SQL beside this file, so that a later change of the tables cannot change what was.

Revision ID: 0001
Revises:
"""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FILES = ("0001_tables.sql", "0001_ledger_laws.sql")


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    for name in FILES:
        # one simple query without parameters, so that function bodies keep their semicolons and %
        cursor.execute((Path(__file__).parent / name).read_bytes())


def downgrade() -> None:
    raise RuntimeError("the first tables are not taken back; drop the database instead")
