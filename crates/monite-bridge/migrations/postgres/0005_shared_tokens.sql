-- The partner's token, so that one replica fetches it for all.

CREATE TABLE shared_tokens (
    name          TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- of which client, at which Monite
    sealed        BYTEA,                                 -- ciphertext; the key is never in this database
    expires_at    BIGINT CHECK ((expires_at IS NULL) = (sealed IS NULL)),
    version       BIGINT NOT NULL,                       -- goes up with every change; of a duty: which one it is
    minting_until BIGINT                                 -- somebody has the duty to fetch the next one, until then
);

-- Whose tokens end: what a replica remembers about them is not true any more. Noted by triggers, so that no way to write can forget it.
-- They run at the end of the transaction: the counter's lock is the last one it takes, and is held until the commit, so that numbers
-- become visible in their order and without gaps.

CREATE TABLE token_epoch (
    one_row BOOLEAN NOT NULL PRIMARY KEY DEFAULT TRUE CHECK (one_row),
    epoch   BIGINT  NOT NULL
);

INSERT INTO token_epoch (epoch) VALUES (0);

CREATE TABLE token_ends (
    epoch       BIGINT  NOT NULL PRIMARY KEY,
    customer_id TEXT COLLATE "C" NOT NULL,
    user_id     TEXT COLLATE "C",             -- NULL: everybody of the customer
    gone        BOOLEAN NOT NULL              -- the product deleted it; else it is linked to something else, or to nothing
);

CREATE FUNCTION note_token_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    next BIGINT;
BEGIN
    UPDATE token_epoch SET epoch = epoch + 1 RETURNING epoch INTO next;
    INSERT INTO token_ends (epoch, customer_id, user_id, gone) VALUES (
        next, OLD.customer_id, to_jsonb(OLD) ->> 'user_id',
        OLD.wish = 'present' AND coalesce(to_jsonb(NEW) ->> 'wish', 'gone') = 'gone'
    );
    -- Who missed more than is kept forgets all it knows.
    DELETE FROM token_ends WHERE epoch <= next - 10000;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER customer_token_end AFTER UPDATE OF wish, entity_id, active ON customer_work
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.wish = 'present' AND (
        NEW.wish <> 'present' OR NEW.entity_id IS DISTINCT FROM OLD.entity_id AND OLD.entity_id IS NOT NULL OR OLD.active AND NOT NEW.active
    )) EXECUTE FUNCTION note_token_end();

CREATE CONSTRAINT TRIGGER user_token_end AFTER UPDATE OF wish, entity_user_id ON user_work
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.wish = 'present' AND (
        NEW.wish <> 'present' OR NEW.entity_user_id IS DISTINCT FROM OLD.entity_user_id AND OLD.entity_user_id IS NOT NULL
    )) EXECUTE FUNCTION note_token_end();

CREATE CONSTRAINT TRIGGER customer_row_end AFTER DELETE ON customer_work
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.wish = 'present') EXECUTE FUNCTION note_token_end();

CREATE CONSTRAINT TRIGGER user_row_end AFTER DELETE ON user_work
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.wish = 'present') EXECUTE FUNCTION note_token_end();
