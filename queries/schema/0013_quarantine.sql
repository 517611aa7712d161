-- The quarantine as something to work with. Place, reason, size and hash of a
-- message stay; its bytes go after a time, for they may hold personal data.
ALTER TABLE quarantine
    ADD COLUMN IF NOT EXISTS source LowCardinality(String) COMMENT 'that the message names; empty if it can''t be read' AFTER detail,
    ADD COLUMN IF NOT EXISTS stored_at DateTime64(3, 'UTC') DEFAULT received_at COMMENT 'when it was put here' AFTER received_at,
    ADD COLUMN IF NOT EXISTS emptied_at DateTime64(3, 'UTC') DEFAULT 0 COMMENT 'when key and payload were removed; 0: they are there',
    ADD INDEX IF NOT EXISTS unemptied emptied_at TYPE minmax GRANULARITY 1;

-- The same by time, for lists: a message stands once, however often it is stored,
-- for the time that Kafka recorded belongs to its place.
CREATE TABLE IF NOT EXISTS quarantine_times
(
    received_at DateTime64(3, 'UTC'),
    topic       LowCardinality(String),
    partition   Int32,
    offset      Int64,
    code        LowCardinality(String),
    source      LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (received_at, topic, partition, offset);

CREATE MATERIALIZED VIEW IF NOT EXISTS quarantine_times_of_messages TO quarantine_times AS
SELECT received_at, topic, partition, offset, code, source
FROM quarantine;

-- How many, by hour: which offsets, so that one stored again counts once.
CREATE TABLE IF NOT EXISTS quarantine_hours
(
    hour      DateTime('UTC'),
    topic     LowCardinality(String),
    code      LowCardinality(String),
    partition Int32,
    offsets   AggregateFunction(groupBitmap, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, topic, code, partition);

CREATE MATERIALIZED VIEW IF NOT EXISTS quarantine_hours_of_messages TO quarantine_hours AS
SELECT toDateTime(toStartOfHour(received_at), 'UTC') AS hour, topic, code, partition, groupBitmapState(toUInt64(offset)) AS offsets
FROM quarantine
GROUP BY hour, topic, code, partition;

-- Those that were stored before the views were there.
INSERT INTO quarantine_times
SELECT received_at, topic, partition, offset, code, source
FROM quarantine FINAL;

INSERT INTO quarantine_hours
SELECT toDateTime(toStartOfHour(received_at), 'UTC') AS hour, topic, code, partition, groupBitmapState(toUInt64(offset))
FROM quarantine FINAL
GROUP BY hour, topic, code, partition;

-- Messages of the quarantine that were written to their topic again. What became
-- of one is known by its new place.
CREATE TABLE IF NOT EXISTS quarantine_replays
(
    topic         LowCardinality(String),
    partition     Int32,
    offset        Int64,
    replayed_at   DateTime64(6, 'UTC'),
    new_partition Int32,
    new_offset    Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset, new_partition, new_offset);

-- What each process has stored, minute by minute, of the last hours: so that a
-- rising share of bad messages is seen wherever it is looked for. The last state
-- of a minute is the one with the most messages.
CREATE TABLE IF NOT EXISTS quarantine_minutes
(
    minute      DateTime('UTC'),
    topic       LowCardinality(String),
    process     String,
    messages    UInt64 COMMENT 'stored, without what no producer sent',
    quarantined UInt64
)
ENGINE = ReplacingMergeTree(messages)
ORDER BY (minute, topic, process);
