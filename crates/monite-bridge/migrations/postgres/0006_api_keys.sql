-- API keys. The key itself is nowhere: its digest is.

CREATE TABLE api_keys (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- the visible beginning of the key
    name         TEXT   NOT NULL,
    scopes       TEXT   NOT NULL,                       -- words with commas between them
    digest       BYTEA  NOT NULL CHECK (octet_length(digest) = 32),
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);
