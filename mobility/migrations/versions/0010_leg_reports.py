"""What is reported of a leg, and rides that we end ourselves.

Revision ID: 0010
Revises: 0009
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE leg ADD COLUMN end_by TIMESTAMP WITH TIME ZONE")
    op.execute("ALTER TABLE provider_operation ADD COLUMN ours BOOLEAN DEFAULT false NOT NULL")
    op.execute(
        """
        CREATE TABLE leg_report (
            booking_id TEXT NOT NULL,
            leg_id TEXT NOT NULL,
            rider_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            note TEXT,
            outcome TEXT NOT NULL,
            believed BOOLEAN NOT NULL,
            open BOOLEAN NOT NULL,
            reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
            asked TEXT,
            answer TEXT,
            answer_error TEXT,
            seen TEXT,
            seen_at TIMESTAMP WITH TIME ZONE,
            CONSTRAINT pk_leg_report PRIMARY KEY (booking_id, leg_id)
        )
        """
    )
    op.execute("CREATE INDEX ix_leg_report_rider_id ON leg_report (rider_id, reported_at)")
    op.execute("CREATE INDEX ix_leg_report_open ON leg_report (reported_at) WHERE open")


def downgrade() -> None:
    raise RuntimeError("rides may have been reported; drop the database instead")
