"""Debits that are on their way for days, and what a payment was paid with.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payment ADD COLUMN paid_with VARCHAR(80)")
    op.execute(
        "ALTER TABLE debt DROP CONSTRAINT ck_debt_state, ADD CONSTRAINT ck_debt_state"
        " CHECK (state IN ('open','collecting','processing','arrears','paid'))"
    )
    op.execute(
        "ALTER TABLE money_operation DROP CONSTRAINT ck_money_operation_state,"
        " ADD CONSTRAINT ck_money_operation_state CHECK (state IN"
        " ('planned','sent','done','declined','requires_action','processing','unknown'))"
    )


def downgrade() -> None:
    raise RuntimeError("a debit may be on its way; drop the database instead")
