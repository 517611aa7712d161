-- Facts: the parts of each indicator by day and the common dimensions; a day is
-- replaced, never added to. Derived from the live state.
CREATE TABLE IF NOT EXISTS facts
(
    key         LowCardinality(String),
    part        LowCardinality(String) COMMENT 'unit, or for a ratio of two counts numerator or denominator',
    day         Date,
    region      LowCardinality(String),
    outlet      LowCardinality(String),
    product     LowCardinality(String),
    channel     LowCardinality(String),
    version     UInt64 COMMENT 'fold run that wrote the row',
    numerator   Decimal(38, 6),
    denominator Decimal(38, 6),
    squares     Decimal(38, 6) COMMENT 'sum of weight * value^2 (means)',
    weights     Decimal(38, 6) COMMENT 'sum of squared weights (means and weighted rates)',
    n           Int64 COMMENT 'units in the denominator',
    pending     Int64,
    excluded    Int64,
    unknown     Int64,
    unreported  Int64 COMMENT 'units whose source never reports the steps needed'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(day)
ORDER BY (key, part, day, region, outlet, product, channel);

-- Which steps the sources report, by day of the window's start: a step that a
-- source never reports is no failure there.
CREATE TABLE IF NOT EXISTS reported_steps
(
    base    LowCardinality(String),
    day     Date,
    source  LowCardinality(String),
    product LowCardinality(String),
    step    LowCardinality(String),
    version UInt64,
    units   Int64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (base, day, source, product, step);

-- The same without the days: who reports what at all. Made anew when a day has
-- told of another step or no longer of one, so that no run reads all days.
CREATE TABLE IF NOT EXISTS reporters
(
    base       LowCardinality(String),
    source     LowCardinality(String),
    product    LowCardinality(String),
    step       LowCardinality(String),
    version    UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (base, source, product, step);

-- What was published on a day stays as it was published.
CREATE TABLE IF NOT EXISTS snapshots
(
    key          LowCardinality(String),
    revision     UInt32,
    grain        LowCardinality(String) COMMENT 'day or month',
    period_from  Date,
    period_to    Date,
    by           Map(LowCardinality(String), String),
    as_of        DateTime64(6, 'UTC'),
    published_at DateTime64(6, 'UTC'),
    figure       String COMMENT 'the figure as JSON'
)
ENGINE = MergeTree
ORDER BY (grain, period_from, key, published_at);

-- Runs of the scheduled jobs; a run has one row, which its end replaces.
CREATE TABLE IF NOT EXISTS job_runs
(
    job        LowCardinality(String),
    at         DateTime64(6, 'UTC') COMMENT 'the scheduled instant',
    started_at DateTime64(6, 'UTC'),
    ended_at   Nullable(DateTime64(6, 'UTC')),
    outcome    LowCardinality(String) COMMENT 'running, done, failed, missed',
    error      String,
    manual     Bool COMMENT 'run by hand, beside the schedule',
    version    UInt8 COMMENT '0 running, 1 ended'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (job, at, started_at);

-- Whether the books add up, as last looked at.
CREATE TABLE IF NOT EXISTS reconciliations
(
    at          DateTime64(6, 'UTC'),
    topic       LowCardinality(String),
    partition   Int32,
    first       Int64 COMMENT 'log start',
    committed   Int64,
    end         Int64 COMMENT 'log end',
    stored      Int64 COMMENT 'distinct offsets in the events table',
    counted     Int64 COMMENT 'distinct events among them',
    duplicates  Int64,
    quarantined Int64,
    missing     Int64,
    missing_at  Array(Int64) COMMENT 'the first missing offsets'
)
ENGINE = MergeTree
ORDER BY (at, topic, partition);
