"""Tickets and the devices they are bound to; access codes with what they are.

What the bus adapter kept as a signed text (``MT1``) becomes what the ticket says, which is signed
anew for the device that shows it.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = """
    ALTER TABLE leg
        ADD COLUMN access_format TEXT,
        ADD COLUMN access_base64 BOOLEAN DEFAULT false NOT NULL;

    CREATE TABLE ticket (
        booking_id TEXT NOT NULL,
        leg_id TEXT NOT NULL,
        ticket_id TEXT NOT NULL,
        valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
        binding INTEGER NOT NULL,
        device_key TEXT,
        session TEXT,
        moves_left INTEGER NOT NULL,
        void_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_ticket PRIMARY KEY (booking_id, leg_id),
        CONSTRAINT ck_ticket_binding CHECK (binding >= 1 and moves_left >= 0),
        CONSTRAINT ck_ticket_holder CHECK (device_key is null or session is null)
    );
    CREATE INDEX ix_ticket_revoked ON ticket (valid_until)
        WHERE binding > 1 or void_at is not null;

    CREATE TABLE ticket_key_revocation (
        key_id TEXT NOT NULL,
        revoked_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT pk_ticket_key_revocation PRIMARY KEY (key_id)
    );
"""

CLAIMS = """
    WITH old AS (
        SELECT booking_id, id, translate(split_part(access_code, '.', 2), '-_', '+/') AS payload
        FROM leg WHERE access_code LIKE 'MT1.%'
    )
    UPDATE leg SET
        access_format = 'TICKET',
        access_code = (
            convert_from(
                decode(rpad(payload, (length(payload) + 3) / 4 * 4, '='), 'base64'), 'UTF8'
            )::jsonb - 'kid'
        )::text
    FROM old WHERE leg.booking_id = old.booking_id AND leg.id = old.id;
    UPDATE leg SET
        access_format = coalesce(access_format, 'CODE'),
        access_code = replace(access_code, '\\', '\\\\')  -- as mobility.tables escapes it
    WHERE access_code IS NOT NULL;
"""


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute(TABLES.encode())
    cursor.execute(CLAIMS.encode())


def downgrade() -> None:
    raise RuntimeError("tickets are not taken back; restore a backup instead")
