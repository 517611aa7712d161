-- The events: a table per topic. Every Kafka offset is one row, here or in
-- quarantine. A redelivered offset collapses on its own key; copies of an event
-- at other offsets stay on record, adjacent, and the fold counts one of them.
CREATE TABLE IF NOT EXISTS events_cases
(
    subject      String,
    day          Date COMMENT 'Beijing date of time',
    source       LowCardinality(String),
    id           String,
    content_hash FixedString(16) COMMENT 'SHA-256 of the canonical message, first 16 bytes',
    partition    Int32,
    offset       Int64,
    type         LowCardinality(String),
    time         DateTime64(6, 'UTC'),
    sequence     String,
    recordedtime Nullable(DateTime64(6, 'UTC')),
    test         Bool,
    correctsid   String,
    dataschema   LowCardinality(String),
    data         String CODEC(ZSTD(1)),
    received_at  DateTime64(3, 'UTC') COMMENT 'Kafka record timestamp'
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (subject, day, source, id, content_hash, partition, offset);

CREATE TABLE IF NOT EXISTS events_complaints AS events_cases;

CREATE TABLE IF NOT EXISTS events_surveys AS events_cases;

CREATE TABLE IF NOT EXISTS events_assurance AS events_cases;

-- What could not be read as an event: bytes, place and reason.
CREATE TABLE IF NOT EXISTS quarantine
(
    topic       LowCardinality(String),
    partition   Int32,
    offset      Int64,
    received_at DateTime64(3, 'UTC') COMMENT 'Kafka record timestamp',
    code        LowCardinality(String),
    detail      String,
    key         String,
    payload     String COMMENT 'the bytes; of an oversize message the first 64 KiB' CODEC(ZSTD(1)),
    size        UInt64 COMMENT 'bytes of the whole message',
    sha256      FixedString(32) COMMENT 'of the whole message'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset);

-- Who else bears an identity: (source, id) is one event over all subjects and
-- topics, so that an id used twice with other content is seen wherever it stands.
-- Filled with each insert into an events table.
CREATE TABLE IF NOT EXISTS identities
(
    identity     FixedString(16) COMMENT 'sipHash128(source, id)',
    content_hash FixedString(16),
    topic        LowCardinality(String),
    subject      String,
    partition    Int32 COMMENT 'place of one of its copies in the log',
    offset       Int64
)
ENGINE = ReplacingMergeTree
ORDER BY (identity, content_hash, topic, subject);

CREATE MATERIALIZED VIEW IF NOT EXISTS identities_cases TO identities AS
SELECT sipHash128(source, id) AS identity, content_hash, 'youzhi.cases.v1' AS topic, subject, partition, offset
FROM events_cases;

CREATE MATERIALIZED VIEW IF NOT EXISTS identities_complaints TO identities AS
SELECT sipHash128(source, id) AS identity, content_hash, 'youzhi.complaints.v1' AS topic, subject, partition, offset
FROM events_complaints;

CREATE MATERIALIZED VIEW IF NOT EXISTS identities_surveys TO identities AS
SELECT sipHash128(source, id) AS identity, content_hash, 'youzhi.surveys.v1' AS topic, subject, partition, offset
FROM events_surveys;

CREATE MATERIALIZED VIEW IF NOT EXISTS identities_assurance TO identities AS
SELECT sipHash128(source, id) AS identity, content_hash, 'youzhi.assurance.v1' AS topic, subject, partition, offset
FROM events_assurance;

-- Which subjects got events, in the order of the log: what is to be folded is
-- known from what is stored. Filled behind identities: what has arrived can be
-- found there, so that no conflict is looked for before it can be seen.
CREATE TABLE IF NOT EXISTS arrivals
(
    topic     LowCardinality(String),
    partition Int32,
    offset    Int64,
    subject   String,
    identity  FixedString(16) COMMENT 'sipHash128(source, id)'
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset);

CREATE MATERIALIZED VIEW IF NOT EXISTS arrivals_identities TO arrivals AS
SELECT topic, partition, offset, subject, identity
FROM identities;
