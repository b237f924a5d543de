ALTER TABLE payment ADD COLUMN compensated_minor bigint DEFAULT 0 NOT NULL,
    ADD CONSTRAINT ck_payment_compensation_within_refund
    CHECK (compensated_minor BETWEEN 0 AND refunded_minor);

CREATE TABLE claim (
    booking_id text NOT NULL,
    id text NOT NULL,
    leg_id text NOT NULL,
    guarantee_id text NOT NULL,
    provider_id text NOT NULL,
    state text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint,
    most_minor bigint,
    refunded_minor bigint,
    guarantee jsonb NOT NULL,
    evidence jsonb,
    noticed_at timestamptz NOT NULL,
    file_by timestamptz,
    filed_at timestamptz,
    decided_at timestamptz,
    carrier_reference text,
    reason text,
    paid_at timestamptz,
    carrier_paid_at timestamptz,
    CONSTRAINT pk_claim PRIMARY KEY (booking_id, id),
    CONSTRAINT ck_claim_state CHECK (state in ('noticed','filed','accepted','rejected','paid')),
    CONSTRAINT ck_claim_amount CHECK (amount_minor > 0 and amount_minor <= most_minor),
    CONSTRAINT ck_claim_refunded CHECK (refunded_minor between 0 and amount_minor)
);
CREATE UNIQUE INDEX ix_claim_id ON claim (id);
CREATE UNIQUE INDEX ix_claim_of_leg ON claim (booking_id, leg_id, guarantee_id);
CREATE INDEX ix_claim_state ON claim (state, filed_at, id);
