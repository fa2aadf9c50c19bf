-- Who did what, when and from where. Rows are added and never changed: not by the bridge, and not by anybody who uses its tables.

CREATE TABLE audit (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          BIGINT NOT NULL,
    who         TEXT   NOT NULL, -- an API key's id, bootstrap, or cli: and a user of the host
    what        TEXT   NOT NULL, -- method and route, or a command; never a document
    customer_id TEXT COLLATE "C",
    user_id     TEXT COLLATE "C",
    address     TEXT,            -- from where; none for a command
    outcome     TEXT   NOT NULL, -- a status, done, or unanswered
    request_id  TEXT
);

CREATE INDEX audit_by_customer ON audit (customer_id, number);

CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END $$;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses();
