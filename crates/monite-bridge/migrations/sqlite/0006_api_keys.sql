-- API keys. The key itself is nowhere: its digest is.

CREATE TABLE api_keys (
    id           TEXT    NOT NULL PRIMARY KEY, -- the visible beginning of the key
    name         TEXT    NOT NULL,
    scopes       TEXT    NOT NULL,             -- words with commas between them
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
