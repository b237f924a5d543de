-- The first tables, as they were then; later migrations change them, this file never.
CREATE TABLE account (
    code character varying(80) NOT NULL,
    role character varying(40) NOT NULL,
    name text NOT NULL,
    kind character varying(10) NOT NULL,
    currency character varying(3) NOT NULL,
    provider_id character varying(40),
    skr03 character varying(9) NOT NULL,
    skr04 character varying(9) NOT NULL,
    CONSTRAINT ck_account_kind CHECK (((kind)::text = ANY ((ARRAY['asset'::character varying, 'liability'::character varying, 'income'::character varying, 'expense'::character varying])::text[])))
);

CREATE TABLE balance_line (
    id character varying(80) NOT NULL,
    category character varying(40) NOT NULL,
    wire_type character varying(60) NOT NULL,
    currency character varying(3) NOT NULL,
    amount_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    net_minor bigint NOT NULL,
    source_id character varying(80),
    hold_id character varying(80),
    operation_id character varying(120),
    payout_id character varying(80),
    created_at timestamp with time zone NOT NULL,
    available_at timestamp with time zone NOT NULL,
    fetched_at timestamp with time zone NOT NULL
);

CREATE TABLE booking (
    id text NOT NULL,
    rider_id text NOT NULL,
    offer_id text NOT NULL,
    state text NOT NULL,
    aim text NOT NULL,
    payment_id text NOT NULL,
    payment_method text NOT NULL,
    passengers integer NOT NULL,
    currency text NOT NULL,
    price_minor bigint NOT NULL,
    ceiling_minor bigint NOT NULL,
    failure_type text,
    failure_detail text,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT ck_booking_aim CHECK ((aim = ANY (ARRAY['travel'::text, 'cancel'::text, 'fail'::text]))),
    CONSTRAINT ck_booking_price CHECK (((0 <= price_minor) AND (price_minor <= ceiling_minor))),
    CONSTRAINT ck_booking_state CHECK ((state = ANY (ARRAY['held'::text, 'awaiting_payment'::text, 'confirmed'::text, 'active'::text, 'completed'::text, 'settled'::text, 'cancelled'::text, 'failed'::text, 'needs_attention'::text])))
);

CREATE TABLE email_index (
    email_hash bytea NOT NULL,
    rider_id text NOT NULL
);

CREATE TABLE entry (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
)
PARTITION BY RANGE (posted_on);

CREATE TABLE entry_2026 (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
);

CREATE TABLE entry_2027 (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
);

CREATE TABLE entry_2028 (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
);

CREATE TABLE entry_2029 (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
);

CREATE TABLE entry_2030 (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
);

CREATE TABLE entry_default (
    posted_on date NOT NULL,
    journal_id uuid NOT NULL,
    line smallint NOT NULL,
    account_code character varying(80) NOT NULL,
    amount_minor bigint NOT NULL,
    currency character varying(3) NOT NULL,
    leg_id character varying(40),
    vat_percent numeric(5,2),
    tariff_version character varying(80),
    CONSTRAINT ck_entry_not_zero CHECK ((amount_minor <> 0))
);

CREATE TABLE idempotent_answer (
    rider_id text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    status integer,
    body jsonb,
    created_at timestamp with time zone NOT NULL
);

CREATE TABLE journal (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
)
PARTITION BY RANGE (posted_on);

CREATE TABLE journal_2026 (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
);

CREATE TABLE journal_2027 (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
);

CREATE TABLE journal_2028 (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
);

CREATE TABLE journal_2029 (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
);

CREATE TABLE journal_2030 (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
);

CREATE TABLE journal_default (
    posted_on date NOT NULL,
    id uuid NOT NULL,
    idem_key character varying(200) NOT NULL,
    kind character varying(20) NOT NULL,
    booking_id character varying(40),
    payment_id character varying(40),
    operation_id character varying(120),
    line_count smallint NOT NULL,
    reverses_id uuid,
    memo text DEFAULT ''::text NOT NULL,
    event_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_journal_two_lines CHECK ((line_count >= 2))
);

CREATE TABLE journal_key (
    idem_key character varying(200) NOT NULL,
    journal_id uuid NOT NULL,
    posted_on date NOT NULL,
    content_sha256 character varying(64) NOT NULL
);

