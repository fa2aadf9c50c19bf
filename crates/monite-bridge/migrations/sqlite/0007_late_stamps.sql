-- A stamp whose answer nobody saw may land long after it was sent, and over a newer one: until then it is not known what stands there.

-- Until when such a stamp may land or be missing in what Monite shows. NULL: none is on its way.
ALTER TABLE customer_work ADD COLUMN stamp_unsure_until INTEGER;
