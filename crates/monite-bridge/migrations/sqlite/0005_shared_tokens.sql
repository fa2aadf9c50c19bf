-- The partner's token, so that one process fetches it for all, and a restart needs no new one.

CREATE TABLE shared_tokens (
    name          TEXT    NOT NULL PRIMARY KEY, -- of which client, at which Monite
    sealed        BLOB,                         -- ciphertext; the key is never in this database
    expires_at    INTEGER CHECK ((expires_at IS NULL) = (sealed IS NULL)),
    version       INTEGER NOT NULL,             -- goes up with every change; of a duty: which one it is
    minting_until INTEGER                       -- somebody has the duty to fetch the next one, until then
) STRICT;

-- Whose tokens end: what a process remembers about them is not true any more. Noted by triggers, so that no way to write can forget it.

CREATE TABLE token_epoch (
    one_row INTEGER NOT NULL PRIMARY KEY CHECK (one_row = 1),
    epoch   INTEGER NOT NULL
) STRICT;

INSERT INTO token_epoch (one_row, epoch) VALUES (1, 0);

CREATE TABLE token_ends (
    epoch       INTEGER NOT NULL PRIMARY KEY,
    customer_id TEXT    NOT NULL,
    user_id     TEXT,                               -- NULL: everybody of the customer
    gone        INTEGER NOT NULL CHECK (gone IN (0, 1)) -- the product deleted it; else it is linked to something else, or to nothing
) STRICT;

CREATE TRIGGER customer_token_end AFTER UPDATE OF wish, entity_id, active ON customer_work FOR EACH ROW
WHEN OLD.wish = 'present' AND (
    NEW.wish <> 'present' OR NEW.entity_id IS NOT OLD.entity_id AND OLD.entity_id IS NOT NULL OR OLD.active AND NOT NEW.active
)
BEGIN
    UPDATE token_epoch SET epoch = epoch + 1;
    INSERT INTO token_ends (epoch, customer_id, user_id, gone) SELECT epoch, OLD.customer_id, NULL, NEW.wish = 'gone' FROM token_epoch;
    -- Who missed more than is kept forgets all it knows.
    DELETE FROM token_ends WHERE epoch <= (SELECT epoch FROM token_epoch) - 10000;
END;

CREATE TRIGGER user_token_end AFTER UPDATE OF wish, entity_user_id ON user_work FOR EACH ROW
WHEN OLD.wish = 'present' AND (
    NEW.wish <> 'present' OR NEW.entity_user_id IS NOT OLD.entity_user_id AND OLD.entity_user_id IS NOT NULL
)
BEGIN
    UPDATE token_epoch SET epoch = epoch + 1;
    INSERT INTO token_ends (epoch, customer_id, user_id, gone) SELECT epoch, OLD.customer_id, OLD.user_id, NEW.wish = 'gone' FROM token_epoch;
    DELETE FROM token_ends WHERE epoch <= (SELECT epoch FROM token_epoch) - 10000;
END;

CREATE TRIGGER customer_row_end AFTER DELETE ON customer_work FOR EACH ROW
WHEN OLD.wish = 'present'
BEGIN
    UPDATE token_epoch SET epoch = epoch + 1;
    INSERT INTO token_ends (epoch, customer_id, user_id, gone) SELECT epoch, OLD.customer_id, NULL, 1 FROM token_epoch;
    DELETE FROM token_ends WHERE epoch <= (SELECT epoch FROM token_epoch) - 10000;
END;

CREATE TRIGGER user_row_end AFTER DELETE ON user_work FOR EACH ROW
WHEN OLD.wish = 'present'
BEGIN
    UPDATE token_epoch SET epoch = epoch + 1;
    INSERT INTO token_ends (epoch, customer_id, user_id, gone) SELECT epoch, OLD.customer_id, OLD.user_id, 1 FROM token_epoch;
    DELETE FROM token_ends WHERE epoch <= (SELECT epoch FROM token_epoch) - 10000;
END;
