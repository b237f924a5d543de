-- The laws of the ledger, enforced by the database itself: a superuser ignores grants, so triggers.
--   1. a journal has two lines or more, as many as it says, and sums to zero in every currency
--   2. a journal owns its key, and no other journal does
--   3. journals, entries and keys are never altered, deleted or truncated, partition by partition
-- Plain PostgreSQL 15 to 18. Written without per cent signs, which drivers take for placeholders.

CREATE OR REPLACE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'restrict_violation',
        MESSAGE = 'the ledger is append-only: ' || TG_OP || ' on ' || TG_TABLE_NAME
            || ' refused; post a reversing journal instead';
END $$;

CREATE OR REPLACE FUNCTION ledger_check_journal(of_date date, of_journal uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stated smallint;
    owner_id uuid;
    found_lines bigint;
    wrong text;
BEGIN
    SELECT j.line_count, k.journal_id INTO stated, owner_id
        FROM journal j JOIN journal_key k ON k.idem_key = j.idem_key
        WHERE j.posted_on = of_date AND j.id = of_journal;
    IF owner_id IS DISTINCT FROM of_journal THEN
        RAISE EXCEPTION USING
            ERRCODE = 'unique_violation',
            MESSAGE = 'journal ' || of_journal || ' does not own its idempotency key';
    END IF;
    SELECT count(*) INTO found_lines
        FROM entry WHERE posted_on = of_date AND journal_id = of_journal;
    IF found_lines <> stated THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'journal ' || of_journal || ' states ' || stated || ' lines and has ' || found_lines;
    END IF;
    SELECT string_agg(currency || ' ' || total, ', ') INTO wrong FROM (
        SELECT currency, sum(amount_minor) AS total
            FROM entry WHERE posted_on = of_date AND journal_id = of_journal
            GROUP BY currency HAVING sum(amount_minor) <> 0
    ) AS unbalanced;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'journal ' || of_journal || ' is unbalanced by ' || wrong || ' (minor units)';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION ledger_check_new_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger_check_journal(NEW.posted_on, NEW.id);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger_check_new_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ledger_check_journal(NEW.posted_on, NEW.journal_id);
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger_check_new_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM journal WHERE posted_on = NEW.posted_on AND id = NEW.journal_id) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'idempotency key ' || NEW.idem_key || ' has no journal';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger_check_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM account WHERE code = NEW.account_code AND currency = NEW.currency) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'account ' || NEW.account_code || ' is not kept in ' || NEW.currency;
    END IF;
    RETURN NEW;
END $$;

CREATE CONSTRAINT TRIGGER journal_is_whole AFTER INSERT ON journal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_new_journal();
CREATE CONSTRAINT TRIGGER entry_keeps_journal_whole AFTER INSERT ON entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_new_entry();
CREATE CONSTRAINT TRIGGER journal_key_has_journal AFTER INSERT ON journal_key
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_new_key();
CREATE TRIGGER entry_in_account_currency BEFORE INSERT ON entry
    FOR EACH ROW EXECUTE FUNCTION ledger_check_currency();

CREATE TRIGGER journal_unchanged BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER entry_unchanged BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER journal_key_unchanged BEFORE UPDATE OR DELETE ON journal_key
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change();

-- A statement trigger of a partitioned table does not fire when one of its partitions is truncated
-- by name. Call this again after adding a partition.
CREATE OR REPLACE FUNCTION ledger_guard_partitions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    target regclass;
BEGIN
    FOR target IN
        SELECT c.oid::regclass FROM pg_class c
            LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
            WHERE (c.oid IN ('journal'::regclass, 'entry'::regclass, 'journal_key'::regclass)
                OR i.inhparent IN ('journal'::regclass, 'entry'::regclass))
            AND c.relkind IN ('r', 'p')
            AND NOT EXISTS (
                SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'never_truncated')
    LOOP
        EXECUTE 'CREATE TRIGGER never_truncated BEFORE TRUNCATE ON ' || target
            || ' FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()';
    END LOOP;
END $$;
SELECT ledger_guard_partitions();
