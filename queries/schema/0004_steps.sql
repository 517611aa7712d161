-- What further indicators read of a case: its attempts, whether it went the path
-- of its product, how it stands in the end, what was archived; and its way, a leg
-- between each two events, named by the event that ends it.
ALTER TABLE cases
    ADD COLUMN IF NOT EXISTS attempted Bool COMMENT 'an attempt at delivery was reported',
    ADD COLUMN IF NOT EXISTS delivered_attempt_no Nullable(UInt32) COMMENT 'number of the attempt that delivered',
    ADD COLUMN IF NOT EXISTS delivered_time_unknown Bool COMMENT 'delivered_at is when it was recorded',
    ADD COLUMN IF NOT EXISTS settled_outcome LowCardinality(String) COMMENT 'delivered, or the end in force before it; empty while open',
    ADD COLUMN IF NOT EXISTS settled_at Nullable(DateTime64(6, 'UTC')),
    ADD COLUMN IF NOT EXISTS path Array(LowCardinality(String)) COMMENT 'steps that the policy asks of the product, in order',
    ADD COLUMN IF NOT EXISTS conforms Bool COMMENT 'each step of the path was reported once, in order',
    ADD COLUMN IF NOT EXISTS archived_documents Array(LowCardinality(String)) COMMENT 'of the last archiving',
    ADD COLUMN IF NOT EXISTS leg_step Array(LowCardinality(String)) COMMENT 'anchor promise only, as all of leg_*',
    ADD COLUMN IF NOT EXISTS leg_place Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS leg_reason Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS leg_hours Array(Float64),
    ADD COLUMN IF NOT EXISTS leg_ended_at Array(DateTime64(6, 'UTC'));

ALTER TABLE tickets
    ADD COLUMN IF NOT EXISTS first_response_at Nullable(DateTime64(6, 'UTC')) COMMENT 'first response or reply, unless withdrawn before',
    ADD COLUMN IF NOT EXISTS given_up_at Nullable(DateTime64(6, 'UTC')) COMMENT 'withdrawal in force before any response',
    ADD COLUMN IF NOT EXISTS reopened_at Nullable(DateTime64(6, 'UTC')) COMMENT 'first reopening after closed_at',
    ADD COLUMN IF NOT EXISTS escalation_level UInt8 COMMENT 'highest, 0 if none',
    ADD COLUMN IF NOT EXISTS owner_kept Nullable(Bool) COMMENT 'closed by the first owner, or handed over and taken; NULL if no first owner was told';
