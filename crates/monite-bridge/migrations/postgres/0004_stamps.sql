-- Stamps: the ids of a customer's links, written into the partner metadata of its entity, so that losing this database loses no
-- link. Which customers have links that are not stamped is one more queue over the same rows. The same as on SQLite, under the same
-- number.

-- Counts the changes of the customer's links. A stamp says which count it was made from, so that a link that changes while it is
-- being written is not taken as stamped.
ALTER TABLE customer_work ADD COLUMN links BIGINT NOT NULL DEFAULT 0;
-- When the stamp is to be written; 0: as soon as nothing else is to be done. NULL: Monite holds the links as they are, or there is no entity.
ALTER TABLE customer_work ADD COLUMN stamp_due_at BIGINT;
ALTER TABLE customer_work ADD COLUMN stamp_attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE customer_work ADD COLUMN stamp_error TEXT; -- JSON, why the last attempt failed

-- The queue of stamps, and the number of those that are missing. Partial, like that of the visits.
CREATE INDEX customer_work_stamp ON customer_work (stamp_due_at, customer_id) WHERE stamp_due_at IS NOT NULL;

-- What was linked before there were stamps.
UPDATE customer_work SET stamp_due_at = 0 WHERE entity_id IS NOT NULL;
