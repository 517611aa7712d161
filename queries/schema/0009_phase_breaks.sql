-- New phases of control charts: decisions of a person. Recorded, never rewritten:
-- of one indicator, scope and day the last decision counts.
CREATE TABLE IF NOT EXISTS phase_breaks
(
    key         LowCardinality(String),
    scope       String COMMENT 'dimension and value as a JSON object with sorted names, {} for the whole',
    day         Date COMMENT 'first Beijing day of the new phase',
    decided_at  DateTime64(6, 'UTC'),
    author      String,
    reason      String,
    improvement String COMMENT 'subject of the improvement that is its cause; empty: another cause',
    withdrawn   Bool
)
ENGINE = MergeTree
ORDER BY (key, scope, day, decided_at);
