-- Customers, users, roles: what the product desires, what Monite confirmed, and which rows are due.
--
-- Documents stand in wide tables, the columns that work touches in narrow ones beside them: a claim or a finished visit then
-- rewrites a few dozen bytes instead of a whole document. Timestamps are microseconds since 1970. Text ids compare byte by
-- byte, which is the order of listings. This file is never edited once merged; the next change is the next number.

CREATE TABLE customers (
    customer_id TEXT NOT NULL PRIMARY KEY,
    document    TEXT NOT NULL,              -- canonical JSON of what the product last wrote
    at_monite   TEXT,                       -- JSON: what Monite confirmed (present) or what was sent (unknown)
    calls       TEXT NOT NULL DEFAULT '[]'  -- JSON, the latest calls at Monite, newest first
) STRICT;

CREATE TABLE customer_work (
    customer_id       TEXT    NOT NULL PRIMARY KEY REFERENCES customers (customer_id) ON DELETE CASCADE,
    document_hash     BLOB    NOT NULL,     -- SHA-256 of customers.document: tells an unchanged document without reading it
    wish              TEXT    NOT NULL CHECK (wish IN ('present', 'gone')),
    state             TEXT    NOT NULL
        CHECK (state IN ('pending', 'in_sync', 'retrying', 'rejected', 'drifted', 'deactivated')),
    generation        INTEGER NOT NULL,
    written_at        INTEGER NOT NULL,     -- when the product last changed it
    synced_generation INTEGER,
    synced_at         INTEGER,
    attempts          INTEGER NOT NULL DEFAULT 0,
    last_error        TEXT,                 -- JSON
    seen              TEXT    NOT NULL DEFAULT 'absent' CHECK (seen IN ('absent', 'unknown', 'present')),
    entity_id         TEXT    CHECK ((entity_id IS NOT NULL) = (seen = 'present')),
    active            INTEGER CHECK (active IN (0, 1) AND (active IS NOT NULL) = (seen = 'present')),
    attempt_at        INTEGER CHECK ((attempt_at IS NOT NULL) = (seen = 'unknown')),
    lands_by          INTEGER CHECK ((lands_by IS NOT NULL) = (seen = 'unknown')), -- until then the attempt may still land
    attempt_email     TEXT,                 -- e-mail address of what was sent, to find attempts of the same look
    roles_listed      INTEGER NOT NULL DEFAULT 0 CHECK (roles_listed IN (0, 1)),
    due_at            INTEGER,              -- when the customer itself is to be tried; NULL: not by itself
    wake_at           INTEGER,              -- when it is to be visited: its own due_at, or its users', or the end of the lease
    lease_owner       TEXT,
    lease_until       INTEGER CHECK ((lease_until IS NULL) = (lease_owner IS NULL)),
    fence             INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- The queue. Partial, so that its size is the work that is left and not the number of customers.
CREATE INDEX customer_work_wake ON customer_work (wake_at) WHERE wake_at IS NOT NULL;
-- For counts, for listings by state and of what fails, and for the deactivated users of one customer.
CREATE INDEX customer_work_state ON customer_work (state, customer_id);
CREATE UNIQUE INDEX customer_work_entity ON customer_work (entity_id) WHERE entity_id IS NOT NULL;
CREATE INDEX customer_work_attempt ON customer_work (attempt_email) WHERE seen = 'unknown';

CREATE TABLE users (
    customer_id TEXT NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    user_id     TEXT NOT NULL,
    document    TEXT NOT NULL,
    at_monite   TEXT,
    calls       TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (customer_id, user_id)
) STRICT;

CREATE TABLE user_work (
    customer_id       TEXT    NOT NULL,
    user_id           TEXT    NOT NULL,
    document_hash     BLOB    NOT NULL,
    login             TEXT,                 -- NULL only inside a transaction, while logins change hands
    role              TEXT    NOT NULL,
    wish              TEXT    NOT NULL CHECK (wish IN ('present', 'gone')),
    state             TEXT    NOT NULL
        CHECK (state IN ('pending', 'in_sync', 'retrying', 'rejected', 'drifted', 'deactivated')),
    generation        INTEGER NOT NULL,
    synced_generation INTEGER,
    synced_at         INTEGER,
    attempts          INTEGER NOT NULL DEFAULT 0,
    last_error        TEXT,
    seen              TEXT    NOT NULL DEFAULT 'absent' CHECK (seen IN ('absent', 'unknown', 'present')),
    entity_user_id    TEXT    CHECK ((entity_user_id IS NOT NULL) = (seen = 'present')),
    attempt_at        INTEGER CHECK ((attempt_at IS NOT NULL) = (seen = 'unknown')),
    lands_by          INTEGER CHECK ((lands_by IS NOT NULL) = (seen = 'unknown')), -- until then the attempt may still land
    due_at            INTEGER,
    PRIMARY KEY (customer_id, user_id),
    FOREIGN KEY (customer_id, user_id) REFERENCES users (customer_id, user_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX user_work_due ON user_work (customer_id, due_at, wish) WHERE due_at IS NOT NULL;
CREATE INDEX user_work_state ON user_work (state, customer_id, user_id);
-- A login belongs to one user of the customer; that of a deleted user is free again.
CREATE UNIQUE INDEX user_work_login ON user_work (customer_id, login) WHERE wish = 'present';
CREATE UNIQUE INDEX user_work_entity_user ON user_work (customer_id, entity_user_id) WHERE entity_user_id IS NOT NULL;

-- Permissions are long and few: one row for each different set, however many entities have it.
CREATE TABLE permission_sets (
    permission_set INTEGER PRIMARY KEY,
    permissions    TEXT NOT NULL UNIQUE     -- JSON
) STRICT;

CREATE TABLE role_links (
    customer_id    TEXT NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    role           TEXT NOT NULL,           -- the template's name
    seen           TEXT NOT NULL CHECK (seen IN ('unknown', 'present')),
    role_id        TEXT CHECK ((role_id IS NOT NULL) = (seen = 'present')),
    permission_set INTEGER REFERENCES permission_sets (permission_set)
        CHECK ((permission_set IS NOT NULL) = (seen = 'present')),
    attempt_at     INTEGER CHECK ((attempt_at IS NOT NULL) = (seen = 'unknown')),
    lands_by       INTEGER CHECK ((lands_by IS NOT NULL) = (seen = 'unknown')),
    PRIMARY KEY (customer_id, role)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX role_links_role ON role_links (customer_id, role_id) WHERE role_id IS NOT NULL;
CREATE INDEX role_links_progress ON role_links (role, permission_set);

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name       TEXT    NOT NULL PRIMARY KEY,
    sealed     BLOB    NOT NULL,            -- ciphertext; the key is never in this file
    written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
