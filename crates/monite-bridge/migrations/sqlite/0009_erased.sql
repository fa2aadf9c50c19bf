-- Which customers were erased, so that an erasure that is cut short goes on, and nothing reaches for the scrubbed entity again. Ids and times
-- only: nothing here says who the customer was.

CREATE TABLE erased (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id TEXT    NOT NULL,
    entity_id   TEXT,             -- what was scrubbed at Monite; NULL: not known yet, or there was none
    fence       INTEGER,          -- the highest lease of the customer: one that comes under the same id goes on from there
    begun_at    INTEGER NOT NULL,
    purged_at   INTEGER,          -- when its rows went; NULL: under way, and the product may not write the customer
    finished_at INTEGER           -- when the file was written anew without them
) STRICT;

CREATE UNIQUE INDEX erased_under_way ON erased (customer_id) WHERE purged_at IS NULL;
CREATE INDEX erased_customer ON erased (customer_id, number);
CREATE INDEX erased_entity ON erased (entity_id) WHERE entity_id IS NOT NULL;

-- A customer that is being erased is not brought back, whichever way it is written.
CREATE TRIGGER being_erased BEFORE UPDATE OF wish ON customer_work FOR EACH ROW
WHEN NEW.wish = 'present' AND OLD.wish <> 'present'
BEGIN
    SELECT RAISE(ABORT, 'the customer is being erased')
    WHERE EXISTS (SELECT 1 FROM erased WHERE customer_id = NEW.customer_id AND purged_at IS NULL);
END;

-- A worker that was frozen before the erasure must not hold a lease on the customer that comes after it.
CREATE TRIGGER fence_after_erased AFTER INSERT ON customer_work FOR EACH ROW
WHEN EXISTS (SELECT 1 FROM erased WHERE customer_id = NEW.customer_id)
BEGIN
    UPDATE customer_work SET fence = max(fence, (SELECT ifnull(max(fence), 0) FROM erased WHERE customer_id = NEW.customer_id))
    WHERE customer_id = NEW.customer_id;
END;
