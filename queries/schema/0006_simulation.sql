-- Whose events these are, where they are a simulated operator's: everything that
-- makes the operator again, and how far it has been sent. One row, or none; its
-- latest version counts.
CREATE TABLE IF NOT EXISTS simulation
(
    one      UInt8 COMMENT 'always 1',
    version  UInt64,
    seed     UInt64,
    scale    Float64,
    from_at  DateTime64(6, 'UTC'),
    to_at    DateTime64(6, 'UTC') COMMENT 'the end of the history; what is planted depends on it',
    shares   String COMMENT 'shares of messages out of the ordinary, as JSON',
    first_at DateTime64(6, 'UTC') COMMENT 'what was sent from here on came first',
    ends_at  DateTime64(6, 'UTC') COMMENT 'nothing is sent from here on',
    history  DateTime64(6, 'UTC') COMMENT 'sent from from_at up to here, in the end to first_at',
    live     DateTime64(6, 'UTC') COMMENT 'sent from first_at up to here'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY one;