CREATE TABLE leg (
    booking_id text NOT NULL,
    id text NOT NULL,
    "position" integer NOT NULL,
    mode text NOT NULL,
    provider_id text,
    scarce boolean NOT NULL,
    state text NOT NULL,
    order_key text NOT NULL,
    tariff_version text,
    product text,
    quoted_minor bigint NOT NULL,
    ceiling_minor bigint NOT NULL,
    final_minor bigint,
    claimed_minor bigint,
    vat_percent numeric(5,2) NOT NULL,
    commission_percent numeric(5,2) NOT NULL,
    co2_grams integer NOT NULL,
    departs_at timestamp with time zone NOT NULL,
    arrives_at timestamp with time zone NOT NULL,
    detail jsonb,
    price_lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    provider_ref text,
    hold_expires_at timestamp with time zone,
    access_code text,
    started_at timestamp with time zone,
    ended_at timestamp with time zone,
    looked_at timestamp with time zone,
    used_minutes integer,
    used_metres integer,
    CONSTRAINT ck_leg_state CHECK ((state = ANY (ARRAY['planned'::text, 'held'::text, 'confirmed'::text, 'active'::text, 'ended'::text, 'cancelled'::text, 'failed'::text])))
);

CREATE TABLE login_code (
    email_hash bytea NOT NULL,
    code_hash bytea NOT NULL,
    tries integer DEFAULT 0 NOT NULL,
    expires_at timestamp with time zone NOT NULL
);

CREATE TABLE money_operation (
    payment_id character varying(40) NOT NULL,
    id character varying(120) NOT NULL,
    kind character varying(10) NOT NULL,
    state character varying(16) NOT NULL,
    currency character varying(3) NOT NULL,
    amount_minor bigint NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    shares jsonb,
    reason text DEFAULT ''::text NOT NULL,
    psp_id character varying(80),
    error_code character varying(80),
    first_sent_at timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    CONSTRAINT ck_money_operation_kind CHECK (((kind)::text = ANY ((ARRAY['authorise'::character varying, 'confirm'::character varying, 'capture'::character varying, 'cancel'::character varying, 'refund'::character varying])::text[]))),
    CONSTRAINT ck_money_operation_state CHECK (((state)::text = ANY ((ARRAY['planned'::character varying, 'sent'::character varying, 'done'::character varying, 'declined'::character varying, 'requires_action'::character varying, 'unknown'::character varying])::text[])))
);

CREATE TABLE payment (
    id character varying(40) NOT NULL,
    booking_id character varying(40) NOT NULL,
    state character varying(20) NOT NULL,
    currency character varying(3) NOT NULL,
    amount_minor bigint NOT NULL,
    authorised_minor bigint DEFAULT 0 NOT NULL,
    captured_minor bigint DEFAULT 0 NOT NULL,
    refunded_minor bigint DEFAULT 0 NOT NULL,
    receivable_minor bigint DEFAULT 0 NOT NULL,
    customer_ref character varying(80) NOT NULL,
    method character varying(80) NOT NULL,
    return_url text NOT NULL,
    hold_id character varying(80),
    charge_id character varying(80),
    redirect_url text,
    decline_code character varying(80),
    capture_before timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_payment_capture_within_hold CHECK ((captured_minor <= authorised_minor)),
    CONSTRAINT ck_payment_positive CHECK ((amount_minor > 0)),
    CONSTRAINT ck_payment_refund_within_capture CHECK ((refunded_minor <= captured_minor))
);

CREATE TABLE processor_customer (
    rider_id text NOT NULL,
    customer_id text NOT NULL,
    forget_at timestamp with time zone
);

CREATE TABLE provider_key (
    key_hash bytea NOT NULL,
    provider_id text NOT NULL,
    hint text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone
);

CREATE TABLE provider_operation (
    booking_id text NOT NULL,
    leg_id text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    error text,
    asked_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    decided_at timestamp with time zone,
    CONSTRAINT ck_provider_operation_kind CHECK ((kind = ANY (ARRAY['hold'::text, 'confirm'::text, 'start'::text, 'finish'::text, 'cancel'::text]))),
    CONSTRAINT ck_provider_operation_state CHECK ((state = ANY (ARRAY['planned'::text, 'sent'::text, 'done'::text, 'refused'::text])))
);

CREATE TABLE psp_event (
    id character varying(120) NOT NULL,
    type character varying(120) NOT NULL,
    object_id character varying(120),
    hold_id character varying(120),
    operation_id character varying(120),
    state character varying(12) NOT NULL,
    created_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    applied_at timestamp with time zone,
    CONSTRAINT ck_psp_event_state CHECK (((state)::text = ANY ((ARRAY['stored'::character varying, 'applied'::character varying, 'unmatched'::character varying])::text[])))
);

