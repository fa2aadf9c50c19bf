-- Customers, users, roles: what the product desires, what Monite confirmed, and which rows are due.
--
-- The same tables as on SQLite, under the same number. Documents stand in wide tables, the columns that work touches in narrow ones
-- beside them: a claim or a finished visit then rewrites a few dozen bytes instead of a whole document. Timestamps are microseconds since
-- 1970. Text ids are compared byte by byte (COLLATE "C"), which is the order of listings. This file is never edited once merged; the next
-- change is the next number.

CREATE TABLE customers (
    customer_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document    TEXT NOT NULL,              -- canonical JSON of what the product last wrote
    at_monite   TEXT,                       -- JSON: what Monite confirmed (present) or what was sent (unknown)
    calls       TEXT NOT NULL DEFAULT '[]'  -- JSON, the latest calls at Monite, newest first
);

-- Rewritten with every visit: room is left on each page, and what is dead is cleared away long before a fifth of the table is.
CREATE TABLE customer_work (
    customer_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES customers (customer_id) ON DELETE CASCADE,
    document_hash     BYTEA   NOT NULL,     -- SHA-256 of customers.document: tells an unchanged document without reading it
    wish              TEXT    NOT NULL CHECK (wish IN ('present', 'gone')),
    state             TEXT COLLATE "C" NOT NULL
        CHECK (state IN ('pending', 'in_sync', 'retrying', 'rejected', 'drifted', 'deactivated')),
    generation        BIGINT  NOT NULL,
    written_at        BIGINT  NOT NULL,     -- when the product last changed it
    synced_generation BIGINT,
    synced_at         BIGINT,
    attempts          BIGINT  NOT NULL DEFAULT 0,
    last_error        TEXT,                 -- JSON
    seen              TEXT    NOT NULL DEFAULT 'absent' CHECK (seen IN ('absent', 'unknown', 'present')),
    entity_id         TEXT COLLATE "C" CHECK ((entity_id IS NOT NULL) = (seen = 'present')),
    active            BOOLEAN CHECK ((active IS NOT NULL) = (seen = 'present')),
    attempt_at        BIGINT  CHECK ((attempt_at IS NOT NULL) = (seen = 'unknown')),
    lands_by          BIGINT  CHECK ((lands_by IS NOT NULL) = (seen = 'unknown')), -- until then the attempt may still land
    attempt_email     TEXT,                 -- e-mail address of what was sent, to find attempts of the same look
    roles_listed      BOOLEAN NOT NULL DEFAULT FALSE,
    due_at            BIGINT,               -- when the customer itself is to be tried; NULL: not by itself
    wake_at           BIGINT,               -- when it is to be visited: its own due_at, or its users', or the end of the lease
    lease_owner       TEXT,
    lease_until       BIGINT  CHECK ((lease_until IS NULL) = (lease_owner IS NULL)),
    fence             BIGINT  NOT NULL DEFAULT 0,
    -- Looked at when a statement ends: one statement writes down what many visits found out.
    CONSTRAINT customer_work_entity UNIQUE (entity_id) DEFERRABLE INITIALLY IMMEDIATE
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- The queue. Partial, so that its size is the work that is left and not the number of customers.
CREATE INDEX customer_work_wake ON customer_work (wake_at, customer_id) WHERE wake_at IS NOT NULL;
-- For counts, for listings by state and of what fails, and for the deactivated users of one customer.
CREATE INDEX customer_work_state ON customer_work (state, customer_id);
CREATE INDEX customer_work_attempt ON customer_work (attempt_email) WHERE seen = 'unknown';

CREATE TABLE users (
    customer_id TEXT COLLATE "C" NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    user_id     TEXT COLLATE "C" NOT NULL,
    document    TEXT NOT NULL,
    at_monite   TEXT,
    calls       TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (customer_id, user_id)
);

CREATE TABLE user_work (
    customer_id       TEXT COLLATE "C" NOT NULL,
    user_id           TEXT COLLATE "C" NOT NULL,
    document_hash     BYTEA   NOT NULL,
    login             TEXT COLLATE "C",     -- NULL only inside a transaction, while logins change hands
    role              TEXT COLLATE "C" NOT NULL,
    wish              TEXT    NOT NULL CHECK (wish IN ('present', 'gone')),
    state             TEXT COLLATE "C" NOT NULL
        CHECK (state IN ('pending', 'in_sync', 'retrying', 'rejected', 'drifted', 'deactivated')),
    generation        BIGINT  NOT NULL,
    synced_generation BIGINT,
    synced_at         BIGINT,
    attempts          BIGINT  NOT NULL DEFAULT 0,
    last_error        TEXT,
    seen              TEXT    NOT NULL DEFAULT 'absent' CHECK (seen IN ('absent', 'unknown', 'present')),
    entity_user_id    TEXT COLLATE "C" CHECK ((entity_user_id IS NOT NULL) = (seen = 'present')),
    attempt_at        BIGINT  CHECK ((attempt_at IS NOT NULL) = (seen = 'unknown')),
    lands_by          BIGINT  CHECK ((lands_by IS NOT NULL) = (seen = 'unknown')), -- until then the attempt may still land
    due_at            BIGINT,
    PRIMARY KEY (customer_id, user_id),
    FOREIGN KEY (customer_id, user_id) REFERENCES users (customer_id, user_id) ON DELETE CASCADE,
    CONSTRAINT user_work_entity_user UNIQUE (customer_id, entity_user_id) DEFERRABLE INITIALLY IMMEDIATE
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE INDEX user_work_due ON user_work (customer_id, due_at, wish) WHERE due_at IS NOT NULL;
CREATE INDEX user_work_state ON user_work (state, customer_id, user_id);
-- A login belongs to one user of the customer; that of a deleted user is free again.
CREATE UNIQUE INDEX user_work_login ON user_work (customer_id, login) WHERE wish = 'present';

-- Permissions are long and few: one row for each different set, however many entities have it. Too long for an index, so they are found
-- by their hash.
CREATE TABLE permission_sets (
    permission_set BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permissions    TEXT  NOT NULL,          -- JSON
    digest         BYTEA NOT NULL UNIQUE    -- SHA-256 of it
);

CREATE TABLE role_links (
    customer_id    TEXT COLLATE "C" NOT NULL REFERENCES customers (customer_id) ON DELETE CASCADE,
    role           TEXT COLLATE "C" NOT NULL, -- the template's name
    seen           TEXT NOT NULL CHECK (seen IN ('unknown', 'present')),
    role_id        TEXT COLLATE "C" CHECK ((role_id IS NOT NULL) = (seen = 'present')),
    permission_set BIGINT REFERENCES permission_sets (permission_set)
        CHECK ((permission_set IS NOT NULL) = (seen = 'present')),
    attempt_at     BIGINT CHECK ((attempt_at IS NOT NULL) = (seen = 'unknown')),
    lands_by       BIGINT CHECK ((lands_by IS NOT NULL) = (seen = 'unknown')),
    PRIMARY KEY (customer_id, role),
    CONSTRAINT role_links_role UNIQUE (customer_id, role_id) DEFERRABLE INITIALLY IMMEDIATE
);

CREATE INDEX role_links_progress ON role_links (role, permission_set);

CREATE TABLE settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE secrets (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,             -- ciphertext; the key is never in this database
    written_at BIGINT NOT NULL
);
