-- The logs that topics have had. A topic that is deleted and made anew gets an id
-- of its own and a log that begins at offset 0 again. All that is stored names an
-- offset by topic, partition and offset; so that those of a new log do not take
-- the place of the old one's, each log of a topic has a number, and the partition
-- stored is log * 10,000 + partition. The first log has number 0.
CREATE TABLE IF NOT EXISTS topic_logs
(
    topic    LowCardinality(String),
    log      Int32,
    topic_id FixedString(16) COMMENT 'Kafka''s, KIP-516',
    since    DateTime64(6, 'UTC') COMMENT 'when it was first seen'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, log, topic_id);

-- What has happened to logs before they were read: offsets that are gone, topics
-- deleted or made anew. The same one is found again until the group has passed it,
-- then perhaps longer: the longest is kept.
CREATE TABLE IF NOT EXISTS log_incidents
(
    topic     LowCardinality(String),
    partition Int32 COMMENT 'log * 10,000 + partition',
    kind      LowCardinality(String) COMMENT 'expired, compacted, deleted, remade',
    first     Int64 COMMENT 'the first of the offsets',
    next      Int64 COMMENT 'the first offset after them',
    gone      Int64 COMMENT 'offsets among them that were never stored',
    found_at  DateTime64(6, 'UTC'),
    detail    String
)
ENGINE = ReplacingMergeTree(next)
ORDER BY (topic, partition, kind, first);

ALTER TABLE reconciliations ADD COLUMN IF NOT EXISTS gone Int64 DEFAULT 0 COMMENT 'offsets that an incident names as gone' AFTER quarantined;