CREATE TABLE reconciliation (
    id character varying(40) NOT NULL,
    currency character varying(3) NOT NULL,
    since timestamp with time zone NOT NULL,
    fetched_at timestamp with time zone NOT NULL,
    recorded_at timestamp with time zone NOT NULL,
    line_count integer NOT NULL,
    matched_count integer NOT NULL,
    case_count integer NOT NULL,
    ledger_minor bigint NOT NULL,
    processor_minor bigint NOT NULL,
    unexplained_minor bigint NOT NULL,
    fees_minor bigint NOT NULL,
    paid_out_minor bigint NOT NULL
);

CREATE TABLE reconciliation_case (
    kind character varying(30) NOT NULL,
    subject character varying(120) NOT NULL,
    reconciliation_id character varying(40) NOT NULL,
    currency character varying(3) NOT NULL,
    difference_minor bigint NOT NULL,
    explanation text NOT NULL,
    booking_id character varying(40),
    state character varying(10) NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT ck_reconciliation_case_state CHECK (((state)::text = ANY ((ARRAY['open'::character varying, 'explained'::character varying])::text[])))
);

CREATE TABLE reconciliation_match (
    line_id character varying(80) NOT NULL,
    reconciliation_id character varying(40) NOT NULL,
    operation_id character varying(120),
    booking_id character varying(40),
    matched_by character varying(20) NOT NULL
);

