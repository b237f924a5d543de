"""A case that a person closed stays closed while reconciliation finds the same again.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER TABLE reconciliation_case DROP CONSTRAINT ck_reconciliation_case_state,"
        " ADD CONSTRAINT ck_reconciliation_case_state"
        " CHECK (state IN ('open', 'explained', 'closed'))"
    )


def downgrade() -> None:
    raise RuntimeError("cases may have been closed for good; drop the database instead")
