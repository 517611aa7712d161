-- In which hours each source had events: so that a source that has fallen silent is
-- seen. An hour is there once, however often its events are stored; it holds the
-- newest instant of them. Instants that an hour can't hold are left out.
CREATE TABLE IF NOT EXISTS source_hours
(
    hour   DateTime('UTC') COMMENT 'of the events'' time',
    source LowCardinality(String),
    newest SimpleAggregateFunction(max, DateTime64(6, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (hour, source);

CREATE MATERIALIZED VIEW IF NOT EXISTS source_hours_cases TO source_hours AS
SELECT toStartOfHour(time) AS hour, source, max(time) AS newest FROM events_cases WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

CREATE MATERIALIZED VIEW IF NOT EXISTS source_hours_complaints TO source_hours AS
SELECT toStartOfHour(time) AS hour, source, max(time) AS newest FROM events_complaints WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

CREATE MATERIALIZED VIEW IF NOT EXISTS source_hours_surveys TO source_hours AS
SELECT toStartOfHour(time) AS hour, source, max(time) AS newest FROM events_surveys WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

CREATE MATERIALIZED VIEW IF NOT EXISTS source_hours_assurance TO source_hours AS
SELECT toStartOfHour(time) AS hour, source, max(time) AS newest FROM events_assurance WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

-- Those that were stored before the views were there.
INSERT INTO source_hours SELECT toStartOfHour(time) AS hour, source, max(time) FROM events_cases WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

INSERT INTO source_hours SELECT toStartOfHour(time) AS hour, source, max(time) FROM events_complaints WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

INSERT INTO source_hours SELECT toStartOfHour(time) AS hour, source, max(time) FROM events_surveys WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;

INSERT INTO source_hours SELECT toStartOfHour(time) AS hour, source, max(time) FROM events_assurance WHERE time >= '1971-01-01' AND time < '2100-01-01' GROUP BY hour, source;
