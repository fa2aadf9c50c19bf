-- Which customers were erased, so that an erasure that is cut short goes on, and nothing reaches for the scrubbed entity again. Ids and times
-- only: nothing here says who the customer was.

CREATE TABLE erased (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id TEXT COLLATE "C" NOT NULL,
    entity_id   TEXT COLLATE "C", -- what was scrubbed at Monite; NULL: not known yet, or there was none
    fence       BIGINT,           -- the highest lease of the customer: one that comes under the same id goes on from there
    begun_at    BIGINT NOT NULL,
    purged_at   BIGINT,           -- when its rows went; NULL: under way, and the product may not write the customer
    finished_at BIGINT            -- when the last step was done
);

CREATE UNIQUE INDEX erased_under_way ON erased (customer_id) WHERE purged_at IS NULL;
CREATE INDEX erased_customer ON erased (customer_id, number);
CREATE INDEX erased_entity ON erased (entity_id) WHERE entity_id IS NOT NULL;

-- A customer that is being erased is not brought back, whichever way it is written.
CREATE FUNCTION refuse_while_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM erased WHERE customer_id = NEW.customer_id AND purged_at IS NULL) THEN
        RAISE EXCEPTION 'the customer is being erased';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER being_erased BEFORE UPDATE OF wish ON customer_work FOR EACH ROW
    WHEN (NEW.wish = 'present' AND OLD.wish <> 'present') EXECUTE FUNCTION refuse_while_erased();

-- A worker that was frozen before the erasure must not hold a lease on the customer that comes after it.
CREATE FUNCTION fence_after_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.fence := greatest(NEW.fence, (SELECT max(fence) FROM erased WHERE customer_id = NEW.customer_id));
    RETURN NEW;
END $$;

CREATE TRIGGER fence_after_erased BEFORE INSERT ON customer_work FOR EACH ROW EXECUTE FUNCTION fence_after_erased();
