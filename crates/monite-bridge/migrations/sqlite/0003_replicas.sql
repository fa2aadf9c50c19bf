-- The processes that call Monite with the same credentials, and how the rate limit is divided among them.

CREATE TABLE replicas (
    replica_id   TEXT    NOT NULL PRIMARY KEY,
    started_at   INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    rate         INTEGER NOT NULL,  -- the limit it is configured with, requests a second
    wants        INTEGER NOT NULL,  -- the most it can use
    share        INTEGER NOT NULL,  -- what it may have out at most until its next heartbeat
    delay        INTEGER NOT NULL,  -- how long answers take there on average, microseconds
    down_since   INTEGER            -- since when Monite does not answer it
) STRICT, WITHOUT ROWID;

-- What all of them obey. One row.
CREATE TABLE budget (
    budget       INTEGER NOT NULL PRIMARY KEY CHECK (budget = 1),
    paused_until INTEGER,           -- nobody calls before: a 429 said so
    stated       INTEGER,           -- the lowest limit that Monite stated lately
    stated_until INTEGER            -- until when that counts
) STRICT;

INSERT INTO budget (budget) VALUES (1);
