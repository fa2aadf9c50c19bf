-- Who did what, when and from where. Rows are added and never changed: not by the bridge, and not by anybody who uses its tables.

CREATE TABLE audit (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    at          INTEGER NOT NULL,
    who         TEXT    NOT NULL, -- an API key's id, bootstrap, or cli: and a user of the host
    what        TEXT    NOT NULL, -- method and route, or a command; never a document
    customer_id TEXT,
    user_id     TEXT,
    address     TEXT,             -- from where; none for a command
    outcome     TEXT    NOT NULL, -- a status, done, or unanswered
    request_id  TEXT
) STRICT;

CREATE INDEX audit_by_customer ON audit (customer_id, number);

CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
