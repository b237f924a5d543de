CREATE TABLE debt (
    id VARCHAR(40) NOT NULL,
    payment_id VARCHAR(40) NOT NULL,
    booking_id VARCHAR(40) NOT NULL,
    state VARCHAR(12) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    amount_minor BIGINT NOT NULL,
    paid_minor BIGINT DEFAULT 0 NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    refused_because VARCHAR(80),
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_debt PRIMARY KEY (id),
    CONSTRAINT ck_debt_state CHECK (state IN ('open','collecting','arrears','paid')),
    CONSTRAINT ck_debt_positive CHECK (amount_minor > 0),
    CONSTRAINT ck_debt_paid_within CHECK (paid_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT ck_debt_paid_whole CHECK ((state = 'paid') = (paid_minor = amount_minor))
);
CREATE INDEX ix_debt_payment_id ON debt (payment_id);
CREATE INDEX ix_debt_booking_id ON debt (booking_id);
CREATE INDEX ix_debt_state ON debt (state, updated_at);

ALTER TABLE payment
    ADD COLUMN debt_id VARCHAR(40) CONSTRAINT fk_payment_debt_id REFERENCES debt (id),
    ADD COLUMN off_session BOOLEAN DEFAULT false NOT NULL;
CREATE INDEX ix_payment_debt_id ON payment (debt_id);

ALTER TABLE booking ADD COLUMN spend_ceiling_minor BIGINT;

-- What fell short before there were debts is left to its riders.
INSERT INTO debt
    (id, payment_id, booking_id, state, currency, amount_minor, refused_because, opened_at, updated_at)
SELECT id, id, booking_id, 'arrears', currency, receivable_minor, 'before_debts', updated_at, updated_at
FROM payment WHERE receivable_minor > 0;
CREATE TABLE dispute (
    id VARCHAR(80) NOT NULL,
    payment_id VARCHAR(40),
    booking_id VARCHAR(40),
    state VARCHAR(10) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    amount_minor BIGINT NOT NULL,
    reason VARCHAR(80) NOT NULL,
    answer_by TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_dispute PRIMARY KEY (id),
    CONSTRAINT ck_dispute_state CHECK (state IN ('open','won','lost'))
);
CREATE INDEX ix_dispute_payment_id ON dispute (payment_id);
CREATE INDEX ix_dispute_booking_id ON dispute (booking_id);
