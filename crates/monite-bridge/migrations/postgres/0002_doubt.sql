-- Users of a customer that is not to be there rest until it comes back, instead of staying pending for ever.

UPDATE user_work SET state = 'deactivated', due_at = NULL
WHERE wish = 'present' AND state IN ('pending', 'retrying')
  AND customer_id IN (SELECT customer_id FROM customer_work WHERE wish = 'gone');

-- A change of something that is there went out without an answer: it may still land until doubt_until. Once the product wants
-- something else than in doubt_generation, Monite is looked at before it is changed again.

ALTER TABLE customer_work ADD COLUMN doubt_generation BIGINT;
ALTER TABLE customer_work ADD COLUMN doubt_until BIGINT CHECK ((doubt_until IS NULL) = (doubt_generation IS NULL));
ALTER TABLE user_work ADD COLUMN doubt_generation BIGINT;
ALTER TABLE user_work ADD COLUMN doubt_until BIGINT CHECK ((doubt_until IS NULL) = (doubt_generation IS NULL));