CREATE TABLE refresh_token (
    token_hash bytea NOT NULL,
    family text NOT NULL,
    rider_id text NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE rider (
    id text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    erased_at timestamp with time zone
);

CREATE TABLE rider_key (
    rider_id text NOT NULL,
    wrapped_key bytea NOT NULL
);

CREATE TABLE rider_pass (
    rider_id text NOT NULL,
    id text NOT NULL,
    sealed bytea NOT NULL
);

CREATE TABLE role_grant (
    rider_id text NOT NULL,
    role text NOT NULL,
    granted_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_role_grant_role CHECK ((role = ANY (ARRAY['finance'::text, 'staff'::text])))
);

CREATE TABLE step (
    kind text NOT NULL,
    key text NOT NULL,
    generation bigint DEFAULT 1 NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    worker text,
    last_error text,
    run_at timestamp with time zone NOT NULL,
    lease_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE vault (
    rider_id text NOT NULL,
    sealed bytea NOT NULL
);

ALTER TABLE ONLY entry ATTACH PARTITION entry_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

ALTER TABLE ONLY entry ATTACH PARTITION entry_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');

ALTER TABLE ONLY entry ATTACH PARTITION entry_2028 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01');

ALTER TABLE ONLY entry ATTACH PARTITION entry_2029 FOR VALUES FROM ('2029-01-01') TO ('2030-01-01');

ALTER TABLE ONLY entry ATTACH PARTITION entry_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');

ALTER TABLE ONLY entry ATTACH PARTITION entry_default DEFAULT;

ALTER TABLE ONLY journal ATTACH PARTITION journal_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');

ALTER TABLE ONLY journal ATTACH PARTITION journal_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');

ALTER TABLE ONLY journal ATTACH PARTITION journal_2028 FOR VALUES FROM ('2028-01-01') TO ('2029-01-01');

ALTER TABLE ONLY journal ATTACH PARTITION journal_2029 FOR VALUES FROM ('2029-01-01') TO ('2030-01-01');

ALTER TABLE ONLY journal ATTACH PARTITION journal_2030 FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');

ALTER TABLE ONLY journal ATTACH PARTITION journal_default DEFAULT;

ALTER TABLE ONLY entry
    ADD CONSTRAINT pk_entry PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY entry_2026
    ADD CONSTRAINT entry_2026_pkey PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY entry_2027
    ADD CONSTRAINT entry_2027_pkey PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY entry_2028
    ADD CONSTRAINT entry_2028_pkey PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY entry_2029
    ADD CONSTRAINT entry_2029_pkey PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY entry_2030
    ADD CONSTRAINT entry_2030_pkey PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY entry_default
    ADD CONSTRAINT entry_default_pkey PRIMARY KEY (posted_on, journal_id, line);

ALTER TABLE ONLY journal
    ADD CONSTRAINT pk_journal PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY journal_2026
    ADD CONSTRAINT journal_2026_pkey PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY journal_2027
    ADD CONSTRAINT journal_2027_pkey PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY journal_2028
    ADD CONSTRAINT journal_2028_pkey PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY journal_2029
    ADD CONSTRAINT journal_2029_pkey PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY journal_2030
    ADD CONSTRAINT journal_2030_pkey PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY journal_default
    ADD CONSTRAINT journal_default_pkey PRIMARY KEY (posted_on, id);

ALTER TABLE ONLY account
    ADD CONSTRAINT pk_account PRIMARY KEY (code);

ALTER TABLE ONLY balance_line
    ADD CONSTRAINT pk_balance_line PRIMARY KEY (id);

ALTER TABLE ONLY booking
    ADD CONSTRAINT pk_booking PRIMARY KEY (id);

ALTER TABLE ONLY email_index
    ADD CONSTRAINT pk_email_index PRIMARY KEY (email_hash);

ALTER TABLE ONLY idempotent_answer
    ADD CONSTRAINT pk_idempotent_answer PRIMARY KEY (rider_id, key);

ALTER TABLE ONLY journal_key
    ADD CONSTRAINT pk_journal_key PRIMARY KEY (idem_key);

ALTER TABLE ONLY leg
    ADD CONSTRAINT pk_leg PRIMARY KEY (booking_id, id);

ALTER TABLE ONLY login_code
    ADD CONSTRAINT pk_login_code PRIMARY KEY (email_hash);

ALTER TABLE ONLY money_operation
    ADD CONSTRAINT pk_money_operation PRIMARY KEY (payment_id, id);

ALTER TABLE ONLY payment
    ADD CONSTRAINT pk_payment PRIMARY KEY (id);

ALTER TABLE ONLY processor_customer
    ADD CONSTRAINT pk_processor_customer PRIMARY KEY (rider_id);

ALTER TABLE ONLY provider_key
    ADD CONSTRAINT pk_provider_key PRIMARY KEY (key_hash);

ALTER TABLE ONLY provider_operation
    ADD CONSTRAINT pk_provider_operation PRIMARY KEY (booking_id, leg_id, kind);

ALTER TABLE ONLY psp_event
    ADD CONSTRAINT pk_psp_event PRIMARY KEY (id);

ALTER TABLE ONLY reconciliation
    ADD CONSTRAINT pk_reconciliation PRIMARY KEY (id);

ALTER TABLE ONLY reconciliation_case
    ADD CONSTRAINT pk_reconciliation_case PRIMARY KEY (kind, subject);

ALTER TABLE ONLY reconciliation_match
    ADD CONSTRAINT pk_reconciliation_match PRIMARY KEY (line_id);

ALTER TABLE ONLY refresh_token
    ADD CONSTRAINT pk_refresh_token PRIMARY KEY (token_hash);

ALTER TABLE ONLY rider
    ADD CONSTRAINT pk_rider PRIMARY KEY (id);

ALTER TABLE ONLY rider_key
    ADD CONSTRAINT pk_rider_key PRIMARY KEY (rider_id);

ALTER TABLE ONLY rider_pass
    ADD CONSTRAINT pk_rider_pass PRIMARY KEY (rider_id, id);

ALTER TABLE ONLY role_grant
    ADD CONSTRAINT pk_role_grant PRIMARY KEY (rider_id, role);

ALTER TABLE ONLY step
    ADD CONSTRAINT pk_step PRIMARY KEY (kind, key);

ALTER TABLE ONLY vault
    ADD CONSTRAINT pk_vault PRIMARY KEY (rider_id);

ALTER TABLE ONLY journal_key
    ADD CONSTRAINT uq_journal_key_journal_id UNIQUE (journal_id);

ALTER TABLE ONLY payment
    ADD CONSTRAINT uq_payment_hold_id UNIQUE (hold_id);

CREATE INDEX ix_entry_account ON ONLY entry USING btree (account_code, posted_on);

CREATE INDEX entry_2026_account_code_posted_on_idx ON entry_2026 USING btree (account_code, posted_on);

CREATE INDEX entry_2027_account_code_posted_on_idx ON entry_2027 USING btree (account_code, posted_on);

CREATE INDEX entry_2028_account_code_posted_on_idx ON entry_2028 USING btree (account_code, posted_on);

CREATE INDEX entry_2029_account_code_posted_on_idx ON entry_2029 USING btree (account_code, posted_on);

CREATE INDEX entry_2030_account_code_posted_on_idx ON entry_2030 USING btree (account_code, posted_on);

CREATE INDEX entry_default_account_code_posted_on_idx ON entry_default USING btree (account_code, posted_on);

CREATE INDEX ix_balance_line_created ON balance_line USING btree (created_at);

CREATE INDEX ix_balance_line_hold_id ON balance_line USING btree (hold_id);

CREATE INDEX ix_balance_line_operation_id ON balance_line USING btree (operation_id);

CREATE INDEX ix_booking_rider_id ON booking USING btree (rider_id, created_at, id);

CREATE UNIQUE INDEX ix_email_index_rider_id ON email_index USING btree (rider_id);

CREATE INDEX ix_journal_booking ON ONLY journal USING btree (booking_id);

CREATE INDEX ix_journal_operation ON ONLY journal USING btree (operation_id);

CREATE UNIQUE INDEX ix_leg_order_key ON leg USING btree (order_key);

CREATE INDEX ix_leg_provider_id ON leg USING btree (provider_id, departs_at, id);

CREATE INDEX ix_login_code_expires_at ON login_code USING btree (expires_at);

CREATE INDEX ix_money_operation_psp ON money_operation USING btree (psp_id);

CREATE INDEX ix_money_operation_state ON money_operation USING btree (state, first_sent_at);

CREATE INDEX ix_payment_booking_id ON payment USING btree (booking_id);

CREATE INDEX ix_payment_state ON payment USING btree (state, updated_at);

CREATE INDEX ix_provider_key_provider_id ON provider_key USING btree (provider_id);

CREATE INDEX ix_psp_event_due ON psp_event USING btree (state, due_at);

CREATE INDEX ix_reconciliation_case_reconciliation_id ON reconciliation_case USING btree (reconciliation_id);

CREATE INDEX ix_reconciliation_match_booking_id ON reconciliation_match USING btree (booking_id);

CREATE INDEX ix_reconciliation_match_operation_id ON reconciliation_match USING btree (operation_id);

CREATE INDEX ix_reconciliation_match_reconciliation_id ON reconciliation_match USING btree (reconciliation_id);

CREATE INDEX ix_refresh_token_family ON refresh_token USING btree (family);

CREATE INDEX ix_refresh_token_rider_id ON refresh_token USING btree (rider_id);

CREATE INDEX ix_step_run_at ON step USING btree (run_at);

CREATE INDEX journal_2026_booking_id_idx ON journal_2026 USING btree (booking_id);

CREATE INDEX journal_2026_operation_id_idx ON journal_2026 USING btree (operation_id);

CREATE INDEX journal_2027_booking_id_idx ON journal_2027 USING btree (booking_id);

CREATE INDEX journal_2027_operation_id_idx ON journal_2027 USING btree (operation_id);

CREATE INDEX journal_2028_booking_id_idx ON journal_2028 USING btree (booking_id);

CREATE INDEX journal_2028_operation_id_idx ON journal_2028 USING btree (operation_id);

CREATE INDEX journal_2029_booking_id_idx ON journal_2029 USING btree (booking_id);

CREATE INDEX journal_2029_operation_id_idx ON journal_2029 USING btree (operation_id);

CREATE INDEX journal_2030_booking_id_idx ON journal_2030 USING btree (booking_id);

CREATE INDEX journal_2030_operation_id_idx ON journal_2030 USING btree (operation_id);

CREATE INDEX journal_default_booking_id_idx ON journal_default USING btree (booking_id);

CREATE INDEX journal_default_operation_id_idx ON journal_default USING btree (operation_id);

ALTER INDEX ix_entry_account ATTACH PARTITION entry_2026_account_code_posted_on_idx;

ALTER INDEX pk_entry ATTACH PARTITION entry_2026_pkey;

ALTER INDEX ix_entry_account ATTACH PARTITION entry_2027_account_code_posted_on_idx;

ALTER INDEX pk_entry ATTACH PARTITION entry_2027_pkey;

ALTER INDEX ix_entry_account ATTACH PARTITION entry_2028_account_code_posted_on_idx;

ALTER INDEX pk_entry ATTACH PARTITION entry_2028_pkey;

ALTER INDEX ix_entry_account ATTACH PARTITION entry_2029_account_code_posted_on_idx;

ALTER INDEX pk_entry ATTACH PARTITION entry_2029_pkey;

ALTER INDEX ix_entry_account ATTACH PARTITION entry_2030_account_code_posted_on_idx;

ALTER INDEX pk_entry ATTACH PARTITION entry_2030_pkey;

ALTER INDEX ix_entry_account ATTACH PARTITION entry_default_account_code_posted_on_idx;

ALTER INDEX pk_entry ATTACH PARTITION entry_default_pkey;

ALTER INDEX ix_journal_booking ATTACH PARTITION journal_2026_booking_id_idx;

ALTER INDEX ix_journal_operation ATTACH PARTITION journal_2026_operation_id_idx;

ALTER INDEX pk_journal ATTACH PARTITION journal_2026_pkey;

ALTER INDEX ix_journal_booking ATTACH PARTITION journal_2027_booking_id_idx;

ALTER INDEX ix_journal_operation ATTACH PARTITION journal_2027_operation_id_idx;

ALTER INDEX pk_journal ATTACH PARTITION journal_2027_pkey;

ALTER INDEX ix_journal_booking ATTACH PARTITION journal_2028_booking_id_idx;

ALTER INDEX ix_journal_operation ATTACH PARTITION journal_2028_operation_id_idx;

ALTER INDEX pk_journal ATTACH PARTITION journal_2028_pkey;

ALTER INDEX ix_journal_booking ATTACH PARTITION journal_2029_booking_id_idx;

ALTER INDEX ix_journal_operation ATTACH PARTITION journal_2029_operation_id_idx;

ALTER INDEX pk_journal ATTACH PARTITION journal_2029_pkey;

ALTER INDEX ix_journal_booking ATTACH PARTITION journal_2030_booking_id_idx;

ALTER INDEX ix_journal_operation ATTACH PARTITION journal_2030_operation_id_idx;

ALTER INDEX pk_journal ATTACH PARTITION journal_2030_pkey;

ALTER INDEX ix_journal_booking ATTACH PARTITION journal_default_booking_id_idx;

ALTER INDEX ix_journal_operation ATTACH PARTITION journal_default_operation_id_idx;

ALTER INDEX pk_journal ATTACH PARTITION journal_default_pkey;

ALTER TABLE ONLY email_index
    ADD CONSTRAINT fk_email_index_rider FOREIGN KEY (rider_id) REFERENCES rider(id);

ALTER TABLE entry
    ADD CONSTRAINT fk_entry_account_code FOREIGN KEY (account_code) REFERENCES account(code);

ALTER TABLE entry
    ADD CONSTRAINT fk_entry_journal FOREIGN KEY (posted_on, journal_id) REFERENCES journal(posted_on, id);

ALTER TABLE journal
    ADD CONSTRAINT fk_journal_idem_key FOREIGN KEY (idem_key) REFERENCES journal_key(idem_key);

ALTER TABLE ONLY money_operation
    ADD CONSTRAINT fk_money_operation_payment_id FOREIGN KEY (payment_id) REFERENCES payment(id);

ALTER TABLE ONLY processor_customer
    ADD CONSTRAINT fk_processor_customer_rider FOREIGN KEY (rider_id) REFERENCES rider(id);

ALTER TABLE ONLY reconciliation_case
    ADD CONSTRAINT fk_reconciliation_case_reconciliation_id FOREIGN KEY (reconciliation_id) REFERENCES reconciliation(id);

ALTER TABLE ONLY reconciliation_match
    ADD CONSTRAINT fk_reconciliation_match_line_id FOREIGN KEY (line_id) REFERENCES balance_line(id);

ALTER TABLE ONLY reconciliation_match
    ADD CONSTRAINT fk_reconciliation_match_reconciliation_id FOREIGN KEY (reconciliation_id) REFERENCES reconciliation(id);

ALTER TABLE ONLY refresh_token
    ADD CONSTRAINT fk_refresh_token_rider FOREIGN KEY (rider_id) REFERENCES rider(id);

ALTER TABLE ONLY rider_key
    ADD CONSTRAINT fk_rider_key_rider FOREIGN KEY (rider_id) REFERENCES rider(id);

ALTER TABLE ONLY rider_pass
    ADD CONSTRAINT fk_rider_pass_rider FOREIGN KEY (rider_id) REFERENCES rider(id);

ALTER TABLE ONLY role_grant
    ADD CONSTRAINT fk_role_grant_rider FOREIGN KEY (rider_id) REFERENCES rider(id);

ALTER TABLE ONLY vault
    ADD CONSTRAINT fk_vault_rider FOREIGN KEY (rider_id) REFERENCES rider(id);
