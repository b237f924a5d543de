"""One pass serves one account, and passes that were only declared are to be verified.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE pass_binding (
            digest BYTEA NOT NULL,
            rider_id TEXT NOT NULL,
            pass_id TEXT NOT NULL,
            CONSTRAINT pk_pass_binding PRIMARY KEY (digest),
            CONSTRAINT fk_pass_binding_rider FOREIGN KEY (rider_id) REFERENCES rider (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_pass_binding_rider_id ON pass_binding (rider_id)")
    op.execute(
        "INSERT INTO step (kind, key, run_at)"
        " SELECT 'verify_pass', rider_id || '/' || id, now() FROM rider_pass"
    )


def downgrade() -> None:
    raise RuntimeError("passes may have been verified; drop the database instead")
