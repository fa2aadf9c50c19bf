-- The processes that call Monite with the same credentials, and how the rate limit is divided among them.

CREATE TABLE replicas (
    replica_id   TEXT   NOT NULL PRIMARY KEY,
    started_at   BIGINT NOT NULL,
    heartbeat_at BIGINT NOT NULL,
    rate         BIGINT NOT NULL,  -- the limit it is configured with, requests a second
    wants        BIGINT NOT NULL,  -- the most it can use
    share        BIGINT NOT NULL,  -- what it may have out at most until its next heartbeat
    delay        BIGINT NOT NULL,  -- how long answers take there on average, microseconds
    down_since   BIGINT            -- since when Monite does not answer it
);

-- What all of them obey. One row; a heartbeat holds its lock, so that one at a time changes the ledger.
CREATE TABLE budget (
    budget       BIGINT NOT NULL PRIMARY KEY CHECK (budget = 1),
    paused_until BIGINT,           -- nobody calls before: a 429 said so
    stated       BIGINT,           -- the lowest limit that Monite stated lately
    stated_until BIGINT            -- until when that counts
);

INSERT INTO budget (budget) VALUES (1);
