"""The first tables.

Revision ID: 0001
Revises:
"""

from importlib import resources

from alembic import op

from mobility.migrations.metadata import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for metadata in METADATA:
        metadata.create_all(op.get_bind())
    constraints = resources.files("payments").joinpath("constraints.sql")
    # as one simple query without parameters, so that function bodies keep their semicolons and %
    op.get_bind().connection.cursor().execute(constraints.read_bytes())


def downgrade() -> None:
    for metadata in reversed(METADATA):
        metadata.drop_all(op.get_bind())
